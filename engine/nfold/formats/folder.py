"""A plain folder of images, flat or nested, without labels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from nfold.annotations import DatasetInfo, LabelKind
from nfold.formats.base import Label, LabelWriter, ReadContext, Scan, Source, split_of
from nfold.formats.plain import PathWriter, read_by_path


class PlainFolder:
    """Takes whatever no other format recognises; only split folders at the top mean anything."""

    name: ClassVar[str] = "folder"
    has_annotations: ClassVar[bool] = False
    holds: ClassVar[frozenset[LabelKind]] = frozenset({})

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

    def read(self, context: ReadContext, take: Callable[[Source], None]) -> DatasetInfo:
        """Every image is a source; its path says the rest."""
        return read_by_path(context, take, self.label)

    def writer(self, info: DatasetInfo, *, keeps_layout: bool, splits: tuple[str | None, ...]) -> LabelWriter:
        """Nothing is written: the path of an image says all."""
        del info, keeps_layout, splits
        return PathWriter()
