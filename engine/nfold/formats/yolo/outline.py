"""Outlines as YOLO can say them: one ring for each object, from several rings or from pixels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from nfold.annotations import Annotation, Ring

if TYPE_CHECKING:
    from numpy.typing import NDArray

_Corner: TypeAlias = tuple[int, int]
_Side: TypeAlias = tuple[_Corner, _Corner]


def outline_of(annotation: Annotation) -> Ring | None:
    """The outline of an object in one ring, in pixels; None when nothing but boxes and points is known of it."""
    rings: Sequence[Ring] = annotation.rings
    if not rings and annotation.mask is not None:
        from nfold.annotations.rle import decode_rle

        rings = mask_rings(decode_rle(annotation.mask))
    return join_rings(rings) if rings else None


def mask_rings(mask: NDArray[Any]) -> list[Ring]:
    """The edges of the pixels of an object, exact; corners are at integers.

    Rings round pixels run clockwise as seen, rings round holes the other way. Pixels that touch at a corner
    alone are in different rings.

    Args:
        mask: Of shape (height, width); whatever is not zero belongs to the object.
    """
    import numpy as np

    inside = np.pad(np.asarray(mask) != 0, 1).astype(np.int8)
    # +1 where the object begins, going down (or to the right), -1 where it ends.
    sides = []
    for y, start, end, sign in _runs(np.diff(inside, axis=0)[:, 1:-1]):
        sides.append(((start, y), (end, y)) if sign > 0 else ((end, y), (start, y)))
    for x, start, end, sign in _runs(np.diff(inside, axis=1)[1:-1].T):
        sides.append(((x, end), (x, start)) if sign > 0 else ((x, start), (x, end)))
    return _rings_of(sides)


def join_rings(rings: Sequence[Ring]) -> Ring:
    """One ring that goes along all of them, there and back over bridges without width.

    It encloses what they enclose: parts and holes alike, filled by the even-odd rule. Rings that overlap
    would leave a hole where they do; the parts of an object do not.
    """
    import numpy as np

    if len(rings) == 1:
        return rings[0]
    waiting = [np.asarray(ring, dtype=np.float64).reshape(-1, 2) for ring in rings]
    joined = waiting.pop(0)
    while waiting:
        # Each point of what is there, to each of what is not; the nearest ring comes next.
        best: tuple[float, int, int, int] | None = None
        for number, ring in enumerate(waiting):
            distance, here, there = _nearest(joined, ring)
            if best is None or distance < best[0]:
                best = (distance, number, here, there)
        assert best is not None
        _, number, here, there = best
        ring = waiting.pop(number)
        joined = np.concatenate([joined[: here + 1], ring[there:], ring[: there + 1], joined[here:]])
    return tuple(float(value) for value in joined.reshape(-1))


def simplified(ring: Ring, most_corners: int) -> Ring:
    """A ring of at most that many corners, moved by no more than it takes; a quarter of a pixel at first, then more."""
    import cv2
    import numpy as np

    corners = np.asarray(ring, dtype=np.float32).reshape(-1, 1, 2)
    tolerance = 0.25
    while len(corners) > most_corners:
        fewer = cv2.approxPolyDP(corners, tolerance, True)
        if len(fewer) < 3:
            break
        corners = np.asarray(fewer, dtype=np.float32)
        tolerance *= 2
    return tuple(float(value) for value in corners[:most_corners].reshape(-1))


def _runs(steps: NDArray[Any]) -> list[tuple[int, int, int, int]]:
    """Maximal runs of equal steps: (row, first column, column after the last, sign)."""
    import numpy as np

    padded = np.pad(steps, ((0, 0), (1, 1)))
    changed = padded[:, 1:] != padded[:, :-1]
    rows, columns = np.nonzero(changed)
    # Each run ends where the next change of its row is; a change to 0 begins none.
    signs = padded[rows, columns + 1]
    found = []
    for index in np.flatnonzero(signs).tolist():
        found.append((int(rows[index]), int(columns[index]), int(columns[index + 1]), int(signs[index])))
    return found


def _rings_of(sides: Sequence[_Side]) -> list[Ring]:
    """Follow directed sides, the object on their right, round and round."""
    leaving: dict[_Corner, list[int]] = defaultdict(list)
    for number, (start, _) in enumerate(sides):
        leaving[start].append(number)
    rings, is_done = [], [False] * len(sides)
    for first in range(len(sides)):
        ring: list[float] = []
        number = first
        while not is_done[number]:
            is_done[number] = True
            start, end = sides[number]
            ring += start
            ways = leaving[end]
            # Where four sides meet, pixels touch at a corner alone: turning right stays with this one.
            number = ways[0] if len(ways) == 1 or _turns_right(start, end, sides[ways[0]][1]) else ways[1]
        if ring:
            rings.append(tuple(float(value) for value in ring))
    return rings


def _turns_right(start: _Corner, corner: _Corner, end: _Corner) -> bool:
    first, second = (corner[0] - start[0], corner[1] - start[1]), (end[0] - corner[0], end[1] - corner[1])
    return first[0] * second[1] - first[1] * second[0] > 0


def _nearest(one: NDArray[Any], other: NDArray[Any]) -> tuple[float, int, int]:
    """Square of the distance of the two nearest corners, and their places."""
    import numpy as np

    best = (float("inf"), 0, 0)
    step = max(1, 4_000_000 // len(other))
    for start in range(0, len(one), step):
        apart = ((one[start : start + step, None, :] - other[None, :, :]) ** 2).sum(axis=2)
        place = int(apart.argmin())
        here, there = divmod(place, len(other))
        if apart[here, there] < best[0]:
            best = (float(apart[here, there]), start + here, there)
    return (best[0], best[1], best[2]) if np.isfinite(best[0]) else (0.0, 0, 0)
