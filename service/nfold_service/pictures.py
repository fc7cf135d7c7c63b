"""A few pictures with their options, as a form or as one raw body: to disk under names of our own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import unicodedata
from pathlib import Path
from typing import Any, Final

from fastapi import Request

from nfold.images import EXTENSIONS
from nfold_service.context import Context
from nfold_service.forms import PartBegins, pieces_of
from nfold_service.problems import ServiceError
from nfold_service.receiving import disk_refused, receive, refuse_announced, too_large

OPTIONS: Final = ("copies", "recipe", "seed", "damaged", "name")
"""Fields that are no files."""

_FILES = ("image", "images", "file", "files")
_RAW = re.compile(r"image/(jpeg|png|webp|bmp|tiff)")
_LUMP = 1 << 18


def pictures_as(form: dict[str, Any]) -> dict[str, Any]:
    """How a route documents that it takes pictures in this form, or one as its body: for `openapi_extra`."""
    raw = {"schema": {"type": "string", "format": "binary"}}
    content = {"multipart/form-data": {"schema": form}, "image/jpeg": raw, "image/png": raw}
    return {"requestBody": {"required": True, "content": content}}


async def take_pictures(request: Request, context: Context, folder: Path) -> dict[str, str]:
    """Put the pictures of a request into `folder`; its other fields.

    Raises:
        ServiceError: 400, 413, 415 and 422 for a body that is not as it should be, 408, 507.
    """
    settings = context.settings
    kind = _RAW.match(request.headers.get("Content-Type", ""))
    if kind is not None:
        ending = {"jpeg": ".jpg", "tiff": ".tif"}.get(kind[1], f".{kind[1]}")
        await receive(request, context, folder / f"image{ending}", most=settings.max_image_bytes, what="The image")
        return {}
    refuse_announced(request, settings.max_small_bytes, "The form")
    intake = _Intake(context, folder)
    with contextlib.closing(intake):
        async with contextlib.aclosing(pieces_of(request, context)) as pieces:
            async for piece in pieces:
                if isinstance(piece, PartBegins):
                    await intake.next_part(piece)
                else:
                    await intake.write(piece)
        await intake.next_part(None)
    if not intake.names:
        raise ServiceError(
            422, "request.no_image", "There is no image in the form.", hint="With curl: -F image=@cat.jpg"
        )
    return intake.fields


class _Intake:
    """The part that is being read, and what came before."""

    def __init__(self, context: Context, folder: Path) -> None:
        self._settings, self._folder = context.settings, folder
        self._part: PartBegins | None = None
        self._path = folder
        self._waiting = bytearray()
        self._descriptor: int | None = None
        self._size = self._total = 0
        self.names: set[str] = set()
        self.fields: dict[str, str] = {}

    async def next_part(self, part: PartBegins | None) -> None:
        """End the part before, and begin this one."""
        await self._end_part()
        self._part, self._size = part, 0
        if part is None:
            return
        if part.field not in (OPTIONS if part.name is None else _FILES):
            raise ServiceError(
                422,
                "request.unknown_field",
                f"There is no field {part.field[:40]!a}{'' if part.name is None else ' for a file'}.",
                hint=f"Fields are image, {', '.join(OPTIONS)}.",
            )
        if part.name is None:
            if part.field in self.fields:
                raise ServiceError(422, "request.unknown_field", f"The field {part.field} comes twice.")
            return
        if len(self.names) >= self._settings.max_small_images:
            raise ServiceError(
                413,
                "request.too_many_files",
                f"{self._settings.max_small_images} files are the most.",
                hint="Make a data set of them.",
            )
        self._open(self._folder / own_name(part.name, self.names))

    async def write(self, chunk: bytes) -> None:
        """Take the next bytes of this part."""
        self._size += len(chunk)
        self._total += len(chunk)
        if self._total > self._settings.max_small_bytes:
            raise too_large(self._settings.max_small_bytes, "The form")
        most = self._settings.max_recipe_bytes if self._descriptor is None else self._settings.max_image_bytes
        if self._size > most:
            raise too_large(most, "A field" if self._descriptor is None else "A file")
        self._waiting += chunk
        if self._descriptor is not None and len(self._waiting) >= _LUMP:
            await self._flush()

    def close(self) -> None:
        """Let go of the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _open(self, path: Path) -> None:
        try:
            self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise disk_refused(error) from error

    async def _end_part(self) -> None:
        if self._part is None:
            return
        if self._descriptor is not None:
            await self._flush()
            self.close()
            return
        try:
            self.fields[self._part.field] = self._waiting.decode("utf-8")
        except UnicodeDecodeError as error:
            raise ServiceError(422, "request.encoding", f"The field {self._part.field} is no UTF-8.") from error
        self._waiting.clear()

    async def _flush(self) -> None:
        lump, self._waiting = self._waiting, bytearray()
        descriptor = self._descriptor
        assert descriptor is not None

        def work() -> None:
            rest = memoryview(lump)
            while rest:
                rest = rest[os.write(descriptor, rest) :]

        try:
            await asyncio.to_thread(work)
        except OSError as error:
            raise disk_refused(error) from error


def own_name(name: str, taken: set[str]) -> str:
    """A safe name on disk that a person knows again; different for each file of a request."""
    base = unicodedata.normalize("NFC", re.split(r"[/\\]", name)[-1])
    stem, ending = os.path.splitext(base)
    stem = re.sub(r"[^\w .()+-]", "_", stem).strip(" .")[:40] or "image"
    ending = ending.lower() if ending.lower() in EXTENSIONS else ".jpg"
    candidate, number = stem, 1
    while candidate.casefold() in taken:
        number += 1
        candidate = f"{stem}-{number}"
    taken.add(candidate.casefold())
    return candidate + ending
