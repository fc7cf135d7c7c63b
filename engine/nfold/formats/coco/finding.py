"""Which files of a folder are COCO files, which split each is of, and where the pictures lie that they name."""

from __future__ import annotations

import codecs
import posixpath
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nfold.errors import InputError
from nfold.formats.base import MOST_FOLDERS, SPLIT_SPELLINGS, ReadContext, below_source, split_above, split_of
from nfold.formats.damage import beginning_of, fault_in
from nfold.formats.index import FoundFile
from nfold.formats.json_stream import JsonStream
from nfold.plain_files import open_plain

LISTS = ("images", "annotations")
LEFT_OUT = "left out by --include or --exclude"
"""What the scan says of such files."""

_KEYS = (*LISTS, "categories")
_KEYS_BEFORE = {"info", "licenses", "categories", "type"}
_OPENING = re.compile(r'\s*\{\s*(?:"(?:info|licenses|type)".*)?"(?:images|annotations|categories)"', re.DOTALL)
_SNIFFED_BYTES = 2**20
_MOST_SNIFFED_BYTES = 2**25


def is_document(root: Path, path: str) -> bool:
    """Whether a file looks like COCO from its beginning; what is wrong further on is found when it is read.

    A file that opens like COCO and breaks off at once is one, too: else its labels would be lost without a word.
    """
    is_one = _sniffed(root, path, _SNIFFED_BYTES)
    return bool(_sniffed(root, path, _MOST_SNIFFED_BYTES) if is_one is None else is_one)


def _sniffed(root: Path, path: str, most_bytes: int) -> bool | None:
    """None when that much is not enough to tell: long information or many classes stand before the pictures."""
    seen: set[str] = set()
    lists_pictures = describes_objects = False
    beginning = JsonStream(root / path, path, _KEYS, most_bytes=most_bytes, takes_any_text=True)
    try:
        for piece in beginning.pieces():
            seen.add(piece.key)
            if piece.index is not None and piece.key in LISTS:
                if not isinstance(piece.value, dict):
                    return False
                lists_pictures |= piece.key == "images" and "file_name" in piece.value
                describes_objects |= piece.key == "annotations" and "image_id" in piece.value
            if lists_pictures and seen & {"annotations", "categories"}:
                return True
    except InputError:
        # Cut off after the part that was looked at, or damaged.
        if lists_pictures or describes_objects or _is_in_utf16(root / path):
            return True
        opens_like_coco = bool(seen.intersection(_KEYS)) or _OPENING.match(beginning_of(root, path)) is not None
        fault = fault_in(root, path) if opens_like_coco else None
        if fault is not None and fault.stable_code != "labels.encoding":  # in another encoding, it may hold anything
            return True
        return None if beginning.has_reached_limit and seen and seen <= _KEYS_BEFORE else False
    return "images" in seen and bool(seen & {"annotations", "categories"})


def _is_in_utf16(path: Path) -> bool:
    """Whether it is COCO as some programs of Windows save text: refused when it is read, but not passed over."""
    try:
        with open_plain(path) as file:
            beginning = file.read(_SNIFFED_BYTES)
    except OSError:
        return False
    if not beginning.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return False
    text = beginning.decode("utf-16", "replace")
    return '"images"' in text and ('"annotations"' in text or '"categories"' in text)


