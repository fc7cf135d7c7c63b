"""One YOLO label file: its lines become annotations.

The kinds of line, all coordinates as shares of width and height:

| task | a line |
|---|---|
| detect | class, centre x, centre y, width, height, and maybe how sure a detector was |
| segment | class, then x and y of three corners or more |
| pose | class, centre x, centre y, width, height, then x, y (and visibility) of each key point |
| obb | class, then x and y of the four corners of a box that may be turned |

Boxes and outlines among one another are legal where the task is none of the last two.
"""

from __future__ import annotations

import codecs
import math
import re
from collections import Counter
from dataclasses import dataclass
from typing import Literal, TypeAlias

from nfold.annotations import Annotation, KeyPoint
from nfold.formats.wording import counted

Task: TypeAlias = Literal["detect", "segment", "pose", "obb"]

MOST_LINE_BYTES = 64 * 1024
MOST_FILE_BYTES = 16 * 1024 * 1024
MOST_CLASSES = 10_000

OBB_VALUES = 9
"""Of a line: the class and four corners."""

FEWEST_OUTLINE_VALUES = 7
BOX_VALUES = 5

SILENT_OVERSHOOT = 1e-4
"""How far, as a share of the picture, a shape may stick out without a word: what rounding does."""

POINT_OUTSIDE = "key point beyond the picture's edge"
SAME_LINE = "line of a label file that repeats another, kept"
MIXED = "label file with boxes among outlines, kept line by line; Ultralytics leaves such a picture out"

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?", re.ASCII)
_FLAT = 1e-13


@dataclass(frozen=True, slots=True, kw_only=True)
class PoseShape:
    """`kpt_shape` of data.yaml.

    Attributes:
        points: How many key points an object has.
        dimensions: 2 for x and y, 3 when each has its visibility.
    """

    points: int
    dimensions: int

    @property
    def values(self) -> int:
        """How many values a line has."""
        return BOX_VALUES + self.points * self.dimensions


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRules:
    """How the lines of one data set are to be read.

    Attributes:
        task: "pose" and "obb" allow no other line; else the number of values tells boxes from outlines.
        classes: How many classes have names; None when no file names them.
        pose: Set when the task is "pose".
    """

    task: Task
    classes: int | None
    pose: PoseShape | None = None


class BadLabelError(Exception):
    """What is wrong with a label file; caught where files are read, never by a caller of nfold."""

    def __init__(self, code: str, line: int | None, message: str, hint: str) -> None:
        super().__init__(message)
        self.code, self.line, self.message, self.hint = code, line, message, hint


def read_label(data: bytes, rules: LineRules, repairs: Counter[str]) -> tuple[Annotation, ...]:
    """The annotations of a label file, in the order of its lines; coordinates are shares of width and height.

    `raw` of each is its line. Key points are as written: they are the centres of pixels.

    Args:
        data: The file.
        rules: Of the data set.
        repairs: Counts what will be mended.

    Raises:
        BadLabelError: A line cannot be used, or the file is no text.
    """
    annotations: list[Annotation] = []
    noticed: Counter[str] = Counter()
    lines = lines_of(data)
    for number, line in lines:
        annotations.append(_read_line(number, line, len(annotations), rules, noticed))
    if len({bool(annotation.rings) for annotation in annotations}) > 1:
        noticed[MIXED] += 1
    if repeated := len(lines) - len({" ".join(line.split()) for _, line in lines}):
        noticed[SAME_LINE] += repeated
    repairs.update(noticed)
    return tuple(annotations)


