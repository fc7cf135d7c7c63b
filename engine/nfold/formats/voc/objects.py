"""What a Pascal VOC file says, between its text and the neutral form: numbers as written, before the origin is known."""

from __future__ import annotations

import base64
import json
import math
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from nfold.annotations import Annotation, Box, Ring
from nfold.formats.base import SourceProblem
from nfold.formats.share_boxes import LOOKS_LIKE_SHARES, SHARES_HINT, is_share
from nfold.formats.voc.shapes import UNREAD, corners_of, rings_of
from nfold.formats.voc.xml import Node, VocXmlError, XmlText, parse_xml

EDGES = ("xmin", "ymin", "xmax", "ymax")
FLAGS = ("truncated", "difficult", "occluded")
OWN_FILE = -1
"""The key in `ImageLabels.raw` of what belongs to the XML file itself; lists are counted from 0."""

_FARTHEST = 1e7
"""Pixels; no picture is that large."""
_WHOLE = re.compile(r"[+-]?\d+")
_HINT = "Mend the label file, or leave the picture out with --exclude."


@dataclass(frozen=True, slots=True, kw_only=True)
class VocObject:
    """An object, or a part of one.

    Attributes:
        name: Its class.
        values: xmin, ymin, xmax, ymax as written; None of an object that has only another shape.
        line: Where it begins in its file.
        attributes: What else is said of it.
        part_of: Number of the object that it is a part of, counted from 0; None of an object.
        rings: Outlines as written.
        corners: Of a box with an angle.
    """

    name: str
    values: Box | None
    line: int
    attributes: Mapping[str, Any]
    part_of: int | None = None
    rings: tuple[Ring, ...] = ()
    corners: Ring | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VocFile:
    """A label file.

    Attributes:
        file_name: Of the picture, as the file says, without folders; "" when it does not.
        frame_wh: Size of the picture; None when it is missing or 0.
        objects: In the order of the file, parts after the object that they belong to.
        outlines: How many shapes of other kinds there are, which are not read.
        packed: Its text, as `pack` makes it.
        problem: Why it cannot be used; the rest is empty then.
    """

    file_name: str = ""
    frame_wh: tuple[int, int] | None = None
    objects: tuple[VocObject, ...] = ()
    outlines: int = 0
    packed: str = ""
    problem: SourceProblem | None = None


def read_voc(path: str, stored: bytes) -> VocFile | None:
    """What a file says; None when it is XML of another kind."""
    try:
        text = parse_xml(stored)
    except VocXmlError as error:
        return VocFile(problem=SourceProblem(code=error.code, message=f"{path} {error.message}.", hint=error.hint))
    root = text.root
    if root.tag != "annotation":
        return None
    file_name = last_part(root.words("filename"))
    try:
        objects = tuple(_objects(root))
    except _FaultyError as fault:
        problem = SourceProblem(code=fault.code, message=f"{path}, line {fault.line}: {fault}.", hint=_HINT)
        return VocFile(file_name=file_name, problem=problem)
    return VocFile(
        file_name=file_name,
        frame_wh=_frame(root),
        objects=objects,
        outlines=sum(child.tag in UNREAD for node in root.all("object") for child in node.children),
        packed=pack(stored),
    )


def pack(stored: bytes) -> str:
    """A file as short text that JSON can hold."""
    return base64.b64encode(zlib.compress(stored, 6)).decode("ascii")


def unpack(packed: str) -> XmlText:
    """The file that was packed."""
    return parse_xml(zlib.decompress(base64.b64decode(packed)))


def boxed_nodes(root: Node) -> Iterator[tuple[Node, Node | None]]:
    """Objects and their parts with the object that each part belongs to, in the order of `VocFile.objects`."""
    for node in root.all("object"):
        yield node, None
        for part in node.all("part"):
            yield part, node


def placed(
    voc: VocFile, *, origin: int, numbers: Mapping[str, int], path: str
) -> tuple[tuple[Annotation, ...], int] | SourceProblem:
    """The objects in the neutral form, and how many of their boxes stick out of the picture.

    Args:
        voc: What its file says.
        origin: 1 when pixels are counted from 1 and both ends belong to the box; 0 when numbers are edges.
        numbers: Of classes.
        path: Of the file, for messages.
    """
    annotations, sticking_out, whole = [], 0, 0
    for order, found in enumerate(voc.objects):
        whole = order if found.part_of is None else whole
        box = _edges(found.values, origin)
        in_shares = found.values is not None and is_share(found.values)
        fault = LOOKS_LIKE_SHARES if in_shares else box and _fault_of(box, voc.frame_wh)
        if fault:
            written = " ".join(f"{value:g}" for value in found.values or ())
            message = f"{path}, line {found.line}: the box {written} of object {order + 1} ({found.name}) {fault}."
            return SourceProblem(code="labels.bad_box", message=message, hint=SHARES_HINT if in_shares else _HINT)
        sticking_out += box is not None and _sticks_out(box, voc.frame_wh)
        annotations.append(
            Annotation(
                category=numbers[found.name],
                box=box,
                rings=tuple(tuple(value - origin / 2 for value in ring) for ring in found.rings),
                corners=found.corners,
                order=order,
                part_of=None if found.part_of is None else whole,
                attributes=found.attributes,
                raw=None if found.part_of is None else {"part_of": found.part_of},
            )
        )
    return tuple(annotations), sticking_out


def counts_from_zero(voc: VocFile) -> bool:
    """Whether a box begins below 1, which no pixel counted from 1 does."""
    return any(0 <= value < 1 for found in voc.objects if found.values for value in found.values[:2])


