"""Smooth lines and discs of an exact width.

OpenCV's own smooth lines between places that are no whole pixels are up to two pixels wider than asked for. Its smooth
polygons are wider by the same rim everywhere, which can be allowed for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from nfold.drawing.palette import Rgb

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Points: TypeAlias = NDArray[np.float64]

FIXED_BITS = 4
"""Of a fraction in OpenCV's fixed-point coordinates."""

_RIM_PX = 0.65
_FURTHEST_PX = 2.0**20
_DISC_CORNERS = 24


def stroke_in_place(
    pixels: NDArray[np.uint8], points: Points, value: Rgb | int, width: int, *, is_closed: bool = False
) -> None:
    """A line through points, shape (n, 2), edges at integers; writes to `pixels`, of one channel or of three."""
    import cv2
    import numpy as np

    if width <= 1 or len(points) < 2:
        cv2.polylines(pixels, [fixed_point(points)], is_closed, _scalar(value), 1, cv2.LINE_AA, FIXED_BITS)
        return
    half = width / 2 - _RIM_PX
    starts = points if is_closed else points[:-1]
    ends = np.roll(points, -1, axis=0)[: len(starts)]
    along = ends - starts
    lengths = np.hypot(along[:, 0], along[:, 1])
    along = along / np.where(lengths > 0, lengths, 1)[:, None] * half
    across = along[:, ::-1] * (-1, 1)
    quads = np.stack([starts + across, ends + across, ends - across, starts - across], axis=1)
    for start, end, quad in zip(starts, ends, quads, strict=True):
        if _may_show(pixels, start, end, width):
            cv2.fillConvexPoly(pixels, fixed_point(quad), _scalar(value), cv2.LINE_AA, FIXED_BITS)
    if half > 0.5:
        for x, y in points:
            disc_in_place(pixels, float(x), float(y), width / 2, value)


def disc_in_place(pixels: NDArray[np.uint8], x: float, y: float, radius: float, value: Rgb | int) -> None:
    """A disc; writes to `pixels`, of one channel or of three."""
    import cv2
    import numpy as np

    angles = np.arange(_DISC_CORNERS) * (2 * np.pi / _DISC_CORNERS)
    ring = np.stack([np.cos(angles), np.sin(angles)], axis=1) * max(0.1, radius - _RIM_PX) + (x, y)
    if _may_show(pixels, ring[0], ring[_DISC_CORNERS // 2], 2 * radius):
        cv2.fillConvexPoly(pixels, fixed_point(ring), _scalar(value), cv2.LINE_AA, FIXED_BITS)


def fixed_point(points: Points) -> NDArray[np.int32]:
    """OpenCV's fixed-point coordinates, whose whole values are pixel centres; what is very far away is brought nearer."""
    import numpy as np

    near = np.clip(points - 0.5, -_FURTHEST_PX, _FURTHEST_PX)
    fixed: NDArray[np.int32] = np.rint(near * 2**FIXED_BITS).astype(np.int32)
    return fixed


def _may_show(pixels: NDArray[np.uint8], start: Any, end: Any, margin: float) -> bool:
    height, width = pixels.shape[:2]
    (left, right), (top, bottom) = sorted((start[0], end[0])), sorted((start[1], end[1]))
    return bool(right >= -margin and bottom >= -margin and left <= width + margin and top <= height + margin)


def _scalar(value: Rgb | int) -> Any:
    return value if isinstance(value, int) else tuple(value)
