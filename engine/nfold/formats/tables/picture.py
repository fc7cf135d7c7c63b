"""All that label tables say of one picture, brought into the neutral form."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nfold.annotations import Annotation, Box, ImageLabels, LabelKind, kinds_of
from nfold.errors import InputError
from nfold.formats.base import Label, Source, split_of
from nfold.formats.box_grid import STICKS_OUT, box_fault, sticks_out
from nfold.formats.picture_rows import NamedPicture, PictureError, Row, unusable_source
from nfold.formats.tables.conventions import CsvConventions, EmptyBox, TableStyle
from nfold.formats.tables.recognition import LabelTable
from nfold.formats.tables.record import split_record, value_of
from nfold.formats.tables.shape import TableShape, number_in
from nfold.formats.wording import counted
from nfold.storage import normal_id

_HINT = "Mend the row, or take the picture out of the table."


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadTable(LabelTable):
    """A label table whose rows have been read."""

    @classmethod
    def from_json(cls, path: str, document: Mapping[str, Any]) -> ReadTable:
        """From what was put away about it."""
        return cls(
            path=path,
            shape=TableShape.from_json(document["shape"]),
            has_rows=True,
            has_mark=document["has_mark"],
            newline=document["newline"],
        )


def corners_in(shape: TableShape, texts: tuple[str, ...]) -> Box | None:
    """The corners of the box that four fields give; None when one of them is no number."""
    first, second, third, fourth = (number_in(text) for text in texts)
    if first is None or second is None or third is None or fourth is None:
        return None
    if shape.box_form == "upper_left":
        return first, second, first + third, second + fourth
    return first, second, third, fourth


def background_style(shape: TableShape, texts: tuple[str, ...]) -> EmptyBox | None:
    """In which way four fields say that the picture holds nothing; None when they hold a box."""
    if not any(texts):
        return "blank"
    return "zeros" if shape.box is not None and all(number_in(text) == 0 for text in texts) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureOfTables:
    """The rows about one picture.

    Attributes:
        named: The picture.
        rows: In the order of the tables.
        tables: Those that the rows are from, by number.
        conventions: Of the data set.
        categories: Numbers of the classes of objects.
        has_splits: The folders of the pictures tell the splits.
    """

    named: NamedPicture
    rows: list[Row]
    tables: Mapping[int, ReadTable]
    conventions: CsvConventions
    categories: Mapping[str, int]
    has_splits: bool

    def place(self, row: Row) -> str:
        """Where a row stands, in words."""
        path = self.tables[row.document].path
        return f"{path}, line {row.place}" if row.place else path

    def split_of_tables(self) -> str | None:
        """The split that the names of the tables say, or the folder of the picture."""
        split = next((table.split for table in self.tables.values() if table.split is not None), None)
        if split is None and self.has_splits:
            split = split_of(self.named.file.path.partition("/")[0])
        return split

    def source(self, kinds: Counter[LabelKind], repairs: Counter[str]) -> Source:
        """The picture with its labels, or with what is wrong about them.

        Args:
            kinds: Is told what there is.
            repairs: Is told what will be mended.

        Raises:
            InputError: Tables contradict each other.
        """
        file = self.named.file
        label, gathered = Label(split=self.split_of_tables(), category=None), _Gathered()
        try:
            self._refuse_two_tables()
            for row in self.rows:
                self._read(row, gathered)
            gathered.check_against_itself(file.path)
            label = Label(split=gathered.split or label.split, category=gathered.category)
        except PictureError as error:
            return unusable_source(self.named, label, error, _HINT)
        for annotation in gathered.annotations:
            kinds.update(kinds_of(annotation))
        if gathered.category is not None:
            kinds["class"] += 1
        if gathered.sticking_out:
            repairs[STICKS_OUT] += gathered.sticking_out
        return Source(id=normal_id(file.path), file=file, label=label, labels=self._labels(gathered))

    def _labels(self, gathered: _Gathered) -> ImageLabels:
        raw: dict[int, Any] = {number: {"rows": rows} for number, rows in gathered.rows.items()}
        label_file = None
        if self.conventions.per_picture:
            (number,) = self.tables
            table = self.tables[number]
            style = TableStyle(
                shape=table.shape, has_mark=table.has_mark, newline=table.newline, conventions=self.conventions
            )
            raw, label_file = {0: {"rows": gathered.rows.get(number, []), "style": style.to_json()}}, table.path
        return ImageLabels(
            annotations=tuple(gathered.annotations),
            frame_wh=gathered.size_wh,
            is_relative=self.conventions.is_relative and bool(gathered.annotations),
            label_file=label_file,
            raw=raw,
        )

    def _refuse_two_tables(self) -> None:
        """A picture stands in one table of boxes and one of classes: two would give every object twice."""
        for of_boxes in (True, False):
            tables = [table for table in self.tables.values() if (table.shape.box is not None) is of_boxes]
            if len(tables) < 2:
                continue
            first, second = tables[:2]
            message = f"{first.path} and {second.path} both list {self.named.file.path}"
            if first.split is not None and second.split is not None and first.split != second.split:
                raise PictureError("labels.duplicate", f"{message}: it is in {first.split} and in {second.split}.")
            raise InputError(
                f"{message}: its labels would be taken twice.",
                hint="Keep one of the tables, and move the other out of the folder.",
                code="labels.duplicate",
            )

    def _read(self, row: Row, gathered: _Gathered) -> None:
        if not row.place:
            return
        table, place = self.tables[row.document], self.place(row)
        fields = split_record(row.text, table.shape.delimiter)
        if len(fields) != table.shape.columns:
            raise PictureError(
                "labels.bad_value",
                f"{place}: {counted(len(fields), 'field')} where the table has {counted(table.shape.columns, 'column')}.",
            )
        line = _Line(values=[value_of(field) for field in fields], shape=table.shape, place=place)
        gathered.take_split(line)
        gathered.take_size(line)
        document = 0 if self.conventions.per_picture else row.document
        if table.shape.box is None:
            gathered.take_class(line)
        elif not gathered.take_box(line, row, document, self.conventions, self.categories):
            return
        gathered.rows.setdefault(row.document, []).append([row.place, row.text])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    values: list[str]
    shape: TableShape
    place: str

    def at(self, column: int | None) -> str:
        return "" if column is None else self.values[column]


class _Gathered:
    """What the rows about one picture say, as they are read."""

    def __init__(self) -> None:
        self.annotations: list[Annotation] = []
        self.rows: dict[int, list[list[Any]]] = {}
        self.size_wh: tuple[int, int] | None = None
        self.split: str | None = None
        self.category: str | None = None
        self.sticking_out = 0
        self._empty_at = ""

    def take_split(self, line: _Line) -> None:
        text = line.at(line.shape.split)
        if not text:
            return
        split = split_of(text)
        if split is None:
            raise PictureError("labels.bad_value", f"{line.place}: {text} is no split: train, val or test.")
        if self.split not in (None, split):
            raise PictureError(
                "labels.duplicate", f"{line.place}: the picture is in {split}, in another row in {self.split}."
            )
        self.split = split

    def take_size(self, line: _Line) -> None:
        texts = (line.at(line.shape.width), line.at(line.shape.height))
        if not any(texts):
            return
        width, height = (number_in(text) for text in texts)
        if (
            not width
            or not height
            or not (width.is_integer() and height.is_integer() and 0 < min(width, height) <= max(width, height) < 1e9)
        ):
            raise PictureError(
                "labels.bad_value", f"{line.place}: {' x '.join(texts)} is no width and height of a picture."
            )
        if self.size_wh not in (None, (int(width), int(height))):
            raise PictureError("labels.size_mismatch", f"{line.place}: the picture has another size in another row.")
        self.size_wh = int(width), int(height)

    def take_class(self, line: _Line) -> None:
        if line.shape.label is None:
            return
        category = line.at(line.shape.label)
        if not category:
            raise PictureError("labels.missing", f"{line.place}: the row gives no class.")
        if self.category not in (None, category):
            raise PictureError(
                "labels.duplicate", f"{line.place}: the class is {category}, in another row {self.category}."
            )
        self.category = category

    def take_box(
        self, line: _Line, row: Row, document: int, conventions: CsvConventions, categories: Mapping[str, int]
    ) -> bool:
        """Whether the row holds no box: it says that there is none."""
        assert line.shape.box is not None
        texts = tuple(line.values[number] for number in line.shape.box)
        if background_style(line.shape, texts) is not None:
            self._empty_at = line.place
            return True
        box = corners_in(line.shape, texts)
        if box is None:
            raise PictureError("labels.bad_box", f"{line.place}: {', '.join(texts)} are not four numbers.")
        size = (1, 1) if conventions.is_relative else self.size_wh
        fault = box_fault(box, size)
        if fault is not None:
            raise PictureError("labels.bad_box", f"{line.place}: the box {', '.join(texts)} {fault}.")
        label = line.at(line.shape.label)
        if line.shape.label is not None and not label:
            raise PictureError("labels.unknown_class", f"{line.place}: the box has no class.")
        self.sticking_out += sticks_out(box, size)
        self.annotations.append(
            Annotation(
                category=categories.get(label),
                box=box,
                document=document,
                order=row.place,
                attributes={
                    line.shape.names[number]: line.values[number] for number in line.shape.others if line.values[number]
                },
                raw=row.text,
            )
        )
        return False

    def check_against_itself(self, picture: str) -> None:
        if self._empty_at and self.annotations:
            raise PictureError(
                "labels.bad_value",
                f"{self._empty_at}: the row says that {picture} holds nothing, but other rows mark boxes.",
            )
