"""Which CSV files of a folder are label tables: those whose first rows name pictures and say something of them."""

from __future__ import annotations

import codecs
import posixpath
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from nfold.errors import InputError
from nfold.formats.base import split_above
from nfold.formats.picture_rows import split_named
from nfold.formats.tables.record import OpenQuoteError, StrayTextError, split_record, value_of
from nfold.formats.tables.shape import DELIMITERS, TableShape, UnreadableTableError, shape_of
from nfold.formats.text_lines import open_label_file
from nfold.images import EXTENSIONS

_LOOKED_AT = 1 << 16
_ROWS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelTable:
    r"""A label table before its rows are read.

    Attributes:
        path: Below the source folder.
        shape: What its columns are.
        has_rows: There is more than a header.
        has_mark: It begins with a byte order mark.
        newline: `\n` or `\r\n`.
    """

    path: str
    shape: TableShape
    has_rows: bool
    has_mark: bool
    newline: str

    @property
    def split(self) -> str | None:
        """What its name says, or the folder that it is in."""
        return split_named(self.path) or split_above(self.path)


def label_table(root: Path, path: str, is_picture: Callable[[str, str], bool]) -> LabelTable | None:
    """The table in a file; None when it is not about pictures.

    Args:
        root: The source folder.
        path: Of the file, below it.
        is_picture: Whether the table of that path means a picture by what it writes.

    Raises:
        InputError: It marks pictures in a way that is not read, is in UTF-16, or is no readable file.
    """
    data = _beginning(root, path)
    # A slip of the encoding further down is told, with its line, when the rows are read.
    is_wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    text = (
        data.decode("utf-16", "replace") if is_wide else data.removeprefix(codecs.BOM_UTF8).decode("utf-8", "replace")
    )
    records = text.replace("\r", "\n").split("\n")
    if len(data) == _LOOKED_AT:
        records.pop()
    records = [record for record in records[: _ROWS + 1] if record.strip()]
    try:
        shape = shape_of(records, is_label_optional=posixpath.basename(path).lower() == "metadata.csv")
    except UnreadableTableError as error:
        if not any(is_picture(path, value) for record in records[1:] for value in _values(record)):
            return None
        raise InputError(
            f"{path} is a table about pictures, but {error}.",
            hint="Read are corners (xmin,ymin,xmax,ymax) and bbox_x,bbox_y,bbox_width,bbox_height. Rename the columns "
            "if they mean that, take out those that are not needed, or move the table out of the folder.",
            code="labels.unsupported",
        ) from error
    if shape is None:
        return None
    rows = records[1:] if shape.header is not None else records
    if rows and not any(is_picture(path, _file_in(record, shape)) for record in rows):
        return None
    if rows and is_wide:
        raise InputError(
            f"{path} is a table about pictures in UTF-16, which is not read.",
            hint="Save it as UTF-8: in Excel, as 'CSV UTF-8' instead of 'Unicode text'. Or move it out of the folder.",
            code="labels.encoding",
        )
    return LabelTable(
        path=path,
        shape=shape,
        has_rows=bool(rows),
        has_mark=data.startswith(codecs.BOM_UTF8),
        newline="\r\n" if data.partition(b"\n")[0].endswith(b"\r") else "\n",
    )


def looks_like_picture(value: str) -> bool:
    """Whether a name ends like that of a picture."""
    return value.lower().endswith(tuple(EXTENSIONS))


def _beginning(root: Path, path: str) -> bytes:
    with open_label_file(root, path) as file:
        return file.read(_LOOKED_AT)


def _file_in(record: str, shape: TableShape) -> str:
    try:
        fields = split_record(record, shape.delimiter)
    except (OpenQuoteError, StrayTextError):
        return ""
    return value_of(fields[shape.file]) if shape.file < len(fields) else ""


def _values(record: str) -> list[str]:
    values = []
    for delimiter in DELIMITERS:
        try:
            values += [value_of(field) for field in split_record(record, delimiter)]
        except (OpenQuoteError, StrayTextError):
            continue
    return values
