"""Read Create ML's lists: entry by entry, put away until duplicates are known, then picture by picture."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nfold.annotations import Annotation, Category, DatasetInfo, Document, ImageLabels, LabelKind, kinds_of
from nfold.errors import InputError
from nfold.formats.base import Label, ReadContext, Source, split_above, split_of
from nfold.formats.box_grid import box_fault
from nfold.formats.damage import damage, refuse_damaged_labels
from nfold.formats.json_records import PLACES, as_record, name_in, numbers_in, parse_record
from nfold.formats.json_stream import JsonStream, Piece
from nfold.formats.picture_rows import (
    NamedPicture,
    PictureError,
    PictureRows,
    Row,
    count_not_listed,
    find_picture,
    missing_source,
    split_named,
    unusable_source,
)
from nfold.formats.share_boxes import LOOKS_LIKE_SHARES, is_share
from nfold.storage import normal_id

MOST_FILES = 1_000
MOST_CLASSES = 1 << 16
COORDINATES = ("x", "y", "width", "height")
_IMAGE_KEYS = ("image", "imagefilename", "imageFilename", "imageFileName", "image_filename")
_LIST_KEYS = ("annotations", "annotation")
_LOOKED_AT = 1 << 22
_HINT = "Mend the entry, or take it out of the list."


class ListStream(JsonStream):
    """One pass over a file that holds a JSON list."""

    def __init__(self, path: Path, name: str, *, most_bytes: int | None = None) -> None:
        if most_bytes is None:
            super().__init__(path, name, ())
        else:
            super().__init__(path, name, (), most_bytes=most_bytes)

    def _object(self) -> Iterator[Piece]:
        yield from self._items("entry")
        if self._peek():
            raise self._broken("there is text after the end of the list")


def is_named_create_ml(path: str) -> bool:
    """Whether the name of a file says that it is of this format."""
    return posixpath.basename(path).lower().endswith("createml.json")


def first_picture(root: Path, path: str) -> str | None:
    """What the first entry of a list calls its picture; None when the file is no such list.

    Raises:
        InputError: It is broken before the end of the first entry.
    """
    if not (root / path).is_file():
        return None
    pieces = ListStream(root / path, path, most_bytes=_LOOKED_AT).pieces()
    first = next((piece.value for piece in pieces if piece.index == 0), None)
    if not isinstance(first, dict) or not isinstance(first.get(key_of(first, _LIST_KEYS) or ""), list):
        return None
    return name_in(first.get(key_of(first, _IMAGE_KEYS) or ""))


def key_of(record: dict[str, Any], spellings: tuple[str, ...]) -> str | None:
    """Which of some spellings of a key a record has."""
    return next((key for key in spellings if key in record), None)


def image_key(record: dict[str, Any]) -> str | None:
    """Under which key an entry names its picture."""
    return key_of(record, _IMAGE_KEYS)


def list_key(record: dict[str, Any]) -> str | None:
    """Under which key an entry has its annotations."""
    return key_of(record, _LIST_KEYS)


def read_create_ml(context: ReadContext, take: Callable[[Source], None]) -> DatasetInfo:
    """Hand over every picture that an entry names.

    Raises:
        InputError: A file cannot be read.
    """
    return _Reading(context=context).carry_out(take)


@dataclass(slots=True, kw_only=True)
class _Reading:
    context: ReadContext
    paths: list[str] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    kinds: Counter[LabelKind] = field(default_factory=Counter)

    def carry_out(self, take: Callable[[Source], None]) -> DatasetInfo:
        with PictureRows(self.context) as rows:
            return self._read(rows, take)

    def _read(self, rows: PictureRows, take: Callable[[Source], None]) -> DatasetInfo:
        for path in self.context.files.label_files(".json"):
            if self._is_list(path):
                self._read_entries(path, rows)
        if not self.paths:
            refuse_damaged_labels(self.context.root, self.context.scan)
            raise InputError(
                f"There is no list of pictures as Create ML has them in {self.context.root}.",
                hint='It is a JSON file such as [{"image": "a.jpg", "annotations": []}].',
                code="labels.missing",
            )
        categories = sorted(self.names)
        numbers = {name: number for number, name in enumerate(categories)}
        for picture, group in rows.groups():
            source = self._source(picture, group, numbers)
            if source is not None:
                take(source)
        not_listed, example = count_not_listed(self.context)
        return DatasetInfo(
            categories=tuple(Category(name=name) for name in categories),
            documents=tuple(Document(path=path, split=_split_of_file(path)) for path in self.paths),
            kinds=dict(self.kinds),
            conventions={"format": "create-ml"},
            passed_over=not_listed,
            examples=example,
        )

    def _is_list(self, path: str) -> bool:
        if is_named_create_ml(path):
            return True
        try:
            return first_picture(self.context.root, path) is not None
        except InputError:
            # One that is damaged is read, to tell the place; JSON about something else is nobody's business.
            return damage(self.context.root, path, self.context.scan, opening="[") is not None

    def _read_entries(self, path: str, rows: PictureRows) -> None:
        number = len(self.paths)
        self.paths.append(path)
        if number == MOST_FILES:
            raise InputError(f"There are more than {MOST_FILES:,} lists.", hint="Join them.", code="labels.too_large")
        above = posixpath.dirname(path)
        folders = (above, "", posixpath.join(above, "images"), "images")
        for piece in ListStream(self.context.root / path, path).pieces():
            if piece.index is None:
                continue
            place = f"{path}, entry {piece.index + 1}"
            record = as_record(piece.value, place)
            written = name_in(record.get(image_key(record) or ""))
            if written is None:
                raise InputError(
                    f"{place}: it names no picture.", hint='Each entry has a key "image".', code="labels.bad_value"
                )
            self._collect_names(record, place)
            rows.add(
                find_picture(self.context, written, folders, document=path),
                Row(document=number, place=piece.index, text=piece.text),
            )

    def _collect_names(self, record: dict[str, Any], place: str) -> None:
        entries = record.get(list_key(record) or "")
        for entry in entries if isinstance(entries, list) else ():
            name = name_in(entry.get("label")) if isinstance(entry, dict) else None
            if name is not None:
                self.names.add(name)
        if len(self.names) > MOST_CLASSES:
            raise InputError(
                f"{place}: more than {MOST_CLASSES:,} different classes.",
                hint="Check the labels.",
                code="labels.too_many_classes",
            )

    def _source(self, picture: NamedPicture, rows: list[Row], categories: dict[str, int]) -> Source | None:
        row, file = rows[0], picture.file
        path = self.paths[row.document]
        place = f"{path}, entry {row.place + 1}"
        split = _split_of_file(path)
        if split is None and self.context.has_splits:
            split = split_of(file.path.partition("/")[0])
        label = Label(split=split, category=None)
        if picture.candidates != 1:
            return missing_source(self.context, picture, label, place)
        self.context.files.take(file.path)
        try:
            if len(rows) > 1:
                other = f"{self.paths[rows[1].document]}, entry {rows[1].place + 1}"
                raise PictureError("labels.duplicate", f"{place} and {other} are both about {file.path}.")
            annotations = _annotations(
                parse_record(row.text, place), row.document, f"{place} ({file.path})", categories
            )
        except PictureError as error:
            return unusable_source(picture, label, error, _HINT)
        for annotation in annotations:
            self.kinds.update(kinds_of(annotation))
        labels = ImageLabels(annotations=annotations, raw={row.document: {"text": row.text}})
        return Source(id=normal_id(file.path), file=file, label=label, labels=labels)


def _annotations(
    record: dict[str, Any], document: int, place: str, categories: dict[str, int]
) -> tuple[Annotation, ...]:
    strange = [key for key in record if key.lower() in PLACES]
    entries = record.get(list_key(record) or "")
    if strange or not isinstance(entries, list):
        what = f"'{strange[0]}' marks places in a way that is not read" if strange else 'there is no list "annotations"'
        raise PictureError("labels.bad_value", f"{place}: {what}.")
    return tuple(
        _annotation(entry, index, document, f"{place}, annotation {index + 1}", categories)
        for index, entry in enumerate(entries)
    )


def _annotation(entry: Any, index: int, document: int, place: str, categories: dict[str, int]) -> Annotation:
    if not isinstance(entry, dict) or not isinstance(entry.get("coordinates"), dict):
        raise PictureError("labels.bad_box", f'{place}: there are no "coordinates".')
    name = name_in(entry.get("label"))
    if name is None:
        raise PictureError("labels.unknown_class", f'{place}: there is no "label".')
    strange = [key for key in entry if key != "coordinates" and key.lower() in PLACES]
    if strange:
        raise PictureError("labels.bad_value", f"{place}: '{strange[0]}' marks places in a way that is not read.")
    numbers = numbers_in([entry["coordinates"].get(key) for key in COORDINATES])
    if numbers is None:
        raise PictureError("labels.bad_box", f"{place}: x, y, width and height are not four numbers.")
    x, y, width, height = numbers
    box = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    fault = LOOKS_LIKE_SHARES if is_share(box) else box_fault(box, None)
    if fault is not None:
        raise PictureError("labels.bad_box", f"{place}: the box {fault}.")
    said = {key: value for key, value in entry.items() if key not in ("label", "coordinates") and value is not None}
    return Annotation(category=categories[name], box=box, document=document, order=index, attributes=said)


def _split_of_file(path: str) -> str | None:
    return split_named(path) or split_above(path)
