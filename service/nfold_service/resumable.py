"""Resumable uploads of archives: tus 1.0 with creation (and bytes that come with it), checksum, expiration and termination.

What `received` in the store says is on the disk: data is flushed first, then told. After a death the file is cut back to it.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import hashlib
import os
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, BinaryIO, Final

import structlog

from nfold_service.arrivals import Arrivals, busy
from nfold_service.context import Context, new_id
from nfold_service.problems import ServiceError
from nfold_service.receiving import disk_refused, too_large
from nfold_service.store import DatasetRow, UploadRow, shelves
from nfold_service.store.database import now

MOST_OPEN: Final = 16
"""Uploads that one data set may have open."""

ALGORITHMS: Final = ("sha1", "sha256", "sha512")
_FLUSH = 16 << 20
_LUMP = 1 << 18
_LET_GO_S = 10.0
_SWEEP_S = 600.0


class Resumable:
    """The uploads of a running service, each written by one request at a time."""

    def __init__(self, context: Context, arrivals: Arrivals) -> None:
        self._context, self._arrivals = context, arrivals
        self._writers: dict[str, _Writer] = {}
        self._sweeping: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Remove expired uploads now and then."""
        self._sweeping = asyncio.create_task(self._sweep())

    async def end(self) -> None:
        """No more sweeping."""
        if self._sweeping is not None:
            self._sweeping.cancel()
            await asyncio.gather(self._sweeping, return_exceptions=True)

    async def create(self, row: DatasetRow, length: int, details: dict[str, Any]) -> UploadRow:
        """A new upload of an archive of `length` bytes.

        Raises:
            ServiceError: 409, 413, 429, 507.
        """
        if length > self._context.settings.max_archive_bytes:
            raise too_large(self._context.settings.max_archive_bytes, "The archive")
        self._context.refuse_full_disk(length)
        open_now = [one for one in await self._context.store.run(shelves.uploads_of, row.id) if one.state == "open"]
        if len(open_now) >= MOST_OPEN:
            raise ServiceError(
                429,
                "uploads.too_many",
                f"{MOST_OPEN} uploads of this data set are open, and that is the most.",
                hint="Delete one of them.",
                headers={"Retry-After": "60"},
            )
        async with self._arrivals.receiving(row, "uploads"):
            return await self._context.store.run(
                shelves.add_upload,
                identity=new_id("up"),
                owner=row.owner,
                dataset=row.id,
                name=str(details.get("filename", "")),
                length=length,
                details=details,
            )

    async def find(self, owner: str, dataset: str, identity: str) -> UploadRow:
        """An upload of that owner's data set.

        Raises:
            ServiceError: 404, 410 when it has expired.
        """
        row = await self._context.store.run(shelves.upload_of, identity, owner)
        if row is None or row.dataset != dataset:
            raise ServiceError(
                404, "upload.missing", f"There is no upload {identity}.", hint="Begin a new one: POST .../uploads."
            )
        if self.expires(row) < now():
            await self.remove(row)
            raise ServiceError(410, "upload.expired", "The upload has expired.", hint="Begin a new one.")
        return row

    def expires(self, row: UploadRow) -> float:
        """When it will be removed, unless somebody goes on with it."""
        return row.used_at + self._context.settings.result_days * 86_400

    async def write(
        self, row: UploadRow, offset: int, announced: int | None, chunks: AsyncIterator[bytes], checksum: str | None
    ) -> UploadRow:
        """Go on with an upload; what came before a cut stays, except under a checksum.

        Raises:
            ServiceError: 409 for another offset, 423 while somebody else writes, 413 beyond the length, 460 for a
                checksum that does not match, 408, 507.
        """
        digest = read_checksum(checksum)
        with self._held(row) as writer, self._arrivals.coming(row.dataset, "uploads"):
            row = await self.find(row.owner, row.dataset, row.id)
            dataset = await self._context.store.run(shelves.dataset_of, row.dataset, row.owner)
            if row.state == "open" and (dataset is None or dataset.state != "receiving"):
                raise busy("The data set has changed in the meantime.", hint="Delete this upload.")
            if offset != row.received:
                raise ServiceError(
                    409,
                    "upload.offset",
                    f"{row.received:,} bytes are there, not {offset:,}.",
                    hint="Ask with HEAD, and go on from there.",
                    headers={"Upload-Offset": str(row.received)},
                )
            if announced is not None and offset + announced > row.length:
                raise self._beyond(row)
            if row.state == "open":
                received = await self._write(row, writer.until_asked(chunks), digest)
                if received == row.length:
                    await self._arrivals.accept_upload(row)
            return await self.find(row.owner, row.dataset, row.id)

    async def stop_writer(self, row: UploadRow) -> None:
        """Ask whoever writes to save and stop: the line of a client that asks anew is dead.

        Raises:
            ServiceError: 423 when it does not stop.
        """
        writer = self._writers.get(row.id)
        if writer is None:
            return
        writer.asked.set()
        try:
            await asyncio.wait_for(writer.gone.wait(), _LET_GO_S)
        except TimeoutError as error:
            raise _locked() from error

    async def remove(self, row: UploadRow) -> None:
        """Stop and forget an upload; of a finished one the data set stays."""
        await self.stop_writer(row)
        await self._context.store.run(shelves.remove_upload, row.id)
        await asyncio.to_thread(self._context.places.upload(row.id).unlink, missing_ok=True)
        await self._arrivals.settle(row.dataset)

    @contextlib.contextmanager
    def _held(self, row: UploadRow) -> Iterator[_Writer]:
        if row.id in self._writers:
            raise _locked()
        writer = self._writers[row.id] = _Writer()
        try:
            yield writer
        finally:
            del self._writers[row.id]
            writer.gone.set()

    async def _write(self, row: UploadRow, chunks: AsyncIterator[bytes], digest: _Digest | None) -> int:
        """How many bytes are there then."""
        try:
            file = self._context.places.upload(row.id).open("ab", buffering=0)
        except OSError as error:
            raise disk_refused(error) from error
        received, told = row.received, row.received
        waiting = bytearray()
        with file:
            await asyncio.to_thread(os.ftruncate, file.fileno(), row.received)
            try:
                async for chunk in chunks:
                    if received + len(waiting) + len(chunk) > row.length:
                        raise self._beyond(row)
                    waiting += chunk
                    if len(waiting) >= _LUMP:
                        received, waiting = await _flushed(file, waiting, digest, received), bytearray()
                    if digest is None and received - told >= _FLUSH:
                        self._context.refuse_full_disk()
                        told = await self._keep(row, file, received)
                received, waiting = await _flushed(file, waiting, digest, received), bytearray()
                if digest is not None and not digest.is_right:
                    raise ServiceError(
                        460, "upload.checksum", "The checksum does not match.", hint="Send these bytes again."
                    )
                digest = None
            finally:
                # What came before a cut is kept; what a checksum stands for only as a whole.
                if digest is None:
                    await asyncio.shield(self._save(row, file, received, waiting))
                else:
                    os.ftruncate(file.fileno(), row.received)
        return received

    async def _save(self, row: UploadRow, file: BinaryIO, received: int, waiting: bytearray) -> None:
        received = await _flushed(file, waiting, None, received)
        await self._keep(row, file, received)

    async def _keep(self, row: UploadRow, file: BinaryIO, received: int) -> int:
        """Tell what is there, once the disk has it."""
        try:
            await asyncio.to_thread(os.fsync, file.fileno())
        except OSError as error:
            raise disk_refused(error) from error
        await self._context.store.run(shelves.change_upload, row.id, {"received": received})
        return received

    def _beyond(self, row: UploadRow) -> ServiceError:
        return too_large(row.length, "The upload")

    async def _sweep(self) -> None:
        while True:
            before = now() - self._context.settings.result_days * 86_400
            for row in await self._context.store.run(shelves.stale_uploads, before):
                if row.id not in self._writers:
                    await self.remove(row)
                    structlog.get_logger("nfold.datasets").info("upload expired", upload=row.id)
            await asyncio.sleep(_SWEEP_S)


