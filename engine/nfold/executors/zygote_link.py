"""The coordinator's side of the zygote: starts it, speaks with it, ends it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator

from nfold.errors import WorkerError
from nfold.executors.channel import Channel
from nfold.executors.contract import WorkerLimits
from nfold.executors.messages import Ask, Fork, Kill, Prepared, Setup
from nfold.executors.zygote import SEARCH_PATH

_ONE_THREAD_EACH = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "VECLIB_MAXIMUM_THREADS": "1",
    "NO_ALBUMENTATIONS_UPDATE": "1",
}
# While it imports, which takes seconds on a busy machine, it looks whether the coordinator is still there. The kernel's
# own signal for that comes with the end of the thread that started a process, which may be a short one.
# Neither `-m` nor multiprocessing's ways would do: the search path must be right before the first import of ours.
_START_ZYGOTE = """
import json, os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
coordinator = os.getppid()
signal.signal(signal.SIGALRM, lambda number, frame: None if os.getppid() == coordinator else os._exit(0))
signal.setitimer(signal.ITIMER_REAL, 0.1, 0.1)
sys.path[:] = json.loads(os.environ.pop("NFOLD_SEARCH_PATH"))
from nfold.executors.zygote import main
main(int(sys.argv[1]), int(sys.argv[2]))
"""
_TAIL_CHARACTERS = 2000
_PATIENCE_S = 1.0


class ZygoteLink:
    """One zygote process, from its start on; it prepares itself while the caller does other things."""

    def __init__(self, limits: WorkerLimits) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                self._process = _start(theirs, self._errors.fileno(), limits)
            except OSError as error:
                ours.close()
                self._errors.close()
                raise WorkerError(f"No process can be started: {error}.") from error
        ours.setblocking(False)
        self.channel = Channel(ours)
        self.channel.send(Setup(limits.preload, limits.memory_bytes))
        self.is_prepared = False

    def start_worker(self, number: int, end: socket.socket, board: int) -> None:
        """Ask for a worker with these open files; the caller closes its own copies."""
        self.channel.send(Fork(number), [end.fileno(), board])

    def kill_worker(self, number: int) -> None:
        """Have a worker killed; the zygote knows whether the process is still that worker."""
        self.channel.send(Kill(number))

    def ask(self, function: str) -> None:
        """Have "module:function" called; the value comes as an `Answer`."""
        self.channel.send(Ask(function))

    def receive(self) -> Iterator[object]:
        """Yield what the zygote says; `channel.is_ended` once it is gone."""
        for message in self.channel.receive():
            if isinstance(message, Prepared):
                self.is_prepared = True
                _pass_on(self._read_errors())
            else:
                yield message

    def cannot_start(self) -> WorkerError:
        """The error for a zygote that ended, or took forever, before it was prepared."""
        if self.channel.is_ended:
            self._process.wait(_PATIENCE_S)
        state = (
            "is not ready yet" if self._process.returncode is None else f"ended with status {self._process.returncode}"
        )
        tail = self._read_errors().strip()[-_TAIL_CHARACTERS:]
        return WorkerError(f"The process that starts workers {state}. It said: {tail or 'nothing'}")

    def close(self) -> None:
        """End the zygote, and with it all its workers."""
        self.channel.close()
        if not self.is_prepared:
            self._process.kill()
        try:
            self._process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        finally:
            self._errors.close()

    def _read_errors(self) -> str:
        self._errors.seek(0)
        return self._errors.read().decode("utf-8", "replace")


def _start(end: socket.socket, errors: int, limits: WorkerLimits) -> subprocess.Popen[bytes]:
    search_path = json.dumps([os.path.abspath(entry) for entry in sys.path])  # noqa: PTH100 - nothing to resolve
    environment = {**os.environ, **_ONE_THREAD_EACH, **limits.environment, SEARCH_PATH: search_path}
    final_errors = _own_errors()
    try:
        return subprocess.Popen(  # noqa: S603 - our own interpreter with our own text
            [sys.executable, "-P", "-c", _START_ZYGOTE, str(end.fileno()), str(final_errors)],
            stdin=subprocess.DEVNULL,
            stdout=errors,
            stderr=errors,
            env=environment,
            pass_fds=(end.fileno(), final_errors),
        )
    finally:
        os.close(final_errors)


def _own_errors() -> int:
    try:
        return os.dup(2)
    except OSError:
        return os.open(os.devnull, os.O_WRONLY)


def _pass_on(said: str) -> None:
    if said and sys.stderr is not None:
        sys.stderr.write(said)
