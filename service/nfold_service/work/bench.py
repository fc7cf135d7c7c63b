"""A worker process: takes an order from standard input, does it, says what came of it, and waits for the next.

It ends when its standard input does, or when the web process dies, so that no orphan goes on writing. Of signals it
takes no notice: one that is sent to all processes of a service is for the web process, which says when to end.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import importlib
import os
import resource
import signal
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final

from nfold.errors import InvalidRecipeError, NfoldError, SeveralLabelSetsError
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

_OF_DATASETS: Final = frozenset({"inspect", "expand", "compare", "preview"})
"""Work whose errors name the folder of a data set, which is nobody's business elsewhere."""

_PR_SET_PDEATHSIG = 1
_FULL = (errno.ENOSPC, errno.EDQUOT)
_PRELOAD = ("cv2", "simplejpeg", "nfold.expansion")


def main() -> None:
    """Carry out orders until there are no more."""
    parent, niceness, memory_bytes, preloads = (int(argument) for argument in sys.argv[1:5])
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != parent:
            return
    os.nice(niceness)
    for told_to_all in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(told_to_all, signal.SIG_IGN)
    if memory_bytes:
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answers = os.dup(1)
    os.dup2(2, 1)  # whatever a library prints is no answer
    if preloads:
        from nfold.recipe.compile import load_albumentations

        load_albumentations()
        for module in _PRELOAD:
            importlib.import_module(module)
    for line in sys.stdin.buffer:
        order = read_order(line)
        result = _carried_out(
            order.work, order.arguments, lambda data: _write(answers, Message(kind="progress", data=data).encode())
        )
        _write(answers, result.encode())


def _write(answers: int, line: bytes) -> None:
    view = memoryview(line)
    while view:
        view = view[os.write(answers, view) :]


def _carried_out(work: str, arguments: dict[str, Any], say: Callable[[dict[str, Any]], object]) -> Message:
    module, _, name = WORK[work].partition(":")
    try:
        with contextlib.suppress(BrokenPipeError):
            result = getattr(importlib.import_module(module), name)(**arguments, say=say)
            return Message(kind="done", data=result)
        return Message(kind="failed", data={"code": "service.gone", "message": "Nobody is listening.", "hint": None})
    except NfoldError as error:
        data = error_data(error)
        if work in _OF_DATASETS:
            data["message"] = without_path(data["message"], str(arguments["source"]))
        return Message(kind="failed", data=data)
    except OSError as error:
        if error.errno not in _FULL:
            raise  # a mistake of ours: its traceback goes to the logs, and the process with it
        data = {"code": "disk.full", "message": "The disk of the service is full.", "hint": "Make room, and ask again."}
        return Message(kind="failed", data={**data, "kind": "DiskError"})
    except MemoryError:
        data = {"code": "worker.memory", "message": "The worker ran out of memory.", "hint": "Use smaller images."}
        return Message(kind="failed", data={**data, "kind": "SampleError"})


def without_path(message: str, path: str) -> str:
    """A message that speaks of the data set instead of its folder on this machine."""
    told = message.replace(path, "the data set")
    return told[:1].upper() + told[1:] if message.startswith(path) else told


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
    if isinstance(error, SeveralLabelSetsError):
        data["choices"] = list(error.formats)
    return data


if __name__ == "__main__":
    main()
