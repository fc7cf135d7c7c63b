"""Annotations as COCO writes them: made anew, or as a copy of one that keeps all that is not geometry."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from itertools import combinations
from typing import Any

from nfold.annotations import Annotation, Box, KeyPoint, Ring, RleMask
from nfold.annotations.rle import rle_area, rle_box, rle_runs
from nfold.formats.coco.objects import UNVARIED_KEYS, mend_numbers

_DECIMALS = 2
_LEAST_SIDE = 0.01
_STRIPS = 512
"""Lines along which the area of outlines that overlap is measured."""
_HALF_CHARACTER = re.compile("[\ud800-\udfff]")


def to_json(value: Any) -> str:
    """One line of JSON that is valid UTF-8; a NaN would be a mistake of ours, and is refused."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    if not text.isascii() and _HALF_CHARACTER.search(text):
        # Only escapes can name half a character, as they did in the source.
        text = json.dumps(value, allow_nan=False)
    return text


def copied_entry(annotation: Annotation) -> dict[str, Any]:
    """The entry of the source with the geometry of the copy; ids are still those of the source.

    Shapes stay of the kind they were: outlines, packed or plain run lengths; a key that was not there is not added.
    """
    raw: Mapping[str, Any] = annotation.raw if isinstance(annotation.raw, Mapping) else {}
    entry = {key: value for key, value in raw.items() if key not in UNVARIED_KEYS}
    box = annotation.box or bounds_of(annotation)
    if raw.get("bbox"):
        # What has no place left has no box either: that of the source would be a lie.
        entry["bbox"] = [] if box is None else _box(box)
    if raw.get("segmentation"):
        entry["segmentation"] = _segmentation(annotation, raw["segmentation"])
    if raw.get("keypoints"):
        entry["keypoints"] = _points(annotation.points)
        if "num_keypoints" in raw:
            entry["num_keypoints"] = _count(annotation.points)
    if isinstance(raw.get("area"), int | float):
        entry["area"] = _area(annotation, raw)
    return entry


def new_entry(annotation: Annotation) -> dict[str, Any]:
    """An entry of our own, without ids, for labels that come from another format."""
    entry: dict[str, Any] = {}
    if annotation.category is not None:
        entry["category_id"] = annotation.category + 1
    box = annotation.box or bounds_of(annotation)
    if box is not None:
        entry["bbox"] = _box(box)
        entry["area"] = _own_area(annotation, box)
        rings = annotation.rings or ((annotation.corners,) if annotation.corners else ())
        entry["segmentation"] = _mask(annotation.mask) if annotation.mask else _rings(rings)
        entry["iscrowd"] = int(annotation.crowd)
    if annotation.points:
        entry["keypoints"] = _points(annotation.points)
        entry["num_keypoints"] = _count(annotation.points)
    if annotation.attributes:
        # Not every format keeps NaN out of them.
        entry["attributes"] = mend_numbers(deepcopy(dict(annotation.attributes)), Counter())
    return entry


def bounds_of(annotation: Annotation) -> Box | None:
    """The smallest upright box round its pixels, outlines or labelled points; None when it has none."""
    if annotation.mask is not None:
        return rle_box(annotation.mask)
    seen = [point for point in annotation.points if point[2]]
    outlines: Iterable[Ring] = annotation.rings or ((annotation.corners,) if annotation.corners else ())
    across = [x for ring in outlines for x in ring[0::2]] or [x for x, _, _ in seen]
    down = [y for ring in outlines for y in ring[1::2]] or [y for _, y, _ in seen]
    return (min(across), min(down), max(across), max(down)) if across else None


def _box(box: Box) -> list[float]:
    left, top = round(box[0], _DECIMALS), round(box[1], _DECIMALS)
    width, height = round(box[2] - left, _DECIMALS), round(box[3] - top, _DECIMALS)
    return [left, top, max(width, _LEAST_SIDE), max(height, _LEAST_SIDE)]


def _rings(rings: Iterable[Ring]) -> list[list[float]]:
    return [[round(number, _DECIMALS) for number in ring] for ring in rings]


