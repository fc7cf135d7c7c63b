"""Archives and forms on their way into a data set."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from nfold_service.arrivals import Arrivals
from nfold_service.context import Context
from nfold_service.filling import checked_path, count_passed_over, store_file
from nfold_service.forms import PartBegins, Piece
from nfold_service.landing import Landing, refuse_wrong_digest
from nfold_service.problems import ServiceError
from nfold_service.store import DatasetRow
from nfold_service.work.names import ending_of, kind_of
from nfold_service.work.signatures import ENOUGH, archive_kind


class Counted:
    """Pieces, counted as they pass."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks, self.bytes = chunks, 0

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        chunk = await anext(self._chunks)
        self.bytes += len(chunk)
        return chunk


async def take_archive(
    context: Context, arrivals: Arrivals, row: DatasetRow, chunks: AsyncIterator[bytes], wanted: str | None
) -> None:
    """Receive an archive whole, then have it unpacked.

    Raises:
        ServiceError: 409, 413, 415 when it is no archive, 422 for a wrong digest, 507.
    """
    received = context.places.staging / f"{row.id}.archive"
    async with arrivals.receiving(row, "archive"):
        with Landing(
            context,
            received,
            most=context.settings.max_archive_bytes,
            what="The archive",
            check_start=_refuse_no_archive,
            start_bytes=ENOUGH,
        ) as landing:
            async for chunk in chunks:
                await landing.write(chunk)
            came = await landing.finish()
        try:
            refuse_wrong_digest(wanted, came)
            await arrivals.accept_archive(row.id, received)
        finally:
            received.unlink(missing_ok=True)


async def take_form(context: Context, arrivals: Arrivals, row: DatasetRow, pieces: AsyncIterator[Piece]) -> None:
    """One archive, or images and label files; the first bytes of the first file tell which.

    Raises:
        ServiceError: As of an archive or of a file; 422 for an archive with other files beside it, or no file at all.
    """
    parts = _Parts(pieces)
    name = await parts.next_part()
    if name is None:
        raise ServiceError(422, "upload.form_empty", "There is no file in the form.")
    if archive_kind(await parts.peek(ENOUGH)) is not None:
        async with aclosing(parts.only()) as chunks:
            await take_archive(context, arrivals, row, chunks, None)
        return
    passed_over: Counter[str] = Counter()
    async with arrivals.receiving(row, "files"):
        while name is not None:
            if kind_of(name) is None:
                passed_over[ending_of(name) if len(passed_over) < 50 else "others"] += 1
            else:
                async with aclosing(parts.chunks()) as chunks:
                    await store_file(context, row, checked_path(context, name), chunks, None)
            name = await parts.next_part()
        if passed_over:
            home = context.places.dataset_home(row.id)
            await asyncio.to_thread(count_passed_over, home, dict(passed_over))


class _Parts:
    """The pieces of a form, by part."""

    def __init__(self, pieces: AsyncIterator[Piece]) -> None:
        self._pieces = pieces
        self._held: list[bytes] = []
        self._next: PartBegins | None = None

    async def next_part(self) -> str | None:
        """Go to the next file, past what is left of this one; its name, None at the end."""
        self._held.clear()
        while self._next is None:
            piece = await anext(self._pieces, None)
            if piece is None:
                return None
            if isinstance(piece, PartBegins):
                self._next = piece
        begun, self._next = self._next, None
        if begun.name is None:
            raise ServiceError(
                422,
                "upload.form_field",
                "The form has a field that is no file.",
                hint="Give files only: 'curl -F file=@archive.zip', or several with their relative names.",
            )
        return begun.name

    async def peek(self, size: int) -> bytes:
        """The first bytes of this file; they come again with `chunks`."""
        while sum(map(len, self._held)) < size and (chunk := await self._chunk()) is not None:
            self._held.append(chunk)
        return b"".join(self._held)[:size]

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """What is left of this file."""
        while self._held:
            yield self._held.pop(0)
        while (chunk := await self._chunk()) is not None:
            yield chunk

    async def only(self) -> AsyncGenerator[bytes, None]:
        """The same, of a file that must be the only one."""
        async for chunk in self.chunks():
            yield chunk
        if await self.next_part() is not None:
            raise ServiceError(
                422,
                "upload.form_mixed",
                "The form has an archive and other files.",
                hint="Send one archive alone, or images and label files.",
            )

    async def _chunk(self) -> bytes | None:
        if self._next is not None:
            return None
        piece = await anext(self._pieces, None)
        if isinstance(piece, PartBegins):
            self._next = piece
            return None
        return piece


def _refuse_no_archive(start: bytes) -> None:
    if archive_kind(start) is None:
        raise ServiceError(
            415,
            "archive.unknown",
            "This is no zip and no tar archive.",
            hint="Upload .zip, .tar, .tar.gz, .tar.bz2 or .tar.xz; single files go to /v1/datasets/{id}/files/{path}.",
        )
