"""Axes of a chart: from figures to places, with round ticks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

Point = tuple[float, float]
"""x and y."""

_NOTHING = 1e-9
"""A difference that is none, as a share of the figures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """Maps figures to places along one direction.

    Attributes:
        lowest: The figure at `start`.
        highest: The figure at `end`.
        start: Place of the lowest, in units of the drawing.
        end: Place of the highest; below `start` where places grow downwards.
    """

    lowest: float
    highest: float
    start: float
    end: float

    def place(self, figure: float) -> float:
        """Where a figure stands."""
        width = self.highest - self.lowest
        return self.start + (self.end - self.start) * ((figure - self.lowest) / width if width else 0.0)


def ticks(lowest: float, highest: float, *, most: int = 5, whole: bool = False) -> tuple[float, ...]:
    """Round figures from at or below the lowest to at or above the highest, about `most` of them.

    Args:
        lowest: Of the figures.
        highest: Of the figures.
        most: About how many.
        whole: Whether only whole figures make sense.
    """
    if highest - lowest <= _NOTHING * max(1.0, abs(highest)):
        highest = lowest + 1
    rough = (highest - lowest) / max(1, most - 1)
    scale = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * scale for factor in (1, 2, 2.5, 5, 10) if factor * scale >= rough * 0.999)
    if whole:
        step = max(1.0, math.ceil(step - 1e-9))
    first, last = math.floor(lowest / step + 1e-9), math.ceil(highest / step - 1e-9)
    return tuple(round(number * step, 12) for number in range(first, last + 1))


def plain(figure: float) -> str:
    """A tick without needless decimals."""
    return f"{figure:,.0f}" if figure == int(figure) else f"{figure:,.10g}"


def number(place: float) -> str:
    """A place in a drawing, to a hundredth."""
    return "0" if abs(place) < 0.005 else f"{place:.2f}".rstrip("0").rstrip(".")


def height_at(line: Sequence[Point], wanted: float) -> float:
    """Y of a line of rising x where x is `wanted`; beyond its ends, y of the last point."""
    for (x0, y0), (x1, y1) in pairwise(line):
        if x0 <= wanted <= x1 and x1 > x0:
            return y0 + (y1 - y0) * (wanted - x0) / (x1 - x0)
    return line[-1][1]
