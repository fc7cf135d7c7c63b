"""Writing Pascal VOC: a copy's XML is the original's with what has changed; of other formats it is written anew.

Numbers are whole where they were whole, to the nearest pixel and at least one pixel wide; else they have two decimals.
`<truncated>` becomes 1 where the edge of the copy cuts a box that did not touch the edge before, and never goes back to 0.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from nfold.annotations import Annotation, Box, Document, OutputImage
from nfold.annotations.rle import rle_box
from nfold.formats.base import Images, Placement, Write
from nfold.formats.voc.lists import assemble_list, renamed
from nfold.formats.voc.objects import EDGES, FLAGS, OWN_FILE, boxed_nodes, is_whole, unpack
from nfold.formats.voc.places import without_picture_folders
from nfold.formats.voc.shapes import shape_edits
from nfold.formats.voc.xml import Edit, Node, XmlText, applied, escaped, with_text, without

_PICTURES: Final = "JPEGImages/"
_LABELS: Final = "Annotations/"
_MASKS: Final = "SegmentationClass/"
_LISTS: Final = "ImageSets"
_TOUCHES_PX: Final = 0.01
_NO_CLASS: Final = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class VocWriter:
    """Writes the labels of one output.

    Attributes:
        categories: Names of classes.
        origin: 1 when pixels are counted from 1 with both ends inside the box; 0 when numbers are edges.
        is_ours: The data set was read as VOC: the text of its files is there.
        documents: Lists to write again, with the copies in them.
        keeps_layout: The output has the tree of the input.
        has_masks: Masks of whole pictures go with the pictures.
        splits: Of the output.
    """

    categories: tuple[str, ...]
    origin: int
    is_ours: bool
    documents: tuple[Document, ...]
    keeps_layout: bool
    has_masks: bool
    splits: tuple[str | None, ...]

    def place(self, source: str, *, split: str | None, category: str | None) -> Placement:
        """In VOC's folders, whatever the split: the lists tell it."""
        del split, category
        path = without_picture_folders(source)
        stem = os.path.splitext(path)[0]
        return Placement(
            image=_PICTURES + path,
            label=f"{_LABELS}{stem}.xml",
            mask=f"{_MASKS}{stem}.png" if self.has_masks else None,
        )

    def encode(self, image: OutputImage) -> bytes:
        """The XML file about one picture."""
        packed = image.labels.raw.get(OWN_FILE) if self.is_ours else None
        if packed is None:
            return _new_file(image, self.categories, self.origin)
        text = unpack(packed)
        return applied(text, _edits(text, image, self.origin))

    def assembled(self) -> tuple[str, ...]:
        """The lists of the input; or one for each split."""
        if self.keeps_layout:
            return tuple(document.path for document in self.documents)
        tasks = ("Main", "Segmentation") if self.has_masks else ("Main",)
        return tuple(f"{_LISTS}/{task}/{_list_name(split)}.txt" for task in tasks for split in self.splits)

    def assemble(self, name: str, images: Images, write: Write, scratch: sqlite3.Connection) -> None:
        """One list."""
        if self.keeps_layout:
            number = next(place for place, document in enumerate(self.documents) if document.path == name)
            assemble_list(number, self.documents[number], images, write, scratch)
            return
        of_masks = name.startswith(f"{_LISTS}/Segmentation/")
        for image in images():
            is_in_it = name.endswith(f"/{_list_name(image.split)}.txt")
            if is_in_it and (image.labels.mask_file is not None or not of_masks):
                write(os.path.splitext(image.name.removeprefix(_PICTURES))[0] + "\n")


def _list_name(split: str | None) -> str:
    # Readers know train, val, test and trainval only: without splits, all pictures are there to train on.
    return split or "trainval"


def _edits(text: XmlText, image: OutputImage, origin: int) -> Iterator[Edit]:
    root = text.root
    for tag in ("filename", "path"):
        node = root.first(tag)
        if node is not None and node.text.strip():
            yield with_text(text, node, renamed(node.text.strip(), original=image.source, copy=image.name))
    size = root.first("size")
    for tag, value in zip(("width", "height"), image.size_wh, strict=True):
        node = size.first(tag) if size else None
        if node is not None and image.labels.frame_wh is not None:
            yield with_text(text, node, str(value))
    kept = {annotation.order: annotation for annotation in image.annotations}
    before = {annotation.order: annotation for annotation in image.labels.annotations}
    for order, (node, _) in enumerate(boxed_nodes(root)):
        # Edits of the parts of an object that goes lie inside its own, which comes first and counts.
        if order in kept:
            yield from _object_edits(text, node, before[order], kept[order], image, origin)
        else:
            yield without(text, node)


