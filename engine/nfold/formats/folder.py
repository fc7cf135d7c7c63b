"""A plain folder of images, flat or nested, without labels."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from nfold.formats.base import Label, Scan, split_of


class PlainFolder:
    """Takes whatever no other format recognises; only split folders at the top mean anything."""

    name: ClassVar[str] = "folder"
    has_annotations: ClassVar[bool] = False

    def recognise(self, root: Path, scan: Scan) -> str | None:
        """Any folder is one."""
        del root
        where = "in split folders" if scan.has_splits else "in one folder"
        reason = f"images without labels {where if scan.depths_below_splits <= {0} else 'in nested folders'}"
        sorted_out = sum(count for (_, depth), count in scan.shapes.items() if depth - scan.has_splits == 1)
        if scan.images > sorted_out > scan.images / 2:
            odd = scan.images - sorted_out
            reason += (
                f"; all but {odd:,} lie one folder deep, and --format class-folders takes that folder as their class"
            )
        return reason

    def label(self, path: str, *, has_splits: bool) -> Label:
        """No class; a split when every image has one."""
        return Label(split=split_of(path.split("/", 1)[0]) if has_splits else None, category=None)
