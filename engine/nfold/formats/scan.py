"""Walk a source folder, one directory entry at a time."""

from __future__ import annotations

import fnmatch
import os
import re
import stat
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from nfold.errors import InputError
from nfold.formats.base import MOST_FOLDERS, MOST_LABEL_FILES, Scan, split_of
from nfold.formats.index import FoundFile
from nfold.formats.links import LinkedFolder
from nfold.images import EXTENSIONS, UNSUPPORTED_EXTENSIONS

LABEL_FILE = "label or text file"
"""Said of files that may hold boxes, polygons or points; a format that reads them takes them up itself."""

_TELLING_STEMS = frozenset(
    [
        "classes",
        "labels",
        "names",
        "obj",
        "predefined_classes",
        "train",
        "training",
        "val",
        "valid",
        "validation",
        "test",
        "testing",
        "trainval",
    ]
)

_Place = TypeVar("_Place", bound=Hashable)

_LABEL_EXTENSIONS = frozenset({".xml", ".json", ".jsonl", ".csv", ".txt", ".yaml", ".yml", ".names", ".data"})
_IMAGE_EXTENSIONS = frozenset(EXTENSIONS) | UNSUPPORTED_EXTENSIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class PassedOver:
    """An entry that is no source, and why."""

    path: str
    reason: str


def scan_folder(
    root: Path, *, include: Iterable[str] = (), exclude: Iterable[str] = ()
) -> Iterator[FoundFile | PassedOver]:
    """Every entry below a folder, in no particular order.

    Links to files are followed: the picture they show is a source. So are links to folders, unless they lead round
    in a circle; of one that leads to elsewhere in the data set only label files count, since its pictures are
    there already. Names that begin with a dot are hidden, and passed over with all that is below them.
    A pattern is matched against the whole relative path and against the file name.

    Raises:
        InputError: The folder, or one below it, cannot be listed; or a label file is a pipe or a device.
    """
    wanted, unwanted = _matcher(include), _matcher(exclude)
    pending = [LinkedFolder(path="", real=os.path.realpath(root))]
    while pending:
        here = pending.pop()
        folder = here.path
        try:
            with os.scandir(root / folder if folder else root) as entries:
                for entry in entries:
                    path = f"{folder}/{entry.name}" if folder else entry.name
                    if entry.name.startswith("."):
                        yield PassedOver(path=path, reason="hidden")
                        continue
                    below = here.enter(entry, path)
                    if below is None:
                        yield _look_at(entry, path, wanted, unwanted, is_again=here.is_again)
                    elif unwanted and _matches(unwanted, path, entry.name):
                        yield PassedOver(path=path, reason="left out by --include or --exclude")
                    elif isinstance(below, str):
                        yield PassedOver(path=path, reason=below)
                    else:
                        pending.append(below)
        except NotADirectoryError as error:
            raise InputError(
                f"{root} is a file, not a folder.",
                hint="Give the folder that holds the images.",
                code="input.not_a_folder",
            ) from error
        except PermissionError as error:
            raise InputError(
                f"Cannot list {root / folder}: permission denied.",
                hint="Give yourself the right to read it, or --exclude it.",
                code="input.permission",
            ) from error


def summarise(entries: Iterable[FoundFile | PassedOver]) -> Scan:
    """The shape of a folder, in memory that does not grow with it."""
    scan = Scan()
    for entry in entries:
        if isinstance(entry, PassedOver):
            scan.passed_over[entry.reason] += 1
            scan.examples.setdefault(entry.reason, entry.path)
            if entry.reason == LABEL_FILE:
                _note_label_file(scan, entry.path)
            continue
        scan.images += 1
        scan.bytes += entry.size
        first, slash, _ = entry.path.partition("/")
        split = split_of(first) if slash else None
        if slash and len(scan.folders) < MOST_FOLDERS:
            scan.folders.add(entry.path.rsplit("/", 2)[-2])
        _count(scan.image_folders, entry.path.rpartition("/")[0])
        scan.shapes[split or "", entry.path.count("/")] += 1
    return scan


def selector(include: Iterable[str], exclude: Iterable[str]) -> Callable[[str], bool]:
    """Whether patterns leave out the image of a path, be it there or not."""
    wanted, unwanted = _matcher(include), _matcher(exclude)

    def leaves_out(path: str) -> bool:
        name = path.rpartition("/")[2]
        if wanted and not _matches(wanted, path, name):
            return True
        parts = path.split("/")
        return unwanted is not None and any(
            _matches(unwanted, "/".join(parts[:length]), parts[length - 1]) for length in range(1, len(parts) + 1)
        )

    return leaves_out


def _note_label_file(scan: Scan, path: str) -> None:
    ending = os.path.splitext(path)[1].lower()
    _count(scan.label_folders, (path.rpartition("/")[0], ending))
    known = scan.label_files.setdefault(ending, [])
    stem = os.path.splitext(path.rpartition("/")[2])[0].lower()
    # Of a million label files the few that speak for all must not be crowded out.
    if len(known) < (2 * MOST_LABEL_FILES if stem in _TELLING_STEMS else MOST_LABEL_FILES):
        known.append(path)


def _count(counter: Counter[_Place], place: _Place) -> None:
    if place in counter or len(counter) < MOST_FOLDERS:
        counter[place] += 1


def _look_at(
    entry: os.DirEntry[str],
    path: str,
    wanted: re.Pattern[str] | None,
    unwanted: re.Pattern[str] | None,
    *,
    is_again: bool,
) -> FoundFile | PassedOver:
    if os.path.splitext(entry.name)[1].lower() not in _IMAGE_EXTENSIONS:
        is_label = os.path.splitext(entry.name)[1].lower() in _LABEL_EXTENSIONS
        if is_label and not _leads_to_a_file(entry):
            raise InputError(
                f"{path} is called like a label file, and is a pipe or a device.",
                hint="Take it out of the folder: whoever opens it waits for ever.",
                code="labels.unreadable",
            )
        return PassedOver(path=path, reason=LABEL_FILE if is_label else "not an image")
    if is_again:
        return PassedOver(path=path, reason="shown a second time by a link to a folder")
    if (wanted and not _matches(wanted, path, entry.name)) or (unwanted and _matches(unwanted, path, entry.name)):
        return PassedOver(path=path, reason="left out by --include or --exclude")
    try:
        facts = entry.stat()
    except OSError:
        # It leads nowhere, round in a circle, through a file, or where one may not look.
        return PassedOver(path=path, reason="broken link" if entry.is_symlink() else "gone while scanning")
    if not stat.S_ISREG(facts.st_mode):
        return PassedOver(path=path, reason="not a regular file")
    return FoundFile(path=path, size=facts.st_size, mtime_ns=facts.st_mtime_ns)


def _leads_to_a_file(entry: os.DirEntry[str]) -> bool:
    """Whether to open it is no wait; links that lead nowhere are for whoever reads them to name."""
    try:
        return entry.is_file() or (entry.is_symlink() and not os.path.exists(entry.path))  # noqa: PTH110 - no Path per file
    except OSError:
        return True  # a circle of links: opening it fails at once


def _matcher(patterns: Iterable[str]) -> re.Pattern[str] | None:
    joined = "|".join(fnmatch.translate(pattern) for pattern in patterns)
    return re.compile(joined) if joined else None


def _matches(pattern: re.Pattern[str], path: str, name: str) -> bool:
    return pattern.match(path) is not None or pattern.match(name) is not None
