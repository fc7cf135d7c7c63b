"""Masks: pictures with a picture of class or object numbers beside each, by folder or by an ending of the stem.

`images/a.jpg` + `masks/a.png`, `train/images/a.jpg` + `train/masks/a.png`, `a.png` + `a_labels.png`, and the like.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import ClassVar

from nfold.annotations import DatasetInfo, LabelKind, OutputImage
from nfold.errors import ImageError
from nfold.formats.base import Images, LabelWriter, Placement, ReadContext, Scan, Source, Write, split_of
from nfold.formats.mask_files import MaskImage, encode_mask, flatness_of
from nfold.formats.masks.painting import paint, palette_of_classes
from nfold.formats.masks.pairs import STEM_ENDINGS, Pairs, without_picture_folders
from nfold.formats.masks.reading import MaskReading
from nfold.images import EXTENSIONS

_LOOKED_AT = 6
_MOST_NAMES = 5_000
_MOST_FOLDERS = 20
_CLASSES = "classes.txt"
_BACKGROUND = "background"
_FLAT = 0.75
"""Share of neighbours in a row that are equal: of photographs less than half, of most masks nearly all."""


class Masks:
    """Pictures of numbers that are varied with the pictures they belong to, never blended."""

    name: ClassVar[str] = "masks"
    has_annotations: ClassVar[bool] = True
    holds: ClassVar[frozenset[LabelKind]] = frozenset({"semantic"})

    def recognise(self, root: Path, scan: Scan) -> str | None:
        """Files that are named like masks of pictures that are there, and look like masks: in large flat areas."""
        pairs = Pairs(scan.image_folders)
        for masks, pictures in islice(pairs.pairs(), _MOST_FOLDERS):
            if not masks.casefold().endswith(("segmentationclass", "segmentationobject")) and _holds_masks(
                root, pairs, masks
            ):
                return f"masks in {masks} beside images in {pictures or 'the source folder'}"
        for folder in islice(sorted(scan.image_folders), _MOST_FOLDERS):
            found = _masks_beside(root, pairs, folder)
            if found is not None:
                return f"masks beside images, such as {found}"
        return None

    def read(self, context: ReadContext, take: Callable[[Source], None]) -> DatasetInfo:
        """Hand over every picture with its mask; masks are no sources. Up to 200 masks are looked into."""
        return MaskReading(context).carry_out(take)

    def writer(self, info: DatasetInfo, *, keeps_layout: bool, splits: tuple[str | None, ...]) -> LabelWriter:
        """Places masks that are there; objects of other formats are painted as numbers of their classes."""
        del keeps_layout, splits
        return MaskWriter(
            names=tuple(category.name for category in info.categories),
            has_masks=bool(info.kinds.get("semantic")),
            ending=str(info.conventions.get("mask_ending", ".png")),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskWriter:
    """Writes no label files about a picture but painted masks, and says in `classes.txt` what their numbers mean.

    Attributes:
        names: Of the classes of objects, in their order; the first is painted as 1.
        has_masks: The data set has masks of whole pictures, which the engine varies; nothing is painted.
        ending: Of the masks' files.
    """

    names: tuple[str, ...]
    has_masks: bool
    ending: str

    def place(self, source: str, *, split: str | None, category: str | None) -> Placement:
        """`images/train/a.jpg` and `masks/train/a.png`."""
        del category
        *folders, name = without_picture_folders(source).split("/")
        if split is not None and folders and split_of(folders[0]) == split:
            del folders[0]
        rest = "/".join([*([split] if split else []), *folders, name])
        mask = f"masks/{os.path.splitext(rest)[0]}{self.ending if self.has_masks else '.png'}"
        image = f"images/{rest}"
        return Placement(image=image, mask=mask) if self.has_masks else Placement(image=image, label=mask)

    def encode(self, image: OutputImage) -> bytes:
        """A painted mask: class n of the data set (counted from 0) is n + 1, in a palette of 8 bits where that suffices."""
        pixels = paint(image, classes=len(self.names))
        is_small = pixels.dtype.itemsize == 1
        mask = MaskImage(
            pixels=pixels,
            colour="palette" if is_small else "index",
            file_format="png",
            bits=8 if is_small else 16,
            palette=palette_of_classes() if is_small else None,
        )
        return encode_mask(mask)

    def assembled(self) -> tuple[str, ...]:
        """`classes.txt` beside painted masks; what the numbers of other masks mean, only their makers know."""
        return () if self.has_masks or not self.names else (_CLASSES,)

    def assemble(self, name: str, images: Images, write: Write, scratch: sqlite3.Connection) -> None:
        """One name in a line: line n, counted from 0, is number n of the masks, and 0 is background."""
        del images, scratch
        assert name == _CLASSES, f"{name} is not written by this format"
        for told in (_BACKGROUND, *self.names):
            write(f"{_in_one_line(told)}\n")


def _in_one_line(name: str) -> str:
    """A name that takes one line of UTF-8, whatever is in it: a line too many would shift all names below it."""
    return " ".join(name.splitlines()).encode("utf-8", "replace").decode("utf-8")


def _holds_masks(root: Path, pairs: Pairs, folder: str) -> bool:
    """Whether a folder beside one of pictures holds masks of them; a few are looked at."""
    paths = (f"{folder}/{name}" if folder else name for name in _names_in(root / folder))
    paired = (path for path in paths if _picture_beside(root, pairs, path) is not None)
    return _look_like_masks(root, islice(paired, _LOOKED_AT))


def _masks_beside(root: Path, pairs: Pairs, folder: str) -> str | None:
    """A mask among the pictures of a folder, when half of these or more have one."""
    names = _names_in(root / folder)
    named = [name for name in names if os.path.splitext(name)[0].casefold().endswith(STEM_ENDINGS)]
    found = [f"{folder}/{name}" if folder else name for name in named]
    found = [path for path in found if _picture_beside(root, pairs, path) is not None]
    is_usual = len(found) * 2 >= len(names) - len(found)
    if found and is_usual and _look_like_masks(root, found[:_LOOKED_AT]):
        return found[0]
    return None


def _names_in(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            names = (entry.name for entry in entries if not entry.name.startswith("."))
            pictures = (name for name in names if os.path.splitext(name)[1].lower() in EXTENSIONS)
            return sorted(islice(pictures, _MOST_NAMES))
    except OSError:
        return []


def _picture_beside(root: Path, pairs: Pairs, mask: str) -> str | None:
    for stem in pairs.stems_of(mask):
        for ending in _endings():
            if stem + ending != mask and (root / (stem + ending)).is_file():
                return stem + ending
    return None


def _endings() -> Iterator[str]:
    for ending in EXTENSIONS:
        yield ending
        yield ending.upper()


def _look_like_masks(root: Path, paths: Iterable[str]) -> bool:
    found = [flatness for flatness in (_flatness(root / path) for path in paths) if flatness is not None]
    return bool(found) and sum(found) / len(found) >= _FLAT


def _flatness(path: Path) -> float | None:
    try:
        return flatness_of(path)
    except (ImageError, OSError):
        # Whether it is a mask or not, others have to tell.
        return None
