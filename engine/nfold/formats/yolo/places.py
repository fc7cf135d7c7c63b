"""Where the entries of data.yaml and the lines of image lists lead, though the folder may have been moved since."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nfold.formats.index import FileIndex, FoundFile

_HERE = frozenset({"", ".", "./"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What an entry of data.yaml leads to.

    Attributes:
        path: Below the source folder; "" is that folder itself.
        is_list: It is a list of images, not a folder.
        is_direct: A trainer finds it from the folder of data.yaml alone, wherever that lies.
    """

    path: str
    is_list: bool
    is_direct: bool


def find_place(root: Path, file: str, path: str | None, entry: str) -> Place | None:
    """Where an entry of data.yaml leads; None when nothing is there.

    Args:
        root: The source folder.
        file: data.yaml, below it.
        path: Its `path`, as written.
        entry: One folder or list of a split, as written.
    """
    folder = posixpath.dirname(file)
    is_plain = (path or "") in _HERE and not posixpath.isabs(entry)
    for candidate, is_exact in _candidates(root, folder, path or "", entry.replace("\\", "/")):
        target = root / candidate
        if target.is_dir() or (candidate.lower().endswith(".txt") and target.is_file()):
            return Place(path=candidate, is_list=not target.is_dir(), is_direct=is_plain and is_exact)
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFinder:
    """Finds the images that a list names.

    Attributes:
        root: The source folder.
        files: Its files.
        list_file: The list, below it.
    """

    root: Path
    files: FileIndex
    list_file: str

    def find(self, line: str) -> FoundFile | None:
        """The image that a line names, None when it is not among the files."""
        return next((found for path in self.candidates(line) if (found := self.files.image(path))), None)

    def candidates(self, line: str) -> Iterator[str]:
        """Paths below the source folder that a line may mean, the likeliest first."""
        folder = posixpath.dirname(self.list_file)
        for candidate, _ in _candidates(self.root, folder, "", line.replace("\\", "/")):
            if candidate:
                yield candidate


def relative_to(folder: str, path: str) -> str:
    """A path below the source folder, as it is written in a file of another folder below it."""
    return posixpath.relpath(path or ".", folder or ".")


def _candidates(root: Path, folder: str, path: str, entry: str) -> Iterator[tuple[str, bool]]:
    """Paths below the root, each once, and whether it is what is written, from the folder of the file."""
    seen = set()
    for number, candidate in enumerate(_all_candidates(root, folder, path, entry)):
        normal = _below(candidate)
        if normal is not None and normal not in seen:
            seen.add(normal)
            yield normal, number == 0


def _all_candidates(root: Path, folder: str, path: str, entry: str) -> Iterator[str]:
    joined = posixpath.join(folder, path, entry)
    yield _from_root(root, joined)
    if entry.startswith("../"):  # Roboflow writes ../train/images, and Ultralytics tries again without
        yield _from_root(root, posixpath.join(folder, path, entry[3:]))
    own = _steps(entry)
    is_file = bool(posixpath.splitext(entry)[1])
    # The folder lay elsewhere when this was written: the longest end of the path that is here. Of a folder of its own,
    # `images/test`, nothing is left out: `test` may be another.
    fewest = len(own) if not is_file and not posixpath.isabs(entry) else 1
    for steps in (_steps(path) + own, own):
        for start in range(len(steps) - fewest + 1):
            rest = "/".join(steps[start:])
            yield posixpath.join(folder, rest)
            yield rest


def _steps(path: str) -> list[str]:
    return [step for step in path.split("/") if step not in _HERE and step != ".."]


def _from_root(root: Path, path: str) -> str:
    if not posixpath.isabs(path):
        return path
    real = os.path.realpath(root)
    target = posixpath.normpath(path)
    for base in (str(root.absolute()), real):
        if target == base or target.startswith(f"{base}/"):
            return target[len(base) + 1 :]
    return path


def _below(path: str) -> str | None:
    if "\0" in path or posixpath.isabs(path):
        return None
    normal = posixpath.normpath(path) if path else ""
    if normal == ".." or normal.startswith("../"):
        return None
    return "" if normal == "." else normal
