"""Read `metadata.jsonl`: first all lines, to decide what holds for the whole, then picture by picture."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from nfold.annotations import Annotation, Category, DatasetInfo, Document, ImageLabels, LabelKind, kinds_of
from nfold.errors import InputError
from nfold.formats.base import Label, ReadContext, Source, split_above
from nfold.formats.box_grid import STICKS_OUT, box_fault, sticks_out
from nfold.formats.json_records import PLACES, class_in, name_in, numbers_in, parse_record, size_in
from nfold.formats.picture_rows import (
    NamedPicture,
    PictureError,
    PictureRows,
    Row,
    count_not_listed,
    find_picture,
    missing_source,
    unusable_source,
)
from nfold.formats.share_boxes import LOOKS_LIKE_SHARES, is_share
from nfold.formats.text_lines import read_lines
from nfold.formats.wording import counted
from nfold.storage import normal_id

FILE = "metadata.jsonl"
MOST_FILES = 1_000
MOST_CLASSES = 1 << 16
CATEGORY_KEYS = ("categories", "category", "labels", "label")
AREA_KEYS = ("area", "areas")
_KEPT_APART = frozenset({"bbox", "id", "ids", *CATEGORY_KEYS, *AREA_KEYS})
_LONGEST_LINE = 16 << 20
_HINT = "Mend the line, or take it out."


def read_metadata(context: ReadContext, take: Callable[[Source], None]) -> DatasetInfo:
    """Hand over every picture that a line names.

    Raises:
        InputError: A file cannot be read, or marks pictures in a way that is not read.
    """
    return _Reading(context=context).carry_out(take)


def category_key(objects: dict[str, Any]) -> str | None:
    """Under which key the classes of the objects stand."""
    return next((key for key in CATEGORY_KEYS if key in objects), None)


@dataclass(slots=True, kw_only=True)
class _Reading:
    context: ReadContext
    paths: list[str] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    has_fractions: bool = False
    kinds: Counter[LabelKind] = field(default_factory=Counter)
    repairs: Counter[str] = field(default_factory=Counter)

    def carry_out(self, take: Callable[[Source], None]) -> DatasetInfo:
        with PictureRows(self.context) as rows:
            return self._read(rows, take)

    def _read(self, rows: PictureRows, take: Callable[[Source], None]) -> DatasetInfo:
        for path in self.context.files.label_files(".jsonl"):
            if posixpath.basename(path) == FILE:
                self._read_lines(path, rows)
        if not self.paths:
            raise InputError(
                f"There is no {FILE} in {self.context.root}.",
                hint="It stands in the folder of the pictures, or in each of train, validation and test.",
                code="labels.missing",
            )
        categories = sorted(self.names, key=_number_or_name)
        numbers = {name: number for number, name in enumerate(categories)}
        for picture, group in rows.groups():
            source = self._source(picture, group, numbers)
            if source is not None:
                take(source)
        not_listed, example = count_not_listed(self.context)
        recorded = self.context.recorded
        decimals = 2 if self.has_fractions else 0
        if recorded.get("format") == "hf-metadata":
            decimals = recorded["decimals"]
        return DatasetInfo(
            categories=tuple(Category(name=name) for name in categories),
            documents=tuple(Document(path=path, split=split_above(path)) for path in self.paths),
            kinds=dict(self.kinds),
            conventions={"format": "hf-metadata", "decimals": decimals},
            passed_over=not_listed,
            examples=example,
            repairs=dict(self.repairs),
        )

    def _read_lines(self, path: str, rows: PictureRows) -> None:
        number = len(self.paths)
        self.paths.append(path)
        if number == MOST_FILES:
            raise InputError(
                f"There are more than {MOST_FILES:,} files {FILE}.", hint="Join them.", code="labels.too_large"
            )
        for line, text in read_lines(self.context.root, path, longest=_LONGEST_LINE):
            if not text.strip():
                continue
            place = f"{path}, line {line}"
            record = parse_record(text, place)
            written = name_in(record.get("file_name"))
            if written is None:
                raise InputError(
                    f"{place}: there is no file_name in it.",
                    hint="Each line names its picture: file_name, as seen from the folder of the file.",
                    code="labels.bad_value",
                )
            self._look_at(record, place)
            folders = (posixpath.dirname(path),)
            picture = find_picture(self.context, written, folders, document=path, by_name=False)
            rows.add(picture, Row(document=number, place=line, text=text))

    def _look_at(self, record: dict[str, Any], place: str) -> None:
        """Refuse what marks places in another way, and see which classes and numbers there are."""
        strange = [key for key in record if key.lower() in PLACES or key.lower().endswith("_file_name")]
        if strange:
            raise _unsupported(place, f"'{strange[0]}' marks places in the picture, or names another file")
        objects = record.get("objects")
        if objects is None:
            return
        if not isinstance(objects, dict) or not isinstance(objects.get("bbox"), list):
            raise _unsupported(place, "'objects' is not an object with a list 'bbox'")
        for key, value in objects.items():
            if not isinstance(value, list) or (key != "bbox" and key.lower() in PLACES):
                raise _unsupported(place, f"'objects/{key}' is not a list of what is said of each object")
        for bbox in objects["bbox"]:
            self.has_fractions |= isinstance(bbox, list) and any(isinstance(number, float) for number in bbox)
        key = category_key(objects)
        self.names.update(name for value in (objects[key] if key else ()) if (name := class_in(value)) is not None)
        if len(self.names) > MOST_CLASSES:
            raise _unsupported(place, f"there are more than {MOST_CLASSES:,} different classes")

    def _source(self, picture: NamedPicture, rows: list[Row], categories: dict[str, int]) -> Source | None:
        row = rows[0]
        path, file = self.paths[row.document], picture.file
        place = f"{path}, line {row.place}"
        split = split_above(path)
        if picture.candidates != 1:
            return missing_source(self.context, picture, Label(split=split, category=None), place)
        self.context.files.take(file.path)
        record = parse_record(row.text, place)
        label = Label(split=split, category=class_in(record.get("label")))
        try:
            if len(rows) > 1:
                other = f"{self.paths[rows[1].document]}, line {rows[1].place}"
                raise PictureError("labels.duplicate", f"{place} and {other} are both about {file.path}.")
            annotations = _annotations(record, row.document, place, categories)
        except PictureError as error:
            return unusable_source(picture, label, error, _HINT)
        size = size_in(record) if "objects" in record else None
        sticking_out = sum(sticks_out(entry.box, size) for entry in annotations if entry.box)
        if sticking_out:
            self.repairs[STICKS_OUT] += sticking_out
        for annotation in annotations:
            self.kinds.update(kinds_of(annotation))
        if label.category is not None:
            self.kinds["class"] += 1
        labels = ImageLabels(annotations=annotations, frame_wh=size, raw={row.document: {"text": row.text}})
        return Source(id=normal_id(file.path), file=file, label=label, labels=labels)


def _annotations(
    record: dict[str, Any], document: int, place: str, categories: dict[str, int]
) -> tuple[Annotation, ...]:
    objects = record.get("objects")
    if objects is None:
        return ()
    count, key = len(objects["bbox"]), category_key(objects)
    for name, values in objects.items():
        if len(values) != count:
            raise PictureError(
                "labels.bad_value",
                f"{place}: 'objects/{name}' has {counted(len(values), 'entry', 'entries')}, 'objects/bbox' has {count}.",
            )
    others = [name for name in objects if name not in _KEPT_APART]
    annotations = []
    for index in range(count):
        box = _box(objects["bbox"][index], size_in(record), f"{place}, objects/bbox/{index}")
        value = objects[key][index] if key else None
        name = class_in(value)
        if name is None and value is not None:
            raise PictureError("labels.unknown_class", f"{place}, objects/{key}/{index}: this is no class.")
        said = {other: objects[other][index] for other in others if objects[other][index] is not None}
        annotations.append(
            Annotation(
                category=None if name is None else categories[name],
                box=box,
                document=document,
                order=index,
                attributes=said,
            )
        )
    return tuple(annotations)


def _box(value: Any, size: tuple[int, int] | None, place: str) -> tuple[float, float, float, float]:
    numbers = numbers_in(value)
    if numbers is None or len(numbers) != 4:
        raise PictureError("labels.bad_box", f"{place}: these are not four numbers.")
    x, y, width, height = numbers
    box = (x, y, x + width, y + height)
    fault = LOOKS_LIKE_SHARES if is_share(box) else box_fault(box, size)
    if fault is not None:
        raise PictureError("labels.bad_box", f"{place}: the box {fault}.")
    return box


def _unsupported(place: str, what: str) -> InputError:
    return InputError(
        f"{place}: {what}.",
        hint="Read are 'label' and 'objects' with 'bbox' and 'categories'; take out what is not needed.",
        code="labels.unsupported",
    )


def _number_or_name(name: str) -> tuple[int, int, str]:
    return (0, int(name), name) if name.isascii() and name.isdigit() and len(name) < 19 else (1, 0, name)