def _mask(mask: RleMask) -> dict[str, Any]:
    return {"size": [mask.height, mask.width], "counts": mask.counts}


def _segmentation(annotation: Annotation, raw: Any) -> Any:
    if annotation.mask is None:
        return _rings(annotation.rings)
    if not isinstance(raw, Mapping):
        return _mask(annotation.mask)
    plain = {"counts": rle_runs(annotation.mask)} if isinstance(raw.get("counts"), list) else {}
    return {**raw, **_mask(annotation.mask), **plain}


def _points(points: tuple[KeyPoint, ...]) -> list[float]:
    numbers: list[float] = []
    for x, y, seen in points:
        numbers += [round(x - 0.5, _DECIMALS), round(y - 0.5, _DECIMALS), seen] if seen else [0, 0, 0]
    return numbers


def _count(points: tuple[KeyPoint, ...]) -> int:
    return sum(seen > 0 for _, _, seen in points)


def _area(annotation: Annotation, raw: Mapping[str, Any]) -> float:
    """Of the shape; where there is only a box, what the source says grows as its box does."""
    if annotation.mask is not None or annotation.rings:
        return _own_area(annotation, None)
    former, area = raw.get("bbox") or [0, 0, 0, 0], float(raw["area"])
    if annotation.box is not None and former[2] * former[3]:
        _, _, width, height = _box(annotation.box)
        grown = area * (width * height) / (former[2] * former[3])
        # A former box of no size to speak of tells nothing.
        area = grown if math.isfinite(grown) else width * height
    return round(area, _DECIMALS)


def _own_area(annotation: Annotation, box: Box | None) -> float:
    if annotation.mask is not None:
        return rle_area(annotation.mask)
    rings = annotation.rings or ((annotation.corners,) if annotation.corners else ())
    if rings or box is None:
        return round(_rings_area(rings), _DECIMALS)
    _, _, width, height = _box(box)
    return round(width * height, _DECIMALS)


def _rings_area(rings: Sequence[Ring]) -> float:
    """Square pixels inside one outline or another: the object is the union of its parts."""
    boxes = [(min(ring[0::2]), min(ring[1::2]), max(ring[0::2]), max(ring[1::2])) for ring in rings]
    if any(_overlap(one, other) for one, other in combinations(boxes, 2)):
        return _union_area(rings)
    return sum(_ring_area(ring) for ring in rings)


def _ring_area(ring: Ring) -> float:
    across, down = ring[0::2], ring[1::2]
    count = len(across)
    return abs(sum(across[i - 1] * down[i] - across[i] * down[i - 1] for i in range(count))) / 2


def _overlap(one: Box, other: Box) -> bool:
    return all(one[axis] < other[axis + 2] and other[axis] < one[axis + 2] for axis in (0, 1))


def _union_area(rings: Sequence[Ring]) -> float:
    """Measured along lines through the outlines, each of which stands for the strip around it."""
    import numpy as np

    arrays = [np.array(ring, dtype=np.float64).reshape(-1, 2) for ring in rings]
    top, bottom = min(array[:, 1].min() for array in arrays), max(array[:, 1].max() for array in arrays)
    strip = (bottom - top) / _STRIPS
    lines = top + (np.arange(_STRIPS) + 0.5) * strip
    crossings = []
    for array in arrays:
        following = np.roll(array, -1, axis=0)
        edges, line = np.nonzero((array[:, 1:] <= lines) != (following[:, 1:] <= lines))
        (x0, y0), (x1, y1) = array[edges].T, following[edges].T
        x = x0 + (lines[line] - y0) / (y1 - y0) * (x1 - x0)
        order = np.lexsort((x, line))
        # A line enters and leaves an outline in turns.
        crossings.append(np.stack([line[order], x[order], np.where(np.arange(len(x)) % 2, -1, 1)]))
    line, x, step = np.concatenate(crossings, axis=1)
    order = np.lexsort((x, line))
    is_inside = np.cumsum(step[order])[:-1] > 0
    return float(np.diff(x[order])[is_inside].sum() * strip)
