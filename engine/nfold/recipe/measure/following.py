"""Measures how well labels follow the pixels: shapes are painted, varied, and held against the labels that come back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from nfold.annotations.model import Annotation, ImageLabels, RleMask
from nfold.annotations.rle import decode_rle, encode_rle
from nfold.images import Image
from nfold.randomness import variation_generators
from nfold.recipe.border import resolve_border
from nfold.recipe.form import load_recipe
from nfold.recipe.measure.selection import FOLLOWING_SAMPLES, SAMPLES
from nfold.variation import RecipeInForce, Sample, prepare, vary

Grey = NDArray[np.uint8]

SIZES_WH: Final = ((320, 240), (251, 303))
DRAWS: Final = 42
LEAST_SIDE: Final = 60
"""Pixels: what is left of a shape must be so large to be measured."""
_FINER: Final = 8
_BLOB: Final = 1.2
TARGETS: Final = ("boxes", "oriented", "polygons", "masks", "points")


def measure_following(name: str) -> dict[str, JsonValue]:
    """For each kind of label the smallest and the mean agreement with the pixels, for points the largest distance.

    Agreement is intersection over union; None where no draw left enough of a shape to measure.
    """
    recipe = load_recipe(
        {
            "augment": [{name: {**SAMPLES.get(name, {}), **FOLLOWING_SAMPLES.get(name, {}), "p": 1}}],
            "border": {"mode": "constant", "fill": 0},
            "labels": {"min_visibility": 0, "min_area_px": 0},
        }
    )
    in_force = RecipeInForce(recipe=recipe, border=resolve_border(recipe, annotated=True))
    found: dict[str, list[float]] = {target: [] for target in TARGETS}
    for size in SIZES_WH:
        for copy in range(1, DRAWS + 1):
            scene = _scene(size, copy)
            for target, figure in _measured(scene, in_force, copy):
                found[target].append(figure)
    report: dict[str, JsonValue] = {}
    for target in TARGETS[:-1]:
        figures = found[target]
        report[target] = [_floor(min(figures)), _floor(sum(figures) / len(figures))] if figures else None
    report["points"] = round(max(found["points"]), 2) if found["points"] else None
    return report


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One painted shape with all that is said of it."""

    picture: Grey
    annotation: Annotation
    kind: str


def _scene(size_wh: tuple[int, int], number: int) -> Scene:
    """A disc, a polygon of 24 corners, a star, an upright or a turned rectangle, or points, in turn."""
    generator = np.random.default_rng([number, *size_wh])
    width, height = size_wh
    radius = generator.uniform(44, 58)
    middle = generator.uniform(1.3 * radius, (width - 1.3 * radius, height - 1.3 * radius))
    kind = ("disc", "polygon", "star", "box", "oriented", "points")[number % 6]
    if kind == "points":
        places = generator.uniform(12, (width - 12, height - 12), (1, 2))
        return Scene(
            picture=_blob(places[0], size_wh),
            annotation=Annotation(points=((float(places[0, 0]), float(places[0, 1]), 2),)),
            kind=kind,
        )
    ring = middle + radius * _unit_shape(kind, generator)
    picture = paint_outlines([ring], size_wh)
    flat = tuple(ring.reshape(-1).tolist())
    if kind == "box":
        low, high = ring.min(axis=0), ring.max(axis=0)
        annotation = Annotation(box=(float(low[0]), float(low[1]), float(high[0]), float(high[1])))
    elif kind == "oriented":
        annotation = Annotation(corners=flat)
    else:
        annotation = Annotation(rings=(flat,), mask=encode_rle(picture >= 128))
    return Scene(picture=picture, annotation=annotation, kind=kind)


def _unit_shape(kind: str, generator: np.random.Generator) -> NDArray[np.float64]:
    if kind in ("box", "oriented"):
        half_width, half_height = generator.uniform(0.7, 0.9, 2)
        corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * (half_width, half_height)
        turn = generator.uniform(0, np.pi) if kind == "oriented" else 0.0
        cosine, sine = np.cos(turn), np.sin(turn)
        turned: NDArray[np.float64] = corners @ np.array([(cosine, sine), (-sine, cosine)])
        return turned
    count = {"disc": 72, "polygon": 24, "star": 10}[kind]
    angles = generator.uniform(0, 2 * np.pi) + np.arange(count) * 2 * np.pi / count
    reach = np.where(np.arange(count) % 2, 0.55, 1.0) if kind == "star" else np.ones(count)
    if kind == "polygon":
        reach = generator.uniform(0.85, 1.0, count)
    ring: NDArray[np.float64] = np.stack([np.cos(angles), np.sin(angles)], axis=1) * reach[:, None]
    return ring


def _measured(scene: Scene, in_force: RecipeInForce, copy: int) -> Iterator[tuple[str, float]]:
    varied, shown, annotation = _varied(scene, in_force, copy)
    if annotation is None:
        return
    if scene.kind == "points":
        yield from _measured_point(varied, annotation, shown)
        return
    pixels = (varied >= 128) & shown
    rows, columns = np.nonzero(pixels)
    if not len(rows) or min(np.ptp(rows), np.ptp(columns)) < LEAST_SIDE:
        return
    size = (varied.shape[1], varied.shape[0])
    if annotation.rings:
        yield "polygons", agreement(paint_rings(annotation.rings, size) & shown, pixels)
        yield "masks", agreement(_pixels_of(annotation.mask, pixels.shape) & shown, pixels)
    elif annotation.corners is not None:
        yield from _measured_rectangle(np.array(annotation.corners).reshape(-1, 2), _fine_places(varied), size)
    elif annotation.box is not None:
        low, high = _fine_places(varied).min(axis=0), _fine_places(varied).max(axis=0)
        yield "boxes", box_agreement(annotation.box, (*low.tolist(), *high.tolist()))


