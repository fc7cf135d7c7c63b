"""COCO: JSON files that list pictures and, beside them, boxes, outlines, pixels and key points of the objects in them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from nfold.annotations import DatasetInfo, LabelKind
from nfold.errors import InputError
from nfold.formats.base import LabelWriter, ReadContext, Scan, Source
from nfold.formats.coco.finding import LISTS, is_document
from nfold.formats.coco.ids import steps_for
from nfold.formats.coco.reading import CocoReading
from nfold.formats.coco.relayout import CocoRelayout
from nfold.formats.coco.writer import CocoWriter
from nfold.formats.json_stream import JsonStream
from nfold.formats.wording import counted

_MOST_COUNTED_BYTES = 8 * 2**20
"""Larger files are named without counting what they hold."""


class Coco:
    """Any JSON file with `images` and with `annotations` or `categories` counts, whatever its name and folder."""

    name: ClassVar[str] = "coco"
    has_annotations: ClassVar[bool] = True
    holds: ClassVar[frozenset[LabelKind]] = frozenset(
        {"boxes", "polygons", "parts", "masks", "points", "crowd", "attributes"}
    )

    def recognise(self, root: Path, scan: Scan) -> str | None:
        """A JSON file begins as COCO files do."""
        found = [path for path in sorted(scan.label_files.get(".json", ())) if is_document(root, path)]
        if not found:
            return None
        if len(found) > 1:
            named = ", ".join(found[:3])
            return f"COCO: {len(found)} JSON files with images and annotations ({named}{', ...' if len(found) > 3 else ''})"
        return f"COCO: {found[0]}{_counts(root, found[0])}"

    def read(self, context: ReadContext, take: Callable[[Source], None]) -> DatasetInfo:
        """Every listed picture is a source; all files are read in one pass each, into `context.scratch`."""
        return CocoReading(context, self.name).read(take)

    def writer(self, info: DatasetInfo, *, keeps_layout: bool, splits: tuple[str | None, ...]) -> LabelWriter:
        """Files in their own places with entries value for value, or one file for each split.

        Raises:
            InputError: Ids leave no room for those of copies.
        """
        is_own = info.conventions.get("format") == self.name
        if not keeps_layout:
            return CocoRelayout.of(info, splits, is_own=is_own)
        largest = [document.raw["largest_ids"] for document in info.documents]
        image, annotation = (max(ids, default=0) for ids in zip(*largest, strict=True)) if largest else (0, 0)
        steps = steps_for(image, annotation, info.conventions)
        steps.check(image, annotation)
        return CocoWriter(documents=info.documents, steps=steps)


def _counts(root: Path, path: str) -> str:
    """What a small file holds, in words."""
    counts = dict.fromkeys(LISTS, 0)
    has_points = False
    try:
        if (root / path).stat().st_size > _MOST_COUNTED_BYTES:
            return ""
        for piece in JsonStream(root / path, path, LISTS).pieces():
            if piece.index is not None:
                counts[piece.key] += 1
                has_points = has_points or (isinstance(piece.value, dict) and bool(piece.value.get("keypoints")))
    except (InputError, OSError):
        return ""  # the same error is raised, with its place, when the file is read
    words = f" with {counted(counts['images'], 'image')} and {counted(counts['annotations'], 'annotation')}"
    return f"{words}, key points" if has_points else words
