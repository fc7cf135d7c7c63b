"""Read tables of classes and boxes: first all rows, to decide what holds for the whole, then picture by picture."""

from __future__ import annotations

import json
import posixpath
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from nfold.annotations import Category, DatasetInfo, Document, LabelKind
from nfold.errors import InputError
from nfold.formats.base import Label, ReadContext, Source
from nfold.formats.picture_rows import (
    NamedPicture,
    PictureRows,
    Row,
    count_not_listed,
    find_picture,
    missing_source,
)
from nfold.formats.tables.conventions import CsvConventions, TableStyle, Tally
from nfold.formats.tables.picture import PictureOfTables, ReadTable, background_style, corners_in
from nfold.formats.tables.recognition import LabelTable, label_table, looks_like_picture
from nfold.formats.tables.record import read_records, value_of
from nfold.formats.text_lines import read_lines

MOST_TABLES = 1_000
MOST_CLASSES = 1 << 16
_MOST_COMPANIONS = 100
_NO_TABLE = "table that says nothing of pictures"
_NO_ROWS = "table without a row"


def read_tables(context: ReadContext, take: Callable[[Source], None]) -> DatasetInfo:
    """Hand over every picture that a label table names, in the order in which they are first named.

    Raises:
        InputError: A table cannot be read, or tables contradict each other.
    """
    return _Reading(context=context).carry_out(take)


@dataclass(slots=True, kw_only=True)
class _Reading:
    context: ReadContext
    tally: Tally = field(default_factory=Tally)
    labels: set[str] = field(default_factory=set)
    per_picture: bool = True
    kinds: Counter[LabelKind] = field(default_factory=Counter)
    repairs: Counter[str] = field(default_factory=Counter)
    passed_over: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    companions: list[str] = field(default_factory=list)

    def carry_out(self, take: Callable[[Source], None]) -> DatasetInfo:
        tables = _Tables(self.context)
        with PictureRows(self.context) as rows:
            return self._read(rows, tables, take)

    def _read(self, rows: PictureRows, tables: _Tables, take: Callable[[Source], None]) -> DatasetInfo:
        context = self.context
        for table in self._label_tables():
            self._read_rows(table, tables.add(table), rows)
        if not tables.count:
            raise InputError(
                f"There is no CSV file in {context.root} that names pictures and their classes or boxes.",
                hint="Give it a header such as filename,label or filename,xmin,ymin,xmax,ymax,label.",
                code="labels.missing",
            )
        self._refuse_too_many(tables.count)
        decided = self.tally.decide(context.recorded if context.recorded.get("format") == "csv" else {})
        conventions = CsvConventions(
            is_relative=decided.is_relative,
            decimals=decided.decimals,
            empty_box=decided.empty_box,
            per_picture=self.per_picture,
        )
        for number, path in tables.empty():
            if self.per_picture:
                self._add_picture_of_empty_table(number, path, rows)
            else:
                self.passed_over[_NO_ROWS] += 1
                self.examples.setdefault(_NO_ROWS, path)
        categories = sorted(self.labels, key=_number_or_name)
        self._hand_over(rows, tables, conventions, {name: number for number, name in enumerate(categories)}, take)
        return self._info(tables, conventions, categories)

    def _label_tables(self) -> Iterator[LabelTable]:
        for path in self.context.files.label_files(".csv"):
            table = label_table(self.context.root, path, self._is_picture)
            if table is not None:
                yield table
            elif "class" in posixpath.basename(path).lower() and len(self.companions) < _MOST_COMPANIONS:
                # The list of classes that a trainer asks for beside a table of boxes.
                self.companions.append(path)
            else:
                self.passed_over[_NO_TABLE] += 1
                self.examples.setdefault(_NO_TABLE, path)

    def _is_picture(self, table: str, written: str) -> bool:
        if looks_like_picture(written):
            return True
        return bool(written) and _find(self.context, table, written).candidates > 0

    def _read_rows(self, table: LabelTable, number: int, rows: PictureRows) -> None:
        find = lru_cache(maxsize=256)(lambda written: _find(self.context, table.path, written))
        shape, path = table.shape, table.path
        self.tally.has_headless |= shape.header is None
        is_header = shape.header is not None
        pictures: set[str] = set()
        for line, text, fields in read_records(read_lines(self.context.root, path), shape.delimiter, path):
            if is_header:
                is_header = False
                continue
            written = value_of(fields[shape.file]) if shape.file < len(fields) else ""
            if not written:
                raise InputError(
                    f"{path}, line {line}: the row names no picture.",
                    hint="Write the name of the picture, or take the row out.",
                    code="labels.bad_value",
                )
            picture = find(written)
            if len(pictures) < 2:
                pictures.add(picture.file.path)
            rows.add(picture, Row(document=number, place=line, text=text))
            if len(fields) == shape.columns:
                self._count(table, fields, f"{path}, line {line}")
        self.per_picture = self.per_picture and self._is_about_one(table, pictures)

    def _count(self, table: LabelTable, fields: list[str], place: str) -> None:
        shape = table.shape
        if shape.box is None:
            return
        texts = tuple(value_of(fields[number]) for number in shape.box)
        style = background_style(shape, texts)
        if style is not None:
            self.tally.blanks += style == "blank"
            self.tally.zeros += style == "zeros"
            return
        corners = corners_in(shape, texts)
        if corners is not None:
            self.tally.count(corners, texts, place)
        if shape.label is not None and (label := value_of(fields[shape.label])):
            self.labels.add(label)
            if len(self.labels) > MOST_CLASSES:
                raise InputError(
                    f"{place}: more than {MOST_CLASSES:,} different classes.",
                    hint="Check which column holds the class.",
                    code="labels.too_many_classes",
                )

    def _is_about_one(self, table: LabelTable, pictures: set[str]) -> bool:
        stem = posixpath.splitext(table.path)[0]
        if not pictures:
            return len(self.context.files.images_with_stem(stem)) == 1
        name = posixpath.splitext(posixpath.basename(next(iter(pictures))))[0]
        return len(pictures) == 1 and name == posixpath.basename(stem)

    def _refuse_too_many(self, count: int) -> None:
        if not self.per_picture and count > MOST_TABLES:
            raise InputError(
                f"There are {count:,} label tables, more than the {MOST_TABLES:,} that are read when they are not one for "
                "each picture, called like it.",
                hint="Join them.",
                code="labels.too_large",
            )

    def _add_picture_of_empty_table(self, number: int, path: str, rows: PictureRows) -> None:
        picture = self.context.files.images_with_stem(posixpath.splitext(path)[0])[0]
        rows.add(NamedPicture(file=picture, candidates=1), Row(document=number, place=0, text=""))

    def _hand_over(
        self,
        rows: PictureRows,
        tables: _Tables,
        conventions: CsvConventions,
        categories: dict[str, int],
        take: Callable[[Source], None],
    ) -> None:
        for named, group in rows.groups():
            picture = PictureOfTables(
                named=named,
                rows=group,
                tables={row.document: tables.get(row.document) for row in group},
                conventions=conventions,
                categories=categories,
                has_splits=self.context.has_splits,
            )
            if named.candidates != 1:
                label = Label(split=picture.split_of_tables(), category=None)
                missing = missing_source(self.context, named, label, picture.place(group[0]))
                if missing is not None:
                    take(missing)
                continue
            self.context.files.take(named.file.path)
            take(picture.source(self.kinds, self.repairs))

    def _info(self, tables: _Tables, conventions: CsvConventions, categories: list[str]) -> DatasetInfo:
        documents = []
        if not conventions.per_picture:
            for number in range(tables.count):
                table = tables.get(number)
                style = TableStyle(
                    shape=table.shape, has_mark=table.has_mark, newline=table.newline, conventions=conventions
                )
                documents.append(Document(path=table.path, split=table.split, raw=style.to_json()))
        not_listed, example = count_not_listed(self.context)
        return DatasetInfo(
            categories=tuple(Category(name=name) for name in categories),
            documents=tuple(documents),
            companions=tuple(self.companions),
            kinds=dict(self.kinds),
            conventions=conventions.to_json(),
            passed_over={**self.passed_over, **not_listed},
            examples={**self.examples, **example},
            repairs=dict(self.repairs),
        )


