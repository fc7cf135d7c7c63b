"""Label files that are damaged: told from JSON about something else, so that labels are not lost without a word.

A file that no format can parse is recognised by none of them. It is taken for a damaged label file when its beginning,
or its name, says so; all other files that cannot be parsed are nobody's business.
"""

from __future__ import annotations

import codecs
import os
import posixpath
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from nfold.errors import InputError
from nfold.formats.base import Scan
from nfold.formats.json_stream import JsonStream, Piece
from nfold.formats.picture_rows import in_folder
from nfold.images import EXTENSIONS

_HEAD_BYTES = 1 << 16
_PARSED_BYTES = 1 << 22
_MOST_FOLDERS = 50
_MOST_NAMES = 20
_HINT = (
    "Mend the file, write it anew with the tool that made it, or move it out of the folder. With --format the folder is "
    "read as what you say, and the file left aside."
)

_TELLING_KEY = re.compile(
    r'"(?:images|annotations?|categories|image_id|category_id|file_name|image_?file_?name|bbox|segmentation|keypoints'
    r'|coordinates|label)"\s*(?::|$)',
    re.IGNORECASE,
)
_PICTURE_NAME = re.compile(
    rf'"([^"\\]{{1,255}}(?:{"|".join(re.escape(ending) for ending in EXTENSIONS)}))"', re.IGNORECASE
)
_BRACKETS = re.compile(r"[\[\]{},:\s]+")
_TELLING_WORDS = frozenset(
    [
        "annotation",
        "annotations",
        "label",
        "labels",
        "instances",
        "keypoints",
        "captions",
        "coco",
        "createml",
        "bbox",
        "bboxes",
        "boxes",
    ]
)
_TELLING_NAMES = frozenset({"metadata.jsonl", "metadata.csv"})


class _AnyJson(JsonStream):
    """One pass over a file that may hold any JSON; lists in an object, and a list alone, are read item by item."""

    def __init__(self, path: Path, name: str) -> None:
        super().__init__(path, name, None, most_bytes=_PARSED_BYTES)

    def _object(self) -> Iterator[Piece]:
        opening = self._peek()
        if opening == "{":
            yield from super()._object()
            return
        if opening == "[":
            yield from self._items("entry")
        else:
            self._value("the whole")
        if self._peek():
            raise self._broken("there is text after the end")


def refuse_damaged_labels(root: Path, scan: Scan) -> None:
    """Look at the JSON files and tables that the scan remembers.

    Raises:
        InputError: One looks like a label file and cannot be parsed, or is empty; the message names the place in it.
    """
    for ending in (".json", ".jsonl", ".csv"):
        for path in sorted(scan.label_files.get(ending, ())):
            error = damage(root, path, scan) if ending == ".json" else _emptiness(path, beginning_of(root, path))
            if error is not None:
                raise error


def damage(root: Path, path: str, scan: Scan, *, opening: str = "") -> InputError | None:
    """The error of a JSON file that looks like labels and cannot be parsed; None of any other.

    Only the first 4 MiB are parsed: a file that is whole so far is one that formats can tell what it is.

    Args:
        root: The source folder.
        path: Of the file, below it.
        scan: Says where pictures are.
        opening: Other files than those whose text begins with this are passed by.
    """
    head = beginning_of(root, path)
    if not head.lstrip().startswith(opening):
        return None
    if not _says(head):
        return _emptiness(path, head)
    if not _looks_like_labels(root, path, head, scan):
        return None
    return fault_in(root, path)


def fault_in(root: Path, path: str) -> InputError | None:
    """Why the first 4 MiB of a JSON file cannot be parsed, and where; None when they can, or are beyond other limits."""
    stream = _AnyJson(root / path, path)
    try:
        for _ in stream.pieces():
            pass
    except InputError as error:
        is_whole_so_far = stream.has_reached_limit and (root / path).stat().st_size > _PARSED_BYTES
        if is_whole_so_far or error.stable_code == "labels.too_large":
            return None
        return InputError(error.message, hint=_HINT, code=error.stable_code)
    return None


def beginning_of(root: Path, path: str) -> str:
    """The first 64 KiB of a file as text, whatever they are; "" where it is no plain file.

    Raises:
        InputError: It is called like a label file, and cannot be opened.
    """
    try:
        if not (root / path).is_file():
            return ""
        with (root / path).open("rb") as file:
            data = file.read(_HEAD_BYTES)
    except OSError as error:
        if not _is_called_like_labels(path):
            return ""
        raise InputError(
            f"{path} cannot be read: {error.strerror}.",
            hint="Give yourself the right to read it, or move it out of the folder.",
            code="labels.unreadable",
        ) from error
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace")
    return data.removeprefix(codecs.BOM_UTF8).decode("utf-8", "replace")


def _emptiness(path: str, head: str) -> InputError | None:
    """The error of a file that is called like labels and holds nothing at all; zero bytes are what a crash leaves."""
    if _says(head) or not _is_called_like_labels(path):
        return None
    return InputError(f"{path} is called like a label file, and is empty.", hint=_HINT, code="labels.unreadable")


def _looks_like_labels(root: Path, path: str, head: str, scan: Scan) -> bool:
    return (
        _TELLING_KEY.search(head) is not None
        or _BRACKETS.fullmatch(head) is not None
        or _is_called_like_labels(path)
        or _names_a_picture(root, path, head, sorted(scan.image_folders)[:_MOST_FOLDERS])
    )


def _is_called_like_labels(path: str) -> bool:
    """By a word in its name, or, of a JSON file, in that of its folder: there, an empty table may be that of one picture."""
    folder, _, name = path.lower().rpartition("/")
    stem, ending = posixpath.splitext(name)
    if ending == ".jsonl":
        return name in _TELLING_NAMES
    words = re.findall(r"[a-z]+", f"{posixpath.basename(folder)} {stem}" if ending == ".json" else stem)
    return name in _TELLING_NAMES or not _TELLING_WORDS.isdisjoint(words)


def _names_a_picture(root: Path, path: str, head: str, folders: Sequence[str]) -> bool:
    names = [match[1] for match, _ in zip(_PICTURE_NAME.finditer(head), range(_MOST_NAMES), strict=False)]
    for written in names:
        bare = written.replace("\\", "/").rpartition("/")[2]
        places = [in_folder(folder, written) for folder in (posixpath.dirname(path), "")]
        places += [in_folder(folder, bare) for folder in folders]
        if any(place is not None and os.path.isfile(root / place) for place in places):  # noqa: PTH113 - False for names too long
            return True
    return False


def _says(head: str) -> bool:
    return bool(head.strip("\0 \t\r\n\ufeff"))
