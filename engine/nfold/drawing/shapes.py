"""Boxes, outlines, pixels and oriented boxes of one object, onto a canvas."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from nfold.annotations.model import Annotation, Box, RleMask
from nfold.annotations.rle import decode_rle
from nfold.drawing.palette import Rgb, class_colour

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nfold.drawing.canvas import Canvas

    Points: TypeAlias = NDArray[np.float64]

_MOST_MASK_PIXELS = 2**28
_TOO_FAR = 1e12
_ROOM_FOR_SECOND_BOX_PX = 60
_MOST_SECOND_BOXES = 20
_SIDE_FOR_SECOND_BOXES_PX = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """How a picture lies on its canvas.

    Attributes:
        size_wh: Of the picture in its own pixels.
        canvas_wh: Of the canvas.
    """

    size_wh: tuple[int, int]
    canvas_wh: tuple[int, int]

    @property
    def scale_xy(self) -> tuple[float, float]:
        """Pixels of the canvas for one of the picture."""
        return self.canvas_wh[0] / self.size_wh[0], self.canvas_wh[1] / self.size_wh[1]

    def points(self, ring: tuple[float, ...]) -> Points | None:
        """Points x, y, x, y, ... on the canvas, shape (n, 2); None when they are no points that could be shown."""
        import numpy as np

        if len(ring) < 2 or len(ring) % 2 or not all(abs(value) < _TOO_FAR for value in ring):
            return None
        placed: Points = np.asarray(ring, dtype=np.float64).reshape(-1, 2) * self.scale_xy
        return placed


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pixels:
    """A mask on the canvas: how much of each pixel it covers, 0 to 255; the corner of that part is at left, top."""

    cover: NDArray[np.uint8]
    left: int
    top: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlacedObject:
    """An object's shapes on the canvas.

    Attributes:
        colour: Of its class.
        is_crowd: Whether it is a region of many.
        rings: Its outlines.
        pixels: Its mask.
        corners: Of its oriented box.
        box: Its upright box.
        extent: Edges of the closest shape there is.
    """

    colour: Rgb
    is_crowd: bool
    rings: tuple[Points, ...]
    pixels: Pixels | None
    corners: Points | None
    box: Box | None
    extent: Box

    @property
    def smaller_side(self) -> float:
        """Of its extent, in pixels of the canvas."""
        return min(size_of(self.extent))

    @property
    def has_closer_shape(self) -> bool:
        """Whether more is known than an upright box."""
        return bool(self.rings) or self.pixels is not None or self.corners is not None


def size_of(box: Box) -> tuple[float, float]:
    """Width and height."""
    return box[2] - box[0], box[3] - box[1]


def place(annotation: Annotation, frame: Frame) -> PlacedObject | None:
    """Where an object's shapes are on the canvas; None when it has none that could be shown."""
    rings = tuple(points for ring in annotation.rings if (points := frame.points(ring)) is not None)
    corners = None if annotation.corners is None else frame.points(annotation.corners)
    corners = corners if corners is not None and len(corners) == 4 else None
    pixels = None if annotation.mask is None else _mask_on_canvas(annotation.mask, frame)
    edges = None if annotation.box is None else frame.points(annotation.box)
    box = None if edges is None else _extent([edges])
    if corners is not None:
        extent = _extent([corners])
    elif rings:
        extent = _extent(rings)
    elif pixels is not None:
        height, width = pixels.cover.shape
        extent = (pixels.left, pixels.top, pixels.left + width, pixels.top + height)
    elif box is not None:
        extent = box
    else:
        return None
    return PlacedObject(
        colour=class_colour(annotation.category),
        is_crowd=annotation.crowd,
        rings=rings,
        pixels=pixels,
        corners=corners,
        box=box,
        extent=extent,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How objects are drawn that share a picture.

    Attributes:
        width: Of lines, in pixels.
        has_second_boxes: An upright box is drawn, faintly, though a closer shape is known.
    """

    width: int
    has_second_boxes: bool


def style_of(objects: Sequence[PlacedObject], side_px: int) -> Style:
    """Lines as thick as the picture allows, but thin when its objects are small: thick ones would hide them.

    Args:
        objects: Of the picture.
        side_px: Its longest side. A large one may be shown smaller on a screen.
    """
    most = 1 if side_px < 240 else 2 if side_px < 1000 else max(3, round(side_px / 700))
    sides = sorted(placed.smaller_side for placed in objects)
    typical = sides[len(sides) // 2] if sides else 0
    width = max(1, min(most, round(min(typical, side_px) / 16)))
    # All of a picture's objects or none: a single second box would look like something else.
    has_room = side_px >= _SIDE_FOR_SECOND_BOXES_PX and len(objects) <= _MOST_SECOND_BOXES
    return Style(width=width, has_second_boxes=has_room and typical >= _ROOM_FOR_SECOND_BOX_PX)


def draw_object(canvas: Canvas, placed: PlacedObject, style: Style) -> None:
    """All shapes of an object."""
    width = style.width if placed.smaller_side > 6 * style.width else 1
    casing = 0.75 if placed.smaller_side > 30 else 0.5 if placed.smaller_side > 12 else 0.25
    for ring in placed.rings:
        canvas.fill(ring, placed.colour, is_hatched=placed.is_crowd)
        canvas.line(ring, placed.colour, width, is_closed=True, casing=casing)
    if placed.pixels is not None:
        _draw_pixels(canvas, placed, placed.pixels, width, casing)
    if placed.corners is not None:
        _draw_oriented(canvas, placed, placed.corners, width, casing)
    if placed.box is not None:
        if not placed.has_closer_shape:
            _draw_box(canvas, placed, placed.box, width, casing)
        elif style.has_second_boxes:
            canvas.frame(placed.box, placed.colour, 1, casing=0.25)


def _draw_box(canvas: Canvas, placed: PlacedObject, box: Box, width: int, casing: float) -> None:
    import numpy as np

    if placed.is_crowd:
        left, top, right, bottom = box
        ring = np.array([(left, top), (right, top), (right, bottom), (left, bottom)])
        canvas.fill(ring, placed.colour, is_hatched=True)
    canvas.frame(box, placed.colour, width, casing=casing)


def _draw_oriented(canvas: Canvas, placed: PlacedObject, corners: Points, width: int, casing: float) -> None:
    """The edge from corner 1 to corner 2 is the front: it is thick; corner 1 has a dot."""
    canvas.fill(corners, placed.colour)
    canvas.line(corners, placed.colour, width, is_closed=True, casing=casing)
    canvas.line(corners[:2], placed.colour, 2 * width + 1, casing=casing)
    side = math.dist(corners[0], corners[1])
    canvas.dot(corners[0, 0], corners[0, 1], min(2.5 + 1.5 * width, max(1.5, side / 5)), placed.colour)


def _draw_pixels(canvas: Canvas, placed: PlacedObject, pixels: Pixels, width: int, casing: float) -> None:
    import cv2
    import numpy as np

    canvas.fill_mask(pixels.cover, pixels.left, pixels.top, placed.colour, is_hatched=placed.is_crowd)
    inside = np.pad((pixels.cover > 127).astype(np.uint8), 1)
    for contour in cv2.findContours(inside, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)[0]:
        # A contour runs through the centres of the outermost pixels; there is one row and column of padding.
        points = np.add(contour.reshape(-1, 2), (pixels.left - 0.5, pixels.top - 0.5))
        canvas.line(points, placed.colour, width, is_closed=True, casing=casing)


def _mask_on_canvas(mask: RleMask, frame: Frame) -> Pixels | None:
    """None for an empty mask, and for one that is damaged or not of the picture's size and so has no place in it."""
    import cv2
    import numpy as np

    if (mask.width, mask.height) != frame.size_wh or mask.height * mask.width > _MOST_MASK_PIXELS:
        return None
    try:
        whole: Any = decode_rle(mask).astype(np.uint8) * 255
    except ValueError:
        return None
    shrinks = frame.canvas_wh[0] < mask.width or frame.canvas_wh[1] < mask.height
    scaled = cv2.resize(whole, frame.canvas_wh, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_NEAREST)
    left, top, width, height = cv2.boundingRect(scaled)
    if not width:
        return None
    cover = np.ascontiguousarray(scaled[top : top + height, left : left + width], dtype=np.uint8)
    if cover.max() <= 127:
        # Less than half of any pixel: shown none the less.
        cover = np.where(cover == cover.max(), 255, cover).astype(np.uint8)
    return Pixels(cover=cover, left=left, top=top)


def _extent(rings: tuple[Points, ...] | list[Points]) -> Box:
    import numpy as np

    every = np.concatenate(rings)
    (left, top), (right, bottom) = every.min(axis=0), every.max(axis=0)
    return float(left), float(top), float(right), float(bottom)
