"""Annotations become the lines of a YOLO label file, with six decimals.

Numbers are counted in millionths while they are made, so that what is written lies inside the picture and has a size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from nfold.annotations import Annotation, Box, KeyPoint, OutputImage, Ring
from nfold.formats.yolo.lines import BOX_VALUES, MOST_LINE_BYTES, SILENT_OVERSHOOT, PoseShape, Task, is_flat
from nfold.formats.yolo.outline import outline_of, simplified

_MILLION = 1_000_000
_BYTES_PER_NUMBER = len(" 0.123456")
_MOST_CORNERS = (MOST_LINE_BYTES - 64) // (2 * _BYTES_PER_NUMBER)
_LAST_DIGIT = 1.000001e-6

_LOST_POINT = "0.000000 0.000000 0"
_LOST_POINT_WITHOUT_VISIBILITY = "-0.005000 -0.005000"
"""Below 0 is how Ultralytics is told that a point of two numbers is not labelled; 0 0 would be a point in the corner."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineEncoder:
    """Writes the label file of one picture.

    Attributes:
        task: The kind of line for what comes from another format.
        pose: Number of key points of every object, where the task is "pose".
        keeps_lines: The annotations were read from YOLO: each keeps its own kind of line, and the line itself
            where the picture did not move under it.
        classes: How many classes have names; what has no class gets the number after the last.
    """

    task: Task
    pose: PoseShape | None = None
    keeps_lines: bool = False
    classes: int = 0

    def encode(self, image: OutputImage) -> bytes:
        """Each annotation is a line, in order; regions of many objects are left out, since YOLO has no word for them."""
        lines = []
        for annotation in image.annotations:
            if annotation.crowd:
                continue
            line = self._line(annotation, image.size_wh)
            if line is not None:
                lines.append(f"{self._as_it_was(annotation, line, image)}\n")
        return "".join(lines).encode()

    def _as_it_was(self, annotation: Annotation, line: str, image: OutputImage) -> str:
        """The line of the source, when it says what that of the copy says."""
        if not self.keeps_lines or not isinstance(annotation.raw, str):
            return line
        source = next((one for one in image.labels.annotations if one.order == annotation.order), None)
        if source is None or source.raw != annotation.raw or _sticks_out(source):
            return line
        unmoved = self._line(_in_pixels(source, image.size_wh), image.size_wh)
        return annotation.raw if unmoved is not None and _says_the_same(line, unmoved) else line

    def _line(self, annotation: Annotation, size_wh: tuple[int, int]) -> str | None:
        """None when nothing is known of where it is."""
        number = self.classes if annotation.category is None else annotation.category
        task = _own_task(annotation) if self.keeps_lines else self.task
        shape: str | None
        if task == "obb":
            corners = _corners_of(annotation)
            shape = None if corners is None else _ring(corners, size_wh)
        elif task == "segment":
            shape = _segment(annotation, size_wh)
        else:
            box = _box_of(annotation)
            shape = None if box is None else _box(box, size_wh)
            if shape is not None and task == "pose" and self.pose is not None:
                shape = " ".join([shape, *_points(annotation.points, self.pose, size_wh)])
        if shape is None:
            return None
        line = f"{number} {shape}"
        if self.keeps_lines and task == "detect" and annotation.attributes and isinstance(annotation.raw, str):
            line += f" {annotation.raw.split()[BOX_VALUES]}"
        return line


def _own_task(annotation: Annotation) -> Task:
    if annotation.corners is not None:
        return "obb"
    if annotation.points:
        return "pose"
    return "segment" if annotation.rings else "detect"


def _sticks_out(source: Annotation) -> bool:
    """Whether more of it lies beyond the picture than rounding explains; copies are clipped."""
    values = (*(source.box or ()), *(value for ring in source.rings for value in ring), *(source.corners or ()))
    return bool(values) and (min(values) < -SILENT_OVERSHOOT or max(values) > 1 + SILENT_OVERSHOOT)


def _in_pixels(source: Annotation, size_wh: tuple[int, int]) -> Annotation:
    """An annotation as it was read, where it would be in a picture that did not move."""
    width, height = size_wh

    def scaled(ring: Ring) -> Ring:
        return tuple(value * size_wh[place % 2] for place, value in enumerate(ring))

    box = source.box
    return replace(
        source,
        box=None if box is None else (box[0] * width, box[1] * height, box[2] * width, box[3] * height),
        rings=tuple(scaled(ring) for ring in source.rings),
        corners=None if source.corners is None else scaled(source.corners),
        points=tuple((x * width + 0.5, y * height + 0.5, seen) for x, y, seen in source.points),
    )