def split_of_document(path: str) -> str | None:
    """The split that a file name says (`instances_val2017.json`), else the folder it lies in."""
    stem = posixpath.splitext(path.rpartition("/")[2])[0].lower()
    if re.search(r"test[-_]?dev", stem):
        return "test"  # what COCO calls the part of its test pictures that one develops with
    named = {split_of(word) for word in re.findall(r"[a-z]+", stem)} - {None}
    if len(named) == 1:
        return named.pop()
    return None if named else split_above(path)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a picture lies.

    Attributes:
        path: Below the source folder.
        file: None when there is no such picture.
        is_guess: Found by its name alone, in a folder that the file does not speak of.
        is_left_out: It is there, and the user left it out.
    """

    path: str
    file: FoundFile | None = None
    is_guess: bool = False
    is_left_out: bool = False


class PictureFinder:
    """Finds the pictures that one COCO file names."""

    def __init__(self, context: ReadContext, document: str) -> None:
        self._context = context
        self._document = document
        self._split = split_of_document(document)
        self._written = _written_bases(document)
        self._usual = _usual_bases(document, self._split)
        self._searched = [base for base in self._usual if self._has_images(base)]
        self._found: Counter[str] = Counter()

    def find(self, name: str) -> Place | None:
        """Where the picture of a `file_name` lies; None when nothing was found, see `missing`.

        Raises:
            InputError: Several pictures could be meant.
        """
        for base in self._written:
            file = self._context.files.image(_joined(base, name))
            if file is not None:
                self._found[base] += 1
                return Place(path=file.path, file=file)
        usual = {file.path: (base, file) for base, file in self._in_usual_folders(name)}
        if len(usual) > 1:
            raise self._ambiguous(name, sorted(usual))
        for base, file in usual.values():
            self._found[base] += 1
            return Place(path=file.path, file=file)
        for path in _tails(name):
            file = self._context.files.image(path)
            if file is not None:
                return Place(path=file.path, file=file)
        return self._left_out(name) or self._by_name(name)

    def missing(self, name: str) -> Place:
        """Where a picture would lie that was not found; to be asked after all others were looked for."""
        for base in (*self._written, *self._usual):
            path = _joined(base, name)
            if path and self._is_on_disk(path) and self._context.files.image(path) is None:
                return Place(path=path, is_left_out=self._context.is_left_out(path))
        usual = self._found.most_common(1)
        base = usual[0][0] if usual else posixpath.dirname(self._document)
        path = below_source(_joined(base, name) or name) or "picture without a name"
        if self._context.files.image(path) is not None:
            # That one is another picture; none can lie below a file.
            path = f"{self._document}/{path}"
        return Place(path=path, is_left_out=bool(usual) and self._context.is_left_out(path))

    def _in_usual_folders(self, name: str) -> Iterator[tuple[str, FoundFile]]:
        for base in self._searched:
            file = self._context.files.image(_joined(base, name))
            if file is not None:
                yield base, file

    def _left_out(self, name: str) -> Place | None:
        """The picture where it should be, left out by the user: another one of its name is not meant."""
        if not self._context.scan.passed_over[LEFT_OUT]:
            return None
        for base in (*self._written, *self._usual):
            path = _joined(base, name)
            if path and self._context.is_left_out(path) and self._is_on_disk(path):
                return Place(path=path, is_left_out=True)
        return None

    def _by_name(self, name: str) -> Place | None:
        named = self._context.files.images_named(posixpath.basename(name.replace("\\", "/")), most=8)
        if self._split is not None:
            # A picture of another split is another picture.
            named = [file for file in named if split_above(file.path) in (None, self._split)]
        if len(named) > 1:
            raise self._ambiguous(name, [file.path for file in named])
        return Place(path=named[0].path, file=named[0], is_guess=True) if named else None

    def _ambiguous(self, name: str, candidates: list[str]) -> InputError:
        return InputError(
            f"{self._document} names a picture '{name}', which could be any of {', '.join(candidates)}.",
            hint="Write its path from the folder of the JSON file, or from the source folder, as file_name.",
            code="labels.ambiguous_image",
        )

    def _has_images(self, base: str) -> bool:
        folders = self._context.scan.image_folders
        return len(folders) >= MOST_FOLDERS or any(f"{folder}/".startswith(f"{base}/") for folder in folders)

    def _is_on_disk(self, path: str) -> bool:
        try:
            return (self._context.root / path).is_file()
        except (OSError, ValueError):  # a name that no file can have
            return False


def _written_bases(document: str) -> list[str]:
    """Folders from which a path counts that is written in full: that of the file, the one above it, the source folder."""
    own = posixpath.dirname(document)
    return list(dict.fromkeys([own, posixpath.dirname(own), ""]))


def _usual_bases(document: str, split: str | None) -> list[str]:
    """Folders in which pictures usually lie that are named without theirs: `images`, `train2017` and the like."""
    above = _written_bases(document)
    stem = posixpath.splitext(posixpath.basename(document))[0]
    words = [word for word in re.split(r"[^A-Za-z0-9]+", stem) if word]
    spellings = [word for word, meaning in SPLIT_SPELLINGS.items() if meaning == split]
    folders = ["", "images", *words, *spellings, *(f"{word}2017" for word in spellings)]
    found: dict[str, None] = {}
    for folder in folders:
        for base in above:
            for middle in ("", "images"):
                path = "/".join(part for part in (base, middle, folder) if part)
                if path not in above:
                    found[path] = None
    return list(found)


def _joined(base: str, name: str) -> str:
    """The path below the source folder, "" when it leads out of it."""
    path = posixpath.normpath(posixpath.join(base, name.replace("\\", "/")))
    return "" if path.startswith(("/", "../")) or path in (".", "..") else path


def _tails(name: str) -> Iterator[str]:
    """What is left of a path from another machine when folders are taken off its head, the longest first."""
    parts = _parts(name)
    for start in range(1, len(parts) - 1):
        yield "/".join(parts[start:])


def _parts(name: str) -> list[str]:
    return [part for part in name.replace("\\", "/").split("/") if part not in ("", ".", "..")]
