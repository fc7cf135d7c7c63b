"""The process that all workers come from: imports once, then forks.

A fork is safe only from a process that has one thread. Where that cannot be known (not Linux), or is
not so (an imported module started threads), each worker is an interpreter of its own instead.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pickle
import pkgutil
import select
import signal
import socket
import sys
import traceback

from nfold.executors import worker
from nfold.executors.channel import Channel
from nfold.executors.messages import Answer, Ask, Exited, Fork, Kill, Prepared, Raised, Setup

SEARCH_PATH = "NFOLD_SEARCH_PATH"
"""Variable with the coordinator's sys.path as JSON."""

_LOOK_UP_MS = 1000  # how often to look whether the coordinator is gone, should someone else hold its socket open
_START_WORKER = """
import json, os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
sys.path[:] = json.loads(os.environ.pop("NFOLD_SEARCH_PATH"))
from nfold.executors.zygote import work_alone
work_alone(*map(int, sys.argv[1:4]), preload=sys.argv[4:])
"""


def main(control: int, errors: int) -> None:
    """Serve the coordinator until it closes the socket.

    Args:
        control: Descriptor of the socket to the coordinator.
        errors: Descriptor of the error output, to be used once everything is imported; until then
            it goes to the coordinator, which shows it if this process cannot start.
    """
    coordinator = os.getppid()
    os.set_inheritable(control, False)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])  # a thread of a server may have had signals blocked
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # its end is that of the coordinator
    channel = Channel(socket.socket(fileno=control))
    setup = channel.wait()
    assert isinstance(setup, Setup)
    for name in setup.preload:
        importlib.import_module(name)
    signal.setitimer(signal.ITIMER_REAL, 0)  # from now on it looks by itself
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    sys.stdout.flush()
    sys.stderr.flush()
    os.dup2(errors, 1)  # a stray print must not end up in what the command line prints for machines
    os.dup2(errors, 2)
    os.close(errors)
    gc.collect()
    gc.freeze()
    Zygote(channel, setup, coordinator).serve()
    os._exit(0)


def work_alone(end: int, board: int, memory_bytes: int, *, preload: list[str]) -> None:
    """Be a worker that was started as an interpreter of its own."""
    parent = os.getppid()
    worker.die_with(parent)
    for name in preload:
        importlib.import_module(name)
    worker.serve(socket.socket(fileno=end), board, memory_bytes=memory_bytes, parent=parent)


class Zygote:
    """Starts workers, tells how they ended, and leaves none behind."""

    def __init__(self, channel: Channel, setup: Setup, coordinator: int) -> None:
        self._channel = channel
        self._setup = setup
        self._coordinator = coordinator
        self._workers: dict[int, int] = {}
        self._poll = select.poll()
        self._wake_up: tuple[socket.socket, socket.socket] = socket.socketpair()

    def serve(self) -> None:
        """Answer the coordinator until it is gone."""
        for end in self._wake_up:
            end.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.set_wakeup_fd(self._wake_up[1].fileno(), warn_on_full_buffer=False)
        self._poll.register(self._channel.fileno(), select.POLLIN)
        self._poll.register(self._wake_up[0].fileno(), select.POLLIN)
        self._channel.send(Prepared())
        while os.getppid() == self._coordinator:
            # Of what arrived with the message before, poll knows nothing.
            ready = {
                descriptor for descriptor, _ in self._poll.poll(0 if self._channel.has_whole_message else _LOOK_UP_MS)
            }
            if self._wake_up[0].fileno() in ready:
                self._wake_up[0].recv(4096)
            self._reap()
            if self._channel.fileno() in ready or self._channel.has_whole_message:
                try:
                    self._obey(self._channel.wait())
                except EOFError:
                    break
        self._end_workers()

    def _obey(self, message: object) -> None:
        match message:
            case Fork(worker=number):
                self._start(number, self._channel.descriptors.popleft(), self._channel.descriptors.popleft())
            case Kill(worker=number):
                for pid, known in self._workers.items():
                    if known == number:
                        os.kill(pid, signal.SIGKILL)
            case Ask(function=name):
                self._channel.send(Answer(_call(name)))

    def _start(self, number: int, end: int, board: int) -> None:
        try:
            pid = self._fork(end, board) if has_one_thread() else self._spawn(end, board)
        except OSError as error:
            self._channel.send(Exited(number, 0, str(error)))
        else:
            self._workers[pid] = number
        finally:
            os.close(end)
            os.close(board)

    def _fork(self, end: int, board: int) -> int:
        parent = os.getpid()
        sys.stderr.flush()
        pid = os.fork()
        if pid:
            return pid
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            for inherited in (*self._wake_up, self._channel):
                inherited.close()
            worker.serve(socket.socket(fileno=end), board, memory_bytes=self._setup.memory_bytes, parent=parent)
            code = 0
        except SystemExit as leaving:
            code = leaving.code if isinstance(leaving.code, int) else 1
        except BaseException:  # noqa: BLE001 - nothing may return into the zygote's own loop
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _spawn(self, end: int, board: int) -> int:
        for descriptor in (end, board):
            os.set_inheritable(descriptor, True)
        numbers = [str(end), str(board), str(self._setup.memory_bytes)]
        command = [sys.executable, "-P", "-c", _START_WORKER, *numbers, *self._setup.preload]
        return os.posix_spawn(sys.executable, command, {**os.environ, SEARCH_PATH: json.dumps(sys.path)})

    def _reap(self) -> None:
        while self._workers:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            number = self._workers.pop(pid, None)
            if number is not None:
                self._channel.send(Exited(number, status))

    def _end_workers(self) -> None:
        for pid in self._workers:
            os.kill(pid, signal.SIGKILL)
        for pid in self._workers:
            os.waitpid(pid, 0)


def has_one_thread() -> bool:
    """Whether this process is known to have one thread only."""
    return sys.platform == "linux" and len(os.listdir("/proc/self/task")) == 1


def _call(name: str) -> bytes:
    try:
        return pickle.dumps(pkgutil.resolve_name(name)())
    except Exception as error:  # noqa: BLE001 - the coordinator raises it
        return Raised.pickled(error)
