"""COCO files of an output that is laid out anew: one for each split, pictures in `images/<split>`."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nfold.annotations import Annotation, Category, DatasetInfo, OutputImage
from nfold.formats.base import Images, Placement, Write, split_of
from nfold.formats.coco.ids import IdSteps, steps_for
from nfold.formats.coco.shapes import copied_entry, new_entry, to_json
from nfold.formats.coco.writer import identity_of, write_document
from nfold.formats.scratch import at_once

NO_CLASS = "object"


@dataclass(frozen=True, slots=True, kw_only=True)
class CocoRelayout:
    """Writes labels of any format, or those of COCO files whose pictures are divided into other splits.

    Attributes:
        splits: Of the output.
        families: What the files are called but for the split, each with the numbers of the input's files that go into it.
        categories: The list as it is written.
        rest: Other keys of the file.
        steps: From one copy to the next; None when pictures and annotations are numbered anew.
        is_own: The labels come from COCO files, whose entries are kept.
    """

    splits: tuple[str | None, ...]
    families: tuple[tuple[str, frozenset[int]], ...]
    categories: tuple[Any, ...]
    rest: Mapping[str, Any]
    steps: IdSteps | None
    is_own: bool

    @classmethod
    def of(cls, info: DatasetInfo, splits: tuple[str | None, ...], *, is_own: bool) -> CocoRelayout:
        """The writer for a data set.

        Boxes, key points and captions in files of their own stay apart. Ids are kept unless files are joined, since theirs may be the same.
        """
        if not is_own:
            categories = tuple(_new_category(number, category) for number, category in enumerate(info.categories, 1))
            families = (("instances", frozenset[int]()),)
            return cls(
                splits=splits, families=families, categories=categories, rest={"info": {}}, steps=None, is_own=False
            )
        rest: dict[str, Any] = {}
        by_id: dict[Any, Any] = {}
        for document in info.documents:
            for entry in document.raw["rest"].get("categories") or ():
                known = by_id.get(entry["id"])
                if known is None or (entry.get("keypoints") and not known.get("keypoints")):
                    by_id[entry["id"]] = entry
            for key, value in document.raw["rest"].items():
                if key != "categories":
                    rest[key] = _joined(rest[key], value) if key in rest else value
        joined: dict[str, frozenset[int]] = {}
        for number, document in enumerate(info.documents):
            family = family_of(document.path)
            joined[family] = joined.get(family, frozenset()) | {number}
        steps = None
        if all(len(numbers) == 1 for numbers in joined.values()):
            image, annotation = (
                max(ids) for ids in zip(*(entry.raw["largest_ids"] for entry in info.documents), strict=True)
            )
            steps = steps_for(image, annotation, info.conventions)
            steps.check(image, annotation)
        return cls(
            splits=splits,
            families=tuple(joined.items()),
            categories=tuple(by_id.values()),
            rest=rest,
            steps=steps,
            is_own=True,
        )

    def place(self, source: str, *, split: str | None, category: str | None) -> Placement:
        """Below `images/` and the split, without folders of that name in its path."""
        del category
        parts = source.split("/")
        folders, name = parts[:-1], parts[-1]
        for _ in range(2):
            if folders and (folders[0] == "images" or (split is not None and _split_of(folders[0]) == split)):
                folders = folders[1:]
        return Placement(image="/".join(["images", *([split] if split else []), *folders, name]))

    def encode(self, image: OutputImage) -> bytes:
        """There is no label file about a picture."""
        raise AssertionError(f"no label file belongs to {image.name}")

    def assembled(self) -> tuple[str, ...]:
        """One file for each split, of each family."""
        return tuple(_file_of(family, split) for family, _ in self.families for split in self.splits)

    def assemble(self, name: str, images: Images, write: Write, scratch: sqlite3.Connection) -> None:
        """Write the file of a split.

        Raises:
            InputError: A copy would need an id that is too large.
        """
        place = self.assembled().index(name)
        split, numbers = self.splits[place % len(self.splits)], self.families[place // len(self.splits)][1]

        def listed() -> Iterator[OutputImage]:
            for image in images():
                if image.split == split and (not self.is_own or numbers & image.labels.raw.keys()):
                    yield image

        steps = self.steps or self._number(images, scratch)
        sections: list[tuple[str, Any]] = list(self.rest.items())
        sections.append(("images", (to_json(self._image(image, numbers, steps)) for image in listed())))
        sections.append(("annotations", self._annotations(listed, numbers, steps, scratch)))
        sections.append(("categories", (to_json(entry) for entry in self._listed_categories(listed))))
        write_document(write, sections)
        scratch.execute("drop table if exists coco_numbers")

    def _listed_categories(self, images: Images) -> Iterator[Any]:
        """The classes, and one for objects that have none: readers of COCO want a category for each."""
        yield from self.categories
        if not self.is_own and any(entry.category is None for image in images() for entry in image.annotations):
            yield {"id": len(self.categories) + 1, "name": NO_CLASS}

    def _number(self, images: Images, scratch: sqlite3.Connection) -> IdSteps:
        """Annotations are counted through, by source; a copy counts like its source, whatever was dropped from it.

        All files of an output count alike, so that one picture has one id in them.
        """
        scratch.execute("drop table if exists coco_numbers")
        scratch.execute("create table coco_numbers (rank integer primary key, first integer)")
        following, largest_rank = 1, 0
        with at_once(scratch):
            for image in images():
                row = (image.rank, following)
                if scratch.execute("insert or ignore into coco_numbers values (?, ?)", row).rowcount:
                    following += len(image.labels.annotations)
                    largest_rank = max(largest_rank, image.rank)
        return steps_for(largest_rank + 1, following)

    def _image_id(self, image: OutputImage, numbers: frozenset[int], steps: IdSteps) -> int:
        if self.steps is None:
            return steps.image_id(image.copy, image.rank + 1)
        return steps.image_id(image.copy, identity_of(_own_image(image, numbers)))

    def _image(self, image: OutputImage, numbers: frozenset[int], steps: IdSteps) -> dict[str, Any]:
        prefix = f"images/{image.split}/" if image.split else "images/"
        size = {"width": image.size_wh[0], "height": image.size_wh[1]}
        named = {"id": self._image_id(image, numbers, steps), "file_name": image.name.removeprefix(prefix)}
        if not self.is_own:
            return {**named, **size}
        return {**_own_image(image, numbers), **named, **({} if image.is_untouched else size)}

    def _annotations(
        self, images: Images, numbers: frozenset[int], steps: IdSteps, scratch: sqlite3.Connection
    ) -> Iterator[str]:
        for image in images():
            image_id = self._image_id(image, numbers, steps)
            identities = self._annotation_ids(image, steps, scratch)
            # An untouched picture keeps what COCO said of it to the last digit.
            keeps_entries = self.is_own and image.is_untouched
            for annotation in image.labels.annotations if keeps_entries else image.annotations:
                if self.is_own and annotation.document not in numbers:
                    continue
                entry = annotation.raw if keeps_entries else self._entry(annotation)
                identity = identities[annotation.document, annotation.order]
                yield to_json({"id": identity, "image_id": image_id, **_without_ids(entry)})

    def _annotation_ids(
        self, image: OutputImage, steps: IdSteps, scratch: sqlite3.Connection
    ) -> dict[tuple[int, int], int]:
        """The id of each annotation of a picture, by its place in the files."""
        annotations = image.labels.annotations
        if self.steps is not None:
            numbers = [identity_of(annotation.raw) for annotation in annotations]
        else:
            rows = "select first from coco_numbers where rank = ?"
            first = scratch.execute(rows, (image.rank,)).fetchone()[0]
            numbers = list(range(first, first + len(annotations)))
        return {
            (annotation.document, annotation.order): steps.annotation_id(image.copy, number)
            for annotation, number in zip(annotations, numbers, strict=True)
        }

    def _entry(self, annotation: Annotation) -> dict[str, Any]:
        if self.is_own:
            return copied_entry(annotation)
        return {"category_id": len(self.categories) + 1, **new_entry(annotation)}


def family_of(document: str) -> str:
    """The name of a file without its ending and its split: `person_keypoints` of `annotations/person_keypoints_val2017.json`."""
    stem = document.rpartition("/")[2].rpartition(".")[0]
    words = [word for word in re.split(r"[^A-Za-z0-9]+", stem) if word and _split_of(word) is None]
    return "_".join(words) or "instances"


def _split_of(word: str) -> str | None:
    """As `split_of`, and of a year's data too: `val2017`."""
    return split_of(word.rstrip("0123456789"))


def _file_of(family: str, split: str | None) -> str:
    return f"annotations/{family}_{split or 'all'}.json"


def _joined(known: Any, value: Any) -> Any:
    """Lists (of licences) with the entries of both; else what the first file says."""
    if isinstance(known, list) and isinstance(value, list):
        return [*known, *(entry for entry in value if entry not in known)]
    return known


def _own_image(image: OutputImage, numbers: frozenset[int]) -> dict[str, Any]:
    """What the first file that lists it says of a picture."""
    entry: dict[str, Any] = image.labels.raw[min(numbers & image.labels.raw.keys())]
    return entry


def _without_ids(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key not in ("id", "image_id")}


def _new_category(number: int, category: Category) -> dict[str, Any]:
    entry: dict[str, Any] = {"id": number, "name": category.name}
    if category.point_names:
        entry["keypoints"] = list(category.point_names)
        entry["skeleton"] = []
    if category.flip_index is not None:
        entry["flip_index"] = list(category.flip_index)
    return entry
