"""Boxes as label files hold them: checked as they come in, and put on a grid of decimal places as they go out."""

from __future__ import annotations

import math

from nfold.annotations import Annotation, Box

_SLACK = 1e-6
_MOST = 1e7
"""No picture is that large; beyond it a coordinate is a slip, and sums lose their precision."""
STICKS_OUT = "box beyond the picture's edge, clipped in copies"


def box_fault(box: Box, size_wh: tuple[int, int] | None) -> str | None:
    """What is wrong with a box, in words that go on after "the box"; None when nothing is.

    Args:
        box: In the same units as the size.
        size_wh: Of the picture; (1, 1) where a box is in shares of it; None when it is not known.
    """
    x_min, y_min, x_max, y_max = box
    if not all(map(math.isfinite, (*box, x_max - x_min, y_max - y_min))):
        return "has a coordinate that is not a finite number"
    if max(map(abs, box)) >= _MOST:
        return f"has a coordinate beyond the {_MOST:,.0f} pixels that a picture may have"
    if x_max <= x_min or y_max <= y_min:
        return f"has no area: {_shown(x_max - x_min)} wide and {_shown(y_max - y_min)} high"
    if size_wh is not None and not (x_max > 0 and y_max > 0 and x_min < size_wh[0] and y_min < size_wh[1]):
        return "lies wholly outside the picture"
    return None


def sticks_out(box: Box, size_wh: tuple[int, int] | None) -> bool:
    """Whether a box goes beyond the edge of a picture of known size."""
    if size_wh is None:
        return False
    return box[0] < -_SLACK or box[1] < -_SLACK or box[2] > size_wh[0] + _SLACK or box[3] > size_wh[1] + _SLACK


def on_grid(box: Box, size_wh: tuple[float, float], decimals: int) -> tuple[int, int, int, int]:
    """The box in whole steps of 10^-decimals: within the picture, and at least one step wide and high.

    Args:
        box: In the same units as the size.
        size_wh: Of the picture.
        decimals: Places behind the point; 0 for whole pixels.
    """
    left, right = _side_on_grid(box[0], box[2], size_wh[0], 10**decimals)
    top, bottom = _side_on_grid(box[1], box[3], size_wh[1], 10**decimals)
    return left, top, right, bottom


def value(steps: int, decimals: int) -> float | int:
    """What so many steps are, an integer where there are no decimals."""
    return steps / 10**decimals if decimals else steps


def text(steps: int, decimals: int) -> str:
    """The same as text: `12`, or with decimals `12.0`, `12.35`."""
    if not decimals:
        return str(steps)
    digits = f"{steps / 10**decimals:.{decimals}f}".rstrip("0")
    return digits + "0" if digits.endswith(".") else digits


def box_around(annotation: Annotation) -> Box | None:
    """The box of an annotation, or the smallest around its outline; None when it has neither."""
    if annotation.box is not None:
        return annotation.box
    outline = annotation.corners or tuple(number for ring in annotation.rings for number in ring)
    if not outline:
        return None
    xs, ys = outline[0::2], outline[1::2]
    return min(xs), min(ys), max(xs), max(ys)


def _side_on_grid(low: float, high: float, size: float, scale: int) -> tuple[int, int]:
    most = max(1, math.floor(size * scale + _SLACK))
    first = min(max(round(low * scale), 0), most - 1)
    return first, max(min(round(high * scale), most), first + 1)


def _shown(number: float) -> str:
    return f"{number:.6g}"
