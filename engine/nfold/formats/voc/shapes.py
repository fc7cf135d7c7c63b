"""Shapes that some tools put beside or instead of the box of a VOC object: outlines and boxes with an angle.

`<polygon>` holds corners as `<x1>`, `<y1>`, `<x2>`, ... or as `<pt>` (or `<point>`) with `<x>` and `<y>`; several of them are
parts of one object. Corners are in the middle of pixels where pixels are counted from 1, and edges where from 0.
`<robndbox>` holds `<cx>`, `<cy>`, `<w>`, `<h>` and `<angle>` in radians, clockwise as one sees it; always edges from 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Final

from nfold.annotations import Annotation, Ring
from nfold.formats.voc.xml import Edit, Node, XmlText, with_text, without
from nfold.formats.wording import counted

OUTLINE: Final = "polygon"
ANGLED: Final = "robndbox"
UNREAD: Final = frozenset({"rotated_bndbox", "point", "points", "segmentation", "mask", "keypoints"})
"""Other shapes, which are not read: a copy would keep them where the object no longer is, so it has none."""

_CORNERS: Final = ("pt", "point")
_ANGLED_PARTS: Final = ("cx", "cy", "w", "h", "angle")
_FEWEST_CORNERS: Final = 3

ReadNumber = Callable[[Node, str], float]
"""Reads the number in a child of that name; raises what is to be said when there is none."""


def rings_of(node: Node, number: ReadNumber) -> tuple[Ring, ...]:
    """The outlines of an object, as written.

    Raises:
        ValueError: One has fewer than three corners.
    """
    rings = []
    for outline in _outlines(node):
        corners = list(_corners(outline, number))
        if len(corners) < _FEWEST_CORNERS:
            raise ValueError(f"an outline of {counted(len(corners), 'corner')}")
        rings.append(tuple(value for corner in corners for value in corner))
    return tuple(rings)


def corners_of(node: Node, number: ReadNumber) -> Ring | None:
    """The four corners of a box with an angle; None when there is none.

    Raises:
        ValueError: It has no width or no height.
    """
    box = node.first(ANGLED)
    if box is None:
        return None
    x, y, width, height, angle = (number(box, part) for part in _ANGLED_PARTS)
    if width <= 0 or height <= 0:
        raise ValueError("a box with an angle that has no width or no height")
    cosine, sine = math.cos(angle), math.sin(angle)
    corners: list[float] = []
    for across, down in ((-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)):
        dx, dy = across * width, down * height
        corners += [x + dx * cosine - dy * sine, y + dx * sine + dy * cosine]
    return tuple(corners)


def shape_edits(text: XmlText, node: Node, after: Annotation, size_wh: tuple[int, int], origin: int) -> Iterator[Edit]:
    """Bring the shapes of an object to where it is in a copy; those that are not known there go."""
    for place, outline in enumerate(_outlines(node)):
        if place or not after.rings:
            yield without(text, outline)
        else:
            words = "".join(_outline_text(text, outline, ring, size_wh, origin) for ring in after.rings)
            before = without(text, outline)
            yield Edit(start=before.start, end=before.end, text=words)
    box = node.first(ANGLED)
    if box is not None and after.corners is None:
        yield without(text, box)
    elif box is not None and after.corners is not None:
        values = _angled_values(after.corners)
        for part, value in zip(_ANGLED_PARTS, values, strict=True):
            child = box.first(part)
            if child is not None:
                yield with_text(text, child, f"{value:.6f}" if part == "angle" else f"{value:.4f}")
    yield from (without(text, child) for child in node.children if child.tag in UNREAD)


def _outlines(node: Node) -> list[Node]:
    """Those that hold something: some tools write an empty one beside each box."""
    return [outline for outline in node.all(OUTLINE) if outline.children or outline.text.strip()]


def _corners(outline: Node, number: ReadNumber) -> Iterator[tuple[float, float]]:
    points = [child for child in outline.children if child.tag in _CORNERS]
    if points:
        yield from ((number(point, "x"), number(point, "y")) for point in points)
        return
    tags = {child.tag for child in outline.children}
    place = 1
    while {f"x{place}", f"y{place}"} & tags:
        yield number(outline, f"x{place}"), number(outline, f"y{place}")
        place += 1


def _outline_text(text: XmlText, outline: Node, ring: Ring, size_wh: tuple[int, int], origin: int) -> str:
    """An outline in the manner of another, with the space that stands before that and inside it."""
    point = next((child.tag for child in outline.children if child.tag in _CORNERS), None)
    is_whole = "." not in text.data[outline.start : outline.end].decode()
    gap, inner, last = _spaces(text, outline)
    words = [
        [_number_text(value, side, origin, is_whole=is_whole) for value, side in zip(pair, size_wh, strict=True)]
        for pair in zip(ring[0::2], ring[1::2], strict=True)
    ]
    if point is None:
        parts = [
            f"{inner}<{axis}{place}>{word}</{axis}{place}>"
            for place, pair in enumerate(words, start=1)
            for axis, word in zip("xy", pair, strict=True)
        ]
    else:
        parts = [f"{inner}<{point}><x>{x}</x><y>{y}</y></{point}>" for x, y in words]
    return f"{gap}<{OUTLINE}>{''.join(parts)}{last}</{OUTLINE}>"


def _spaces(text: XmlText, outline: Node) -> tuple[str, str, str]:
    before = without(text, outline)
    gap = text.data[before.start : outline.start].decode()
    first, final = outline.children[0], outline.children[-1]
    inner = text.data[without(text, first).start : first.start].decode()
    ending = text.data[final.end : outline.end]
    last = ending[: len(ending) - len(ending.lstrip())].decode()
    return gap, inner, last


def _number_text(value: float, side: int, origin: int, *, is_whole: bool) -> str:
    written = min(max(value + origin / 2, float(origin)), float(side))
    return f"{written:.0f}" if is_whole else f"{written:.2f}"


def _angled_values(corners: Ring) -> tuple[float, float, float, float, float]:
    xs, ys = corners[0::2], corners[1::2]
    width = math.hypot(xs[1] - xs[0], ys[1] - ys[0])
    height = math.hypot(xs[2] - xs[1], ys[2] - ys[1])
    angle = math.atan2(ys[1] - ys[0], xs[1] - xs[0]) % math.pi
    return sum(xs) / len(xs), sum(ys) / len(ys), width, height, angle
