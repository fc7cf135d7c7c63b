"""COCO files written anew in their own places: what stands in them stays as it is, copies follow."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from nfold.annotations import Document, OutputImage
from nfold.formats.base import Images, Placement, Write
from nfold.formats.coco.ids import IdSteps, whole_number
from nfold.formats.coco.shapes import copied_entry, to_json
from nfold.formats.scratch import at_once
from nfold.storage import normal_id


@dataclass(frozen=True, slots=True, kw_only=True)
class CocoWriter:
    """Writes an output that has the tree of its input.

    Attributes:
        documents: The files, with all that is not in pictures and annotations.
        steps: From the ids of one copy to those of the next.
    """

    documents: tuple[Document, ...]
    steps: IdSteps

    def refuse_copies(self, most: int) -> None:
        """Ids of so many copies have to be numbers that every reader keeps."""
        for document in self.documents:
            largest_image, largest_annotation = document.raw["largest_ids"]
            self.steps.image_id(most, largest_image)
            self.steps.annotation_id(most, largest_annotation)

    def place(self, source: str, *, split: str | None, category: str | None) -> Placement:
        """Where it was."""
        del split, category
        return Placement(image=source)

    def encode(self, image: OutputImage) -> bytes:
        """There is no label file about a picture."""
        raise AssertionError(f"no label file belongs to {image.name}")

    def assembled(self) -> tuple[str, ...]:
        """The files of the input."""
        return tuple(document.path for document in self.documents)

    def assemble(self, name: str, images: Images, write: Write, scratch: sqlite3.Connection) -> None:
        """Write a file: its own pictures and annotations in their order, then those of the copies.

        Raises:
            InputError: A copy would need an id that is too large.
        """
        number = self.assembled().index(name)
        raw = self.documents[number].raw
        with at_once(scratch):
            self._sort_originals(number, images, scratch)
        sections = {
            "images": lambda: self._images(number, images, scratch),
            "annotations": lambda: self._annotations(number, images, scratch),
        }
        write_document(write, ((key, sections[key]() if key in sections else raw["rest"][key]) for key in raw["keys"]))
        scratch.execute("drop table coco_written")

    def _sort_originals(self, number: int, images: Images, scratch: sqlite3.Connection) -> None:
        """Originals come by picture; their annotations stand in the file in any order."""
        scratch.execute("drop table if exists coco_written")
        scratch.execute("create table coco_written (is_image integer, place integer, text text)")
        for image in images():
            if image.copy:
                break  # originals come first
            if number not in image.labels.raw:
                continue
            entry = image.labels.raw[number]
            if not image.is_untouched:
                entry = self._image_entry(entry, image)
            row = (image.labels.places[number], to_json(entry))
            scratch.execute("insert into coco_written values (1, ?, ?)", row)
            scratch.executemany(
                "insert into coco_written values (0, ?, ?)",
                ((order, to_json(entry)) for order, entry in self._entries(number, image)),
            )
        scratch.execute("create index coco_written_order on coco_written (is_image, place)")

    def _images(self, number: int, images: Images, scratch: sqlite3.Connection) -> Iterator[str]:
        yield from _sorted(scratch, is_image=True)
        for image in images():
            if image.copy and number in image.labels.raw:
                yield to_json(self._image_entry(image.labels.raw[number], image))

    def _annotations(self, number: int, images: Images, scratch: sqlite3.Connection) -> Iterator[str]:
        yield from _sorted(scratch, is_image=False)
        for image in images():
            if image.copy and number in image.labels.raw:
                for _, entry in self._entries(number, image):
                    yield to_json(entry)

    def _image_entry(self, entry: dict[str, Any], image: OutputImage) -> dict[str, Any]:
        return {
            **entry,
            "id": self.steps.image_id(image.copy, identity_of(entry)),
            "file_name": name_in_file(entry["file_name"], image),
            "width": image.size_wh[0],
            "height": image.size_wh[1],
        }

    def _entries(self, number: int, image: OutputImage) -> Iterator[tuple[int, dict[str, Any]]]:
        """The annotations of a picture in one of the files, each with its place there."""
        if image.is_untouched:
            for annotation in image.labels.annotations:
                if annotation.document == number:
                    yield annotation.order, annotation.raw
            return
        image_id = self.steps.image_id(image.copy, identity_of(image.labels.raw[number]))
        for annotation in image.annotations:
            if annotation.document == number:
                identity = self.steps.annotation_id(image.copy, identity_of(annotation.raw))
                yield annotation.order, {**copied_entry(annotation), "id": identity, "image_id": image_id}


def write_document(write: Write, sections: Iterable[tuple[str, Any]]) -> None:
    """A JSON object of which some values come as a stream of lines."""
    write("{")
    for count, (key, value) in enumerate(sections):
        write(f"{',' if count else ''}\n{json.dumps(key)}: ")
        if not isinstance(value, Iterator):
            write(to_json(value))
            continue
        separator = "["
        for line in value:
            write(f"{separator}\n{line}")
            separator = ","
        write("\n]" if separator == "," else "[]")
    write("\n}\n")


def identity_of(entry: dict[str, Any]) -> int:
    """The id of an entry that was checked on reading."""
    identity = whole_number(entry["id"])
    assert identity is not None, "ids are checked on reading"
    return identity


def name_in_file(file_name: str, image: OutputImage) -> str:
    """What a file calls a picture of the output: like its source, whatever folder that name counts from."""
    if image.name == image.source:
        return file_name
    spelling = normal_id(file_name.replace("\\", "/"))
    folder = image.source.removesuffix(spelling)
    if f"{folder}{spelling}" == image.source and folder[-1:] in ("", "/") and image.name.startswith(folder):
        name = image.name[len(folder) :]
        return name.replace("/", "\\") if "\\" in file_name else name
    head = file_name[: max(file_name.rfind("/"), file_name.rfind("\\")) + 1]
    return head + image.name.rpartition("/")[2]


def _sorted(scratch: sqlite3.Connection, *, is_image: bool) -> Iterator[str]:
    rows = "select text from coco_written where is_image = ? order by place"
    for (text,) in scratch.execute(rows, (is_image,)):
        yield text
