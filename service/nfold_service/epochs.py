"""Epochs on their way out: a worker of their own writes a tar into a pipe, and the web process passes it on."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import select
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, BinaryIO

from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from nfold_service.context import Context
from nfold_service.problems import ServiceError
from nfold_service.work.crew import Worker, WorkerDiedError, crashed, raised
from nfold_service.work.protocol import Message, Order

_LUMP = 1 << 18


class Epochs:
    """A running tar: its worker, the pipe between, and its place among those that may run."""

    def __init__(self, context: Context, worker: Worker) -> None:
        self._context, self._worker = context, worker
        self._pipe = context.places.staging / f"pipe_{secrets.token_hex(10)}.tar"
        self._messages: AsyncGenerator[Message, None] | None = None

    @classmethod
    async def begin(cls, context: Context, arguments: dict[str, Any]) -> Epochs:
        """Start the work; whatever can be refused is refused before this returns.

        Raises:
            ServiceError: 429 when as many run as may.
            NfoldError: What the worker refuses.
        """
        most = context.settings.max_tars_at_once
        if context.tars >= most:
            raise ServiceError(
                429,
                "streams.too_many",
                f"{most} epochs are being streamed, and that is the most.",
                hint="Try again when one has ended, or expand the data set once for all trainers.",
                headers={"Retry-After": "30"},
            )
        context.tars += 1
        try:
            # Not of those that answer at once: an epoch takes as long as its reader likes.
            epochs = cls(context, await Worker.begin(context.settings, is_limited=True, preloads=False))
        except BaseException:
            context.tars -= 1
            raise
        try:
            await epochs._open(arguments)
        except BaseException:
            await asyncio.shield(epochs.end())
            raise
        return epochs

    async def _open(self, arguments: dict[str, Any]) -> None:
        os.mkfifo(self._pipe)
        self._messages = self._worker.messages(Order(work="stream", arguments={**arguments, "pipe": str(self._pipe)}))
        await self._next()

    async def _next(self) -> Message:
        assert self._messages is not None
        try:
            message = await anext(self._messages)
        except WorkerDiedError as error:
            raise crashed(self._context.crew.on_death) from error
        if message.kind == "failed":
            raise raised(message.data)
        return message

    async def lumps(self) -> AsyncIterator[bytes]:
        """The bytes of the tar.

        Raises:
            NfoldError: The worker failed in the middle. The answer is cut off by it, so that nobody takes it for whole.
        """
        ending = asyncio.create_task(self._next())  # the worker says one more thing: that it is done, or has failed
        try:
            # Opened without waiting: a worker that died before it opened its end must not hold us for ever.
            descriptor = os.open(self._pipe, os.O_RDONLY | os.O_NONBLOCK)
            with os.fdopen(descriptor, "rb", buffering=0) as file:
                while not (_was_written(descriptor) or ending.done()):
                    await asyncio.sleep(0.005)
                # A pipe that nobody ever opened to write never comes to its end: there is nothing to wait for.
                if _was_written(descriptor):
                    async for lump in self._read(file):
                        yield lump
            await ending
        finally:
            ending.cancel()
            await asyncio.gather(ending, return_exceptions=True)

    async def _read(self, file: BinaryIO) -> AsyncIterator[bytes]:
        reader = asyncio.StreamReader(limit=_LUMP)
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), file)
        with contextlib.closing(transport):
            while lump := await reader.read(_LUMP):
                if self._context.ending.is_set():
                    raise ServiceError(503, "service.ending", "The service is ending.")
                yield lump

    async def end(self) -> None:
        """The worker goes, the pipe goes, and another tar may begin."""
        try:
            await self._worker.kill()
        finally:
            self._pipe.unlink(missing_ok=True)
            self._context.tars -= 1


class TarResponse(StreamingResponse):
    """Sends epochs, and ends them when the client has all of them, or is gone."""

    def __init__(self, epochs: Epochs) -> None:
        super().__init__(epochs.lumps(), media_type="application/x-tar")
        self._epochs = epochs

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            await asyncio.shield(self._epochs.end())


def _was_written(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN | select.POLLHUP)
    return bool(poll.poll(0))
