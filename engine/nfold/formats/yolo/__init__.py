"""YOLO: one text file of boxes, outlines, key points or oriented boxes for each image, and a data.yaml or Darknet's lists.

The parts: `data` and `yaml` (what data.yaml and the like say), `layout` (where label files are),
`places` and `table` (images, lists and splits), `lines` (text to annotations), `reading`; then
`outline`, `encode` (annotations to text) and `writer`. `remains` finds label files without images, and those that nobody can read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ClassVar

from nfold.annotations import DatasetInfo, LabelKind
from nfold.errors import InputError
from nfold.formats.base import LabelWriter, ReadContext, Scan, Source
from nfold.formats.wording import counted
from nfold.formats.yolo.data import declared_in_yaml, name_files
from nfold.formats.yolo.layout import LabelFolders, find_label_folders, first_that_reads, matching, sampled
from nfold.formats.yolo.lines import Task
from nfold.formats.yolo.reading import YoloReading
from nfold.formats.yolo.remains import refuse_unread_labels
from nfold.formats.yolo.writer import make_writer, task_for

_HOLDS: Mapping[Task, frozenset[LabelKind]] = {
    "detect": frozenset({"boxes"}),
    "segment": frozenset({"boxes", "polygons", "masks"}),
    "pose": frozenset({"boxes", "points"}),
    "obb": frozenset({"boxes", "oriented"}),
}


class Yolo:
    """Boxes, outlines of one ring, key points and oriented boxes.

    A data set holds one of them: where others come along, the one that says most is written. Pixels are held as the
    exact ring round them. An object of several parts becomes one ring that joins them over bridges without width,
    and is listed as lost, since no reader can tell the parts again.
    """

    name: ClassVar[str] = "yolo"
    has_annotations: ClassVar[bool] = True
    holds: ClassVar[frozenset[LabelKind]] = frozenset({"boxes", "oriented", "polygons", "masks", "points"})

    def holds_among(self, kinds: Mapping[LabelKind, int]) -> frozenset[LabelKind]:
        """Boxes, and what the one kind of line is about that such a data set is written in."""
        return _HOLDS[task_for(kinds)]

    def recognise(self, root: Path, scan: Scan) -> str | None:
        """A data.yaml that names classes, or text files that belong to images and read like YOLO labels."""
        if not scan.images:
            return None
        try:
            yaml = declared_in_yaml(root, scan)
        except InputError:
            # One that cannot be read is no reason alone; where labels speak for YOLO, reading them will say what is wrong.
            yaml = None
        try:
            folders = find_label_folders(root, scan)
        except InputError:
            return "several folders of YOLO label files"
        if yaml is not None and yaml.entries:
            return f"YOLO: {yaml.file} names the classes and the images"
        texts = matching(root, scan, folders)
        # One file that reads like labels is enough: prose never does, and the others are damaged ones.
        if first_that_reads(root, texts) is None:
            found = sampled(root, texts)
            if not (found[None] and not found[False] and name_files(scan)):
                return None
        return f"YOLO: {_counted(scan, folders)}"

    def refuse_remains(self, root: Path, scan: Scan) -> None:
        """Label files of which none belongs to an image, or of which none can be read."""
        refuse_unread_labels(root, scan)

    def read(self, context: ReadContext, take: Callable[[Source], None]) -> DatasetInfo:
        """Every image that data.yaml, a list or a split folder puts into the data set is a source."""
        return YoloReading(context=context, take=take).run()

    def writer(self, info: DatasetInfo, *, keeps_layout: bool, splits: tuple[str | None, ...]) -> LabelWriter:
        """In the tree of the input, or as `images/<split>` and `labels/<split>`.

        Raises:
            UsageError: Classes differ in how many key points they have, which YOLO cannot say.
        """
        return make_writer(info, keeps_layout=keeps_layout, splits=splits)


def _counted(scan: Scan, folders: LabelFolders) -> str:
    count = sum(number for (_, ending), number in scan.label_folders.items() if ending == ".txt")
    count -= sum(path.lower().endswith(".txt") for path in name_files(scan))
    return f"{counted(count, 'text file')} of labels, {folders}"
