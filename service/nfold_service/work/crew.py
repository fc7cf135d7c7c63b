"""The web process's side of its workers: begin them, hand out orders, listen, and end them when asked."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import secrets
import shutil
import signal
import sys
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nfold import errors
from nfold.errors import InvalidRecipeError, NfoldError, Problem, SampleError
from nfold_service.settings import Settings
from nfold_service.work.protocol import Message, Order, read_message

SCRATCH = "scratch"
"""In the data folder: what workers write for themselves."""

_LONGEST_LINE = 64 * 2**20
_GONE_S = 2.0


class WorkerDiedError(Exception):
    """A worker ended without a word."""


@dataclass(slots=True, kw_only=True)
class Worker:
    """One process that carries out one order after the other.

    Attributes:
        scratch: Its temporary files. They go with it: killed, it cannot clear up, and /tmp of a container is small.
    """

    process: asyncio.subprocess.Process
    scratch: Path

    @classmethod
    async def begin(cls, settings: Settings, *, is_limited: bool, preloads: bool) -> Worker:
        """Start a process.

        Args:
            settings: Of the service.
            is_limited: Whether its memory is bounded; of a job the bounded ones are the workers that it starts itself.
            preloads: Whether it imports the libraries at once.

        Raises:
            DiskError: There is no room for its scratch.
        """
        memory = settings.worker_memory_bytes if is_limited else 0
        scratch = settings.data.absolute() / SCRATCH / secrets.token_hex(8)
        try:
            await asyncio.to_thread(scratch.mkdir, parents=True)
        except OSError as error:
            raise errors.DiskError(
                f"The service cannot write to its disk: {error.strerror}.",
                hint="Make room, and ask again.",
                code="disk.full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else None,
            ) from error
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "nfold_service.work.bench",
                str(os.getpid()),
                str(settings.niceness),
                str(memory),
                str(int(preloads)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=_LONGEST_LINE,
                start_new_session=True,
                env={**os.environ, "TMPDIR": str(scratch)},
            )
        except BaseException:
            scratch.rmdir()
            raise
        return cls(process=process, scratch=scratch)

    @property
    def is_alive(self) -> bool:
        """Whether it can take an order."""
        return self.process.returncode is None

    async def messages(self, order: Order) -> AsyncGenerator[Message, None]:
        """Carry out an order: progress as it comes, "done" or "failed" last.

        Raises:
            WorkerDiedError: The process ended in the middle.
        """
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.write(order.encode())
            await self.process.stdin.drain()
        except (BrokenPipeError, ConnectionResetError) as error:
            raise WorkerDiedError from error
        while line := await self.process.stdout.readline():
            if not line.endswith(b"\n"):
                break  # it died in the middle of a word
            message = read_message(line)
            yield message
            if message.kind != "progress":
                return
        await self.process.wait()
        raise WorkerDiedError

    async def kill(self) -> None:
        """End it and all that it started, at once; they are gone when this returns."""
        self._kill_group()
        await self.process.wait()
        # It may have died before those that it started, and they go on for a moment.
        until = time.monotonic() + _GONE_S
        while self._kill_group() and time.monotonic() < until:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(
                    -self.process.pid, os.WNOHANG
                )  # orphans are ours when we are the first process of a container
            await asyncio.sleep(0.01)
        await asyncio.to_thread(shutil.rmtree, self.scratch, ignore_errors=True)

    def _kill_group(self) -> bool:
        """Whether there was anybody left."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):  # macOS says the latter of a group that has died
            return False
        return True


@dataclass(slots=True, kw_only=True)
class Crew:
    """Workers that stand ready for what is answered at once; one order each at a time."""

    settings: Settings
    on_death: Callable[[], object] | None = None
    _idle: list[Worker] = field(default_factory=list)
    _busy: set[int] = field(default_factory=set)
    _turns: asyncio.Semaphore = field(init=False)
    _waiting: int = 0

    def __post_init__(self) -> None:
        self._turns = asyncio.Semaphore(self.settings.small_at_once)

    async def warm_up(self) -> None:
        """Have one worker ready before the first request."""
        self._idle.append(await Worker.begin(self.settings, is_limited=True, preloads=True))

    @property
    def waiting(self) -> int:
        """Orders that no worker has taken yet."""
        return self._waiting

    async def do(self, work: str, **arguments: Any) -> dict[str, Any]:
        """What a piece of work gives.

        Raises:
            NfoldError: The one that the work raised.
        """
        result: dict[str, Any] = {}
        async with contextlib.aclosing(self.listen(work, **arguments)) as messages:
            async for message in messages:
                if message.kind == "done":
                    result = message.data
        return result

    async def listen(self, work: str, **arguments: Any) -> AsyncGenerator[Message, None]:
        """The messages of a piece of work; "done" is the last.

        Raises:
            NfoldError: The one that the work raised; or it took too long, or its worker died.
        """
        self._waiting += 1
        try:
            await self._turns.acquire()
        finally:
            self._waiting -= 1
        worker: Worker | None = None
        is_clean = False
        try:
            worker = await self._taken()
            async with asyncio.timeout(self.settings.small_seconds):
                async with contextlib.aclosing(worker.messages(Order(work=work, arguments=arguments))) as messages:
                    async for message in messages:
                        if message.kind == "failed":
                            is_clean = True
                            raise raised(message.data)
                        is_clean = message.kind == "done"
                        yield message
        except WorkerDiedError as error:
            raise crashed(self.on_death) from error
        except TimeoutError as error:
            raise SampleError(
                f"This took longer than {self.settings.small_seconds:g} seconds.",
                hint="Make a data set and an expansion of it: jobs may take as long as they need.",
                code="worker.timeout",
            ) from error
        finally:
            try:
                if worker is not None and is_clean and worker.is_alive:
                    self._idle.append(worker)
                elif worker is not None:
                    await worker.kill()
            finally:
                self._turns.release()

    async def close(self) -> None:
        """End all that stand ready."""
        for worker in self._idle:
            await worker.kill()
        self._idle.clear()

    async def _taken(self) -> Worker:
        while self._idle:
            worker = self._idle.pop()
            if worker.is_alive:
                return worker
            await worker.kill()  # it died meanwhile, and left its scratch
        return await Worker.begin(self.settings, is_limited=True, preloads=True)


def crashed(on_death: Callable[[], object] | None) -> SampleError:
    """What the death of a worker is for whoever waits for it; it is counted."""
    if on_death is not None:
        on_death()
    return SampleError(
        "The worker process died while working on this.",
        hint="One of the files may be made to crash its reader.",
        code="worker.crashed",
    )


def raised(data: dict[str, Any]) -> NfoldError:
    """The error that a worker told of."""
    kind = getattr(errors, str(data.get("kind")), NfoldError)
    if not (isinstance(kind, type) and issubclass(kind, NfoldError)):
        kind = NfoldError
    if issubclass(kind, InvalidRecipeError):
        problems = tuple(Problem(**one) for one in data.get("problems", ()))
        return InvalidRecipeError(data["message"], hint=data.get("hint"), code=data.get("code"), problems=problems)
    return kind(data["message"], hint=data.get("hint"), code=data.get("code"))
