"""Class folders: `class/x.jpg` or `train|val|test/class/x.jpg`, as torchvision and Keras read them."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from nfold.formats.base import Label, Scan, split_of


class ClassFolders:
    """The folder just above the images (below the split, when there is one) is their class."""

    name: ClassVar[str] = "class-folders"
    has_annotations: ClassVar[bool] = False

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
