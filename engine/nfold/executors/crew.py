"""The workers that are alive, and everything that happens to them, as a list of events."""

from __future__ import annotations

import os
import select
import signal
import socket
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from nfold.errors import WorkerError
from nfold.executors.board import Board
from nfold.executors.channel import Channel
from nfold.executors.contract import WorkerLimits
from nfold.executors.messages import Answer, Exited, Ready
from nfold.executors.zygote_link import ZygoteLink

_MOST_RESTARTS = 3
_MOST_FAILED_STARTS = 5
_PREPARATION_S = 300.0
_DROP_S = 1.0  # in which workers may drop their items
_REAP_S = 0.5


@dataclass(eq=False, slots=True, kw_only=True)
class Worker:
    """One worker process as the coordinator sees it.

    Attributes:
        assigned: What it has to do, the one at work first; owned by whoever assigns.
        task_number: Which task it was sent last.
        served: How many items it was assigned.
        silent_s: For how long it has shown no sign of life.
        last_sign: What it last looked like from outside.
        was_hung: We killed it.
    """

    number: int
    channel: Channel
    board: Board
    pid: int | None = None
    assigned: deque[Any] = field(default_factory=deque)
    task_number: int = 0
    served: int = 0
    silent_s: float = 0.0
    last_sign: object = None
    was_hung: bool = False
    is_leaving: bool = False

    @property
    def is_ready(self) -> bool:
        """It waits for items, or does one."""
        return self.pid is not None and not self.is_leaving

    @property
    def is_starting(self) -> bool:
        """It was asked for and has not said a word yet."""
        return self.pid is None and not self.is_leaving


@dataclass(frozen=True, slots=True)
class Said:
    """A worker sent a message."""

    worker: Worker
    message: object


@dataclass(frozen=True, slots=True)
class Gone:
    """A worker is no more; status None when its zygote died and took it along."""

    worker: Worker
    status: int | None


Event = Said | Gone


