"""A picture to draw on: fills below all casings, casings below all lines, so that no object cuts another's outline."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from nfold.drawing.palette import DARK, LIGHT, Rgb, contrasting
from nfold.drawing.strokes import FIXED_BITS, disc_in_place, fixed_point, stroke_in_place

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Points: TypeAlias = NDArray[np.float64]
    """Shape (n, 2): x and y in pixels of the canvas, edges at integers."""

_FILL_ALPHA = 0.2
_HATCH_ALPHA = 0.8


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Line:
    points: Any
    is_closed: bool
    colour: Rgb
    width: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Dot:
    x: float
    y: float
    radius: float
    colour: Rgb
    is_hollow: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Frame:
    edges: tuple[int, int, int, int]
    colour: Rgb
    width: int


class Canvas:
    """Collects what is to be drawn on a picture; `finished` draws it.

    Coordinates are pixels of the picture, edges at integers; they may lie far outside. Nothing that is not finite may come in.
    """

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        import numpy as np

        self.pixels = pixels
        self.height: int = pixels.shape[0]
        self.width: int = pixels.shape[1]
        self._paint = np.zeros_like(pixels)
        self._cover = np.zeros((self.height, self.width), dtype=np.uint8)
        self._casings = {DARK: np.zeros_like(self._cover), LIGHT: np.zeros_like(self._cover)}
        self._marks: list[_Line | _Dot | _Frame] = []
        self._stripe_px = max(3, round(max(self.height, self.width) / 90))

    def fill(self, ring: Points, colour: Rgb, *, is_hatched: bool = False) -> None:
        """A translucent area, or a striped one."""
        import cv2
        import numpy as np

        box = self._visible(ring)
        if box is None:
            return
        left, top, right, bottom = box
        cover = np.zeros((bottom - top, right - left), dtype=np.uint8)
        cv2.fillPoly(cover, [fixed_point(ring - (left, top))], 255, lineType=cv2.LINE_AA, shift=FIXED_BITS)
        self.fill_mask(cover, left, top, colour, is_hatched=is_hatched)

    def fill_mask(
        self, cover: NDArray[np.uint8], left: int, top: int, colour: Rgb, *, is_hatched: bool = False
    ) -> None:
        """The same for an area given by its pixels: 0 to 255 each, its corner at left, top; inside the canvas."""
        import numpy as np

        part = np.s_[top : top + cover.shape[0], left : left + cover.shape[1]]
        alpha = cover * _FILL_ALPHA
        if is_hatched:
            alpha = np.where(self._stripes(part), cover * _HATCH_ALPHA, cover * (_FILL_ALPHA / 2))
        self._paint[part][cover > 127] = colour
        thin = (cover > 0) & (self._cover[part] == 0)
        self._paint[part][thin] = colour
        self._cover[part] = np.maximum(self._cover[part], alpha.astype(np.uint8))

    def line(self, points: Points, colour: Rgb, width: int, *, is_closed: bool = False, casing: float = 0.75) -> None:
        """A line through points, with a dark or light casing of one pixel on either side."""
        if self._visible(points) is None:
            return
        layer = self._casings[contrasting(colour)]
        stroke_in_place(layer, points, round(255 * casing), width + 2, is_closed=is_closed)
        self._marks.append(_Line(points=points, is_closed=is_closed, colour=colour, width=width))

    def frame(self, box: tuple[float, float, float, float], colour: Rgb, width: int, *, casing: float = 0.75) -> None:
        """An upright box, its line inside its edges, on whole pixels."""
        limits = (self.width, self.height, self.width, self.height)
        left, top, right, bottom = (
            round(min(max(edge, -99), limit + 99)) for edge, limit in zip(box, limits, strict=True)
        )
        edges = (left, top, max(right, left + 1), max(bottom, top + 1))
        layer = self._casings[contrasting(colour)]
        for part in _bands(edges, width + 1, outset=1):
            layer[part] = round(255 * casing)
        self._marks.append(_Frame(edges=edges, colour=colour, width=width))

    def dot(self, x: float, y: float, radius: float, colour: Rgb, *, is_hollow: bool = False) -> None:
        """A disc; or a ring, dark or light within, whichever stands out against its colour."""
        if not (-radius - 9 < x < self.width + radius + 9 and -radius - 9 < y < self.height + radius + 9):
            return
        disc_in_place(self._casings[contrasting(colour)], x, y, radius + 1, 230)
        self._marks.append(_Dot(x=x, y=y, radius=radius, colour=colour, is_hollow=is_hollow))

    def finished(self) -> NDArray[np.uint8]:
        """The picture with all that was drawn; the one given is not written to."""
        import numpy as np

        result = _mixed(self.pixels, self._paint, self._cover)
        for colour, layer in self._casings.items():
            result = _mixed(result, np.array(colour, dtype=np.uint8), layer)
        for mark in self._marks:
            _draw_mark_in_place(result, mark)
        return result

    def _visible(self, points: Points) -> tuple[int, int, int, int] | None:
        """The part of the canvas that points span, in whole pixels; None when that is outside."""
        import numpy as np

        low, high = np.floor(points.min(axis=0)) - 1, np.ceil(points.max(axis=0)) + 1
        left, top = int(max(low[0], 0)), int(max(low[1], 0))
        right, bottom = int(min(high[0], self.width)), int(min(high[1], self.height))
        return (left, top, right, bottom) if left < right and top < bottom else None

    def _stripes(self, part: tuple[slice, slice]) -> NDArray[np.bool_]:
        import numpy as np

        rows, columns = np.arange(part[0].start, part[0].stop), np.arange(part[1].start, part[1].stop)
        striped: NDArray[np.bool_] = (rows[:, None] + columns) % (2 * self._stripe_px) < max(1, self._stripe_px // 2)
        return striped


def _draw_mark_in_place(pixels: NDArray[np.uint8], mark: _Line | _Dot | _Frame) -> None:
    if isinstance(mark, _Line):
        stroke_in_place(pixels, mark.points, mark.colour, mark.width, is_closed=mark.is_closed)
    elif isinstance(mark, _Dot):
        disc_in_place(pixels, mark.x, mark.y, mark.radius, mark.colour)
        if mark.is_hollow:
            inner = max(mark.radius * 0.6, mark.radius - 3)
            disc_in_place(pixels, mark.x, mark.y, inner, contrasting(mark.colour))
    else:
        for part in _bands(mark.edges, mark.width, outset=0):
            pixels[part] = mark.colour


def _bands(edges: tuple[int, int, int, int], width: int, *, outset: int) -> Iterable[tuple[slice, slice]]:
    """The four sides of a frame; `width` is told from the edges inwards, `outset` outwards."""
    left, top, right, bottom = edges[0] - outset, edges[1] - outset, edges[2] + outset, edges[3] + outset
    thick = width + outset
    across = slice(max(left, 0), max(right, 0))
    yield slice(max(top, 0), max(min(top + thick, bottom), 0)), across
    yield slice(max(bottom - thick, top, 0), max(bottom, 0)), across
    down = slice(max(top, 0), max(bottom, 0))
    yield down, slice(max(left, 0), max(min(left + thick, right), 0))
    yield down, slice(max(right - thick, left, 0), max(right, 0))


def _mixed(below: NDArray[np.uint8], above: NDArray[np.uint8], cover: NDArray[np.uint8]) -> NDArray[np.uint8]:
    import numpy as np

    if not cover.any():
        return below.copy()
    share = cover[:, :, None].astype(np.uint16)
    mixed: NDArray[np.uint8] = ((below * (255 - share) + above * share + 127) // 255).astype(np.uint8)
    return mixed
