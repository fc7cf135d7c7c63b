"""Outlines through a field that folds over: what the pixels show is traced, since corners alone cannot tell it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from nfold.geometry.polygons import area, bounds, simplified

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nfold.geometry.inverse import Field
    from nfold.geometry.stages import Points

_FINER: Final = 4
_FINEST: Final = 16
_LARGEST: Final = 1 << 24
"""Cells of the drawing in which origins are looked up; it is as fine as that allows."""
_SAG: Final = 0.15
_LEAST_AREA: Final = 1.0
_BITS: Final = 8


def traced(rings: list[Points], field: Field) -> list[Points]:
    """The outlines, in the picture after, of all places whose origin lies in one of the rings.

    To a quarter of a pixel. An object that the picture shows twice has an outline for each.

    Args:
        rings: Of one object, in the picture before.
        field: How the picture was made.
    """
    import cv2
    import numpy as np

    if not rings:
        return []
    low_x, low_y, high_x, high_y = bounds(rings)
    source = field.source
    with np.errstate(invalid="ignore"):
        near = (source[..., 0] >= low_x - 1) & (source[..., 0] <= high_x + 1)
        near &= (source[..., 1] >= low_y - 1) & (source[..., 1] <= high_y + 1)
    rows, columns = np.flatnonzero(near.any(axis=1)), np.flatnonzero(near.any(axis=0))
    if not len(rows):
        return []
    top, bottom = max(rows[0] - 1, 0), min(rows[-1] + 2, source.shape[0])
    left, right = max(columns[0] - 1, 0), min(columns[-1] + 2, source.shape[1])
    window = source[top:bottom, left:right].astype(np.float32)
    fine = cv2.resize(window, None, fx=_FINER, fy=_FINER, interpolation=cv2.INTER_LINEAR)
    shown = np.pad(_inside(fine, rings, (low_x, low_y, high_x, high_y)), 1)
    # A contour runs through the centres of the outermost pixels; with one more on two sides that is as wide as the shape.
    shown[:, 1:] |= shown[:, :-1]
    shown[1:] |= shown[:-1]
    contours, tree = cv2.findContours(shown, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    if not contours:
        return []
    outlines = [(contour[:, 0].astype(np.float64) - 1) / _FINER + (left, top) for contour in contours]
    kept = {k: simplified(ring, _SAG) for k, ring in enumerate(outlines) if area(ring) >= _LEAST_AREA}
    outer = {k: ring for k, ring in kept.items() if tree[0][k][3] < 0}
    for k, ring in kept.items():
        parent = int(tree[0][k][3])
        if parent in outer:
            outer[parent] = _with_hole(outer[parent], ring)
    return list(outer.values())


def _with_hole(ring: Points, hole: Points) -> Points:
    """One outline that goes in to a hole, round it and out again on the same way."""
    import numpy as np

    distances = ((ring[:, None] - hole[None]) ** 2).sum(axis=2)
    at, there = np.unravel_index(int(distances.argmin()), distances.shape)
    round_hole = np.roll(hole, -int(there), axis=0)
    return np.concatenate([ring[: at + 1], round_hole, round_hole[:1], ring[at:]])


def _inside(places: NDArray[Any], rings: list[Points], box: tuple[float, float, float, float]) -> NDArray[Any]:
    """Which places lie in one of the rings: 0 or 1."""
    import cv2
    import numpy as np

    origin = np.floor(box[:2]) - 1
    extent = np.ceil(box[2:]) + 1 - origin
    finer = int(np.clip((_LARGEST / extent.prod()) ** 0.5, 1, _FINEST))
    width, height = (extent * finer).astype(int).tolist()
    painted = np.zeros((height, width), dtype=np.uint8)
    for ring in rings:
        corners = np.round(((ring - origin) * finer - 0.5) * (1 << _BITS)).astype(np.int32)
        cv2.fillPoly(painted, [corners[:, None]], 1, shift=_BITS)
    with np.errstate(invalid="ignore"):
        cells = np.floor((places - origin) * finer)
        there = (cells >= 0).all(axis=2) & (cells[..., 0] < width) & (cells[..., 1] < height)
    column, row = np.where(there[..., None], cells, 0).astype(np.intp).transpose(2, 0, 1)
    return np.where(there, painted[row, column], 0).astype(np.uint8)
