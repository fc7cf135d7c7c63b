"""A file on its way to disk: bytes come in pieces from anywhere, are counted, hashed, and safe on the disk at the end."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from fastapi import Request

from nfold_service.context import Context
from nfold_service.problems import ServiceError
from nfold_service.receiving import Received, disk_refused, too_large

_LUMP = 1 << 18
_LOOK_AT_DISK = 16 << 20


class Landing:
    """Writes a new file; whoever leaves the `with` block before `finish` leaves no file behind."""

    def __init__(
        self,
        context: Context,
        path: Path,
        *,
        most: int,
        what: str,
        check_start: Callable[[bytes], None] | None = None,
        start_bytes: int = 0,
    ) -> None:
        """Open the file.

        Args:
            context: Of the service.
            path: Must not exist yet.
            most: Bytes that are taken.
            what: For the message when there are more, as in "The archive".
            check_start: Is shown the first bytes, and raises when they will not do.
            start_bytes: How many it is shown; fewer when there are no more.
        """
        self._context, self._path, self._most, self._what = context, path, most, what
        self._check_start, self._start_bytes = check_start, start_bytes
        self._digest = hashlib.sha256()
        self._waiting = bytearray()
        self._size = self._written = 0
        self._is_finished = False
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._file = path.open("xb", buffering=0)
        except OSError as error:
            raise disk_refused(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        if not self._is_finished:
            self._path.unlink(missing_ok=True)

    async def write(self, chunk: bytes) -> None:
        """Take the next bytes.

        Raises:
            ServiceError: 413, 507, or what `check_start` says.
        """
        self._size += len(chunk)
        if self._size > self._most:
            raise too_large(self._most, self._what)
        self._waiting += chunk
        if self._check_start is not None and len(self._waiting) >= self._start_bytes:
            self._check()
        if len(self._waiting) >= _LUMP and self._check_start is None:
            await self._flush()

    async def finish(self) -> Received:
        """All is there: write it out, and wait until the disk has it.

        Raises:
            ServiceError: 507, or what `check_start` says.
        """
        self._check()
        await self._flush()
        try:
            await asyncio.to_thread(os.fsync, self._file.fileno())
        except OSError as error:
            raise disk_refused(error) from error
        self._is_finished = True
        return Received(bytes=self._size, sha256=self._digest.hexdigest())

    def _check(self) -> None:
        if self._check_start is not None:
            self._check_start(bytes(self._waiting[: self._start_bytes]))
            self._check_start = None

    async def _flush(self) -> None:
        before, self._written = self._written, self._size
        if before // _LOOK_AT_DISK != self._written // _LOOK_AT_DISK:
            self._context.refuse_full_disk()
        lump, self._waiting = self._waiting, bytearray()

        def work() -> None:
            self._digest.update(lump)
            rest = memoryview(lump)
            while rest:
                rest = rest[self._file.write(rest) :]

        try:
            await asyncio.to_thread(work)
        except OSError as error:
            raise disk_refused(error) from error


def refuse_announced_disk(request: Request, context: Context) -> None:
    """Refuse by Content-Length what would not fit on the disk, before a byte of the body.

    Raises:
        ServiceError: 507.
    """
    announced = request.headers.get("Content-Length", "")
    if announced.isdecimal():
        context.refuse_full_disk(int(announced))


def wanted_sha256(request: Request) -> str | None:
    """The SHA-256 that `Content-Digest` or `Repr-Digest` (RFC 9530) gives, in hexadecimal; other algorithms are not looked at.

    Raises:
        ServiceError: 400 when it cannot be read.
    """
    for header in ("Content-Digest", "Repr-Digest"):
        for part in request.headers.get(header, "").split(","):
            name, _, value = part.strip().partition("=")
            if name.lower() != "sha-256":
                continue
            try:
                digest = base64.b64decode(value.strip().strip(":"), validate=True)
            except (binascii.Error, ValueError) as error:
                raise _bad_digest(header) from error
            if len(digest) != 32:
                raise _bad_digest(header)
            return digest.hex()
    return None


def refuse_wrong_digest(wanted: str | None, received: Received) -> None:
    """Compare what came with what was announced.

    Raises:
        ServiceError: 422.
    """
    if wanted is not None and wanted != received.sha256:
        raise ServiceError(
            422,
            "upload.digest",
            f"What came has the SHA-256 {received.sha256}, and {wanted} was announced.",
            hint="Bytes were changed on the way. Send it again.",
        )


def sync_folder(folder: Path) -> None:
    """What was renamed in a folder stays so when the power fails."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _bad_digest(header: str) -> ServiceError:
    return ServiceError(
        400, "upload.digest_header", f"{header} cannot be read.", hint="As in 'sha-256=:BASE64 OF 32 BYTES:'."
    )