def _object_edits(
    text: XmlText, node: Node, before: Annotation, after: Annotation, image: OutputImage, origin: int
) -> Iterator[Edit]:
    box, bounds = node.first("bndbox"), _bounds(after)
    if box is not None and bounds is not None:
        edges = [edge for edge in (box.first(tag) for tag in EDGES) if edge is not None]
        whole = all(is_whole(edge.text.strip()) for edge in edges)
        for edge, words in zip(edges, _numbers(bounds, image.size_wh, origin, whole=whole), strict=True):
            yield with_text(text, edge, words)
    flag = node.first("truncated")
    if flag is not None and flag.text.strip() == "0" and _is_cut(before, bounds, image):
        yield with_text(text, flag, "1")
    yield from shape_edits(text, node, after, image.size_wh, origin)


def _is_cut(before: Annotation, box: Box | None, image: OutputImage) -> bool:
    frame = image.labels.frame_wh
    if box is None or before.box is None or frame is None:
        return False
    return _touches(box, image.size_wh) and not _touches(before.box, frame)


def _touches(box: Box, size_wh: tuple[int, int]) -> bool:
    near, (width, height) = _TOUCHES_PX, size_wh
    return box[0] < near or box[1] < near or box[2] > width - near or box[3] > height - near


def _bounds(annotation: Annotation) -> Box | None:
    """The upright box of an object, round its other shapes where it has none."""
    if annotation.box is not None:
        return annotation.box
    rings = annotation.rings or ((annotation.corners,) if annotation.corners else ())
    if rings:
        xs = [x for ring in rings for x in ring[0::2]]
        ys = [y for ring in rings for y in ring[1::2]]
        return min(xs), min(ys), max(xs), max(ys)
    return rle_box(annotation.mask) if annotation.mask is not None else None


def _numbers(box: Box, size_wh: tuple[int, int], origin: int, *, whole: bool) -> tuple[str, str, str, str]:
    """xmin, ymin, xmax, ymax inside the picture."""
    x_min, x_max = _span(box[0], box[2], size_wh[0], whole=whole)
    y_min, y_max = _span(box[1], box[3], size_wh[1], whole=whole)
    x_low, y_low = x_min + origin, y_min + origin
    if whole:
        return f"{x_low:.0f}", f"{y_low:.0f}", f"{x_max:.0f}", f"{y_max:.0f}"
    return f"{x_low:.2f}", f"{y_low:.2f}", f"{x_max:.2f}", f"{y_max:.2f}"


def _span(low: float, high: float, size: int, *, whole: bool) -> tuple[float, float]:
    step, digits = (1.0, 0) if whole else (0.01, 2)
    low, high = max(low, 0.0), min(high, float(size))
    start, end = round(low, digits), round(high, digits)
    if end - start < step:
        # Too thin for its numbers: the pixel in which it lies.
        start = min(max((low + high) / 2 // step * step, 0.0), size - step)
        end = start + step
    return max(start, 0.0), min(end, float(size))


def _new_file(image: OutputImage, categories: tuple[str, ...], origin: int) -> bytes:
    folder, _, name = image.name.rpartition("/")
    lines = ["<annotation>", f"\t<folder>{escaped(folder)}</folder>", f"\t<filename>{escaped(name)}</filename>"]
    width, height = image.size_wh
    lines += ["\t<size>", f"\t\t<width>{width}</width>", f"\t\t<height>{height}</height>", "\t\t<depth>3</depth>"]
    lines += ["\t</size>", f"\t<segmented>{int(image.labels.mask_file is not None)}</segmented>"]
    for annotation in image.annotations:
        box = _bounds(annotation)
        if box is not None:
            name = _NO_CLASS if annotation.category is None else categories[annotation.category]
            lines += _object_lines(name, _numbers(box, image.size_wh, origin, whole=True), annotation.attributes)
    return ("\n".join([*lines, "</annotation>"]) + "\n").encode()


def _object_lines(name: str, numbers: tuple[str, ...], attributes: Mapping[str, Any]) -> Iterator[str]:
    known = {"pose": "Unspecified", "truncated": 0, "difficult": 0}
    known.update({key: attributes[key] for key in ("pose", *FLAGS) if key in attributes})
    yield "\t<object>"
    yield f"\t\t<name>{escaped(name)}</name>"
    for key, value in known.items():
        yield f"\t\t<{key}>{_words(value)}</{key}>"
    others = [(key, value) for key, value in attributes.items() if key not in known]
    if others:
        yield "\t\t<attributes>"
        for key, value in others:
            words = f"<name>{escaped(key)}</name><value>{_words(value)}</value>"
            yield f"\t\t\t<attribute>{words}</attribute>"
        yield "\t\t</attributes>"
    yield "\t\t<bndbox>"
    yield from (f"\t\t\t<{tag}>{number}</{tag}>" for tag, number in zip(EDGES, numbers, strict=True))
    yield "\t\t</bndbox>"
    yield "\t</object>"


def _words(value: Any) -> str:
    return escaped(str(int(value)) if isinstance(value, bool) else str(value))