class Crew:
    """Starts workers through the zygote and listens to all of them; starts the zygote anew when it dies."""

    def __init__(self, limits: WorkerLimits) -> None:
        self._limits = limits
        self._poll = select.poll()
        self._by_descriptor: dict[int, Worker] = {}
        self._last_number = 0
        self.restarts = 0
        self._failed_starts = 0
        self._is_stopping = False
        self._was_prepared = False
        self.workers: dict[int, Worker] = {}
        self.answers: deque[bytes] = deque()
        self._start_zygote()

    @property
    def present(self) -> list[Worker]:
        """Workers that are there to stay."""
        return [worker for worker in self.workers.values() if not worker.is_leaving]

    def hire(self) -> None:
        """Start one more worker; it is ready some events later."""
        self._last_number += 1
        descriptor = Board.new_descriptor()
        try:
            ours, theirs = socket.socketpair()
            with theirs:
                ours.setblocking(False)
                worker = Worker(number=self._last_number, channel=Channel(ours), board=Board(descriptor))
                self.workers[worker.number] = worker
                self._by_descriptor[ours.fileno()] = worker
                self._poll.register(ours.fileno(), select.POLLIN)
                self._tell_zygote_to_start(worker, theirs, descriptor)
        finally:
            os.close(descriptor)

    def dismiss(self, worker: Worker) -> None:
        """Let an idle worker go."""
        worker.is_leaving = True
        worker.channel.finish_sending()

    def kill(self, worker: Worker) -> None:
        """End a worker at once; it is `Gone` some events later."""
        self._zygote.kill_worker(worker.number)

    def ask(self, function: str) -> None:
        """Have the zygote call "module:function"; the pickled value turns up in `answers`."""
        self._zygote.ask(function)

    @property
    def is_prepared(self) -> bool:
        """The zygote has imported everything."""
        return self._zygote.is_prepared

    def pump(self, timeout_s: float) -> Iterator[Event]:
        """Wait for something to happen, and yield it.

        Raises:
            WorkerError: The zygote or the workers cannot be started or kept alive.
        """
        for worker in self.workers.values():
            if worker.channel.has_unsent:
                self._poll.modify(worker.channel.fileno(), select.POLLIN | select.POLLOUT)
        for descriptor, flags in self._poll.poll(timeout_s * 1000):
            if descriptor == self._zygote.channel.fileno():
                yield from self._hear_zygote()
            elif descriptor in self._by_descriptor:
                yield from self._hear_worker(self._by_descriptor[descriptor], flags)
        if not self._zygote.is_prepared and time.monotonic() - self._began > _PREPARATION_S:
            raise self._zygote.cannot_start()

    def idle(self, timeout_s: float) -> None:
        """Wait for something to happen while nothing is assigned."""
        for _ in self.pump(timeout_s):
            pass

    def stop(self) -> None:
        """End all workers: they may drop what they do, then they are killed. Takes less than two seconds."""
        self._is_stopping = True
        try:
            for worker in self.workers.values():
                worker.is_leaving = True
                worker.board.ask_to_stop()
                worker.channel.finish_sending()
            if not self._zygote.is_prepared:
                return  # none has been forked yet, and those that will be find their sockets ended
            self._await_end(_DROP_S)
            for worker in self.workers.values():
                self.kill(worker)
            self._await_end(_REAP_S)
        finally:
            self._is_stopping = False

    def close(self) -> None:
        """End everything."""
        try:
            if self.workers:
                self.stop()
        finally:
            self._zygote.close()
            for worker in list(self.workers.values()):
                self._forget(worker)
                worker.board.close()

    def _start_zygote(self) -> None:
        self._zygote = ZygoteLink(self._limits)
        self._began = time.monotonic()
        self._poll.register(self._zygote.channel.fileno(), select.POLLIN)

    def _tell_zygote_to_start(self, worker: Worker, end: socket.socket, board: int) -> None:
        try:
            self._zygote.start_worker(worker.number, end, board)
        except (BrokenPipeError, ConnectionResetError):
            return  # the zygote has just died; its end is the next event, and this worker is Gone with it
        except OSError as error:
            raise WorkerError(f"No worker can be started: {error}.") from error

    def _hear_worker(self, worker: Worker, flags: int) -> Iterator[Event]:
        if flags & select.POLLOUT:
            worker.channel.flush()
            self._poll.modify(worker.channel.fileno(), select.POLLIN)
        for message in worker.channel.receive():
            if isinstance(message, Ready):
                worker.pid = message.pid
                self._failed_starts = 0
            else:
                yield Said(worker, message)
        if worker.channel.is_ended:
            # Without its socket it is of no use, whether it is dying already or not.
            self._poll.unregister(worker.channel.fileno())
            del self._by_descriptor[worker.channel.fileno()]
            self.kill(worker)

    def _hear_zygote(self) -> Iterator[Event]:
        for message in self._zygote.receive():
            if isinstance(message, Answer):
                self.answers.append(message.payload)
            elif isinstance(message, Exited):
                yield from self._bury(self.workers[message.worker], message)
        if self._zygote.channel.is_ended:
            yield from self._replace_zygote()

    def _bury(self, worker: Worker, exited: Exited) -> Iterator[Event]:
        yield from self._last_words(worker)
        if worker.pid is None and not worker.is_leaving:
            self._failed_starts += 1
            if self._failed_starts >= _MOST_FAILED_STARTS:
                reason = exited.reason or f"status {os.waitstatus_to_exitcode(exited.status)}"
                raise WorkerError(
                    f"Worker processes end before they are ready, {self._failed_starts} in a row: {reason}."
                )
        yield Gone(worker, exited.status)
        worker.board.close()

    def _replace_zygote(self) -> Iterator[Event]:
        self._poll.unregister(self._zygote.channel.fileno())
        former = self._zygote
        self._was_prepared = self._was_prepared or former.is_prepared
        if not self._was_prepared and not self._is_stopping:
            raise former.cannot_start()  # as it would be again
        former.close()
        for worker in list(self.workers.values()):
            yield from self._last_words(worker)
            yield Gone(worker, None)
            worker.board.close()
        self.restarts += 1
        if self.restarts > _MOST_RESTARTS:
            raise WorkerError(f"The process that starts workers was ended from outside {self.restarts} times.")
        self._start_zygote()

    def _last_words(self, worker: Worker) -> Iterator[Event]:
        for message in worker.channel.receive():
            if isinstance(message, Ready):
                worker.pid = message.pid
            else:
                yield Said(worker, message)
        if worker.pid is not None and not worker.channel.is_ended:
            _kill_orphan(worker.pid)
        self._forget(worker)

    def _forget(self, worker: Worker) -> None:
        if self._by_descriptor.pop(worker.channel.fileno(), None):
            self._poll.unregister(worker.channel.fileno())
        worker.channel.close()
        self.workers.pop(worker.number, None)

    def _await_end(self, timeout_s: float) -> None:
        until = time.monotonic() + timeout_s
        while self.workers and (left := until - time.monotonic()) > 0:
            self.idle(left)


def _kill_orphan(pid: int) -> None:
    # Its zygote is dead, or it has left its socket to a child. The number is its own: the socket was open just now.
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
