"""Write Create ML's lists: entries of originals as they stood, entries of copies in the same form; or new lists."""

from __future__ import annotations

import posixpath
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from nfold.annotations import Annotation, Box, DatasetInfo, OutputImage
from nfold.formats.base import Images, Placement, Write, split_of
from nfold.formats.box_grid import box_around, on_grid
from nfold.formats.create_ml.reading import image_key, list_key
from nfold.formats.json_records import PLACES, parse_record, record_text
from nfold.formats.picture_rows import renamed

FILE = "_annotations.createml.json"
_DECIMALS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ListsAsTheyWere:
    """Writes the files of the source with the copies added to them.

    Attributes:
        names: Of the files, below the output folder.
    """

    names: tuple[str, ...]

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
        """An entry for each picture that the file of the source names, or a copy of it."""
        del scratch
        document = self.names.index(name)
        texts = ((image.labels.raw[document]["text"], image) for image in images() if document in image.labels.raw)
        _write_list((text if image.is_untouched else _changed(text, image) for text, image in texts), write)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLists:
    """Writes files of its own, one beside the pictures of each split.

    Attributes:
        splits: Of the output.
        class_names: Of objects, by number.
        is_ours: The source was in this format: its entries go on.
    """

    splits: tuple[str | None, ...]
    class_names: tuple[str, ...]
    is_ours: bool

    @classmethod
    def of(cls, info: DatasetInfo, splits: tuple[str | None, ...]) -> NewLists:
        """For what a data set holds."""
        return cls(
            splits=splits,
            class_names=tuple(category.name for category in info.categories),
            is_ours=info.conventions.get("format") == "create-ml",
        )

    def place(self, source: str, *, split: str | None, category: str | None) -> Placement:
        """Below the folder of the split."""
        del category
        folders = source.split("/")
        if split and len(folders) > 1 and split_of(folders[0]) == split:
            folders.pop(0)
        return Placement(image="/".join([*([split] if split else []), *folders]))

    def encode(self, image: OutputImage) -> bytes:
        """There is no label file about a picture."""
        raise AssertionError(f"no label file belongs to {image.name}")

    def assembled(self) -> tuple[str, ...]:
        """One for each split."""
        return tuple(f"{split}/{FILE}" if split else FILE for split in self.splits)

    def assemble(self, name: str, images: Images, write: Write, scratch: sqlite3.Connection) -> None:
        """An entry for each picture of the split."""
        del scratch
        split, folder = self.splits[self.assembled().index(name)], posixpath.dirname(name)
        chosen = (image for image in images() if image.split == split)
        _write_list(
            (self._entry(image, image.name.removeprefix(f"{folder}/") if folder else image.name) for image in chosen),
            write,
        )

    def _entry(self, image: OutputImage, written: str) -> str:
        said = next((entry["text"] for entry in image.labels.raw.values()), None) if self.is_ours else None
        if said is not None:
            return _changed(said, image, written=written)
        annotations = []
        for annotation in image.annotations:
            box = None if annotation.crowd or annotation.category is None else box_around(annotation)
            if box is not None and annotation.category is not None:
                entry = {"label": self.class_names[annotation.category], "coordinates": _coordinates(box, image)}
                annotations.append({**entry, **_further(annotation)})
        return record_text({"image": written, "annotations": annotations}, "\u00e9")


def _further(annotation: Annotation) -> dict[str, Any]:
    taken = {"label", *PLACES}
    return {
        f"attribute_{name}" if name.lower() in taken else name: value for name, value in annotation.attributes.items()
    }


def _changed(text: str, image: OutputImage, *, written: str | None = None) -> str:
    """The entry about a source, made into one about another picture."""
    record = parse_record(text, image.source)
    image_at, list_at = image_key(record), list_key(record)
    assert image_at is not None
    assert list_at is not None
    record[image_at] = written or renamed(record[image_at].strip(), image.source, image.name)
    if image.is_untouched:
        return record_text(record, text)
    before = record[list_at]
    record[list_at] = [
        {
            **before[annotation.order],
            "coordinates": {
                **before[annotation.order]["coordinates"],
                **_coordinates(annotation.box or (0, 0, *image.size_wh), image),
            },
        }
        for annotation in sorted(image.annotations, key=lambda annotation: annotation.order)
    ]
    return record_text(record, text)


def _coordinates(box: Box, image: OutputImage) -> dict[str, float | int]:
    left, top, right, bottom = on_grid(box, image.size_wh, _DECIMALS)
    scale = 10**_DECIMALS
    numbers = (
        (left + right) / (2 * scale),
        (top + bottom) / (2 * scale),
        (right - left) / scale,
        (bottom - top) / scale,
    )
    x, y, width, height = (int(number) if number.is_integer() else number for number in numbers)
    return {"x": x, "y": y, "width": width, "height": height}


def _write_list(texts: Iterable[str], write: Write) -> None:
    write("[")
    separator = "\n"
    for text in texts:
        write(separator + text)
        separator = ",\n"
    write("\n]\n")
