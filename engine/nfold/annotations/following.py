"""The pure function by which labels follow the pixels: what the stages did to the picture is done to every shape.

Shapes travel as outlines in float64 through all stages at once, so nothing compounds: a box is a quadrilateral until
the end and becomes an upright box only there. What left the picture in one stage does not come back in the next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from nfold.annotations.assembling import Journey, assembled, measured_share
from nfold.annotations.drops import Drop, DropRule
from nfold.annotations.instances import moved_masks
from nfold.annotations.mirroring import mirror_order
from nfold.annotations.model import Annotation, Category, ImageLabels
from nfold.geometry.journey import inside_frame, move_outlines, move_points, start_outline, under_holes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nfold.geometry.journey import Outline
    from nfold.geometry.stages import Stage

_LEAST_SIDE = 0.05
"""Pixels: a box with a shorter side might be nothing once its numbers are rounded."""
_STANDS_OUT = 1e-3
"""Share of its area that an object may lose before it counts as standing out of the picture."""


Kept: TypeAlias = tuple[int, Annotation, float | None]
"""Place in the source, the annotation, and how loose its box is."""


class Rules(Protocol):
    """What a recipe says about labels, see `LabelRules`."""

    @property
    def min_visibility(self) -> float:
        """Share of the area that must be left."""

    @property
    def min_area_px(self) -> float:
        """Pixels that must be left."""

    @property
    def outside(self) -> str:
        """clip, drop or keep."""

    @property
    def swap(self) -> Mapping[str, str]:
        """Names of points that change places in a mirror."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Followed:
    """Labels of a picture that went through stages.

    Attributes:
        annotations: Those that are left, in their order.
        kept: For each of them its place among the annotations that came in.
        drops: The others, each with its rule; together they are as many as came in.
        looseness: For each annotation that is left: area of its box over the area of what the box is known to hold,
            1 and up; None where it has no box, or one that is as tight as its outline.
        mask: Classes or object numbers of all pixels.
    """

    annotations: tuple[Annotation, ...] = ()
    kept: tuple[int, ...] = ()
    drops: tuple[Drop, ...] = ()
    looseness: tuple[float | None, ...] = ()
    mask: NDArray[Any] | None = None


def follow(
    labels: ImageLabels,
    *,
    source_size_wh: tuple[int, int],
    stages: Sequence[Stage],
    rules: Rules,
    categories: Sequence[Category] = (),
    mask: NDArray[Any] | None = None,
    mask_fill: int = 0,
    given_up: frozenset[int] = frozenset(),
) -> Followed:
    """Labels after the stages.

    Args:
        labels: Resolved: in pixels of the source as it is shown.
        source_size_wh: Of the source.
        stages: What was done to it, in order.
        rules: When labels are dropped.
        categories: Of the data set; they tell which points change places in a mirror.
        mask: A label image of the whole source.
        mask_fill: Its value beyond the edge.
        given_up: Places of annotations that are not looked at; they are neither kept nor dropped here.
    """
    size = stages[-1].size_out_wh if stages else source_size_wh
    going = [index for index in range(len(labels.annotations)) if index not in given_up]
    journeys = _through([labels.annotations[index] for index in going], source_size_wh, stages, rules)
    is_mirrored = sum(stage.warp is not None and stage.warp.is_mirror for stage in stages) % 2 == 1
    kept: list[Kept] = []
    drops: list[Drop] = []
    for index, journey in zip(going, journeys, strict=True):
        drop = _dropped(journey, index, rules, stages)
        if drop is None:
            order = _order(journey.annotation, categories, rules) if is_mirrored else None
            kept.append((index, *assembled(journey, size, stages, order)))
        else:
            drops.append(drop)
    kept, orphans = _with_their_objects(labels, kept, drops)
    drops = sorted([*drops, *orphans], key=lambda drop: drop.index)
    assert len(kept) + len(drops) == len(going), "an annotation was lost without a rule"
    return Followed(
        annotations=tuple(annotation for _, annotation, _ in kept),
        kept=tuple(index for index, _, _ in kept),
        drops=tuple(drops),
        looseness=tuple(looseness for _, _, looseness in kept),
        mask=None if mask is None else _moved_mask(mask, stages, mask_fill),
    )


