"""Tables: CSV files that give the class of each picture, or the boxes in it.

One table for the whole set, one for each split (`train.csv`, `annotations_val.csv`, a column `split`, a folder), or one
for each picture, called like it. Which columns are read says `shape`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar

from nfold.annotations import DatasetInfo, LabelKind
from nfold.errors import InputError
from nfold.formats.base import LabelWriter, ReadContext, Scan, Source
from nfold.formats.picture_rows import in_folder
from nfold.formats.tables.canonical import NewTables
from nfold.formats.tables.conventions import TableStyle
from nfold.formats.tables.reading import read_tables
from nfold.formats.tables.recognition import LabelTable, label_table, looks_like_picture
from nfold.formats.tables.writer import TablesAsTheyWere

_MOST_FOLDERS = 50
_SHOWN = 3
_LONGEST_SHOWN = 80


class CsvTables:
    """CSV files, as spreadsheets, Kaggle, DeepForest, RetinaNet and the TF Object Detection API have them."""

    name: ClassVar[str] = "csv"
    has_annotations: ClassVar[bool] = True
    holds: ClassVar[frozenset[LabelKind]] = frozenset({"class", "boxes", "attributes"})

    def recognise(self, root: Path, scan: Scan) -> str | None:
        """Some CSV file has a column that names pictures which are there, and columns with their class or boxes."""
        tables = [table for table in _label_tables(root, scan) if table.has_rows]
        return _reason(tables) if tables else None

    def refuse_remains(self, root: Path, scan: Scan) -> None:
        """Tables of nothing but a header."""
        for table in _label_tables(root, scan):
            raise InputError(
                f"{table.path} names no picture: there is a header ({_shown(table.shape.header)}), but no row.",
                hint="Put the rows back, or move the table out of the folder. With --format folder it is left aside.",
                code="labels.none",
            )

    def read(self, context: ReadContext, take: Callable[[Source], None]) -> DatasetInfo:
        """Every picture that a table names, in the order of the tables."""
        return read_tables(context, take)

    def writer(self, info: DatasetInfo, *, keeps_layout: bool, splits: tuple[str | None, ...]) -> LabelWriter:
        """The same tables with the copies in them, or new ones."""
        if not keeps_layout:
            return NewTables.of(info, splits)
        return TablesAsTheyWere(
            names=tuple(document.path for document in info.documents),
            styles=tuple(TableStyle.from_json(document.raw) for document in info.documents),
        )


def _reason(tables: list[LabelTable]) -> str:
    boxes = sum(table.shape.box is not None for table in tables)
    what = "boxes" if boxes == len(tables) else "classes and boxes" if boxes else "classes"
    shown = ", ".join(table.path for table in tables[:_SHOWN])
    more = f" and {len(tables) - _SHOWN} more" if len(tables) > _SHOWN else ""
    return f"tables of {what}: {shown}{more}"


def _label_tables(root: Path, scan: Scan) -> Iterator[LabelTable]:
    folders = sorted(scan.image_folders)[:_MOST_FOLDERS]

    def is_picture(table: str, written: str) -> bool:
        places = (table.rpartition("/")[0], "", *folders)
        endings = ("",) if looks_like_picture(written) else (".jpg", ".png", ".jpeg", ".JPG", ".tif", ".webp", ".bmp")
        paths = (in_folder(place, written + ending) for place in places for ending in endings)
        name = written.replace("\\", "/").rpartition("/")[2]
        bare = (in_folder(folder, name) for folder in folders if looks_like_picture(name))
        return bool(written) and any(
            path is not None and os.path.isfile(root / path)  # noqa: PTH113 - False for names too long
            for candidates in (paths, bare)
            for path in candidates
        )

    for path in sorted(scan.label_files.get(".csv", ())):
        table = label_table(root, path, is_picture)
        if table is not None:
            yield table


def _shown(header: str | None) -> str:
    text = header or ""
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."
