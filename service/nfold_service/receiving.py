"""Bodies on their way to disk: streamed, counted, timed, never whole in memory."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from fastapi import Request

from nfold_service.context import Context
from nfold_service.problems import ServiceError

_LUMP = 1 << 20

LIFTED: Final = "body_limit_is_lifted"
"""In the state of a request whose route has a limit of its own for the body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What a body left on disk."""

    bytes: int
    sha256: str


@contextlib.contextmanager
def one_upload(context: Context) -> Iterator[None]:
    """Count an upload while it is going on.

    Raises:
        ServiceError: 429 when there are too many, 507 when the disk is nearly full.
    """
    if context.uploads >= context.settings.max_uploads_at_once:
        raise ServiceError(
            429,
            "uploads.too_many",
            f"{context.uploads} uploads are going on, and that is the most.",
            hint="Try again in a few seconds.",
            headers={"Retry-After": "5"},
        )
    context.refuse_full_disk()
    context.uploads += 1
    try:
        yield
    finally:
        context.uploads -= 1


async def chunks_of(request: Request, context: Context) -> AsyncIterator[bytes]:
    """The body as it comes, of any size: whoever reads it bounds it.

    Raises:
        ServiceError: 408 when it stalls, or comes too slowly to be meant; 503 when the service ends.
    """
    request.scope.setdefault("state", {})[LIFTED] = True
    async for chunk in request.stream():
        if context.ending.is_set():
            raise ServiceError(
                503, "service.ending", "The service is ending.", headers={"Retry-After": "10", "Connection": "close"}
            )
        if chunk:
            yield chunk


async def receive(request: Request, context: Context, target: Path, *, most: int, what: str) -> Received:
    """Write a body to a file.

    Raises:
        ServiceError: 413 when it is larger than `most`, 408, 507.
    """
    refuse_announced(request, most, what)
    digest = hashlib.sha256()
    size = 0
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with target.open("wb") as file:
            waiting = bytearray()
            async for chunk in chunks_of(request, context):
                size += len(chunk)
                if size > most:
                    raise too_large(most, what)
                waiting += chunk
                if len(waiting) >= _LUMP:
                    await write_lump(file, digest, bytes(waiting))
                    waiting.clear()
            await write_lump(file, digest, bytes(waiting))
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    return Received(bytes=size, sha256=digest.hexdigest())


async def write_lump(file: BinaryIO, digest: hashlib._Hash, lump: bytes) -> None:
    """Hash and write outside the event loop.

    Raises:
        ServiceError: 507 when the disk is full.
    """

    def work() -> None:
        digest.update(lump)
        file.write(lump)

    try:
        await asyncio.to_thread(work)
    except OSError as error:
        raise disk_refused(error) from error


def disk_refused(error: OSError) -> ServiceError:
    """What the disk said, over HTTP."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return ServiceError(507, "disk.full", "The disk of the service is full.", headers={"Retry-After": "600"})
    return ServiceError(507, "disk", f"The disk of the service refused: {error.strerror}.")


def refuse_announced(request: Request, most: int, what: str) -> None:
    """Refuse by Content-Length, before a byte of the body.

    Raises:
        ServiceError: 413.
    """
    announced = request.headers.get("Content-Length", "")
    if announced.isdecimal() and int(announced) > most:
        raise too_large(most, what)


def too_large(most: int, what: str) -> ServiceError:
    """413 with the limit."""
    return ServiceError(
        413,
        "request.too_large",
        f"{what} has more than {most:,} bytes, which is the most.",
        hint="See /v1/limits.",
        headers={"Connection": "close"},
    )
