"""What every format offers, and the types in which sources leave it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

SPLIT_SPELLINGS: dict[str, str] = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "eval": "val",
    "test": "test",
    "testing": "test",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundFile:
    """An image file below the source folder.

    Attributes:
        path: As on disk, `/`-separated, relative to the source folder; bytes that are no UTF-8 are
            kept as surrogate escapes.
        size: Bytes.
        mtime_ns: Time of the last change.
    """

    path: str
    size: int
    mtime_ns: int


MOST_FOLDERS = 1_000


@dataclass(slots=True, kw_only=True)
class Scan:
    """What a first look over a folder found; its size does not depend on the number of files.

    Attributes:
        images: How many image files.
        bytes: What they weigh together.
        shapes: Image files by (split spelling of the first folder or "", folders above the file).
        folders: Names of the folders just above images, at most MOST_FOLDERS of them.
        passed_over: Why other entries are no sources, with how many: "hidden", "not an image",
            "link to a folder", "broken link".
        examples: One path for each reason of `passed_over`.
    """

    images: int = 0
    bytes: int = 0
    shapes: Counter[tuple[str, int]] = field(default_factory=Counter)
    folders: set[str] = field(default_factory=set)
    passed_over: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)

    @property
    def has_splits(self) -> bool:
        """Whether every image lies below a split folder."""
        return bool(self.shapes) and all(split for split, _ in self.shapes)

    @property
    def depths_below_splits(self) -> set[int]:
        """How many folders lie between the root, or the split folder, and an image."""
        return {depth - self.has_splits for _, depth in self.shapes}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognition:
    """A format and why it was chosen.

    Attributes:
        format: Its name.
        reason: Why, in words.
        has_splits: Whether every image lies below a folder called train, val or test. One other folder
            beside them, and `train` is taken for a class (of vehicles, say).
    """

    format: str
    reason: str
    has_splits: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """Where a source belongs; None where the data set does not say."""

    split: str | None
    category: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """An image of the data set, before it is read.

    Attributes:
        id: Path relative to the source folder, `/`-separated, Unicode NFC; the address of the source.
        file: Where it lies on disk.
        label: Split and class.
    """

    id: str
    file: FoundFile
    label: Label


class DatasetFormat(Protocol):
    """How one kind of data set is recognised and read."""

    @property
    def name(self) -> str:
        """The name on the command line and in the card."""
        ...

    @property
    def has_annotations(self) -> bool:
        """Whether images carry boxes, polygons, masks or points, which decides the border."""
        ...

    def recognise(self, root: Path, scan: Scan) -> str | None:
        """Why the folder is of this format, or None when it is not."""
        ...

    def label(self, path: str, *, has_splits: bool) -> Label:
        """Split and class of the image at a path relative to the source folder."""
        ...


def split_of(folder: str) -> str | None:
    """`train`, `val` or `test` for the usual spellings of a folder name, in any case."""
    return SPLIT_SPELLINGS.get(folder.casefold())
