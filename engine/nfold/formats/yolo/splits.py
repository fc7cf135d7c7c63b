"""Which images belong to a YOLO data set, and to which split: data.yaml first, then image lists, then folders."""

from __future__ import annotations

import itertools
import os
import posixpath
from collections import Counter
from dataclasses import dataclass, field

from nfold.errors import InputError
from nfold.formats.base import ReadContext, below_source, split_of
from nfold.formats.text_lines import read_lines
from nfold.formats.yolo.data import SPLIT_KEYS, Declaration, name_files
from nfold.formats.yolo.layout import LabelFolders
from nfold.formats.yolo.lines import MOST_LINE_BYTES
from nfold.formats.yolo.places import ImageFinder, Place, find_place, relative_to
from nfold.formats.yolo.table import IN_TWO_SPLITS, ImageTable
from nfold.formats.yolo.yaml import with_entries
from nfold.images import EXTENSIONS, UNSUPPORTED_EXTENSIONS
from nfold.plain_files import open_plain

_IMAGE_EXTENSIONS = tuple({*EXTENSIONS, *UNSUPPORTED_EXTENSIONS})
_UNLISTED = "in no split of data.yaml or of an image list"
_UNSORTED = "in no split folder"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """A folder or a list of images that belongs to a split."""

    split: str
    declaration: Declaration
    key: str
    entry: str
    place: Place | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageList:
    """A file that names images, one in a line.

    Attributes:
        path: Below the source folder.
        split: Of the images that it names.
        newline: How its lines end.
    """

    path: str
    split: str
    newline: str