class _Writer:
    """A request that writes."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.gone = asyncio.Event()

    async def until_asked(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The body, until somebody asks to stop."""
        asked = asyncio.ensure_future(self.asked.wait())
        try:
            while True:
                coming = asyncio.ensure_future(anext(chunks, None))
                try:
                    await asyncio.wait({asked, coming}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    if not coming.done():
                        coming.cancel()
                        await asyncio.gather(coming, return_exceptions=True)
                if coming.cancelled() or self.asked.is_set():
                    raise ServiceError(
                        409,
                        "upload.taken_over",
                        "Another request has taken this upload over.",
                        headers={"Connection": "close"},
                    )
                chunk = coming.result()
                if chunk is None:
                    return
                yield chunk
        finally:
            asked.cancel()


class _Digest:
    def __init__(self, algorithm: str, wanted: bytes) -> None:
        self._digest, self._wanted = hashlib.new(algorithm), wanted

    def update(self, lump: bytes | bytearray) -> None:
        self._digest.update(lump)

    @property
    def is_right(self) -> bool:
        return self._digest.digest() == self._wanted


def read_checksum(header: str | None) -> _Digest | None:
    """What `Upload-Checksum` asks for.

    Raises:
        ServiceError: 400 when it cannot be read, or the algorithm is not known.
    """
    if header is None:
        return None
    algorithm, _, text = header.strip().partition(" ")
    try:
        wanted = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        wanted = b""
    if algorithm not in ALGORITHMS or not wanted:
        raise ServiceError(
            400, "upload.checksum_header", "Upload-Checksum cannot be read.", hint="As in 'sha1 BASE64'."
        )
    return _Digest(algorithm, wanted)


def http_time(at: float) -> str:
    """A time as it stands in headers."""
    return format_datetime(datetime.fromtimestamp(int(at), UTC), usegmt=True)


async def _flushed(file: BinaryIO, lump: bytearray, digest: _Digest | None, received: int) -> int:
    def work() -> None:
        if digest is not None:
            digest.update(lump)
        rest = memoryview(lump)
        while rest:
            rest = rest[file.write(rest) :]

    try:
        await asyncio.to_thread(work)
    except OSError as error:
        raise disk_refused(error) from error
    return received + len(lump)


def _locked() -> ServiceError:
    return ServiceError(
        423,
        "upload.locked",
        "Another request is writing this upload.",
        hint="Ask with HEAD, which takes it over, and go on from there.",
        headers={"Retry-After": "1"},
    )