def to_json(voc: VocFile) -> bytes:
    """As it waits until the whole data set has been seen."""
    objects = [[o.name, o.values, o.line, dict(o.attributes), o.part_of, o.rings, o.corners] for o in voc.objects]
    problem = voc.problem and [voc.problem.code, voc.problem.message, voc.problem.hint]
    return zlib.compress(
        json.dumps([voc.file_name, voc.frame_wh, objects, voc.outlines, voc.packed, problem]).encode(), 1
    )


def from_json(data: bytes) -> VocFile:
    """What `to_json` made."""
    file_name, frame, objects, outlines, packed, problem = json.loads(zlib.decompress(data))
    return VocFile(
        file_name=file_name,
        frame_wh=None if frame is None else (frame[0], frame[1]),
        objects=tuple(
            VocObject(
                name=name,
                values=values and tuple(values),
                line=line,
                attributes=attributes,
                part_of=part_of,
                rings=tuple(tuple(ring) for ring in rings),
                corners=corners and tuple(corners),
            )
            for name, values, line, attributes, part_of, rings, corners in objects
        ),
        outlines=outlines,
        packed=packed,
        problem=None if problem is None else SourceProblem(code=problem[0], message=problem[1], hint=problem[2]),
    )


def last_part(path: str) -> str:
    """The file name at the end of a path, whichever slashes it has."""
    return re.split(r"[/\\]", path)[-1]


def is_whole(words: str) -> bool:
    """Whether a number is written without a point."""
    return _WHOLE.fullmatch(words) is not None


class _FaultyError(Exception):
    def __init__(self, code: str, line: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.line = line


def _objects(root: Node) -> Iterator[VocObject]:
    number = -1
    for order, (node, parent) in enumerate(boxed_nodes(root), start=1):
        number += parent is None
        what = f"{'object' if parent is None else 'part of an object, box'} {order}"
        name = node.words("name")
        if not name:
            raise _FaultyError("labels.bad_value", node.line, f"{what} has no <name>")
        what += f" ({name})"
        if parent is not None and node.first("part") is not None:
            # Its box would stay in the text of each copy, at the place that it has in the source.
            raise _FaultyError("labels.bad_value", node.line, f"{what} has parts of its own, which are not read")
        try:
            number_in = partial(_number, what=what)
            rings, corners = rings_of(node, number_in), corners_of(node, number_in)
        except ValueError as error:
            raise _FaultyError("labels.bad_value", node.line, f"{what} has {error}") from error
        yield VocObject(
            name=name,
            values=_values(node, what, is_needed=not rings and corners is None),
            line=node.line,
            attributes=_attributes(node) if parent is None else {},
            part_of=None if parent is None else number,
            rings=rings,
            corners=corners,
        )


def _values(node: Node, what: str, *, is_needed: bool) -> Box | None:
    boxes = list(node.all("bndbox"))
    if not boxes and not is_needed:
        return None
    if len(boxes) != 1:
        raise _FaultyError("labels.bad_box", node.line, f"{what} has {len(boxes) or 'no'} <bndbox>, and needs one")
    x_min, y_min, x_max, y_max = (_number(boxes[0], edge, what) for edge in EDGES)
    return x_min, y_min, x_max, y_max


def _number(box: Node, edge: str, what: str) -> float:
    words = box.words(edge)
    try:
        value = float(words)
    except ValueError:
        value = math.nan
    if not abs(value) <= _FARTHEST or "_" in words:
        what_it_is = "no number" if math.isnan(value) else "beyond all pictures"
        said = f"has {words[:40]!r}, which is {what_it_is}, as" if words else "has no"
        raise _FaultyError("labels.bad_box", box.line, f"the {box.tag} of {what} {said} <{edge}>")
    return value


def _attributes(node: Node) -> dict[str, Any]:
    """What other formats can say too; all else stays in the text of the file.

    Labelling programs write `Unspecified` and 0 for every object: that says nothing, and nothing is lost without it.
    """
    found: dict[str, Any] = {}
    pose = node.words("pose")
    if pose and pose.casefold() != "unspecified":
        found["pose"] = pose
    for flag in FLAGS:
        words = node.words(flag)
        if words and words != "0":
            found[flag] = int(words) if words == "1" else words
    group = node.first("attributes")
    for entry in group.all("attribute") if group else ():
        if entry.words("name"):
            found.setdefault(entry.words("name"), entry.words("value"))
    return found


def _frame(root: Node) -> tuple[int, int] | None:
    size = root.first("size")
    sides = []
    for side in ("width", "height"):
        try:
            value = float(size.words(side)) if size else 0.0
        except ValueError:
            return None
        if not 0 < value <= _FARTHEST or value != int(value):
            return None
        sides.append(int(value))
    return sides[0], sides[1]


def _edges(values: Box | None, origin: int) -> Box | None:
    return values and (values[0] - origin, values[1] - origin, values[2], values[3])


def _fault_of(box: Box, frame: tuple[int, int] | None) -> str | None:
    x_min, y_min, x_max, y_max = box
    if x_max <= x_min or y_max <= y_min:
        return "has no width or no height"
    if frame is not None and (x_max <= 0 or y_max <= 0 or x_min >= frame[0] or y_min >= frame[1]):
        return f"lies outside the picture of {frame[0]} x {frame[1]}"
    return None


def _sticks_out(box: Box, frame: tuple[int, int] | None) -> bool:
    return frame is not None and (min(box[:2]) < 0 or box[2] > frame[0] or box[3] > frame[1])
