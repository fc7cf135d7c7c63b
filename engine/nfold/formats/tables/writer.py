"""Write label tables: rows of originals as they stood, rows of copies in the same style; or new tables."""

from __future__ import annotations

import posixpath
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from nfold.annotations import Annotation, Box, OutputImage
from nfold.formats.base import Images, Placement, Write
from nfold.formats.box_grid import on_grid, text
from nfold.formats.picture_rows import renamed
from nfold.formats.tables.conventions import TableStyle
from nfold.formats.tables.picture import corners_in
from nfold.formats.tables.record import split_record, value_of, with_value
from nfold.formats.tables.shape import number_in


@dataclass(frozen=True, slots=True, kw_only=True)
class TablesAsTheyWere:
    """Writes the tables of the source with the copies added to them.

    A copy that lost all its boxes gets a row without a box where the data set has such rows; else no row names it,
    since the table has no way to say so.

    Attributes:
        names: Of the tables, below the output folder.
        styles: How each is written.
    """

    names: tuple[str, ...]
    styles: tuple[TableStyle, ...]

    def place(self, source: str, *, split: str | None, category: str | None) -> Placement:
        """Where it was."""
        del split, category
        return Placement(image=source)

    def encode(self, image: OutputImage) -> bytes:
        """The table about one picture, where the data set has one for each."""
        style = TableStyle.from_json(image.labels.raw[0]["style"])
        rows = (row + style.newline for _, row in sorted(_rows_of(image, 0, style), key=_place))
        return (style.top + "".join(rows)).encode("utf-8")

    def assembled(self) -> tuple[str, ...]:
        """All tables of the source."""
        return self.names

    def assemble(self, name: str, images: Images, write: Write, scratch: sqlite3.Connection) -> None:
        """Rows of originals in their own order, which need not be by picture, then those of the copies."""
        document = self.names.index(name)
        style = self.styles[document]
        scratch.executescript(
            "drop table if exists table_rows; "
            "create table table_rows (phase integer, place integer, number integer, row text not null, "
            "primary key (phase, place, number)) without rowid"
        )
        scratch.execute("begin")
        scratch.executemany("insert into table_rows values (?, ?, ?, ?)", _numbered(images, document, style))
        scratch.execute("commit")
        write(style.top)
        for (row,) in scratch.execute("select row from table_rows order by phase, place, number"):
            write(row + style.newline)


def _numbered(images: Images, document: int, style: TableStyle) -> Iterator[tuple[int, int, int, str]]:
    number = 0
    for image in images():
        for place, row in sorted(_rows_of(image, document, style), key=_place):
            number += 1
            yield (1, 0, number, row) if image.copy else (0, place, number, row)


def _place(row: tuple[int, str]) -> int:
    return row[0]


def _rows_of(image: OutputImage, document: int, style: TableStyle) -> list[tuple[int, str]]:
    """The rows about a picture, each with its place in the source's table."""
    said = [(place, row) for place, row in (image.labels.raw.get(document) or {}).get("rows", ())]
    before = [annotation for annotation in image.labels.annotations if annotation.document == document]
    if image.is_untouched:
        rows = said + [(annotation.order, annotation.raw) for annotation in before]
        return [(place, row.replace("\n", style.newline)) for place, row in rows]
    edit = _Edit(image=image, style=style)
    now = [annotation for annotation in image.annotations if annotation.document == document]
    rows = [(annotation.order, edit.with_box(annotation)) for annotation in now]
    if style.shape.box is None or not before:
        rows += [(place, edit.of_picture(row)) for place, row in said]
    elif not now and style.conventions.empty_box is not None:
        rows = [(before[0].order, edit.without_box(before[0].raw))]
    return rows


@dataclass(frozen=True, slots=True, kw_only=True)
class _Edit:
    """Makes a row about a source into one about another picture; what it does not know stays as it is."""

    image: OutputImage
    style: TableStyle

    def of_picture(self, row: str) -> str:
        return self._joined(self._about_picture(row))

    def with_box(self, annotation: Annotation) -> str:
        shape, conventions = self.style.shape, self.style.conventions
        fields = self._about_picture(annotation.raw)
        width, height = self.image.size_wh
        box: Box = annotation.box or (0, 0, width, height)
        size: tuple[float, float] = (width, height)
        if conventions.is_relative:
            box, size = (box[0] / width, box[1] / height, box[2] / width, box[3] / height), (1, 1)
        left, top, right, bottom = on_grid(box, size, conventions.decimals)
        numbers = (left, top, right, bottom)
        if shape.box_form == "upper_left":
            numbers = (left, top, right - left, bottom - top)
        assert shape.box is not None
        before = corners_in(shape, tuple(value_of(fields[column]) for column in shape.box))
        for column, number in zip(shape.box, numbers, strict=True):
            self._set(fields, column, text(number, conventions.decimals))
        if shape.area is not None and before is not None:
            scale = 100.0**conventions.decimals
            now = (right - left) * (bottom - top) / scale
            self._scale_area(fields, shape.area, now / ((before[2] - before[0]) * (before[3] - before[1])))
        return self._joined(fields)

    def without_box(self, row: str) -> str:
        shape, is_blank = self.style.shape, self.style.conventions.empty_box == "blank"
        fields = self._about_picture(row)
        for column in (*(shape.box or ()), *(() if shape.area is None else (shape.area,))):
            self._set(fields, column, "" if is_blank else "0")
        if is_blank and shape.label is not None:
            self._set(fields, shape.label, "")
        return self._joined(fields)

    def _about_picture(self, row: str) -> list[str]:
        shape = self.style.shape
        fields = split_record(row, shape.delimiter)
        written = value_of(fields[shape.file])
        for column in (shape.file, *shape.also_file):
            value = value_of(fields[column])
            if _bare(value) == _bare(written):
                self._set(fields, column, renamed(value, self.image.source, self.image.name))
        for side, number in zip((shape.width, shape.height), self.image.size_wh, strict=True):
            if side is not None and value_of(fields[side]):
                self._set(fields, side, str(number))
        return fields

    def _scale_area(self, fields: list[str], column: int, factor: float) -> None:
        before = value_of(fields[column])
        number = number_in(before)
        if number is not None:
            self._set(fields, column, str(round(number * factor)) if before.isdigit() else f"{number * factor:.6g}")

    def _set(self, fields: list[str], column: int, value: str) -> None:
        fields[column] = with_value(fields[column], value, self.style.shape.delimiter)

    def _joined(self, fields: list[str]) -> str:
        return self.style.shape.delimiter.join(fields).replace("\n", self.style.newline)


def _bare(written: str) -> str:
    """The name without folders and without an ending, by which two columns name one picture."""
    return posixpath.splitext(written.replace("\\", "/").rpartition("/")[2])[0]
