"""Outlines and points on their way through the stages; what leaves the picture on the way does not come back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nfold.geometry.inverse import Field
from nfold.geometry.polygons import bounds, clip_to_frame, clip_to_half_plane, densified, simplified, total_area
from nfold.geometry.stages import HORIZON, Linear, Stage, Warp
from nfold.geometry.tracing import traced

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nfold.geometry.stages import Points

_SIDE = 4.0
"""Pixels: sides of outlines are cut up to this length before they are bent."""
_SAG = 0.08
"""Pixels by which an outline may differ from the bent one when corners are taken out again."""


@dataclass(slots=True, kw_only=True)
class Outline:
    """An outline, in the picture as it is so far.

    Attributes:
        source: Its parts, inside the source.
        rings: Its parts; empty when nothing of it is left.
        area: Square pixels in the source, of what is inside the source.
        cut: Whether an edge of a picture cut something off on the way.
        keeps_out: What is outside stays, too, if it can be told where it is.
    """

    source: list[Points]
    rings: list[Points]
    area: float
    cut: bool = False
    keeps_out: bool = False


def start_outline(rings: Sequence[Points], size_wh: tuple[int, int], *, keeps_out: bool = False) -> Outline:
    """An outline in a source; what stands out of the source is cut off."""
    inside = [clip_to_frame(ring, *size_wh) for ring in rings]
    parts = [part for some, _ in inside for part in some]
    is_cut = any(was_cut for _, was_cut in inside)
    return Outline(
        source=parts, rings=list(rings) if keeps_out else parts, area=total_area(parts), cut=is_cut, keeps_out=keeps_out
    )


def move_outlines(outlines: Sequence[Outline], stage: Stage) -> None:
    """Take outlines through one stage, in place."""
    import numpy as np

    warp = stage.warp
    if warp is None:
        return
    if warp.folds and isinstance(warp, Field):
        for outline in outlines:
            outline.rings = traced(outline.rings, warp)
        return
    if not warp.keeps_lines:
        for outline in outlines:
            outline.rings = [densified(ring, _SIDE) for ring in outline.rings]
    elif isinstance(warp, Linear) and not warp.is_affine:
        for outline in outlines:
            outline.rings = [part for ring in outline.rings for part in _before_horizon(ring, warp)]
    rings = [ring for outline in outlines for ring in outline.rings]
    if not rings:
        return
    lengths = [len(ring) for ring in rings]
    starts = np.cumsum([0, *lengths[:-1]])
    points = warp.forward(np.concatenate(rings))
    if warp.keeps_lines:
        low, high = np.minimum.reduceat(points, starts), np.maximum.reduceat(points, starts)
        inside = [bool(whole) for whole in np.all((low >= 0) & (high <= stage.size_out_wh), axis=1)]
    else:
        inside = [False] * len(rings)
    place = 0
    for outline in outlines:
        count = len(outline.rings)
        here = slice(place, place + count)
        outline.rings = [points[k : k + n] for k, n in zip(starts[here].tolist(), lengths[here], strict=True)]
        if not all(inside[here]):
            _settle(outline, stage, warp)
        place += count


def _settle(outline: Outline, stage: Stage, warp: Warp) -> None:
    """Take corners out again that bending needed, and cut off what is outside."""
    if not warp.keeps_lines:
        outline.rings = [simplified(ring, _SAG) for ring in outline.rings]
    if outline.keeps_out:
        return
    parts: list[Points] = []
    for ring in outline.rings:
        inside, was_cut = clip_to_frame(ring, *stage.size_out_wh)
        parts += inside
        outline.cut |= was_cut
    outline.rings = parts


def _before_horizon(ring: Points, warp: Linear) -> list[Points]:
    depth = warp.matrix[2, :2] @ ring.T + warp.matrix[2, 2]
    return clip_to_half_plane(ring, depth - 10 * HORIZON)


def share_left(outline: Outline, stages: Sequence[Stage]) -> float:
    """The share of an outline's area that is still in the picture, measured in the source."""
    if not outline.rings or outline.area <= 0:
        return 0.0
    if any(stage.warp is not None and stage.warp.folds for stage in stages):
        return share_of_points(_spread(outline.source), stages)
    if not outline.cut:
        return 1.0
    left = 0.0
    for ring in outline.rings:
        left += total_area([_taken_back(ring, stages)])
    return min(1.0, left / outline.area)


def _taken_back(ring: Points, stages: Sequence[Stage]) -> Points:
    for stage in reversed(stages):
        if stage.warp is not None:
            if not stage.warp.keeps_lines:
                ring = densified(ring, _SIDE)
            ring = stage.warp.backward(ring)
    return ring


def share_of_points(points: Points, stages: Sequence[Stage]) -> float:
    """The share of points of the source that are still in the picture."""
    import numpy as np

    if not len(points):
        return 0.0
    is_there = np.ones(len(points), dtype=bool)
    for stage in stages:
        points, is_there = move_points(points, is_there, stage)
    return float(is_there.mean())


def _spread(rings: list[Points]) -> Points:
    """Points all over an object, about a thousand."""
    import cv2
    import numpy as np

    low_x, low_y, high_x, high_y = bounds(rings)
    side = max(((high_x - low_x) * (high_y - low_y) / 1000) ** 0.5, 1e-3)
    columns, rows = np.arange(low_x + side / 2, high_x, side), np.arange(low_y + side / 2, high_y, side)
    painted = np.zeros((len(rows), len(columns)), dtype=np.uint8)
    for ring in rings:
        places = np.round(((ring - (low_x, low_y)) / side - 0.5) * 256).astype(np.int32)
        cv2.fillPoly(painted, [places[:, None]], 1, shift=8)
    row, column = np.nonzero(painted)
    return np.stack([columns[column], rows[row]], axis=1)


def move_points(points: Points, is_there: NDArray[np.bool_], stage: Stage) -> tuple[Points, NDArray[np.bool_]]:
    """Take single points through one stage.

    Args:
        points: Some of which are not there.
        is_there: Which of them are.
        stage: The step.

    Returns:
        Places after, and which are still in the picture.
    """
    if stage.warp is None or not len(points):
        return points, is_there
    moved, there = points.copy(), is_there.copy()
    moved[is_there] = stage.warp.forward(points[is_there])
    there &= inside_frame(moved, stage.size_out_wh)
    there[there] = stage.warp.shows(points[there], moved[there])
    return moved, there


def inside_frame(points: Points, size_wh: tuple[int, int]) -> NDArray[np.bool_]:
    """Which points are in the picture, its edges included."""
    import numpy as np

    with np.errstate(invalid="ignore"):
        return np.asarray(((points >= -1e-6) & (points <= np.asarray(size_wh) + 1e-6)).all(axis=1))


def under_holes(points: Points, holes: NDArray[Any]) -> NDArray[np.bool_]:
    """Which points were painted over."""
    import numpy as np

    x, y = points[:, :1], points[:, 1:]
    with np.errstate(invalid="ignore"):
        is_inside = (x >= holes[:, 0]) & (x < holes[:, 2]) & (y >= holes[:, 1]) & (y < holes[:, 3])
    return np.asarray(is_inside.any(axis=1))
