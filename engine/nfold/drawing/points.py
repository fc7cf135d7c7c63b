"""Key points and the lines between them; the left side of a body in one hue, the right one in another."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from nfold.annotations.model import Annotation, Category, KeyPoint
from nfold.drawing.palette import LEFT, MIDDLE, RIGHT, Rgb, class_colour

if TYPE_CHECKING:
    from nfold.drawing.canvas import Canvas
    from nfold.drawing.shapes import Frame

Side = Literal["left", "right", "middle"]

_COLOURS: dict[Side, Rgb] = {"left": LEFT, "right": RIGHT, "middle": MIDDLE}
_WORDS: dict[str, Side] = {"left": "left", "l": "left", "right": "right", "r": "right"}
_HIDDEN, _VISIBLE = 1, 2
_TOO_FAR = 1e9


@lru_cache(maxsize=256)
def sides_of(names: tuple[str, ...], flip_index: tuple[int, ...] | None) -> tuple[Side, ...]:
    """The side of a body each point is on, by its name; all `middle` when the names tell none.

    A pair that changes places in a mirror is told apart by the one place where its names differ by an L and an R
    (`forelegL1`, `forelegR1`); without such pairs, a word `left`, `right`, `l` or `r` in the name tells.
    """
    return tuple(_side_of_pair(names, flip_index, number) or _side_by_word(name) for number, name in enumerate(names))


def has_sides(category: Category | None) -> bool:
    """Whether left and right are told apart among the points of a class."""
    sides = () if category is None else sides_of(category.point_names, category.flip_index)
    return "left" in sides and "right" in sides


def draw_points(canvas: Canvas, annotation: Annotation, category: Category | None, frame: Frame) -> None:
    """A dot for each point that is labelled: filled when visible, hollow when hidden; lines where a skeleton is given.

    Points with visibility 0 are not drawn, and neither are lines to them.
    """
    placed = dict(_placed(annotation.points, frame))
    if not placed:
        return
    radius = _radius(placed, canvas)
    sides = sides_of(category.point_names, category.flip_index) if category and has_sides(category) else ()
    own = class_colour(annotation.category)

    def colour_of(number: int) -> Rgb:
        return (_COLOURS[sides[number]] if number < len(sides) else MIDDLE) if sides else own

    _draw_skeleton(canvas, placed, category, sides, own, width=max(1, round(radius / 2.6)))
    if not sides and 0 in placed and len(annotation.points) > 1:
        # Without sides, it is the first point that shows whether points have changed places.
        canvas.dot(placed[0][0], placed[0][1], radius * 1.7, own, is_hollow=True)
    for number, (x, y, seen) in placed.items():
        canvas.dot(x, y, radius, colour_of(number), is_hollow=seen == _HIDDEN)


def _draw_skeleton(
    canvas: Canvas,
    placed: Mapping[int, KeyPoint],
    category: Category | None,
    sides: tuple[Side, ...],
    own: Rgb,
    *,
    width: int,
) -> None:
    import numpy as np

    for first, second in skeleton_of(category):
        if first not in placed or second not in placed:
            continue
        ends = {sides[number] for number in (first, second) if number < len(sides)} - {"middle"}
        colour = _COLOURS[ends.pop()] if len(ends) == 1 else own
        canvas.line(np.array([placed[first][:2], placed[second][:2]], dtype=np.float64), colour, width, casing=0.6)


def skeleton_of(category: Category | None) -> tuple[tuple[int, int], ...]:
    """Pairs of points, counted from 0, that COCO's `skeleton` joins; whatever is none is left out."""
    raw = category.raw if category is not None else None
    listed = raw.get("skeleton") if isinstance(raw, Mapping) else None
    if not isinstance(listed, (list, tuple)):
        return ()
    return tuple(
        (pair[0] - 1, pair[1] - 1)
        for pair in listed
        if isinstance(pair, (list, tuple)) and len(pair) == 2 and all(isinstance(end, int) for end in pair)
    )


def _placed(points: tuple[KeyPoint, ...], frame: Frame) -> Iterator[tuple[int, KeyPoint]]:
    across, down = frame.scale_xy
    for number, (x, y, seen) in enumerate(points):
        if seen in (_HIDDEN, _VISIBLE) and abs(x) < _TOO_FAR and abs(y) < _TOO_FAR:
            yield number, (x * across, y * down, seen)


def _radius(placed: Mapping[int, KeyPoint], canvas: Canvas) -> float:
    """As large as the picture allows, but so that neighbours stay apart."""
    import numpy as np

    side = max(canvas.width, canvas.height)
    wanted = max(2.6, min(6.0, side / 190), side / 270)
    if len(placed) < 2 or len(placed) > 2000:
        return wanted if len(placed) < 2 else 2.0
    places = np.array([(x, y) for x, y, _ in placed.values()])
    apart = np.linalg.norm(places[:, None] - places[None], axis=2)
    np.fill_diagonal(apart, math.inf)
    typical = float(np.median(apart.min(axis=1)))
    return min(wanted, max(1.6, typical / 3.2))


def _side_of_pair(names: tuple[str, ...], flip_index: tuple[int, ...] | None, number: int) -> Side | None:
    if flip_index is None or number >= len(flip_index) or not 0 <= flip_index[number] < len(names):
        return None
    one, other = names[number].lower(), names[flip_index[number]].lower()
    if one == other:
        return "middle"
    if "left" in one and "right" in other:
        return "left"
    if "right" in one and "left" in other:
        return "right"
    differences = {(mine, theirs) for mine, theirs in zip(one, other, strict=False) if mine != theirs}
    if len(one) == len(other) and differences == {("l", "r")}:
        return "left"
    return "right" if len(one) == len(other) and differences == {("r", "l")} else None


def _side_by_word(name: str) -> Side:
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)
    found = {_WORDS[word.lower()] for word in words if word.lower() in _WORDS}
    return found.pop() if len(found) == 1 else "middle"
