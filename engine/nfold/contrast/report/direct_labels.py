"""Where the name of a line stands in a chart: at the line, where it hides nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Final, Literal

from nfold.contrast.report.axes import Point, height_at

Anchor = Literal["start", "middle", "end"]

LETTER_WIDTH: Final = 6.3
"""Of an average letter of the labels, in units of the drawing."""
_HEIGHT: Final = 13.0
_ABOVE: Final = (-8.0, -15.0)
_BELOW: Final = (16.0, 23.0)
_STEPS: Final = 24
_PLACES: Final[tuple[tuple[float, Anchor], ...]] = (
    (1.0, "end"),
    (0.8, "middle"),
    (0.6, "middle"),
    (0.4, "middle"),
    (0.2, "middle"),
    (0.0, "start"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A rectangle of the drawing; y grows downwards."""

    left: float
    top: float
    right: float
    bottom: float

    def holds(self, point: Point) -> bool:
        """Whether a point is in it."""
        return self.left <= point[0] <= self.right and self.top <= point[1] <= self.bottom

    def shared_with(self, other: Box) -> float:
        """The area that both cover."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        return max(0.0, width) * max(0.0, height)

    @property
    def area(self) -> float:
        """Width times height."""
        return (self.right - self.left) * (self.bottom - self.top)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """Where a label goes: the base line of its text, and which end of it x is."""

    x: float
    y: float
    anchor: Anchor
    box: Box


def place_labels(
    labels: Sequence[tuple[str, Sequence[Point]]], obstacles: Sequence[Sequence[Point]], frame: Box
) -> list[Spot]:
    """A spot for each label, by its text and the line it belongs to, off the obstacles and inside the frame."""
    crowd = [point for line in obstacles for point in _along(line)]
    placed: list[Spot] = []
    for text, line in labels:
        taken = [spot.box for spot in placed]
        # The first of equals wins, so that labels stand at the ends of their lines unless something is in the way.
        placed.append(min(_spots(text, line), key=lambda spot: _cost(spot.box, crowd, taken, frame)))
    return placed


def _spots(text: str, line: Sequence[Point]) -> Iterator[Spot]:
    width = len(text) * LETTER_WIDTH
    for shifts, (fraction, anchor) in product(zip(_ABOVE, _BELOW, strict=True), _PLACES):
        x, y = _at(line, fraction)
        left = x - {"start": 0.0, "middle": width / 2, "end": width}[anchor]
        for shift in shifts:
            base = y + shift
            box = Box(left=left, top=base - _HEIGHT + 2, right=left + width, bottom=base + 3)
            yield Spot(x=x, y=base, anchor=anchor, box=box)


def _cost(box: Box, crowd: Sequence[Point], taken: Sequence[Box], frame: Box) -> float:
    outside = box.area - box.shared_with(frame)
    overlap = sum(box.shared_with(other) for other in taken)
    return 10 * overlap + 4 * outside + 20 * sum(map(box.holds, crowd))


def _along(line: Sequence[Point]) -> Iterator[Point]:
    """Points close together on a line."""
    if len(line) == 1:
        yield line[0]
    for (x0, y0), (x1, y1) in pairwise(line):
        for step in range(_STEPS + 1):
            share = step / _STEPS
            yield x0 + (x1 - x0) * share, y0 + (y1 - y0) * share


def _at(line: Sequence[Point], fraction: float) -> Point:
    """A point on a line, by the share of its width."""
    wanted = line[0][0] + (line[-1][0] - line[0][0]) * fraction
    return wanted, height_at(line, wanted)
