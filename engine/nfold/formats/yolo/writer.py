"""Writes a YOLO data set: label files, image lists, data.yaml; in the tree that was read, or laid out anew."""

from __future__ import annotations

import os
import posixpath
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from nfold.annotations import Category, DatasetInfo, Document, LabelKind, OutputImage
from nfold.annotations.mirroring import mirror_order
from nfold.errors import UsageError
from nfold.formats.base import Images, Placement, Write, split_of
from nfold.formats.yolo.encode import LineEncoder
from nfold.formats.yolo.lines import PoseShape, Task

_SPLITS = ("train", "val", "test")
_OBJECT = "object"
"""The class of what has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class YoloTreeWriter:
    """An output with the tree of a YOLO input: its lists and its data.yaml, with the copies in them."""

    encoder: LineEncoder
    documents: tuple[Document, ...]

    def place(self, source: str, *, split: str | None, category: str | None) -> Placement:
        """Never asked: sources keep their paths."""
        raise AssertionError(f"{source} keeps its place")

    def encode(self, image: OutputImage) -> bytes:
        """The label file of a picture."""
        return self.encoder.encode(image)

    def assembled(self) -> tuple[str, ...]:
        """Lists of images, and data.yaml where it cannot stay as it is."""
        return tuple(document.path for document in self.documents)

    def assemble(self, name: str, images: Images, write: Write, scratch: sqlite3.Connection) -> None:
        """The lines of originals as they were, then those of their copies in the same style."""
        del scratch
        number = next(number for number, document in enumerate(self.documents) if document.path == name)
        document = self.documents[number]
        if "text" in document.raw:
            write(document.raw["text"])
            return
        for image in images():
            line = image.labels.raw.get(number)
            if line is None or (image.copy and image.split != document.split):
                continue
            write(f"{_with_name(line, posixpath.basename(image.name))}{document.raw['list']}")


@dataclass(frozen=True, slots=True, kw_only=True)
class YoloWriter:
    """An output laid out anew: `images/<split>/`, `labels/<split>/` and data.yaml.

    Attributes:
        encoder: Of label files.
        categories: The classes, in the order of their numbers.
        splits: Of the output; (None,) when there are none.
    """

    encoder: LineEncoder
    categories: tuple[Category, ...]
    splits: tuple[str | None, ...]

    def place(self, source: str, *, split: str | None, category: str | None) -> Placement:
        """Below `images`, without the folders that said the same before; the label file below `labels`."""
        del category
        *folders, name = source.split("/")
        # Trainers replace the last folder called images: there must be no other.
        folders = [folder for folder in folders if folder.casefold() != "images"]
        if folders and split is not None and split_of(folders[0]) == split:
            folders = folders[1:]
        below = [split, *folders] if split else folders
        stem = os.path.splitext(name)[0]
        return Placement(image="/".join(["images", *below, name]), label="/".join(["labels", *below, f"{stem}.txt"]))

    def encode(self, image: OutputImage) -> bytes:
        """The label file of a picture."""
        return self.encoder.encode(image)

    def assembled(self) -> tuple[str, ...]:
        """data.yaml alone."""
        return ("data.yaml",)

    def assemble(self, name: str, images: Images, write: Write, scratch: sqlite3.Connection) -> None:
        """Names, splits and key points, as Ultralytics wants them; without `path`, so that the folder may be moved."""
        del name, scratch
        for line in self._split_lines():
            write(f"{line}\n")
        categories = self.categories
        if not categories or _has_nameless(images):
            categories = (*categories, Category(name=_OBJECT))
        write(f"\nnc: {len(categories)}\nnames:\n")
        for number, category in enumerate(categories):
            write(f"  {number}: {_scalar(category.name)}\n")
        if self.encoder.pose is not None:
            self._write_pose(write, self.encoder.pose, categories)

    def _split_lines(self) -> list[str]:
        folders = {split: f"images/{split}" if split else "images" for split in self.splits}
        named = {split: folders[split] for split in _SPLITS if split in folders}
        first = next(iter(named.values()), next(iter(folders.values()), "images"))
        lines = [f"train: {named.get('train', first)}"]
        if "val" in named:
            lines.append(f"val: {named['val']}")
        else:
            lines.append(f"val: {named.get('train', first)}  # there is no validation split, and trainers ask for one")
        if "test" in named:
            lines.append(f"test: {named['test']}")
        return lines

    def _write_pose(self, write: Write, pose: PoseShape, categories: tuple[Category, ...]) -> None:
        write(f"\nkpt_shape: [{pose.points}, {pose.dimensions}]\n")
        marked = [category for category in categories if category.point_names]
        told = (category.flip_index or mirror_order(category, {}) for category in marked)
        flips = {order for order in told if order is not None}
        if len(flips) > 1:
            write("# Classes differ in which points change places in a mirror, so there is no flip_idx.\n")
        elif not flips:
            # Points that all stay would be a claim: trainers that mirror leave it alone where there is no flip_idx.
            write("# Nothing says which points change places in a mirror, so there is no flip_idx.\n")
        else:
            write(f"flip_idx: [{', '.join(map(str, next(iter(flips))))}]\n")
        if any(name != str(number) for category in marked for number, name in enumerate(category.point_names)):
            write("kpt_names:\n")
            for number, category in enumerate(categories):
                names = category.point_names or tuple(map(str, range(pose.points)))
                write(f"  {number}: [{', '.join(map(_scalar, names))}]\n")


def make_writer(
    info: DatasetInfo, *, keeps_layout: bool, splits: tuple[str | None, ...]
) -> YoloTreeWriter | YoloWriter:
    """What writes a data set as YOLO.

    Raises:
        UsageError: It has key points, and not the same number in each class.
    """
    is_ours = info.conventions.get("format") == "yolo"
    task = info.conventions.get("task", "segment") if is_ours else task_for(info.kinds)
    pose = None
    if is_ours and task == "pose":
        points, dimensions = info.conventions["kpt_shape"]
        pose = PoseShape(points=points, dimensions=dimensions)
    elif task == "pose":
        pose = _pose_for(info.categories)
    encoder = LineEncoder(task=task, pose=pose, keeps_lines=is_ours, classes=len(info.categories))
    if keeps_layout:
        return YoloTreeWriter(encoder=encoder, documents=info.documents)
    categories = tuple(
        Category(name=category.name, point_names=category.point_names, flip_index=category.flip_index)
        for category in info.categories
    )
    return YoloWriter(encoder=encoder, categories=categories, splits=splits)


def task_for(kinds: Mapping[LabelKind, int]) -> Task:
    """The one kind of line that says most about what is marked."""
    marked = {kind for kind, count in kinds.items() if count}
    if "oriented" in marked:
        return "obb"
    if "points" in marked:
        return "pose"
    return "segment" if marked & {"polygons", "parts", "masks"} else "detect"


def _pose_for(categories: tuple[Category, ...]) -> PoseShape:
    counts = {len(category.point_names): category.name for category in categories if category.point_names}
    if len(counts) != 1:
        listed = ", ".join(f"'{name}' has {count}" for count, name in counts.items()) or "no class says how many it has"
        raise UsageError(
            f"YOLO needs the same number of key points in every class: {listed}.",
            hint="Write COCO instead, or one data set for each class.",
            code="labels.pose",
        )
    return PoseShape(points=next(iter(counts)), dimensions=3)


def _has_nameless(images: Images) -> bool:
    return any(annotation.category is None for image in images() for annotation in image.annotations)


def _with_name(line: str, name: str) -> str:
    path = line.rstrip()
    cut = max(path.rfind("/"), path.rfind("\\")) + 1 or len(path) - len(path.lstrip())
    return line if path[cut:] == name else f"{path[:cut]}{name}{line[len(path) :]}"


def _scalar(text: str) -> str:
    import yaml

    # One line, however long; what YAML would read as something else is quoted.
    shown = yaml.safe_dump([text], default_flow_style=True, allow_unicode=True, width=1_000_000)
    return str(shown)[1:-2]