class _Tables:
    """Label tables by number, on disk: there may be one for each picture."""

    def __init__(self, context: ReadContext) -> None:
        self._scratch = context.scratch
        self._scratch.executescript(
            "drop table if exists label_tables; create table label_tables "
            "(number integer primary key, path blob not null, has_rows integer not null, style text not null)"
        )
        self.count = 0
        self.get: Callable[[int], ReadTable] = lru_cache(maxsize=64)(self._get)

    def add(self, table: LabelTable) -> int:
        style = {"shape": table.shape.to_json(), "has_mark": table.has_mark, "newline": table.newline}
        values = (self.count, table.path.encode("utf-8", "surrogateescape"), table.has_rows, json.dumps(style))
        self._scratch.execute("insert into label_tables values (?, ?, ?, ?)", values)
        self.count += 1
        return self.count - 1

    def empty(self) -> Iterator[tuple[int, str]]:
        """Number and path of tables without a row."""
        for number, path in self._scratch.execute(
            "select number, path from label_tables where not has_rows"
        ).fetchall():
            yield number, path.decode("utf-8", "surrogateescape")

    def _get(self, number: int) -> ReadTable:
        path, style = self._scratch.execute(
            "select path, style from label_tables where number = ?", (number,)
        ).fetchone()
        return ReadTable.from_json(path.decode("utf-8", "surrogateescape"), json.loads(style))


def _find(context: ReadContext, table: str, written: str) -> NamedPicture:
    above = posixpath.dirname(table)
    split = posixpath.splitext(posixpath.basename(table))[0].split("_")[0].split("-")[0]
    folders = (above, "", posixpath.join(above, "images"), "images", posixpath.join(above, split))
    by_stem: tuple[str, ...] = ()
    if not looks_like_picture(written):
        by_stem = (*folders, *sorted(context.scan.image_folders))
    return find_picture(context, written, folders, document=table, by_stem=by_stem)


def _number_or_name(name: str) -> tuple[int, int, str]:
    """Classes that are numbers in the order of numbers, before all others."""
    return (0, int(name), name) if name.isascii() and name.isdigit() and len(name) < 19 else (1, 0, name)
