"""Formats whose paths say all there is to say: nothing about an image stands in a file."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from nfold.annotations import DatasetInfo, OutputImage
from nfold.formats.base import Images, Label, Placement, ReadContext, Source, Write
from nfold.storage import normal_id


class _LabelOfPath(Protocol):
    def __call__(self, path: str, *, has_splits: bool) -> Label: ...


def read_by_path(context: ReadContext, take: Callable[[Source], None], label: _LabelOfPath) -> DatasetInfo:
    """Hand over every image with the split and class that its path names."""
    for file in context.walk():
        identity = normal_id(file.path)
        take(Source(id=identity, file=file, label=label(identity, has_splits=context.has_splits)))
    return DatasetInfo()


@dataclass(frozen=True, slots=True)
class PathWriter:
    """Writes no label files.

    Attributes:
        by_class: Classes become folders.
    """

    by_class: bool = False

    def place(self, source: str, *, split: str | None, category: str | None) -> Placement:
        """Below the folder of the split, and of the class where it is not there already."""
        folders = [split] if split else []
        if self.by_class and category and category not in source.split("/")[:-1]:
            return Placement(image="/".join([*folders, category, source.rpartition("/")[2]]))
        return Placement(image="/".join([*folders, source]))

    def encode(self, image: OutputImage) -> bytes:
        """There is no label file about a picture."""
        raise AssertionError(f"no label file belongs to {image.name}")

    def assembled(self) -> tuple[str, ...]:
        """None."""
        return ()

    def assemble(self, name: str, images: Images, write: Write, scratch: sqlite3.Connection) -> None:
        """There is nothing to write."""
        del images, write, scratch
        raise AssertionError(f"{name} is not written by this format")
