"""What every format offers, and the types in which sources leave it."""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from nfold.annotations import DatasetInfo, ImageLabels, LabelKind, OutputImage
from nfold.formats.index import FileIndex, FoundFile

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


_DRIVE = re.compile(r"[A-Za-z]:")

MOST_FOLDERS = 1_000
MOST_LABEL_BYTES = 64 * 1024 * 1024
"""Of a label file about one picture; formats may allow less."""
MOST_LABEL_FILES = 200
"""Of each ending: enough to tell a format by, few enough to keep in memory."""


@dataclass(slots=True, kw_only=True)
class Scan:
    """What a first look over a folder found; its size does not depend on the number of files.

    Attributes:
        images: How many image files.
        bytes: What they weigh together.
        shapes: Image files by (split spelling of the first folder or "", folders above the file).
        folders: Names of the folders just above images, at most MOST_FOLDERS of them.
        image_folders: Images by the path of the folder just above them ("" is the source folder itself), likewise.
        label_folders: Label or text files by (path of the folder, ending in small letters), likewise.
        label_files: Paths of label or text files by ending, at most MOST_LABEL_FILES of each, in no particular order.
        passed_over: Why other entries are no sources, with how many: "hidden", "not an image",
            "broken link".
        examples: One path for each reason of `passed_over`.
    """

    images: int = 0
    bytes: int = 0
    shapes: Counter[tuple[str, int]] = field(default_factory=Counter)
    folders: set[str] = field(default_factory=set)
    image_folders: Counter[str] = field(default_factory=Counter)
    label_folders: Counter[tuple[str, str]] = field(default_factory=Counter)
    label_files: dict[str, list[str]] = field(default_factory=dict)
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
class SourceProblem:
    """Why a source cannot be used; it is reported as skipped, and the run goes on.

    Attributes:
        code: Stable, such as "labels.bad_box".
        message: What is wrong and where: the label file, and its line or the place in it.
        hint: What to do about it.
    """

    code: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """An image of the data set, before it is read.

    Attributes:
        id: Path relative to the source folder, `/`-separated, Unicode NFC; the address of the source.
        file: Where it lies on disk; of an image that is listed but not there, what the label file says.
        label: Split and class.
        labels: What is marked in it; None in formats without annotations.
        problem: Why it cannot be used, None when it can.
    """

    id: str
    file: FoundFile
    label: Label
    labels: ImageLabels | None = None
    problem: SourceProblem | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadContext:
    """What a format reads a data set from.

    Attributes:
        root: The source folder.
        scan: The first look over it.
        has_splits: Whether every image lies below a split folder.
        walk: A fresh pass over its images, in no particular order.
        files: Every image and label file below it, on disk when they are many.
        scratch: A temporary database for what could grow with the data set; table names are the format's own.
        is_left_out: Whether --include and --exclude leave out the image of that path.
        options: What the user said about conventions, such as `voc_origin`; keys that were not given are absent.
        recorded: `DatasetInfo.conventions` as an earlier run into the same output put them on the card; empty at
            the first. What was decided then is not decided anew.
    """

    root: Path
    scan: Scan
    has_splits: bool
    walk: Callable[[], Iterator[FoundFile]]
    files: FileIndex
    scratch: sqlite3.Connection
    is_left_out: Callable[[str], bool]
    options: Mapping[str, Any] = field(default_factory=dict)
    recorded: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where a source goes in an output whose tree is laid out anew.

    Attributes:
        image: Path of the original, below the output folder.
        label: Path of the label file about it alone; None in formats that have none. The label file of a copy
            stands beside it, with the stem of the copy's name and this ending.
        mask: Path of the mask that goes with it, likewise; None where the format has none, or none of a mask's own.
    """

    image: str
    label: str | None = None
    mask: str | None = None


Write = Callable[[str], None]
"""Takes text as it comes; nothing is added to it."""

Images = Callable[[], Iterator[OutputImage]]
"""The images of the output, a fresh pass over all of them each time: originals by rank, then copies by rank and number."""


class LabelWriter(Protocol):
    """Writes the labels of one output; picklable, since label files about one picture are made in workers."""

    def place(self, source: str, *, split: str | None, category: str | None) -> Placement:
        """Where a source goes when the tree is laid out anew (another format, or a split that was not there).

        Args:
            source: Its id.
            split: Of the output.
            category: Class of the whole picture.
        """
        ...

    def encode(self, image: OutputImage) -> bytes:
        """The label file about one picture; called only where there is a label name."""
        ...

    def assembled(self) -> tuple[str, ...]:
        """Label files about many pictures, below the output folder, which are written at the end of a run."""
        ...

    def assemble(self, name: str, images: Images, write: Write, scratch: sqlite3.Connection) -> None:
        """Write one of these, in memory that does not grow with the data set."""
        ...


@runtime_checkable
class NumbersCopies(Protocol):
    """A writer that numbers copies, and whose numbers do not go on for ever."""

    def refuse_copies(self, most: int) -> None:
        """Refuse more copies of a picture than there are numbers for, before any work.

        Raises:
            InputError: There are too few.
        """
        ...


class DatasetFormat(Protocol):
    """How one kind of data set is recognised, read and written."""

    @property
    def name(self) -> str:
        """The name on the command line and in the card."""
        ...

    @property
    def holds(self) -> frozenset[LabelKind]:
        """What it can say about pictures; all else is lost when it is written."""
        ...

    @property
    def has_annotations(self) -> bool:
        """Whether images carry boxes, polygons, masks or points, which decides the border."""
        ...

    def recognise(self, root: Path, scan: Scan) -> str | None:
        """Why the folder is of this format, or None when it is not."""
        ...

    def read(self, context: ReadContext, take: Callable[[Source], None]) -> DatasetInfo:
        """Hand over every source, in the order of the data set where it has one, and say what holds for all.

        Raises:
            InputError: The data set as a whole cannot be used; the message names file and place.
            UsageError: An option does not fit it.
        """
        ...

    def writer(self, info: DatasetInfo, *, keeps_layout: bool, splits: tuple[str | None, ...]) -> LabelWriter:
        """What writes an output in this format.

        Args:
            info: Of the data set that was read, in whichever format.
            keeps_layout: It was read in this format, and the output has the tree of the input: sources keep their
                paths, label files their names, and what its format keeps in `raw` is there.
            splits: The splits of the output; (None,) when there are none.
        """
        ...


@runtime_checkable
class OneTaskFormat(Protocol):
    """A format whose data sets say one kind of thing each, so that what it holds depends on what else there is."""

    def holds_among(self, kinds: Mapping[LabelKind, int]) -> frozenset[LabelKind]:
        """What it can say about a data set with that many labels of each kind."""
        ...


@runtime_checkable
class RefusesRemains(Protocol):
    """A format whose label files can lie beside pictures and yet say nothing of any of them."""

    def refuse_remains(self, root: Path, scan: Scan) -> None:
        """Look for such files; asked only where no format with annotations was recognised.

        Raises:
            InputError: There are some, whose labels would be lost without a word.
        """
        ...


def split_of(folder: str) -> str | None:
    """`train`, `val` or `test` for the usual spellings of a folder name, in any case."""
    return SPLIT_SPELLINGS.get(folder.casefold())


def split_above(path: str) -> str | None:
    """The split that the nearest folder above a file names, None when none does."""
    for folder in reversed(path.split("/")[:-1]):
        split = split_of(folder)
        if split is not None:
            return split
    return None


def below_source(written: str) -> str:
    """The path that a label file writes for a picture which is not there, as one that cannot lead out of the source.

    Drives, roots and steps upwards are left out, so that the id of such a source is safe to join to any folder; "" when
    nothing is left.
    """
    parts = written.replace("\\", "/").replace("\0", "").split("/")
    return "/".join(part for part in parts if part not in ("", ".", "..") and not _DRIVE.fullmatch(part))