def _with_their_objects(labels: ImageLabels, kept: list[Kept], drops: Sequence[Drop]) -> tuple[list[Kept], list[Drop]]:
    """What is left without parts of objects that were dropped, and the drops of these parts."""
    gone = {(labels.annotations[drop.index].document, labels.annotations[drop.index].order) for drop in drops}
    orphans: list[Drop] = []
    while True:
        lost = [entry for entry in kept if (entry[1].document, entry[1].part_of) in gone]
        if not lost:
            return kept, orphans
        # What goes may have parts of its own.
        kept = [entry for entry in kept if (entry[1].document, entry[1].part_of) not in gone]
        orphans += [Drop(index=index, rule="part", value=0.0) for index, _, _ in lost]
        gone = {(annotation.document, annotation.order) for _, annotation, _ in lost}


def _through(
    annotations: Sequence[Annotation], size: tuple[int, int], stages: Sequence[Stage], rules: Rules
) -> list[Journey]:
    import numpy as np

    journeys = [_started(annotation, size, keeps_out=rules.outside == "keep") for annotation in annotations]
    outlines: list[Outline] = [outline for journey in journeys for outline in journey.outlines]
    points = np.array([entry for annotation in annotations for entry in annotation.points], dtype=np.float64)
    points = points.reshape(-1, 3)
    places = points[:, :2]
    is_there = (points[:, 2] > 0) & inside_frame(places, size)
    is_covered = np.zeros(len(points), dtype=bool)
    for stage in stages:
        move_outlines(outlines, stage)
        places, is_there = move_points(places, is_there, stage)
        if stage.holes is not None and len(points):
            is_covered |= is_there & under_holes(places, stage.holes)
    masks = moved_masks([annotation.mask for annotation in annotations], stages)
    start = 0
    for journey, annotation, pixels in zip(journeys, annotations, masks, strict=True):
        end = start + len(annotation.points)
        journey.places, journey.is_there = places[start:end], is_there[start:end]
        journey.is_covered = is_covered[start:end]
        journey.pixels = pixels
        start = end
    return journeys


def _started(annotation: Annotation, size: tuple[int, int], *, keeps_out: bool) -> Journey:
    import numpy as np

    journey = Journey(annotation=annotation)
    shapes: dict[str, list[NDArray[Any]]] = {}
    if annotation.rings:
        shapes["rings"] = [np.array(ring, dtype=np.float64).reshape(-1, 2) for ring in annotation.rings]
    if annotation.corners is not None:
        shapes["corners"] = [np.array(annotation.corners, dtype=np.float64).reshape(-1, 2)]
    if annotation.box is not None:
        x0, y0, x1, y1 = annotation.box
        shapes["box"] = [np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], dtype=np.float64)]
    for name, rings in shapes.items():
        setattr(journey, name, start_outline(rings, size))
        if keeps_out:
            setattr(journey, f"whole_{name}", start_outline(rings, size, keeps_out=True))
    return journey


def _dropped(journey: Journey, index: int, rules: Rules, stages: Sequence[Stage]) -> Drop | None:
    """The rule that gives an annotation up, if one does."""
    measured = measured_share(journey, stages)
    if measured is None:
        return None

    def drop(rule: DropRule, value: float, limit: float | None = None) -> Drop:
        return Drop(index=index, rule=rule, value=round(value, 6), limit=limit)

    if measured.side is not None and measured.is_flat:
        return drop("degenerate", 0.0)
    if measured.share <= 0:
        return drop("outside", 0.0)
    is_region = journey.annotation.crowd
    if rules.outside == "drop" and measured.share < 1 - _STANDS_OUT and not is_region:
        return drop("border", measured.share)
    if measured.share < rules.min_visibility - 1e-9 and not is_region:
        return drop("visibility", measured.share, rules.min_visibility)
    if measured.area is not None and measured.area < rules.min_area_px - 1e-6:
        return drop("area", measured.area, rules.min_area_px)
    if measured.side is not None and measured.side < _LEAST_SIDE:
        return drop("degenerate", measured.side)
    return None


def _order(annotation: Annotation, categories: Sequence[Category], rules: Rules) -> tuple[int, ...] | None:
    if not annotation.points or annotation.category is None or annotation.category >= len(categories):
        return None
    order = mirror_order(categories[annotation.category], rules.swap)
    return order if order is not None and len(order) == len(annotation.points) else None


def _moved_mask(mask: NDArray[Any], stages: Sequence[Stage], fill: int) -> NDArray[Any]:
    for stage in stages:
        if stage.move_mask is not None:
            mask = stage.move_mask(mask, fill=fill, semantic=True)
    return mask
