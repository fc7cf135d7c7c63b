"""Closed outlines as arrays of corners: area, cutting at straight lines, more corners and fewer."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nfold.geometry.stages import Points

    Distances = NDArray[np.float64]

Corner: TypeAlias = list[float]

_FEW = 16
"""Corners up to which plain numbers are faster than arrays."""
_SLACK = 1e-6
"""Pixels by which a corner may stand out before it counts as outside: what rounding does."""
_LEAST_AREA = 1e-6


def area(ring: Points) -> float:
    """Square pixels inside an outline, whichever way round it goes."""
    if len(ring) <= _FEW:
        corners = ring.tolist()
        (x0, y0), total = corners[0] if corners else (0.0, 0.0), 0.0
        for (x, y), (next_x, next_y) in pairwise(corners):
            total += (x - x0) * (next_y - y0) - (next_x - x0) * (y - y0)
        return abs(total) / 2
    x_all, y_all = (ring - ring[0]).T
    return abs(float((x_all[:-1] * y_all[1:] - x_all[1:] * y_all[:-1]).sum())) / 2


def total_area(rings: list[Points]) -> float:
    """Square pixels inside several outlines that do not overlap."""
    return sum(area(ring) for ring in rings)


def bounds(rings: list[Points]) -> tuple[float, float, float, float]:
    """The upright box round outlines."""
    if len(rings) == 1 and len(rings[0]) <= _FEW:
        x_all, y_all = rings[0].T.tolist()
        return min(x_all), min(y_all), max(x_all), max(y_all)
    import numpy as np

    points = rings[0] if len(rings) == 1 else np.concatenate(rings)
    (x_min, y_min), (x_max, y_max) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    return x_min, y_min, x_max, y_max


def clip_to_frame(ring: Points, width: float, height: float) -> tuple[list[Points], bool]:
    """What of an outline is inside 0, 0, width, height: several parts where it leaves and comes back.

    Returns:
        The parts, and whether anything was cut off.
    """
    import numpy as np

    low_x, low_y, high_x, high_y = bounds([ring])
    if low_x >= -_SLACK and low_y >= -_SLACK and high_x <= width + _SLACK and high_y <= height + _SLACK:
        if low_x < 0 or low_y < 0 or high_x > width or high_y > height:
            ring = np.clip(ring, 0, (width, height))
        return [ring], False
    if high_x <= 0 or high_y <= 0 or low_x >= width or low_y >= height:
        return [], True
    parts = [ring]
    for axis, size in ((0, width), (1, height)):
        parts = [piece for part in parts for piece in clip_to_half_plane(part, part[:, axis])]
        parts = [piece for part in parts for piece in clip_to_half_plane(part, size - part[:, axis])]
    # The cuts are exact but for rounding.
    return [np.clip(part, 0, (width, height)) for part in parts], True


def clip_to_half_plane(ring: Points, distances: Distances) -> list[Points]:
    """What of an outline is where a linear function of the place is not negative.

    Inside and outside are told by the even-odd rule, so outlines that cross themselves are no trouble.

    Args:
        ring: Any outline.
        distances: The function at each corner.
    """
    import numpy as np

    depth: list[float] = distances.tolist()
    if min(depth) >= 0:
        return [ring]
    if max(depth) < 0:
        return []
    chains = _chains_inside(ring.tolist(), depth)
    parts = chains if len(chains) == 1 else _joined(chains)
    arrays = [np.array(part) for part in parts]
    return [part for part in arrays if area(part) > _LEAST_AREA]


def _chains_inside(corners: list[Corner], depth: list[float]) -> list[list[Corner]]:
    """The pieces of an outline on the right side of the line, each from crossing to crossing; plain lists are faster."""
    count = len(corners)
    first_outside = next(k for k in range(count) if depth[k] < 0)
    chains: list[list[Corner]] = []
    chain: list[Corner] = []
    for k in range(first_outside, first_outside + count):
        here, there = k % count, (k + 1) % count
        if depth[here] >= 0:
            chain.append(corners[here])
        if (depth[here] >= 0) != (depth[there] >= 0):
            share = depth[here] / (depth[here] - depth[there])
            (x, y), (next_x, next_y) = corners[here], corners[there]
            cut = [x + share * (next_x - x), y + share * (next_y - y)]
            if depth[there] >= 0:
                chain = [cut]
            else:
                chains.append([*chain, cut])
    return chains


def _joined(chains: list[list[Corner]]) -> list[list[Corner]]:
    """Close pieces of an outline along the line that cut them: between its first crossing and its second, and so on."""
    cuts = [end for chain in chains for end in (chain[0], chain[-1])]
    axis = max((0, 1), key=lambda axis: max(cut[axis] for cut in cuts) - min(cut[axis] for cut in cuts))
    along = sorted(range(len(cuts)), key=lambda k: cuts[k][axis])
    partner = {}
    for one, other in zip(along[::2], along[1::2], strict=True):
        partner[one], partner[other] = other, one
    parts: list[list[Corner]] = []
    left = set(range(len(chains)))
    while left:
        end = 2 * min(left)
        part: list[Corner] = []
        while end // 2 in left:
            left.remove(end // 2)
            # An even end is where a chain begins.
            part += chains[end // 2] if end % 2 == 0 else chains[end // 2][::-1]
            end = partner[end ^ 1]
        parts.append(part)
    return parts


def densified(ring: Points, longest: float) -> Points:
    """The same outline with corners set in, so that no side is longer; every corner stays."""
    import numpy as np

    sides = np.roll(ring, -1, axis=0) - ring
    pieces = np.maximum(1, np.ceil(np.hypot(sides[:, 0], sides[:, 1]) / longest)).astype(np.intp)
    total = int(pieces.sum())
    if total == len(ring):
        return ring
    starts = np.repeat(np.cumsum(pieces) - pieces, pieces)
    share = (np.arange(total) - starts) / np.repeat(pieces, pieces)
    dense: Points = np.repeat(ring, pieces, axis=0) + share[:, None] * np.repeat(sides, pieces, axis=0)
    return dense


def simplified(ring: Points, tolerance: float) -> Points:
    """An outline of fewer corners that is nowhere further than `tolerance` from the given one."""
    import cv2
    import numpy as np

    if len(ring) <= 4:
        return ring
    origin = ring[0]
    kept = cv2.approxPolyDP((ring - origin).astype(np.float32)[:, None], tolerance, True)[:, 0]
    return kept + origin if len(kept) >= 3 else ring
