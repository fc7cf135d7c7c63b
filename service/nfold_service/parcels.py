"""What came of a small expansion on its way out: one zip, or its files as the parts of one answer."""

from __future__ import annotations

import asyncio
import mimetypes
import re
import secrets
import shutil
import zipfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

_LUMP = 1 << 20
_PLAIN = re.compile(r"[ !#-\[\]-~]*")


class ParcelResponse(StreamingResponse):
    """Sends what a small expansion has made, and removes its files when the client has it, or is gone."""

    def __init__(self, home: Path, told: Mapping[str, Any], *, in_parts: bool) -> None:
        """Answer from `home/result.zip`.

        Args:
            home: Folder of the expansion.
            told: What the worker said of it.
            in_parts: As multipart/mixed, each file of the zip a part, instead of the zip itself.
        """
        headers = {"Nfold-Images": str(told["images_after"]), "Nfold-Skipped": str(len(told["skipped"]))}
        path = home / "result.zip"
        if in_parts:
            boundary = f"nfold-{secrets.token_hex(16)}"
            content, media_type = _parts(path, boundary), f"multipart/mixed; boundary={boundary}"
        else:
            content, media_type = _lumps(path), "application/zip"
            headers["Content-Length"] = str(told["bytes"])
            headers["Content-Disposition"] = 'attachment; filename="nfold.zip"'
            headers["ETag"] = f'"{told["sha256"]}"'
        super().__init__(content, media_type=media_type, headers=headers)
        self._home = home

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            # Not in the stream itself: that is cancelled when the client hangs up, which most do as soon as they have all.
            await asyncio.shield(asyncio.to_thread(shutil.rmtree, self._home, ignore_errors=True))


async def _lumps(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while lump := await asyncio.to_thread(file.read, _LUMP):
            yield lump


async def _parts(path: Path, boundary: str) -> AsyncIterator[bytes]:
    """RFC 2046, with the names as in RFC 2183; those that are not plain ASCII as in RFC 2231."""
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            yield _head_of_part(entry, boundary)
            with archive.open(entry) as file:
                while lump := await asyncio.to_thread(file.read, _LUMP):
                    yield lump
            yield b"\r\n"
    yield f"--{boundary}--\r\n".encode()


def _head_of_part(entry: zipfile.ZipInfo, boundary: str) -> bytes:
    media_type = mimetypes.guess_type(entry.filename)[0] or "application/octet-stream"
    name = f'filename="{entry.filename}"'
    if not _PLAIN.fullmatch(entry.filename):
        name = f"filename*=UTF-8''{quote(entry.filename, safe='')}"
    lines = [
        f"--{boundary}",
        f"Content-Type: {media_type}",
        f"Content-Disposition: attachment; {name}",
        f"Content-Length: {entry.file_size}",
        "",
        "",
    ]
    return "\r\n".join(lines).encode("ascii")