@dataclass(slots=True, kw_only=True)
class Membership:
    """Fills the table of images.

    Attributes:
        context: The data set.
        declared: What data.yaml and `.data` files say.
        repairs: What is odd, in words, with how often.
        passed_over: Images that are no sources, by reason.
        examples: One of them for each reason.
        has_splits: Whether there are splits; known once the table is filled.
        lists: The image lists.
    """

    context: ReadContext
    declared: tuple[Declaration, ...]
    repairs: Counter[str]
    passed_over: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    has_splits: bool = False
    lists: tuple[ImageList, ...] = ()
    _parts: list[_Part] = field(default_factory=list)

    def fill(self, table: ImageTable, folders: LabelFolders) -> None:
        """Put in every image, with its label file and its split, and what lists name that is not there.

        Raises:
            InputError: A list cannot be read, or labelled images are in no split where others are.
        """
        self._parts = self._find_parts()
        self.lists = self._find_lists()
        self._fill_from_folders(table, folders)
        for number, image_list in enumerate(self.lists):
            self._read_list(table, number, image_list.path, image_list.split)
        known = {part.split for part in self._parts if part.place} | {one.split for one in self.lists}
        self.has_splits = self._settle(table, known)

    def rewritten(self, yaml: Declaration) -> str | None:
        """data.yaml as it must be to be right wherever the output lies; None when it already is."""
        own = [part for part in self._parts if part.declaration is yaml]
        if all(part.place is None or part.place.is_direct for part in own):
            return None
        folder = posixpath.dirname(yaml.file)
        entries: dict[str, list[str]] = {}
        for part in own:
            entries.setdefault(part.key, []).append(
                part.entry if part.place is None else relative_to(folder, part.place.path)
            )
        return with_entries(yaml.file, yaml.text, entries)

    def _find_parts(self) -> list[_Part]:
        parts = []
        for declaration in self.declared:
            for key, entries in declaration.entries:
                for entry in entries:
                    place = find_place(self.context.root, declaration.file, declaration.path, entry)
                    if place is None:
                        self.repairs[f"{declaration.file}: nothing is at '{key}: {entry}'"] += 1
                    parts.append(
                        _Part(split=SPLIT_KEYS[key], declaration=declaration, key=key, entry=entry, place=place)
                    )
        return parts

    def _find_lists(self) -> tuple[ImageList, ...]:
        if not any(part.place for part in self._parts):
            return self._guessed_lists()
        found: dict[str, ImageList] = {}
        for part in self._parts:
            if part.place and part.place.is_list:
                found.setdefault(part.place.path, self._list(part.place.path, part.split))
        return tuple(found.values())

    def _list(self, path: str, split: str) -> ImageList:
        with open_plain(self.context.root / path) as file:
            first = file.readline(MOST_LINE_BYTES)
        return ImageList(path=path, split=split, newline="\r\n" if first.endswith(b"\r\n") else "\n")

    def _guessed_lists(self) -> tuple[ImageList, ...]:
        """train.txt, valid.txt, test.txt beside the files of names, when their lines name images."""
        near = {"", *(posixpath.dirname(path) for path in name_files(self.context.scan))}
        near |= {posixpath.dirname(declaration.file) for declaration in self.declared}
        found = []
        for path in sorted(self.context.scan.label_files.get(".txt", ()), key=lambda path: (path.count("/"), path)):
            split = split_of(posixpath.splitext(posixpath.basename(path))[0])
            if split is None or posixpath.dirname(path) not in near:
                continue
            lines = (line.strip() for _, line in read_lines(self.context.root, path, longest=MOST_LINE_BYTES))
            first = next(filter(None, lines), "")
            if first.lower().endswith(_IMAGE_EXTENSIONS):
                found.append(self._list(path, split))
        order = list(dict.fromkeys(SPLIT_KEYS.values()))
        return tuple(sorted(found, key=lambda one: order.index(one.split)))

    def _fill_from_folders(self, table: ImageTable, folders: LabelFolders) -> None:
        by_folder: dict[str, list[str]] = {}
        for part in self._parts:
            if part.place and not part.place.is_list:
                by_folder.setdefault(part.place.path, []).append(part.split)
        for file in self.context.files.images():
            splits = _splits_of(file.path, by_folder)
            if len(set(splits)) > 1 and not self._is_shared(by_folder):
                self.repairs[IN_TWO_SPLITS] += 1
            table.add(file, folders.label_of(file.path, self.context.files), splits[0] if splits else None)

    @staticmethod
    def _is_shared(by_folder: dict[str, list[str]]) -> bool:
        """A data.yaml has to name a folder for `val`; one without such pictures names that of `train` again."""
        return len(by_folder) == 1

    def _read_list(self, table: ImageTable, number: int, path: str, split: str) -> None:
        root, files = self.context.root, self.context.files
        finder = ImageFinder(root=root, files=files, list_file=path)
        for place, line in read_lines(root, path, longest=MOST_LINE_BYTES):
            wanted = line.strip()
            if not wanted:
                continue
            file = finder.find(wanted)
            if file is None:
                self._miss(table, finder, wanted, f"{path}, line {place}", split)
                continue
            if posixpath.isabs(wanted) or wanted[1:2] == ":":
                # It leads to the folder that was read, not to the one that is written.
                line = f"./{relative_to(posixpath.dirname(path), file.path)}"
            odd = table.add_line(file, number, line, split)
            if odd is not None:
                self.repairs[odd] += 1

    def _miss(self, table: ImageTable, finder: ImageFinder, wanted: str, where: str, split: str) -> None:
        paths = list(itertools.islice(finder.candidates(wanted), 32))
        there = [path for path in paths if os.path.lexists(self.context.root / path)]
        if any(self.context.is_left_out(path) for path in (there or paths[:1])):
            return
        path = below_source(paths[0] if paths else wanted) or "image without a name"
        table.add_missing(path, f"{where}: there is no image '{wanted[:200]}'.", split)

    def _settle(self, table: ImageTable, declared: set[str]) -> bool:
        """Put each image in its split: what is declared, then folders. Whether there are splits at all."""
        table.fall_back_to_folders(declared)
        if not table.has_splits():
            return False
        reason = _UNLISTED if declared else _UNSORTED
        if not declared:
            count, example = table.without_split(with_label=True)
            if count:
                raise InputError(
                    f"{count:,} labelled images lie in no split folder, and others do; the first is {example}.",
                    hint="Move them into train, val or test, --exclude them, or name the splits in data.yaml.",
                    code="labels.no_split",
                )
        count, example = table.without_split(with_label=False)
        if count and example is not None:
            self.passed_over[reason] += count
            self.examples[reason] = example
        return True


def _splits_of(path: str, by_folder: dict[str, list[str]]) -> list[str]:
    """Splits of the nearest folder above an image that belongs to any."""
    folder = path
    while folder:
        folder = folder.rpartition("/")[0]
        if folder in by_folder:
            return by_folder[folder]
    return []