def _says_the_same(one: str, other: str) -> bool:
    """Whether no number differs by more than one in the last of six decimals."""
    numbers, others = one.split(), other.split()
    return len(numbers) == len(others) and all(
        abs(float(number) - float(its)) <= _LAST_DIGIT for number, its in zip(numbers, others, strict=True)
    )


def _box_of(annotation: Annotation) -> Box | None:
    if annotation.box is not None:
        return annotation.box
    ring = annotation.corners or outline_of(annotation)
    if ring is None:
        seen = [(x, y) for x, y, visibility in annotation.points if visibility]
        if not seen:
            return None
        ring = tuple(value for point in seen for value in point)
    return (min(ring[0::2]), min(ring[1::2]), max(ring[0::2]), max(ring[1::2]))


def _corners_of(annotation: Annotation) -> Ring | None:
    """Of the box that was turned, else of the smallest one round the outline, else of the upright box."""
    if annotation.corners is not None:
        return annotation.corners
    outline = outline_of(annotation)
    if outline is not None:
        import cv2
        import numpy as np

        points = np.asarray(outline, dtype=np.float32).reshape(-1, 2)
        return tuple(float(value) for value in cv2.boxPoints(cv2.minAreaRect(points)).reshape(-1))
    box = _box_of(annotation)
    return None if box is None else _around(box)


def _segment(annotation: Annotation, size_wh: tuple[int, int]) -> str | None:
    """An outline; an object of which only the box is known has that of the box, since Ultralytics allows no mixture."""
    ring = outline_of(annotation) or annotation.corners
    if ring is None:
        box = _box_of(annotation)
        if box is None:
            return None
        ring = _around(box)
    return _ring(ring if len(ring) <= 2 * _MOST_CORNERS else simplified(ring, _MOST_CORNERS), size_wh)


def _around(box: Box) -> Ring:
    return (box[0], box[1], box[2], box[1], box[2], box[3], box[0], box[3])


def _millionths(value: float, size: int) -> int:
    return min(max(round(value / size * _MILLION), 0), _MILLION)


def _text(millionths: int) -> str:
    return f"{millionths // _MILLION}.{millionths % _MILLION:06d}"


def _ring(ring: Ring, size_wh: tuple[int, int]) -> str:
    counted = [_millionths(value, size_wh[place % 2]) for place, value in enumerate(ring)]
    if is_flat(tuple(value / _MILLION for value in counted)):
        xs, ys = _at_least_one(counted[0::2]), _at_least_one(counted[1::2])
        counted = [xs[0], ys[0], xs[1], ys[0], xs[1], ys[1], xs[0], ys[1]]
    return " ".join(_text(value) for value in counted)


def _at_least_one(values: Sequence[int]) -> tuple[int, int]:
    lowest, highest = min(values), max(values)
    if lowest < highest:
        return (lowest, highest)
    return (lowest, lowest + 1) if lowest < _MILLION else (lowest - 1, lowest)


def _box(box: Box, size_wh: tuple[int, int]) -> str:
    x, width = _span(box[0], box[2], size_wh[0])
    y, height = _span(box[1], box[3], size_wh[1])
    return f"{_text(x)} {_text(y)} {_text(width)} {_text(height)}"


def _span(low: float, high: float, size: int) -> tuple[int, int]:
    """Centre and width, in millionths; neither end beyond the picture."""
    low, high = min(max(low / size, 0.0), 1.0), min(max(high / size, 0.0), 1.0)
    centre, width = round((low + high) / 2 * _MILLION), max(round((high - low) * _MILLION), 1)
    while width > 1 and (2 * centre < width or 2 * centre + width > 2 * _MILLION):
        width -= 1
    return (min(max(centre, 1), _MILLION - 1), width)


def _points(points: Sequence[KeyPoint], shape: PoseShape, size_wh: tuple[int, int]) -> list[str]:
    written = []
    for place in range(shape.points):
        x, y, seen = points[place] if place < len(points) else (0.0, 0.0, 0)
        if not seen:
            written.append(_LOST_POINT if shape.dimensions == 3 else _LOST_POINT_WITHOUT_VISIBILITY)
            continue
        # The centre of a pixel is its number here, and its number and a half in all that nfold does.
        text = f"{_text(_millionths(x - 0.5, size_wh[0]))} {_text(_millionths(y - 0.5, size_wh[1]))}"
        written.append(f"{text} {seen}" if shape.dimensions == 3 else text)
    return written
