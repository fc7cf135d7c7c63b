"""Where the label files of images are: in a folder beside theirs, below theirs, or in the same one."""

from __future__ import annotations

import os
import posixpath
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from nfold.errors import InputError
from nfold.formats.base import Scan
from nfold.formats.index import FileIndex
from nfold.formats.yolo.lines import looks_like_labels
from nfold.images import EXTENSIONS
from nfold.plain_files import open_plain

NAME_FILES = frozenset({"classes.txt", "obj.names", "labels.txt", "predefined_classes.txt"})
"""Files that name classes, one in a line."""

_SAMPLE_BYTES = 256 * 1024
_ENDINGS = tuple(ending for low in EXTENSIONS for ending in (low, low.upper()))
_LABEL_WORDS = ("label", "annot", "yolo", "txt", "darknet")


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelFolders:
    """How the path of a label file comes from the path of its image.

    Attributes:
        swaps: (folder of images, folder of labels): the last folder of that name above an image is the other one above
            its label file. Tried in turn.
        below: Names of folders of labels inside the folder of the images.
        is_beside: Label files lie beside the images.
    """

    swaps: tuple[tuple[str, str], ...] = ()
    below: tuple[str, ...] = ()
    is_beside: bool = False

    def __str__(self) -> str:
        said = [f"{labels} beside {images}" for images, labels in self.swaps]
        said += [f"{name} below the images" for name in self.below]
        return ", ".join([*said, *(["beside the images"] if self.is_beside else [])])

    def candidates(self, image: str) -> Iterator[str]:
        """Where the label file of an image may be, the likeliest place first."""
        folder, slash, name = image.rpartition("/")
        label = os.path.splitext(name)[0] + ".txt"
        parts = folder.split("/") if slash else []
        for images, labels in self.swaps:
            if images in parts:
                place = len(parts) - 1 - parts[::-1].index(images)
                yield "/".join([*parts[:place], labels, *parts[place + 1 :], label])
        for labels in self.below:
            yield "/".join([*parts, labels, label])
        if self.is_beside:
            yield "/".join([*parts, label])

    def images_of(self, label: str) -> Iterator[str]:
        """Where the image of a label file may be, without its ending: the way back."""
        stem = os.path.splitext(label)[0]
        parts = stem.split("/")
        for images, labels in self.swaps:
            for place, name in enumerate(parts[:-1]):
                if name == labels:
                    yield "/".join([*parts[:place], images, *parts[place + 1 :]])
        if len(parts) > 1 and parts[-2] in self.below:
            yield "/".join([*parts[:-2], parts[-1]])
        yield stem

    def label_of(self, image: str, files: FileIndex) -> str | None:
        """The label file of an image, as on disk; None when there is none."""
        for candidate in self.candidates(image):
            found = files.label_file(candidate)
            if found is not None:
                return found
        return None


def find_label_folders(root: Path, scan: Scan) -> LabelFolders:
    """How images and text files lie to each other in a folder.

    Raises:
        InputError: There are two folders of labels, and nothing tells which holds.
    """
    images_above: dict[tuple[tuple[str, ...], tuple[str, ...]], set[str]] = defaultdict(set)
    for folder in scan.image_folders:
        parts = _parts(folder)
        for place, name in enumerate(parts):
            images_above[parts[:place], parts[place + 1 :]].add(name)
    swaps: Counter[tuple[str, str]] = Counter()
    below: Counter[str] = Counter()
    is_beside = False
    for (folder, ending), count in scan.label_folders.items():
        if ending != ".txt":
            continue
        parts = _parts(folder)
        is_beside |= folder in scan.image_folders
        for place, name in enumerate(parts):
            if not _is_label_word(name):
                continue
            for images in images_above.get((parts[:place], parts[place + 1 :]), ()):
                if not _is_label_word(images):
                    swaps[images, name] += count
        if parts and _is_label_word(parts[-1]) and "/".join(parts[:-1]) in scan.image_folders:
            below[parts[-1]] += count
    names = {labels for _, labels in swaps} | set(below)
    if "labels" in names:
        # As Ultralytics has it; other folders are about something else.
        names = {"labels"}
    if len(names) > 1:
        held = {name for name in names if _holds_labels(root, scan, name)}
        if len(held) > 1:
            raise _several_folders(held)
        # Where none can be read, all stay: whoever finds that their labels would be lost has to see them.
        names = held or names
    return LabelFolders(
        swaps=tuple(sorted((pair for pair in swaps if pair[1] in names), key=lambda pair: (-swaps[pair], pair))),
        below=tuple(sorted(set(below) & names)),
        is_beside=is_beside and not names,
    )


def sampled(root: Path, paths: Iterable[str]) -> Counter[bool | None]:
    """How many of some text files read like YOLO label files, do not, or are empty; names of classes left aside."""
    found: Counter[bool | None] = Counter()
    for path in paths:
        if posixpath.basename(path).lower() in NAME_FILES:
            continue
        try:
            found[looks_like_labels(sample_of(root, path))] += 1
        except OSError:
            continue  # the label of one picture: reading it will say so
    return found


def first_that_reads(root: Path, paths: Iterable[str]) -> str | None:
    """The first of some text files that reads like YOLO labels; those after it are not opened."""
    return next((path for path in sorted(paths) if sampled(root, [path])[True]), None)


def sample_of(root: Path, path: str) -> bytes:
    """The beginning of a file, up to the end of a line.

    Raises:
        OSError: It cannot be read, or is no plain file.
    """
    with open_plain(root / path) as file:
        data = file.read(_SAMPLE_BYTES)
    return data[: data.rfind(b"\n") + 1] if len(data) == _SAMPLE_BYTES else data


def matching(root: Path, scan: Scan, folders: LabelFolders) -> list[str]:
    """Text files, of those that the scan remembers, that an image belongs to."""
    found = []
    for path in sorted(scan.label_files.get(".txt", ())):
        stems = folders.images_of(path)
        if any((root / f"{stem}{ending}").is_file() for stem in stems for ending in _ENDINGS):
            found.append(path)
    return found


def _holds_labels(root: Path, scan: Scan, name: str) -> bool:
    inside = [path for path in scan.label_files.get(".txt", ()) if name in path.split("/")[:-1]]
    return first_that_reads(root, inside) is not None


def _several_folders(names: set[str]) -> InputError:
    return InputError(
        f"There are several folders of label files: {', '.join(sorted(names))}.",
        hint="Call the one that holds 'labels', or --exclude the others.",
        code="labels.several_sets",
    )


def _parts(folder: str) -> tuple[str, ...]:
    return tuple(folder.split("/")) if folder else ()


def _is_label_word(name: str) -> bool:
    return any(word in name.casefold() for word in _LABEL_WORDS)
