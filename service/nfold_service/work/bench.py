"""A worker process: takes an order from standard input, does it, says what came of it, and waits for the next.

It ends when its standard input does, or when the web process dies, so that no orphan goes on writing.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import os
import resource
import signal
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final

from nfold.errors import InvalidRecipeError, NfoldError
from nfold_service.work.protocol import Message, read_order

Say = Callable[[dict[str, Any]], None]
"""Tells the web process how far the work is."""

WORK: Final[Mapping[str, str]] = {
    "unpack": "nfold_service.work.unpacking:unpack",
    "inspect": "nfold_service.work.inspecting:inspect",
    "expand": "nfold_service.work.expanding:expand_dataset",
    "expand_small": "nfold_service.work.small:expand_small",
    "compare": "nfold_service.work.comparing:compare_dataset",
    "preview": "nfold_service.work.previewing:preview_dataset",
    "preview_recipe": "nfold_service.work.previewing:preview_recipe",
    "thumbnail": "nfold_service.work.previewing:thumbnail",
    "stream": "nfold_service.work.streaming:stream_epoch",
    "vary": "nfold_service.work.varying:vary",
    "estimate": "nfold_service.work.estimating:estimate",
    "look_through": "nfold_service.work.looking:look_through",
    "check_recipe": "nfold_service.work.checking:check_recipe",
}
"""Every kind of work, by `module:function`; each is imported when it is first asked for."""

_PR_SET_PDEATHSIG = 1
_PRELOAD = ("cv2", "simplejpeg", "albumentations", "nfold.expansion")


def main() -> None:
    """Carry out orders until there are no more."""
    parent, niceness, memory_bytes, preloads = (int(argument) for argument in sys.argv[1:5])
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != parent:
            return
    os.nice(niceness)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the web process says when to end
    if memory_bytes:
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # whatever a library prints is no answer
    if preloads:
        for module in _PRELOAD:
            importlib.import_module(module)
    for line in sys.stdin.buffer:
        order = read_order(line)
        answers.write(
            _carried_out(
                order.work, order.arguments, lambda data: answers.write(Message(kind="progress", data=data).encode())
            ).encode()
        )


def _carried_out(work: str, arguments: dict[str, Any], say: Callable[[dict[str, Any]], object]) -> Message:
    module, _, name = WORK[work].partition(":")
    try:
        with contextlib.suppress(BrokenPipeError):
            result = getattr(importlib.import_module(module), name)(**arguments, say=say)
            return Message(kind="done", data=result)
        return Message(kind="failed", data={"code": "service.gone", "message": "Nobody is listening.", "hint": None})
    except NfoldError as error:
        return Message(kind="failed", data=error_data(error))
    except MemoryError:
        data = {"code": "worker.memory", "message": "The worker ran out of memory.", "hint": "Use smaller images."}
        return Message(kind="failed", data={**data, "kind": "SampleError"})


def error_data(error: NfoldError) -> dict[str, Any]:
    """An error of the engine as JSON; `crew` makes it one again."""
    data: dict[str, Any] = {
        "kind": type(error).__name__,
        "code": error.stable_code,
        "message": error.message,
        "hint": error.hint,
    }
    if isinstance(error, InvalidRecipeError):
        data["problems"] = [
            {"pointer": one.pointer, "message": one.message, "hint": one.hint} for one in error.problems
        ]
    return data


if __name__ == "__main__":
    main()
