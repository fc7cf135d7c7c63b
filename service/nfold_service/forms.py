"""Forms with files, part by part as they come: nothing is kept but the piece that is being read."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from nfold_service.context import Context
from nfold_service.problems import ServiceError
from nfold_service.receiving import chunks_of

_MOST_PARTS = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PartBegins:
    """A part of the form; its bytes follow.

    Attributes:
        field: Its field.
        name: What the client calls the file, never used as a name on disk as it is; None for a field that is no file.
    """

    field: str
    name: str | None


Piece = PartBegins | bytes


async def pieces_of(request: Request, context: Context) -> AsyncGenerator[Piece, None]:
    """The parts of a form: `PartBegins`, then its bytes in pieces, then the next.

    Raises:
        ServiceError: 400 when the form is damaged, 408, 413 for too many parts, 415 when it is no form.
    """
    kind, options = parse_options_header(request.headers.get("Content-Type", ""))
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary or len(boundary) > 256:
        raise ServiceError(
            415,
            "upload.form",
            "This is no form with files.",
            hint="Send multipart/form-data, as curl does: -F file=@cats.zip",
            headers={"Accept": "multipart/form-data"},
        )
    reader = _Reader()
    try:
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": reader.begin,
                "on_header_field": reader.header_name,
                "on_header_value": reader.header_value,
                "on_header_end": reader.header_ends,
                "on_headers_finished": reader.headers_end,
                "on_part_data": reader.data,
                "on_end": reader.end,
            },
        )
        async for chunk in chunks_of(request, context):
            parser.write(chunk)
            pieces, reader.pieces = reader.pieces, []
            for piece in pieces:
                yield piece
    except FormParserError as error:
        raise _damaged("it cannot be read") from error
    if not reader.is_whole:
        raise _damaged("it ends too early")


class _Reader:
    def __init__(self) -> None:
        self.pieces: list[Piece] = []
        self.is_whole = False
        self._parts = 0
        self._name, self._value = b"", b""
        self._disposition = b""

    def begin(self) -> None:
        self._parts += 1
        if self._parts > _MOST_PARTS:
            raise ServiceError(413, "request.too_large", f"A form has at most {_MOST_PARTS:,} files.")
        self._disposition = b""

    def header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def header_ends(self) -> None:
        if self._name.lower() == b"content-disposition":
            self._disposition = self._value
        self._name, self._value = b"", b""

    def headers_end(self) -> None:
        _, options = parse_options_header(self._disposition)
        field, name = options.get(b"name"), options.get(b"filename")
        if field is None and name is None:
            raise _damaged("a part has no name")
        self.pieces.append(PartBegins(field=_text(field or b""), name=None if name is None else _text(name)))

    def data(self, data: bytes, start: int, end: int) -> None:
        self.pieces.append(data[start:end])

    def end(self) -> None:
        self.is_whole = True


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")


def _damaged(why: str) -> ServiceError:
    return ServiceError(400, "upload.form", f"The form is damaged: {why}.", hint="Send it again.")
