"""A worker process: does one item after the other, and shows what is at work."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import pickle
import resource
import signal
import socket
import sys
from types import FrameType
from typing import Any

from nfold.executors.board import Board
from nfold.executors.channel import Channel
from nfold.executors.messages import Assign, Begin, Done, Failed, Raised, Ready

_PR_SET_PDEATHSIG = 1


class _ToldToStopError(BaseException):
    """The item is dropped: someone else will do it, or nobody has to."""


def serve(end: socket.socket, board_descriptor: int, *, memory_bytes: int, parent: int) -> None:
    """Work until told to stop, or until the coordinator is gone.

    Args:
        end: Socket to the coordinator.
        board_descriptor: Memory shared with the coordinator.
        memory_bytes: Address space that this process may use.
        parent: Process that this one must not outlive.
    """
    die_with(parent)
    _limit_memory(memory_bytes)
    if "cv2" in sys.modules:
        sys.modules["cv2"].setNumThreads(1)
    # The work makes few cycles and many small objects; the default looks for cycles at every seventh picture.
    gc.set_threshold(20_000, 50, 50)
    board = Board(board_descriptor)
    os.close(board_descriptor)
    bench = _Bench(Channel(end), board, parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the coordinator decides what Ctrl-C means
    signal.signal(signal.SIGTERM, bench.on_sigterm)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        bench.work()
    except _ToldToStopError:
        board.leave()


def die_with(parent: int) -> None:
    """Have the kernel end this process when `parent` ends, where it can (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def _limit_memory(memory_bytes: int) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    wanted = memory_bytes if most == resource.RLIM_INFINITY else min(memory_bytes, most)
    # macOS refuses some of these; there the watchdog and the kernel have to do.
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (wanted, wanted))
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


class _Bench:
    """Where one worker does its items."""

    def __init__(self, channel: Channel, board: Board, parent: int) -> None:
        self._channel = channel
        self._board = board
        self._parent = parent
        self._is_told_to_stop = False
        self._is_idle = False
        self._task_payload = b""
        self._task: Any = None

    def on_sigterm(self, number: int, frame: FrameType | None) -> None:
        """Drop the item at its next step, or end at once when there is none."""
        self._is_told_to_stop = True
        if self._is_idle:
            raise _ToldToStopError

    def work(self) -> None:
        """Do what is assigned until the coordinator closes the socket."""
        self._channel.send(Ready(os.getpid()))
        while True:
            self._is_idle = True
            try:
                message = self._channel.wait()
            except EOFError:
                raise _ToldToStopError from None
            self._is_idle = False
            if isinstance(message, Begin):
                self._task_payload, self._task = message.payload, None
            elif isinstance(message, Assign):
                self._channel.send(self._do(message))

    def _do(self, assign: Assign) -> Done | Failed:
        self._board.begin(assign.number)
        try:
            if self._task is None:
                self._task = pickle.loads(self._task_payload)  # noqa: S301 - from our coordinator
            item, blamed = pickle.loads(assign.payload)  # noqa: S301 - from our coordinator
            result = self._task(item, blamed, self._step)
            payload = pickle.dumps(result, protocol=pickle.HIGHEST_PROTOCOL)
        except MemoryError:
            self._board.give_up_for_memory()
            os._exit(1)  # what is left of this process cannot be trusted
        except Exception as error:  # noqa: BLE001 - the coordinator raises it
            return Failed(assign.number, Raised.pickled(error))
        return Done(assign.number, payload, self._board.names, self._board.steps)

    def _step(self, name: str) -> None:
        board = self._board
        if self._is_told_to_stop or board.is_to_stop:
            raise _ToldToStopError
        if os.getppid() != self._parent:
            os._exit(1)
        board.step(name)
