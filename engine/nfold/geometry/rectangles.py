"""Rectangles of any angle: the smallest one round an outline, and the best one that stays inside the picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nfold.geometry.polygons import area, clip_to_half_plane

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nfold.geometry.stages import Points

_SLACK = 1e-6


def smallest_rectangle(points: Points) -> Points:
    """Four corners of the rectangle of least area round points."""
    return min((_round(points, axis) for axis in _directions(points)), key=area)


def rectangle_inside(outline: Points, width: float, height: float) -> Points:
    """Four corners, all in the picture, of the rectangle that agrees best with an outline cut at the picture's edge.

    The smallest rectangle round what is left of an object may stand out of the picture. Then rectangles of every
    direction that the outline has are tried, pulled in at their ends until they fit; the upright box always fits.
    """
    import numpy as np

    smallest = smallest_rectangle(outline)
    frame = np.array([width, height])
    if _is_inside(smallest, frame):
        return np.clip(smallest, 0, frame)
    hull = _hull(outline)
    candidates = [c for axis in _directions(outline) for c in _fitting(hull, axis, frame)]
    candidates.append(_round(hull, np.array([1.0, 0.0])))
    best = max(candidates, key=lambda rectangle: _agreement(rectangle, hull))
    return np.clip(best, 0, frame)


def in_order_of(rectangle: Points, corners: Points) -> Points:
    """The same rectangle, its corners beginning and going round as `corners` do."""
    import numpy as np

    turned = rectangle if _signed_area(rectangle) * _signed_area(corners) >= 0 else rectangle[::-1]
    orders = [np.roll(turned, -k, axis=0) for k in range(4)]
    return min(orders, key=lambda order: float(((order - corners) ** 2).sum()))


def _hull(points: Points) -> Points:
    """Andrew's monotone chain; the corners of the convex hull in order."""
    ordered = sorted(set(map(tuple, points.tolist())))
    import numpy as np

    if len(ordered) < 3:
        return np.array(ordered)

    def half(some: list[tuple[float, ...]]) -> list[tuple[float, ...]]:
        chain: list[tuple[float, ...]] = []
        for point in some:
            while len(chain) > 1 and _turn(chain[-2], chain[-1], point) <= 0:
                chain.pop()
            chain.append(point)
        return chain[:-1]

    return np.array(half(ordered) + half(ordered[::-1]))


def _turn(a: tuple[float, ...], b: tuple[float, ...], c: tuple[float, ...]) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _directions(points: Points) -> list[NDArray[np.float64]]:
    """Unit vectors along the sides of the hull; one of them is a side of the smallest rectangle."""
    import numpy as np

    hull = _hull(points)
    sides = np.roll(hull, -1, axis=0) - hull
    lengths = np.hypot(sides[:, 0], sides[:, 1])
    found = [side / length for side, length in zip(sides, lengths, strict=True) if length > 1e-9]
    return found or [np.array([1.0, 0.0])]


def _spans(points: Points, axis: NDArray[np.float64]) -> tuple[float, float, float, float]:
    along, across = points @ axis, points @ (-axis[1], axis[0])
    return float(along.min()), float(along.max()), float(across.min()), float(across.max())


def _corners(axis: NDArray[np.float64], u0: float, u1: float, v0: float, v1: float) -> Points:
    import numpy as np

    normal = np.array([-axis[1], axis[0]])
    return np.array([axis * u + normal * v for u, v in ((u0, v0), (u1, v0), (u1, v1), (u0, v1))])


def _round(points: Points, axis: NDArray[np.float64]) -> Points:
    return _corners(axis, *_spans(points, axis))


def _fitting(hull: Points, axis: NDArray[np.float64], frame: NDArray[np.float64]) -> list[Points]:
    """Rectangles along an axis, whole if that fits, pulled in along it and across it."""
    import numpy as np

    u0, u1, v0, v1 = _spans(hull, axis)
    whole = _corners(axis, u0, u1, v0, v1)
    if _is_inside(whole, frame):
        return [whole]
    normal = np.array([-axis[1], axis[0]])
    low_u, high_u = _reach(axis, (normal * v0, normal * v1), u0, u1, frame)
    low_v, high_v = _reach(normal, (axis * u0, axis * u1), v0, v1, frame)
    fitting = []
    if high_u - low_u > 1e-6:
        fitting.append(_corners(axis, low_u, high_u, v0, v1))
    if high_v - low_v > 1e-6:
        fitting.append(_corners(axis, u0, u1, low_v, high_v))
    return fitting


def _reach(
    direction: NDArray[np.float64],
    sides: tuple[NDArray[np.float64], ...],
    low: float,
    high: float,
    frame: NDArray[np.float64],
) -> tuple[float, float]:
    """How far lines in one direction may go so that all of them stay in the picture."""
    for start in sides:
        for component, offset, size in zip(direction.tolist(), start.tolist(), frame.tolist(), strict=True):
            if abs(component) < 1e-12:
                if not -_SLACK <= offset <= size + _SLACK:
                    return 0.0, 0.0
                continue
            ends = sorted((-offset / component, (size - offset) / component))
            low, high = max(low, ends[0]), min(high, ends[1])
    return low, high


def _is_inside(points: Points, frame: NDArray[np.float64]) -> bool:
    return bool((points >= -_SLACK).all() and (points <= frame + _SLACK).all())


def _agreement(rectangle: Points, hull: Points) -> float:
    """Intersection over union of two convex outlines."""
    import numpy as np

    if _signed_area(rectangle) < 0:
        rectangle = rectangle[::-1]
    common = [hull]
    for start, end in zip(rectangle, np.roll(rectangle, -1, axis=0), strict=True):
        side = end - start
        common = [
            part
            for ring in common
            for part in clip_to_half_plane(ring, side[0] * (ring[:, 1] - start[1]) - side[1] * (ring[:, 0] - start[0]))
        ]
    shared = sum(area(ring) for ring in common)
    return shared / (area(rectangle) + area(hull) - shared + 1e-12)


def _signed_area(ring: Points) -> float:
    import numpy as np

    x, y = (ring - ring[0]).T
    return float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum()) / 2