def lines_of(data: bytes) -> list[tuple[int, str]]:
    """The lines with anything in them, without what surrounds it, with their numbers from 1.

    Raises:
        BadLabelError: The file is no UTF-8 text, or too large.
    """
    if len(data) > MOST_FILE_BYTES:
        raise BadLabelError(
            "labels.too_large", None, f"it has more than {MOST_FILE_BYTES >> 20} MiB", "Is it a label file at all?"
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        where = data.count(b"\n", 0, error.start) + 1
        raise BadLabelError("labels.encoding", where, "it is no UTF-8 text", "Save it as UTF-8.") from None
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    for number, line in lines:
        if len(line) > MOST_LINE_BYTES:
            raise BadLabelError(
                "labels.too_large", number, f"it has more than {MOST_LINE_BYTES >> 10} KiB", "Use fewer corners."
            )
    return lines


def looks_like_labels(data: bytes) -> bool | None:
    """Whether text reads like lines of a YOLO label file; None when it is empty, and could be one."""
    try:
        lines = lines_of(data)
    except BadLabelError:
        return False
    for _, line in lines:
        tokens = line.split()
        if len(tokens) < BOX_VALUES or not all(_NUMBER.fullmatch(token) for token in tokens):
            return False
        values = [float(token) for token in tokens]
        # Prediction files say how sure they are, and boxes may stick out; pixels are far beyond both.
        if values[0] < 0 or values[0] % 1 or not all(-1 <= value <= 2 for value in values[1:]):
            return False
    return bool(lines) or None


def holds_numbers(data: bytes) -> bool:
    """Whether most of a text is numbers, as of labels that are damaged, or written in another way: in UTF-16, with commas."""
    is_wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    text = data.decode("utf-16" if is_wide else "utf-8-sig", "replace")
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    tokens = [token for line in lines for token in re.split(r"[\s,;]+", line) if token]
    numbers = sum(_NUMBER.fullmatch(token) is not None for token in tokens)
    return numbers > 1 and numbers * 3 > len(tokens) * 2


def is_flat(ring: tuple[float, ...]) -> bool:
    """Whether all corners lie on one line, so that they enclose nothing."""
    x0, y0 = ring[0], ring[1]
    shifts = [(x - x0, y - y0) for x, y in zip(ring[2::2], ring[3::2], strict=True)]
    dx, dy = max(shifts, key=lambda shift: shift[0] ** 2 + shift[1] ** 2)
    return all(abs(dx * y - dy * x) <= _FLAT for x, y in shifts)


def _read_line(number: int, line: str, order: int, rules: LineRules, noticed: Counter[str]) -> Annotation:
    tokens = line.split()
    values = [_number(number, token) for token in tokens]
    category = _category(number, tokens[0], values[0], rules)
    kind = _kind(number, len(tokens), rules)
    if kind == "obb" or kind == "segment":
        ring = tuple(values[1:])
        _check_ring(number, ring, kind, noticed)
        if kind == "obb":
            return Annotation(category=category, corners=ring, order=order, raw=line)
        return Annotation(category=category, rings=(ring,), order=order, raw=line)
    box = _box(number, values, noticed)
    points = _points(number, values[BOX_VALUES:], rules.pose, noticed) if kind == "pose" and rules.pose else ()
    attributes = {"confidence": values[BOX_VALUES]} if kind == "detect" and len(values) > BOX_VALUES else {}
    return Annotation(category=category, box=box, points=points, attributes=attributes, order=order, raw=line)


def _number(number: int, token: str) -> float:
    value = float(token) if _NUMBER.fullmatch(token) else math.nan
    if not math.isfinite(value):
        raise BadLabelError(
            "labels.bad_value",
            number,
            f"'{token[:40]}' is no number",
            "A line holds a class number and coordinates, separated by spaces.",
        )
    return value


def _category(number: int, token: str, value: float, rules: LineRules) -> int:
    most = MOST_CLASSES if rules.classes is None else rules.classes
    if value < 0 or value % 1:
        raise BadLabelError(
            "labels.bad_value", number, f"the class '{token[:40]}' is no whole number", "Classes are counted from 0."
        )
    if value >= most:
        known = "no file names the classes"
        if rules.classes is not None:
            known = f"there are names for 0 to {most - 1}" if most > 1 else "there is a name for 0 alone"
        raise BadLabelError(
            "labels.unknown_class",
            number,
            f"class {token[:40]} has no name: {known}",
            "Add its name to data.yaml (or classes.txt), or correct the line.",
        )
    return int(value)


def _kind(number: int, count: int, rules: LineRules) -> Task:
    wanted = None
    if rules.task == "obb":
        if count == OBB_VALUES:
            return "obb"
        wanted = f"{OBB_VALUES}, a class and four corners"
    elif rules.task == "pose" and rules.pose is not None:
        if count == rules.pose.values:
            return "pose"
        shape = f"kpt_shape [{rules.pose.points}, {rules.pose.dimensions}]"
        wanted = f"{rules.pose.values}, as {shape} has it"
    elif count in (BOX_VALUES, BOX_VALUES + 1):
        return "detect"
    elif count >= FEWEST_OUTLINE_VALUES and count % 2:
        return "segment"
    else:
        wanted = "5 (a box), or 7, 9, 11, ... (a class and the corners of an outline)"
    raise BadLabelError(
        "labels.bad_value",
        number,
        f"it has {counted(count, 'value')}, not {wanted}",
        "Correct the line, or take it out.",
    )


def _box(number: int, values: list[float], noticed: Counter[str]) -> tuple[float, float, float, float]:
    x, y, width, height = values[1:5]
    if width <= 0 or height <= 0:
        raise BadLabelError(
            "labels.bad_box", number, f"the box is {width:g} wide and {height:g} high", "Take the line out."
        )
    box = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    _check_extent(number, box, "box", noticed)
    return box


def _check_ring(number: int, ring: tuple[float, ...], kind: Task, noticed: Counter[str]) -> None:
    word = "oriented box" if kind == "obb" else "outline"
    code = "labels.bad_box" if kind == "obb" else "labels.bad_polygon"
    xs, ys = ring[0::2], ring[1::2]
    extent = (min(xs), min(ys), max(xs), max(ys))
    # First, so that what follows calculates with small numbers.
    _check_extent(number, extent, word, noticed, code)
    if is_flat(ring):
        raise BadLabelError(code, number, f"the corners of the {word} enclose nothing", "Take the line out.")


def _check_extent(
    number: int,
    box: tuple[float, float, float, float],
    word: str,
    noticed: Counter[str],
    code: str = "labels.bad_box",
) -> None:
    if box[0] >= 1 or box[1] >= 1 or box[2] <= 0 or box[3] <= 0 or max(map(abs, box)) > MOST_CLASSES:
        raise BadLabelError(
            code,
            number,
            f"the {word} lies outside the picture",
            "YOLO coordinates are shares of width and height, from 0 to 1, not pixels.",
        )
    if min(box) < -SILENT_OVERSHOOT or max(box) > 1 + SILENT_OVERSHOOT:
        noticed[f"{word} beyond the picture's edge, clipped in copies"] += 1


def _points(number: int, values: list[float], shape: PoseShape, noticed: Counter[str]) -> tuple[KeyPoint, ...]:
    points: list[KeyPoint] = []
    for start in range(0, len(values), shape.dimensions):
        x, y, *rest = values[start : start + shape.dimensions]
        if rest and rest[0] not in (0, 1, 2):
            raise BadLabelError(
                "labels.bad_value",
                number,
                f"the visibility of key point {start // shape.dimensions} is {rest[0]:g}",
                "It is 0 (not labelled), 1 (hidden) or 2 (visible).",
            )
        # Without visibility, Ultralytics takes what is below 0 for not labelled; 0 0 is how most converters put it.
        seen = int(rest[0]) if rest else 0 if x < 0 or y < 0 or x == y == 0 else 2
        if not seen:
            points.append((0.0, 0.0, 0))
            continue
        if not (-1 <= x <= 2 and -1 <= y <= 2):
            raise BadLabelError(
                "labels.bad_value",
                number,
                f"key point {start // shape.dimensions} lies far outside the picture",
                "YOLO coordinates are shares of width and height, from 0 to 1, not pixels.",
            )
        if not (-SILENT_OVERSHOOT <= x <= 1 + SILENT_OVERSHOOT and -SILENT_OVERSHOOT <= y <= 1 + SILENT_OVERSHOOT):
            noticed[POINT_OUTSIDE] += 1
        points.append((x, y, seen))
    return tuple(points)
