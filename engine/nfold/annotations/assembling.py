"""Makes an annotation again of what is left of its shapes: a tight box, a rectangle, an outline, pixels and points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from nfold.annotations.instances import Pixels
from nfold.annotations.model import Annotation, Box, KeyPoint, Ring
from nfold.geometry.journey import Outline, share_left
from nfold.geometry.polygons import bounds, total_area
from nfold.geometry.rectangles import in_order_of, rectangle_inside, smallest_rectangle

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nfold.geometry.stages import Stage

_LEAST_PART = 0.01
"""Square pixels: smaller slivers of an outline are left out while there is more of it."""


@dataclass(slots=True, kw_only=True, eq=False)
class Journey:
    """The shapes of one annotation after the stages.

    Attributes:
        annotation: As it was in the source.
        rings: Its outline, what is inside of it.
        corners: Its oriented box.
        box: Its upright box, a quadrilateral on the way.
        whole_rings: As `rings`, with what is outside; only where a recipe keeps that. So too the other two.
        pixels: Its mask.
        places: Its points, one row each.
        is_there: Which of them are labelled and in the picture.
        is_covered: Which of them were painted over.
    """

    annotation: Annotation
    rings: Outline | None = None
    corners: Outline | None = None
    box: Outline | None = None
    whole_rings: Outline | None = None
    whole_corners: Outline | None = None
    whole_box: Outline | None = None
    pixels: Pixels | None = None
    places: NDArray[Any] | None = None
    is_there: NDArray[Any] | None = None
    is_covered: NDArray[Any] | None = None

    @property
    def outlines(self) -> list[Outline]:
        """All that is moved as outlines."""
        every = (self.rings, self.corners, self.box, self.whole_rings, self.whole_corners, self.whole_box)
        return [outline for outline in every if outline is not None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What is left of an object.

    Attributes:
        share: Of its area (or of its labelled points), measured in the source.
        area: In pixels of the picture; None for points alone.
        side: The shorter side of the upright box round it, in pixels; None for points alone.
        is_flat: It had no area in the source.
    """

    share: float
    area: float | None
    side: float | None
    is_flat: bool


def measured_share(journey: Journey, stages: Sequence[Stage]) -> Measured | None:
    """What is left of an object, by the best shape that is known of it; None when no place is known of it."""
    outline = journey.rings or (None if journey.pixels else journey.corners or journey.box)
    if outline is not None:
        side = _shorter_side(bounds(outline.rings)) if outline.rings else 0.0
        return Measured(
            share=share_left(outline, stages),
            area=total_area(outline.rings),
            side=side,
            is_flat=outline.area <= 0,
        )
    if journey.pixels is not None:
        area = journey.pixels.area
        # What is in the picture and has shrunk to nothing is too small, not outside.
        return Measured(share=journey.pixels.share, area=area, side=float(area > 0), is_flat=journey.pixels.is_flat)
    labelled = sum(seen > 0 for _, _, seen in journey.annotation.points)
    if journey.is_there is None or not labelled:
        return None
    return Measured(share=float(journey.is_there.sum()) / labelled, area=None, side=None, is_flat=False)


def assembled(
    journey: Journey, size_wh: tuple[int, int], stages: Sequence[Stage], order: Sequence[int] | None
) -> tuple[Annotation, float | None]:
    """The annotation in the picture, and how loose its box is.

    Args:
        journey: It went through the stages.
        size_wh: Of the picture.
        stages: Those.
        order: For each point the one that takes its place, in a mirrored picture.
    """
    mask = None if journey.pixels is None else journey.pixels.mask
    rings = _rings(journey)
    corners = _corners(journey, size_wh, stages)
    box, looseness = _box(journey, stages)
    annotation = replace(
        journey.annotation, box=box, rings=rings, mask=mask, corners=corners, points=_points(journey, order)
    )
    return annotation, looseness


