"""Class folders: `class/x.jpg` or `train|val|test/class/x.jpg`, as torchvision and Keras read them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from nfold.annotations import DatasetInfo, LabelKind
from nfold.formats.base import Label, LabelWriter, ReadContext, Scan, Source, split_of
from nfold.formats.plain import PathWriter, read_by_path


class ClassFolders:
    """The folder just above the images (below the split, when there is one) is their class."""

    name: ClassVar[str] = "class-folders"
    has_annotations: ClassVar[bool] = False
    holds: ClassVar[frozenset[LabelKind]] = frozenset({"class"})

    def recognise(self, root: Path, scan: Scan) -> str | None:
        """Every image lies exactly one folder deep, or one below a split folder."""
        del root
        if scan.depths_below_splits != {1}:
            return None
        return "split folders with one folder for each class" if scan.has_splits else "one folder for each class"

    def label(self, path: str, *, has_splits: bool) -> Label:
        """The first folder that is no split names the class; deeper folders only sort it."""
        folders = path.split("/")[:-1]
        split = split_of(folders[0]) if has_splits else None
        below = folders[1:] if has_splits else folders
        return Label(split=split, category=below[0] if below else None)

    def read(self, context: ReadContext, take: Callable[[Source], None]) -> DatasetInfo:
        """Every image is a source; its path says the rest."""
        return read_by_path(context, take, self.label)

    def writer(self, info: DatasetInfo, *, keeps_layout: bool, splits: tuple[str | None, ...]) -> LabelWriter:
        """No label file is written: the path of an image says all."""
        del info, keeps_layout, splits
        return PathWriter(by_class=True)
