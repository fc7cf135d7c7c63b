"""New label tables for an output that is laid out anew: `annotations.csv` of boxes, `labels.csv` of classes.

The table of boxes has the columns that DeepForest reads (`image_path,xmin,ymin,xmax,ymax,label`, pixels), and its way
to list a picture that holds nothing: one row with a box of zeros.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from nfold.annotations import DatasetInfo, OutputImage
from nfold.formats.base import Images, Placement, Write, split_of
from nfold.formats.box_grid import box_around, on_grid, text
from nfold.formats.tables.conventions import TableStyle
from nfold.formats.tables.record import split_record, value_of, with_value
from nfold.formats.tables.shape import is_reserved

_DECIMALS = 2


def place_in_images(source: str, split: str | None) -> str:
    """`images/<split>/` and what is left of the path of the source."""
    folders = source.split("/")
    while len(folders) > 1 and ((split and split_of(folders[0]) == split) or folders[0].lower() == "images"):
        folders.pop(0)
    return "/".join(["images", *([split] if split else []), *folders])


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTables:
    """Writes tables of its own.

    Attributes:
        splits: Of the output.
        has_boxes: There is a table of boxes.
        has_classes: There is a table of classes of whole pictures.
        class_names: Of objects, by number.
        decimals: Places behind the point in boxes.
        styles: Of the tables that were read, when the source was in this format: what else their rows say stays.
    """

    splits: tuple[str | None, ...]
    has_boxes: bool
    has_classes: bool
    class_names: tuple[str, ...]
    decimals: int = _DECIMALS
    styles: tuple[TableStyle, ...] = ()

    @classmethod
    def of(cls, info: DatasetInfo, splits: tuple[str | None, ...]) -> NewTables:
        """For what a data set holds."""
        is_ours = info.conventions.get("format") == "csv"
        is_in_pixels = is_ours and info.conventions["coordinates"] == "pixels"
        has_boxes = bool(set(info.kinds) - {"class"})
        return cls(
            splits=splits,
            has_boxes=has_boxes,
            has_classes="class" in info.kinds or not has_boxes,
            class_names=tuple(category.name for category in info.categories),
            decimals=info.conventions["decimals"] if is_in_pixels else _DECIMALS,
            styles=tuple(TableStyle.from_json(document.raw) for document in info.documents) if is_ours else (),
        )

    def place(self, source: str, *, split: str | None, category: str | None) -> Placement:
        """Below `images`, and the folder of the split."""
        del category
        return Placement(image=place_in_images(source, split))

    def encode(self, image: OutputImage) -> bytes:
        """There is no label file about a picture."""
        raise AssertionError(f"no label file belongs to {image.name}")

    def assembled(self) -> tuple[str, ...]:
        """A table of each kind for each split."""
        return tuple(self._tables())

    def assemble(self, name: str, images: Images, write: Write, scratch: sqlite3.Connection) -> None:
        """One pass to find the further columns, one to write."""
        del scratch
        split, is_of_boxes = self._tables()[name]
        rows_of = self._box_rows if is_of_boxes else self._class_rows
        names: set[str] = set()
        for image in images():
            if image.split == split:
                names.update(name for _, others in rows_of(image) for name in others)
        further = sorted(names)
        columns = ["image_path", "xmin", "ymin", "xmax", "ymax"] if is_of_boxes else ["filename"]
        if self.class_names or not is_of_boxes:
            columns.append("label")
        write(_line([*columns, *(_column(name) for name in further)]))
        for image in images():
            if image.split != split:
                continue
            for values, others in rows_of(image):
                write(_line([*values[: len(columns)], *(others.get(name, "") for name in further)]))

    def _tables(self) -> dict[str, tuple[str | None, bool]]:
        tables = {}
        for split in self.splits:
            ending = f"_{split}.csv" if split else ".csv"
            if self.has_boxes:
                tables[f"annotations{ending}"] = (split, True)
            if self.has_classes:
                tables[f"labels{ending}"] = (split, False)
        return tables

    def _box_rows(self, image: OutputImage) -> list[tuple[list[str], Mapping[str, str]]]:
        rows: list[tuple[list[str], Mapping[str, str]]] = []
        for annotation in image.annotations:
            box = None if annotation.crowd else box_around(annotation)
            if box is None:
                continue
            numbers = [
                text(steps, self.decimals).removesuffix(".0") for steps in on_grid(box, image.size_wh, self.decimals)
            ]
            label = "" if annotation.category is None else self.class_names[annotation.category]
            others = {name: _as_text(value) for name, value in annotation.attributes.items()}
            rows.append(([image.name, *numbers, label], others))
        return rows or [([image.name, "0", "0", "0", "0", *self.class_names[:1]], {})]

    def _class_rows(self, image: OutputImage) -> list[tuple[list[str], Mapping[str, str]]]:
        if image.category is None:
            return []
        return [([image.name, image.category], self._said_of_picture(image))]

    def _said_of_picture(self, image: OutputImage) -> Mapping[str, str]:
        """Further columns of the table of classes that the picture was read from."""
        said: dict[str, str] = {}
        for number, style in enumerate(self.styles):
            for _, row in (image.labels.raw.get(number) or {}).get("rows", ()):
                if style.shape.box is None:
                    fields = split_record(row, style.shape.delimiter)
                    said.update({style.shape.names[column]: value_of(fields[column]) for column in style.shape.others})
        return said


def _line(values: Iterable[str]) -> str:
    return ",".join(with_value("", _plain(value), ",") for value in values) + "\n"


def _column(name: str) -> str:
    return f"attribute_{name}" if is_reserved(name) else name


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _plain(value: str) -> str:
    """Without what a line of a table cannot hold; file names that are no UTF-8 stay as they are."""
    return value.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")
