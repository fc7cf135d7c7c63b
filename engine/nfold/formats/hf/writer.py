"""Write `metadata.jsonl`: lines of originals as they stood, lines of copies in the same form; or new files."""

from __future__ import annotations

import posixpath
import sqlite3
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from nfold.annotations import DatasetInfo, OutputImage
from nfold.formats.base import Images, Placement, Write, split_of
from nfold.formats.box_grid import box_around, on_grid, value
from nfold.formats.hf.reading import AREA_KEYS, CATEGORY_KEYS, FILE
from nfold.formats.json_records import PLACES, parse_record, record_text, scaled_area, size_in
from nfold.formats.picture_rows import renamed

_FOLDERS = {"train": "train", "val": "validation", "test": "test"}
_RESERVED = frozenset({*PLACES, *CATEGORY_KEYS, *AREA_KEYS, "id", "ids"})


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataAsItWas:
    """Writes the files of the source with the copies added to them.

    Attributes:
        names: Of the files, below the output folder.
        decimals: Places behind the point in boxes of copies.
    """

    names: tuple[str, ...]
    decimals: int

    def place(self, source: str, *, split: str | None, category: str | None) -> Placement:
        """Where it was."""
        del split, category
        return Placement(image=source)

    def encode(self, image: OutputImage) -> bytes:
        """There is no label file about a picture."""
        raise AssertionError(f"no label file belongs to {image.name}")

    def assembled(self) -> tuple[str, ...]:
        """All files of the source."""
        return self.names

    def assemble(self, name: str, images: Images, write: Write, scratch: sqlite3.Connection) -> None:
        """A line for each picture that the file of the source names, or a copy of it."""
        del scratch
        document = self.names.index(name)
        for image in images():
            said = image.labels.raw.get(document)
            if said is not None:
                line = said["text"] if image.is_untouched else _changed(said["text"], image, self.decimals)
                write(line + "\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMetadata:
    """Writes files of its own.

    Attributes:
        splits: Of the output.
        has_boxes: There are objects in the pictures.
        has_classes: Pictures have classes.
        class_names: Of objects, by number.
        decimals: Places behind the point in boxes.
        is_ours: The source was in this format: its lines go on.
    """

    splits: tuple[str | None, ...]
    has_boxes: bool
    has_classes: bool
    class_names: tuple[str, ...]
    decimals: int
    is_ours: bool

    @classmethod
    def of(cls, info: DatasetInfo, splits: tuple[str | None, ...]) -> NewMetadata:
        """For what a data set holds."""
        is_ours = info.conventions.get("format") == "hf-metadata"
        has_boxes = bool(set(info.kinds) - {"class"})
        return cls(
            splits=splits,
            has_boxes=has_boxes,
            has_classes="class" in info.kinds or not has_boxes,
            class_names=tuple(category.name for category in info.categories),
            decimals=info.conventions["decimals"] if is_ours else 2,
            is_ours=is_ours,
        )

    def place(self, source: str, *, split: str | None, category: str | None) -> Placement:
        """Below the folder of the split, in its spelling there."""
        del category
        folders = source.split("/")
        if split and len(folders) > 1 and split_of(folders[0]) == split:
            folders.pop(0)
        return Placement(image="/".join([*_folders(split), *folders]))

    def encode(self, image: OutputImage) -> bytes:
        """There is no label file about a picture."""
        raise AssertionError(f"no label file belongs to {image.name}")

    def assembled(self) -> tuple[str, ...]:
        """One for each split."""
        return tuple("/".join([*_folders(split), FILE]) for split in self.splits)

    def assemble(self, name: str, images: Images, write: Write, scratch: sqlite3.Connection) -> None:
        """One pass to find what else is said of objects, so that all lines have the same keys, and one to write."""
        del scratch
        split = self.splits[self.assembled().index(name)]
        names: set[str] = set()
        if not self.is_ours:
            for image in images():
                if image.split == split:
                    names.update(key for annotation in image.annotations for key in annotation.attributes)
        for image in images():
            if image.split == split:
                folder = posixpath.dirname(name)
                write(self._line(image, image.name.removeprefix(f"{folder}/") if folder else image.name, names) + "\n")

    def _line(self, image: OutputImage, written: str, names: Collection[str]) -> str:
        said = next((entry["text"] for entry in image.labels.raw.values()), None) if self.is_ours else None
        if said is not None:
            return _changed(said, image, self.decimals, written=written)
        record: dict[str, Any] = {"file_name": written}
        if self.has_classes:
            record["label"] = image.category
        if self.has_boxes:
            record |= {"width": image.size_wh[0], "height": image.size_wh[1], "objects": self._objects(image, names)}
        return record_text(record, "\u00e9")

    def _objects(self, image: OutputImage, names: Collection[str]) -> dict[str, list[Any]]:
        objects: dict[str, list[Any]] = {"bbox": [], "categories": []}
        keys = {name: f"attribute_{name}" if name.lower() in _RESERVED else name for name in sorted(names)}
        objects |= {key: [] for key in keys.values()}
        for annotation in image.annotations:
            box = None if annotation.crowd else box_around(annotation)
            if box is None:
                continue
            objects["bbox"].append(_bbox(box, image.size_wh, self.decimals))
            category = annotation.category
            objects["categories"].append(None if category is None else self.class_names[category])
            for name, key in keys.items():
                objects[key].append(annotation.attributes.get(name))
        return objects


def _changed(text: str, image: OutputImage, decimals: int, *, written: str | None = None) -> str:
    """The line about a source, made into one about another picture."""
    record = parse_record(text, image.source)
    record["file_name"] = written or renamed(record["file_name"].strip(), image.source, image.name)
    objects = record.get("objects")
    if objects is None or image.is_untouched:
        return record_text(record, text)
    if size_in(record) is not None:
        record["width"], record["height"] = image.size_wh
    kept = sorted(image.annotations, key=lambda annotation: annotation.order)
    changed = {key: [values[entry.order] for entry in kept] for key, values in objects.items()}
    before = changed["bbox"]
    boxes = [_bbox(entry.box or (0, 0, *image.size_wh), image.size_wh, decimals) for entry in kept]
    factors = [new[2] * new[3] / (old[2] * old[3]) for new, old in zip(boxes, before, strict=True)]
    for key in AREA_KEYS:
        if key in changed:
            changed[key] = [scaled_area(area, factor) for area, factor in zip(changed[key], factors, strict=True)]
    record["objects"] = {**changed, "bbox": boxes}
    return record_text(record, text)


def _bbox(box: tuple[float, float, float, float], size: tuple[int, int], decimals: int) -> list[float | int]:
    left, top, right, bottom = on_grid(box, size, decimals)
    return [value(steps, decimals) for steps in (left, top, right - left, bottom - top)]


def _folders(split: str | None) -> tuple[str, ...]:
    return (_FOLDERS[split],) if split else ()
