"""Pascal VOC: an XML file for each picture, lists of pictures, palette masks.

`JPEGImages/`, `Annotations/`, `ImageSets/*/*.txt`, `SegmentationClass/`; or any other folders of pictures and of
XML files whose outermost element is `<annotation>`, one beside the other or mixed.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from nfold.annotations import DatasetInfo, LabelKind
from nfold.formats.base import LabelWriter, ReadContext, Scan, Source
from nfold.formats.voc.heads import outermost_element
from nfold.formats.voc.reading import VocReading
from nfold.formats.voc.remains import refuse_empty_annotations
from nfold.formats.voc.writer import VocWriter
from nfold.formats.wording import counted


class Voc:
    """Boxes from XML files, masks of classes from `SegmentationClass`."""

    name: ClassVar[str] = "voc"
    has_annotations: ClassVar[bool] = True
    holds: ClassVar[frozenset[LabelKind]] = frozenset({"boxes", "semantic", "attributes"})

    def recognise(self, root: Path, scan: Scan) -> str | None:
        """XML files whose outermost element is `<annotation>`; or masks in `SegmentationClass` beside `JPEGImages`."""
        paths = sorted(scan.label_files.get(".xml", ()))
        # One is enough: the others are damaged ones, and reading them will say so.
        found = next((path for path in paths if _is_annotation(root / path)), None)
        if found is not None:
            count = sum(count for (_, ending), count in scan.label_folders.items() if ending == ".xml")
            folder = found.rpartition("/")[0]
            where = f"in {folder}" if folder else "beside the images"
            return f"Pascal VOC: {counted(count, 'XML file')}, such as those {where}"
        folders = {part.casefold() for folder in scan.image_folders for part in folder.split("/")}
        if {"segmentationclass", "jpegimages"} <= folders:
            return "Pascal VOC: masks in SegmentationClass beside JPEGImages"
        return None

    def refuse_remains(self, root: Path, scan: Scan) -> None:
        """XML files that lie where labels do, and hold nothing."""
        refuse_empty_annotations(root, scan)

    def read(self, context: ReadContext, take: Callable[[Source], None]) -> DatasetInfo:
        """Read every XML file once, decide how pixels are counted, then hand over the pictures.

        Raises:
            InputError: A list in `ImageSets` cannot be read.
            UsageError: `voc_origin` is neither 0 nor 1.
        """
        return VocReading(context).carry_out(take)

    def writer(self, info: DatasetInfo, *, keeps_layout: bool, splits: tuple[str | None, ...]) -> LabelWriter:
        """Edits the files of this format, or writes new ones in VOC's own layout, 1-based."""
        is_ours = info.conventions.get("format") == self.name
        return VocWriter(
            categories=tuple(category.name for category in info.categories),
            origin=int(info.conventions["voc_origin"]) if is_ours else 1,
            is_ours=is_ours,
            documents=info.documents if keeps_layout else (),
            keeps_layout=keeps_layout,
            has_masks=bool(info.kinds.get("semantic")),
            splits=splits,
        )


def _is_annotation(path: Path) -> bool:
    try:
        return outermost_element(path) == "annotation"
    except OSError:
        return False
