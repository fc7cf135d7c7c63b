"""Pascal VOC: an XML file for each picture, lists of pictures, palette masks.

`JPEGImages/`, `Annotations/`, `ImageSets/*/*.txt`, `SegmentationClass/`; or any other folders of pictures and of
XML files whose outermost element is `<annotation>`, one beside the other or mixed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from nfold.annotations import DatasetInfo, LabelKind
from nfold.formats.base import LabelWriter, ReadContext, Scan, Source
from nfold.formats.voc.reading import VocReading
from nfold.formats.voc.writer import VocWriter
from nfold.formats.wording import counted
from nfold.plain_files import open_plain

_LOOKED_AT = 8
_HEAD_BYTES = 8192
_OUTERMOST = re.compile(rb"<([A-Za-z_][^\s/>]*)[\s/>]")
_NOT_ELEMENTS = re.compile(rb"<\?.*?\?>|<!--.*?-->|<![^>\[]*(?:\[[^\]]*\])?[^>]*>", re.DOTALL)


class Voc:
    """Boxes from XML files, masks of classes from `SegmentationClass`."""

    name: ClassVar[str] = "voc"
    has_annotations: ClassVar[bool] = True
    holds: ClassVar[frozenset[LabelKind]] = frozenset({"boxes", "semantic", "attributes"})

    def recognise(self, root: Path, scan: Scan) -> str | None:
        """XML files whose outermost element is `<annotation>`; or masks in `SegmentationClass` beside `JPEGImages`."""
        paths = sorted(scan.label_files.get(".xml", ()))
        looked_at = paths[:: max(1, len(paths) // _LOOKED_AT)][:_LOOKED_AT]
        found = [path for path in looked_at if _is_annotation(root / path)]
        if found and len(found) * 2 >= len(looked_at):
            count = sum(count for (_, ending), count in scan.label_folders.items() if ending == ".xml")
            folder = found[0].rpartition("/")[0]
            where = f"in {folder}" if folder else "beside the images"
            return f"Pascal VOC: {counted(count, 'XML file')}, such as those {where}"
        folders = {part.casefold() for folder in scan.image_folders for part in folder.split("/")}
        if {"segmentationclass", "jpegimages"} <= folders:
            return "Pascal VOC: masks in SegmentationClass beside JPEGImages"
        return None

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
        with open_plain(path) as file:
            head = file.read(_HEAD_BYTES)
    except OSError:
        return False
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        head = head.decode("utf-16", "ignore").encode()
    outermost = _OUTERMOST.search(_NOT_ELEMENTS.sub(b"", head))
    return outermost is not None and outermost[1] == b"annotation"