def _measured_rectangle(
    corners: NDArray[np.float64], places: NDArray[np.float64], size_wh: tuple[int, int]
) -> Iterator[tuple[str, float]]:
    """How much of a shape the rectangle holds, times how tight it is; the smallest one round the shape may not be unique.

    A rectangle that stands out of the picture, or holds what is cut, cannot be told as one whose corners are inside.
    """
    smallest = cv2.minAreaRect(places.astype(np.float32))
    tips = cv2.boxPoints(smallest)
    if min(smallest[1]) < LEAST_SIDE or tips.min() < 0.5 or (tips > np.array(size_wh) - 0.5).any():
        return
    sides = np.roll(corners, -1, axis=0) - corners
    area = float(np.prod(np.hypot(sides[:2, 0], sides[:2, 1])))
    hull = cv2.convexHull(places.astype(np.float32))
    held, _ = cv2.intersectConvexConvex(hull, corners.astype(np.float32))
    yield "oriented", held / cv2.contourArea(hull) * min(1.0, smallest[1][0] * smallest[1][1] / area)


def _fine_places(varied: Grey) -> NDArray[np.float64]:
    """Places on the rim of a white shape, finer than its pixels."""
    fine = cv2.resize(varied, None, fx=_FINER, fy=_FINER, interpolation=cv2.INTER_LINEAR) >= 128
    inner = cv2.erode(fine.astype(np.uint8), np.ones((3, 3)), borderValue=0) > 0
    rows, columns = np.nonzero(fine & ~inner)
    return (np.stack([columns, rows], axis=1) + 0.5) / _FINER


def _measured_point(varied: Grey, annotation: Annotation, shown: NDArray[np.bool_]) -> Iterator[tuple[str, float]]:
    x, y, seen = annotation.points[0]
    height, width = varied.shape
    near = 8
    if not seen or not (near < x < width - near and near < y < height - near):
        return
    left, top = int(x) - near, int(y) - near
    window = np.s_[top : top + 2 * near + 1, left : left + 2 * near + 1]
    if not shown[window].all():
        return
    weights = varied[window].astype(np.float64)
    rows, columns = np.mgrid[top : top + 2 * near + 1, left : left + 2 * near + 1] + 0.5
    if weights.sum() < 255:
        yield "points", float(near)
        return
    found_x, found_y = (weights * columns).sum() / weights.sum(), (weights * rows).sum() / weights.sum()
    yield "points", float(np.hypot(found_x - x, found_y - y))


def _varied(scene: Scene, in_force: RecipeInForce, copy: int) -> tuple[Grey, NDArray[np.bool_], Annotation | None]:
    """The picture after, which of its pixels show the source at all, and the label.

    The shape is painted red; green is white all over and blue is black: where these two come out alike, a pixel was
    painted over, or came from outside.
    """
    height, width = scene.picture.shape
    labels = ImageLabels(annotations=(scene.annotation,), frame_wh=(width, height))
    colour = np.stack([scene.picture, np.full_like(scene.picture, 255), np.zeros_like(scene.picture)], axis=2)
    sample = prepare(Sample(source="painted", image=Image(pixels=colour, file_format="png"), labels=labels), in_force)
    generators = variation_generators(seed=0, source_id="painted", copy=copy)
    variation = vary(sample, in_force, generators)
    found = variation.annotations[0] if variation.annotations else None
    red, green, blue = cv2.split(variation.image.pixels)
    return np.asarray(red, dtype=np.uint8), green.astype(int) - blue > 127, found


def paint_outlines(rings: list[NDArray[np.float64]], size_wh: tuple[int, int]) -> Grey:
    """A picture of shapes, white on black: the share of each pixel that is covered, in 255ths."""
    width, height = size_wh
    fine = np.zeros((height * _FINER, width * _FINER), dtype=np.uint8)
    corners = [np.round((ring * _FINER - 0.5) * 256).astype(np.int32)[:, None] for ring in rings]
    for ring in corners:
        cv2.fillPoly(fine, [ring], 255, shift=8)
    return np.asarray(cv2.resize(fine, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def paint_rings(rings: tuple[tuple[float, ...], ...], size_wh: tuple[int, int]) -> NDArray[np.bool_]:
    """The pixels of which an outline covers half or more."""
    painted: NDArray[np.bool_] = paint_outlines([np.array(ring).reshape(-1, 2) for ring in rings], size_wh) >= 128
    return painted


def _blob(place: NDArray[np.float64], size_wh: tuple[int, int]) -> Grey:
    rows, columns = np.mgrid[0 : size_wh[1], 0 : size_wh[0]] + 0.5
    distance = ((columns - place[0]) ** 2 + (rows - place[1]) ** 2) / (2 * _BLOB * _BLOB)
    blob: Grey = np.round(255 * np.exp(-distance)).astype(np.uint8)
    return blob


def _pixels_of(mask: RleMask | None, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    return np.zeros(shape, dtype=bool) if mask is None else decode_rle(mask).astype(bool)


def agreement(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    """Intersection over union."""
    union = int((first | second).sum())
    return int((first & second).sum()) / union if union else 1.0


def box_agreement(first: tuple[float, ...], second: tuple[float, ...]) -> float:
    """Intersection over union of two upright boxes."""
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    common = max(width, 0) * max(height, 0)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (first, second)]
    return common / (sum(areas) - common)


def _floor(value: float) -> float:
    return int(value * 1000) / 1000
