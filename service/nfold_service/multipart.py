"""multipart/form-data as it comes: files go to disk under names of our own, fields stay small, nothing is held whole."""

from __future__ import annotations

import asyncio
import email.message
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from fastapi import Request
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser

from nfold_service.context import Context
from nfold_service.problems import ServiceError
from nfold_service.receiving import chunks_of, disk_refused, refuse_announced, too_large

_LUMP = 256 * 1024
_MOST_HEADER_BYTES = 8 * 1024
_MOST_FIELDS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePart:
    """A file of a form.

    Attributes:
        field: Its field.
        name: What the client calls it; never used as a name on disk.
        path: Where its bytes are.
        bytes: How many.
    """

    field: str
    name: str
    path: Path
    bytes: int


@dataclass(slots=True, kw_only=True)
class Form:
    """What a form held."""

    fields: dict[str, str] = field(default_factory=dict)
    files: list[FilePart] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class FormLimits:
    """How much a form may hold."""

    bytes: int
    files: int
    file_bytes: int
    field_bytes: int


async def read_form(request: Request, context: Context, folder: Path, limits: FormLimits) -> Form:
    """Take in a form; its files lie in `folder` as 0, 1, 2, ...

    Raises:
        ServiceError: It is none, is cut off or too large, holds too many parts, or the disk is full.
    """
    refuse_announced(request, limits.bytes, "The form")
    reader = _FormReader(folder=folder, limits=limits)
    parser = _parser(request, reader)
    received = 0
    try:
        async for chunk in chunks_of(request, context):
            received += len(chunk)
            if received > limits.bytes:
                raise too_large(limits.bytes, "The form")
            try:
                parser.write(chunk)
            except MultipartParseError as error:
                raise _broken(str(error)) from error
            if reader.waiting >= _LUMP:
                await _flush(reader)
        await _flush(reader)
        if not reader.is_whole:
            raise _broken("it ends in the middle")
    finally:
        reader.close()
    return reader.form


def _parser(request: Request, reader: _FormReader) -> MultipartParser:
    message = email.message.Message()
    message["Content-Type"] = request.headers.get("Content-Type", "")
    boundary = message.get_param("boundary")
    if message.get_content_type() != "multipart/form-data" or not isinstance(boundary, str):
        raise ServiceError(
            415,
            "request.no_form",
            "The body is no multipart/form-data.",
            hint="With curl: -F image=@cat.jpg",
            headers={"Accept": "multipart/form-data"},
        )
    try:
        return MultipartParser(
            boundary.encode("latin-1"),
            callbacks={
                "on_part_begin": reader.begin_part,
                "on_header_field": reader.header_name,
                "on_header_value": reader.header_value,
                "on_header_end": reader.end_header,
                "on_headers_finished": reader.begin_data,
                "on_part_data": reader.data,
                "on_part_end": reader.end_part,
                "on_end": reader.end,
            },
        )
    except (MultipartParseError, UnicodeEncodeError) as error:
        raise _broken("its boundary cannot be used") from error


async def _flush(reader: _FormReader) -> None:
    try:
        await asyncio.to_thread(reader.flush)
    except OSError as error:
        raise disk_refused(error) from error


def _broken(why: str) -> ServiceError:
    return ServiceError(400, "request.broken_form", f"The form cannot be read: {why}.")


@dataclass(slots=True, kw_only=True)
class _FormReader:
    """Hears what the parser finds."""

    folder: Path
    limits: FormLimits
    form: Form = field(default_factory=Form)
    is_whole: bool = False
    waiting: int = 0
    _header: tuple[bytearray, bytearray] = field(default_factory=lambda: (bytearray(), bytearray()))
    _headers: dict[str, str] = field(default_factory=dict)
    _header_bytes: int = 0
    _field: str = ""
    _file_name: str | None = None
    _text: bytearray = field(default_factory=bytearray)
    _file: BinaryIO | None = None
    _size: int = 0
    _lumps: list[tuple[BinaryIO, bytes]] = field(default_factory=list)
    _done: list[BinaryIO] = field(default_factory=list)

    def begin_part(self) -> None:
        self._headers, self._header_bytes, self._text, self._size = {}, 0, bytearray(), 0

    def header_name(self, data: bytes, start: int, end: int) -> None:
        self._more_header(self._header[0], data[start:end])

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self._more_header(self._header[1], data[start:end])

    def end_header(self) -> None:
        name, value = self._header
        self._headers[name.decode("latin-1").lower()] = value.decode("utf-8", "replace")
        self._header = (bytearray(), bytearray())

    def begin_data(self) -> None:
        message = email.message.Message()
        message["Content-Disposition"] = (
            self._headers.get("content-disposition", "").replace("\r", " ").replace("\n", " ")
        )
        name = message.get_param("name", header="content-disposition")
        if not isinstance(name, str):
            raise _broken("a part has no name")
        file_name = message.get_filename()
        self._field, self._file_name = name, file_name
        if file_name is None:
            if len(self.form.fields) >= _MOST_FIELDS:
                raise _broken(f"it has more than {_MOST_FIELDS} fields")
            return
        if len(self.form.files) >= self.limits.files:
            raise ServiceError(
                413,
                "request.too_many_files",
                f"{self.limits.files} files are the most.",
                hint="Make a data set of them.",
            )
        try:
            self._file = (self.folder / str(len(self.form.files))).open("wb")
        except OSError as error:
            raise disk_refused(error) from error

    def data(self, data: bytes, start: int, end: int) -> None:
        piece = bytes(data[start:end])
        self._size += len(piece)
        if self._file is None:
            self._text += piece
            if len(self._text) > self.limits.field_bytes:
                raise too_large(self.limits.field_bytes, f"The field '{self._field[:40]}'")
            return
        if self._size > self.limits.file_bytes:
            raise too_large(self.limits.file_bytes, "A file")
        self._lumps.append((self._file, piece))
        self.waiting += len(piece)

    def end_part(self) -> None:
        if self._file is None:
            try:
                self.form.fields[self._field] = self._text.decode("utf-8")
            except UnicodeDecodeError as error:
                raise _broken(f"the field '{self._field[:40]}' is no UTF-8") from error
            return
        path = self.folder / str(len(self.form.files))
        self.form.files.append(FilePart(field=self._field, name=self._file_name or "", path=path, bytes=self._size))
        self._done.append(self._file)
        self._file = None

    def end(self) -> None:
        self.is_whole = True

    def flush(self) -> None:
        """Write what has come."""
        lumps, done = self._lumps, self._done
        self._lumps, self._done, self.waiting = [], [], 0
        for file, piece in lumps:
            file.write(piece)
        for file in done:
            file.close()

    def close(self) -> None:
        """Let go of files."""
        for file in [*self._done, *([self._file] if self._file is not None else [])]:
            file.close()
        self._done, self._file = [], None

    def _more_header(self, into: bytearray, piece: bytes) -> None:
        self._header_bytes += len(piece)
        if self._header_bytes > _MOST_HEADER_BYTES:
            raise _broken("the head of a part is too long")
        into += piece