def extent_of(annotation: Annotation) -> Box | None:
    """The upright box round all that is known of an annotation's place; None when no place is known."""
    from nfold.annotations.rle import rle_box

    if annotation.box is not None:
        return annotation.box
    values = [*annotation.rings, *([annotation.corners] if annotation.corners else [])]
    values += [point[:2] for point in annotation.points if point[2]]
    if not values:
        return rle_box(annotation.mask) if annotation.mask is not None else None
    flat = [value for ring in values for value in ring]
    return min(flat[::2]), min(flat[1::2]), max(flat[::2]), max(flat[1::2])


def _rings(journey: Journey) -> tuple[Ring, ...]:
    outline = journey.whole_rings or journey.rings
    if outline is None:
        return ()
    from nfold.geometry.polygons import area

    large = [ring for ring in outline.rings if area(ring) >= _LEAST_PART] or outline.rings
    return tuple(tuple(ring.reshape(-1).tolist()) for ring in large)


def _corners(journey: Journey, size_wh: tuple[int, int], stages: Sequence[Stage]) -> Ring | None:
    import numpy as np

    if journey.corners is None or not (journey.corners.rings or journey.whole_corners):
        return None
    whole = journey.whole_corners
    outline = whole or journey.corners
    original = np.array(journey.annotation.corners, dtype=np.float64).reshape(-1, 2)
    is_whole = whole is not None or not journey.corners.cut
    if is_whole and all(stage.warp is None or stage.warp.keeps_shape for stage in stages):
        return tuple(outline.rings[0].reshape(-1).tolist())
    expected = original
    for stage in stages:
        if stage.warp is not None:
            expected = stage.warp.forward(expected)
    points = np.concatenate(outline.rings)
    rectangle = smallest_rectangle(points) if whole is not None else rectangle_inside(points, *size_wh)
    if not np.isnan(expected).any():
        rectangle = in_order_of(rectangle, expected)
    return tuple(rectangle.reshape(-1).tolist())


def _box(journey: Journey, stages: Sequence[Stage]) -> tuple[Box | None, float | None]:
    """The upright box in the picture; as tight as what is known of the object allows."""
    if journey.box is None:
        return None, None
    quadrilateral = journey.whole_box or journey.box
    shape = journey.whole_rings or journey.rings
    is_cut = journey.box.cut or (journey.rings is not None and journey.rings.cut) or _is_cut(journey.pixels)
    if not is_cut and all(stage.warp is None or stage.warp.keeps_axes for stage in stages):
        # An upright box stays one, edge for edge: no need to guess it from a shape that may be drawn coarsely.
        return bounds(quadrilateral.rings), None if journey.annotation.has_shape else 1.0
    if shape is not None and shape.rings and not journey.annotation.repeats_box:
        return bounds(shape.rings), None
    if journey.pixels is not None and journey.pixels.box is not None:
        return journey.pixels.box, None
    if journey.corners is not None and (journey.whole_corners or journey.corners).rings:
        return bounds((journey.whole_corners or journey.corners).rings), None
    if not quadrilateral.rings:
        return None, None
    box = bounds(quadrilateral.rings)
    held = total_area(quadrilateral.rings)
    return box, max(1.0, (box[2] - box[0]) * (box[3] - box[1]) / held) if held > 0 else None


def _is_cut(pixels: Pixels | None) -> bool:
    return pixels is not None and pixels.share < 1


def _points(journey: Journey, order: Sequence[int] | None) -> tuple[KeyPoint, ...]:
    if not journey.annotation.points or journey.places is None:
        return ()
    assert journey.is_there is not None
    assert journey.is_covered is not None
    moved: list[KeyPoint] = []
    for index, point in enumerate(journey.annotation.points):
        if not point[2]:
            moved.append(point)
        elif not journey.is_there[index]:
            moved.append((0.0, 0.0, 0))
        else:
            x, y = journey.places[index].tolist()
            moved.append((x, y, 1 if journey.is_covered[index] else point[2]))
    return tuple(moved) if order is None else tuple(moved[k] for k in order)


def _shorter_side(box: Box) -> float:
    return min(box[2] - box[0], box[3] - box[1])
