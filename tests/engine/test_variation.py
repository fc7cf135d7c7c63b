"""Labels against pixels through the whole of `prepare` and `vary`: painted shapes, photographs, purity, ledgers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from nfold.annotations.model import Annotation, Category, ImageLabels
from nfold.annotations.rle import decode_rle, encode_rle
from nfold.errors import SampleError
from nfold.geometry.label_images import STILL
from nfold.images import DecodeLimits, Image, decode_image
from nfold.randomness import variation_generators
from nfold.recipe import PRESETS, TransformSpec, load_recipe, resolve_border
from nfold.recipe.measure.following import agreement, box_agreement, paint_outlines, paint_rings
from nfold.variation import RecipeInForce, Sample, Variation, prepare, vary


def in_force(
    recipe: Any, *, mask_fill: int = 0, categories: tuple[Category, ...] = (), **changes: Any
) -> RecipeInForce:
    loaded = load_recipe(recipe)
    if changes:
        loaded = loaded.model_copy(update={"labels": loaded.labels.model_copy(update=changes)})
    border = resolve_border(loaded, annotated=True, mask_fill=mask_fill)
    return RecipeInForce(recipe=loaded, border=border, categories=categories)


def varied(sample: Sample, recipe: RecipeInForce, copy: int) -> Variation:
    return vary(sample, recipe, variation_generators(seed=0, source_id=sample.source, copy=copy))


def image_of(pixels: Any, alpha: Any = None) -> Image:
    return Image(pixels=np.ascontiguousarray(pixels), alpha=alpha, file_format="png")


def star(x: float, y: float, radius: float) -> np.ndarray:
    angles = np.arange(10) * np.pi / 5
    return np.stack([np.cos(angles), np.sin(angles)], axis=1) * np.where(np.arange(10) % 2, 0.6, 1)[
        :, None
    ] * radius + (x, y)


def scene(size: tuple[int, int], *, grey: bool, seed: int) -> tuple[Image, Annotation, np.ndarray]:
    """One star, white on dark, with all that can be said of it, and the label image of the whole picture."""
    width, height = size
    generator = np.random.default_rng(seed)
    ring = star(generator.uniform(70, width - 70), generator.uniform(70, height - 70), generator.uniform(45, 60))
    painted = paint_outlines([ring], size)
    low, high = ring.min(axis=0), ring.max(axis=0)
    annotation = Annotation(
        category=0,
        box=(low[0], low[1], high[0], high[1]),
        rings=(tuple(ring.reshape(-1).tolist()),),
        mask=encode_rle(painted >= 128),
    )
    return (
        image_of(painted if grey else np.repeat(painted[..., None], 3, axis=2)),
        annotation,
        (painted >= 128).astype(np.uint8),
    )


def moving_part(step: TransformSpec) -> dict[str, Any] | None:
    """A step of a recipe without what changes or covers colours, so that white and black can be told afterwards."""
    if step.entry.kind != "composition":
        moves = step.entry.kind == "dual" and step.name not in STILL
        return {step.name: dict(step.arguments)} if moves else None
    inner = [part for child in step.children if (part := moving_part(child))]
    return {step.name: {**step.arguments, "transforms": inner}} if inner else None


MOVING = {
    name: steps
    for name in PRESETS
    if (steps := [part for step in load_recipe(name).augment if (part := moving_part(step))])
}


@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize("size", [(320, 240), (301, 333)])
@pytest.mark.parametrize("preset", MOVING)
def test_every_kind_of_label_stays_with_the_pixels_under_every_preset(
    preset: str, size: tuple[int, int], grey: bool
) -> None:
    rules = {"min_visibility": 0, "min_area_px": 0}
    recipe = in_force(
        {"augment": MOVING[preset], "border": {"mode": "constant", "fill": 0}, "labels": rules}, mask_fill=255
    )
    figures: dict[str, list[float]] = {"polygon": [], "mask": [], "semantic": [], "box": []}
    for copy in range(1, 13):
        image, annotation, mask = scene(size, grey=grey, seed=copy)
        labels = ImageLabels(annotations=(annotation,), frame_wh=size)
        sample = prepare(Sample(source="a", image=image, labels=labels, mask=mask), recipe)
        variation = varied(sample, recipe, copy)
        seen = variation.image.pixels.reshape(*variation.image.pixels.shape[:2], -1)[..., 0] >= 128
        rows, columns = np.nonzero(seen)
        if min(np.ptp(rows), np.ptp(columns)) < 60:
            continue
        (found,) = variation.annotations
        height, width = seen.shape
        assert variation.mask is not None
        assert variation.mask.shape == (height, width)
        assert set(np.unique(variation.mask)) <= {0, 1, 255}
        assert found.mask is not None
        assert found.box is not None
        figures["polygon"].append(agreement(paint_rings(found.rings, (width, height)), seen))
        figures["mask"].append(agreement(decode_rle(found.mask).astype(bool), seen))
        figures["semantic"].append(agreement(variation.mask == 1, seen))
        tight = (float(columns.min()), float(rows.min()), float(columns.max() + 1), float(rows.max() + 1))
        figures["box"].append(box_agreement(found.box, tight))
    for kind, values in figures.items():
        assert len(values) >= 8
        assert min(values) >= 0.95, (kind, values)
        assert np.mean(values) >= 0.97, (kind, values)


def test_labels_are_pure_and_pixels_are_those_of_an_unlabelled_picture() -> None:
    for preset in ("flip-rotate", "geometry", "strong", "microscopy"):
        image, annotation, mask = scene((320, 240), grey=False, seed=1)
        labels = ImageLabels(annotations=(annotation,), frame_wh=(320, 240))
        recipe, other = in_force(preset), in_force(preset)
        sample = prepare(Sample(source="a", image=image, labels=labels, mask=mask), recipe)
        plain = prepare(Sample(source="a", image=image), other)
        first = [varied(sample, recipe, copy) for copy in range(1, 7)]
        for copy in (4, 2, 6, 1):
            again = varied(sample, recipe, copy)
            assert again.annotations == first[copy - 1].annotations
            assert again.drops == first[copy - 1].drops
            assert np.array_equal(again.mask, first[copy - 1].mask)
            unlabelled = varied(plain, other, copy)
            assert np.array_equal(unlabelled.image.pixels, first[copy - 1].image.pixels)
            assert (unlabelled.annotations, unlabelled.mask) == ((), None)
        assert sample.labels == labels


BOXES = tuple(Annotation(category=0, box=(x, y, x + 30.0, y + 20.0)) for x in (0.0, 60, 120) for y in (0.0, 40, 70))


def boxed(size: tuple[int, int] = (160, 100)) -> Sample:
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    return Sample(source="a", image=image_of(pixels), labels=ImageLabels(annotations=BOXES, frame_wh=size))


def test_prepare_is_followed_too_and_its_drops_stay_dropped() -> None:
    recipe = in_force(
        {
            "prepare": [{"Crop": {"x_min": 0, "y_min": 0, "x_max": 80, "y_max": 100}}],
            "augment": [{"Affine": {"rotate": 5, "p": 1}}],
        }
    )
    sample = prepare(boxed(), recipe)
    assert sample.kept == (0, 1, 2, 3, 4, 5)
    assert [(drop.index, drop.rule) for drop in sample.drops] == [(6, "outside"), (7, "outside"), (8, "outside")]
    assert sample.labels is not None
    assert sample.labels.annotations[3].box == (60, 0, 80, 20)
    for copy in range(1, 6):
        variation = varied(sample, recipe, copy)
        assert sorted([*variation.kept, *(drop.index for drop in variation.drops)]) == list(range(9))
        assert {6, 7, 8} <= {drop.index for drop in variation.drops}


def test_visibility_counts_what_prepare_cut_off_and_boxes_do_not_grow_from_one_part_to_the_other() -> None:
    half = {"Crop": {"x_min": 0, "y_min": 0, "x_max": 75, "y_max": 100}}
    again = {"Crop": {"x_min": 0, "y_min": 0, "x_max": 67, "y_max": 100, "p": 1}}
    recipe = in_force({"prepare": [half], "augment": [again]})
    variation = varied(prepare(boxed(), recipe), recipe, 1)
    assert {(drop.index, drop.rule) for drop in variation.drops} >= {(3, "visibility")}
    assert next(drop.value for drop in variation.drops if drop.index == 3) == pytest.approx(7 / 30, abs=1e-6)


def test_a_picture_that_lost_all_its_labels_is_drawn_again_when_the_recipe_says_so() -> None:
    augment = [{"RandomCrop": {"height": 30, "width": 30, "p": 1}}]
    corner = Annotation(box=(0, 0, 40, 40))
    pixels = np.zeros((100, 160, 3), dtype=np.uint8)
    sample = Sample(source="a", image=image_of(pixels), labels=ImageLabels(annotations=(corner,)))
    lost = {}
    for choice in ("background", "redraw"):
        recipe = in_force({"augment": augment, "labels": {"all_lost": choice, "min_visibility": 0.05}})
        ready = prepare(sample, recipe)
        lost[choice] = sum(not varied(ready, recipe, copy).annotations for copy in range(1, 61))
    assert lost["redraw"] < 0.6 * lost["background"]
    recipe = in_force(
        {
            "augment": [{"Crop": {"x_min": 90, "y_min": 50, "x_max": 99, "y_max": 60, "p": 1}}],
            "labels": {"all_lost": "redraw"},
        }
    )
    assert varied(prepare(sample, recipe), recipe, 1).drops[0].rule == "outside"


@pytest.mark.parametrize("name", ["AtLeastOneBBoxRandomCrop", "BBoxSafeRandomCrop", "RandomSizedBBoxSafeCrop"])
def test_crops_that_choose_by_boxes_work_on_pictures_with_boxes_and_on_background(name: str) -> None:
    arguments = {} if name == "BBoxSafeRandomCrop" else {"height": 60, "width": 70}
    recipe = in_force({"augment": [{"HorizontalFlip": {"p": 1}}, {name: {**arguments, "p": 1}}]})
    sample = prepare(boxed(), recipe)
    single = prepare(
        Sample(source="b", image=sample.image, labels=ImageLabels(annotations=(Annotation(box=(5, 70, 35, 95)),))),
        recipe,
    )
    for copy in range(1, 20):
        if name != "AtLeastOneBBoxRandomCrop":
            assert len(varied(sample, recipe, copy).annotations) == 9
            assert len(varied(single, recipe, copy).annotations) == 1
        else:
            assert not any(drop.rule == "outside" for drop in varied(single, recipe, copy).drops)
    background = prepare(Sample(source="c", image=sample.image, labels=ImageLabels()), recipe)
    assert varied(background, recipe, 1).annotations == ()


def test_points_change_places_in_a_mirror_and_only_then() -> None:
    category = Category(name="person", point_names=("left", "right"))
    sample = Sample(
        source="a",
        image=image_of(np.zeros((60, 80, 3), dtype=np.uint8)),
        labels=ImageLabels(annotations=(Annotation(category=0, points=((10, 5, 2), (30, 5, 2))),)),
    )
    mirrored = in_force({"augment": [{"HorizontalFlip": {"p": 1}}]}, categories=(category,))
    assert varied(prepare(sample, mirrored), mirrored, 1).annotations[0].points == ((50, 5, 2), (70, 5, 2))
    both = in_force(
        {"prepare": [{"HorizontalFlip": {"p": 1}}], "augment": [{"VerticalFlip": {"p": 1}}]}, categories=(category,)
    )
    ready = prepare(sample, both)
    assert ready.labels is not None
    assert ready.labels.annotations[0].points == ((50, 5, 2), (70, 5, 2))
    assert varied(ready, both, 1).annotations[0].points == ((70, 55, 2), (50, 55, 2))


@pytest.mark.parametrize("size", [(1, 1), (2, 1), (1, 7), (3, 3), (9, 4)])
@pytest.mark.parametrize("preset", ["flip-rotate", "geometry", "strong", "microscopy", "aerial", "detection"])
def test_tiny_pictures_are_no_trouble(preset: str, size: tuple[int, int]) -> None:
    recipe = in_force(preset)
    width, height = size
    annotation = Annotation(category=0, box=(0, 0, width, height), points=((width / 2, height / 2, 2),))
    pixels = np.full((height, width, 3), 99, dtype=np.uint8)
    sample = Sample(
        source="a",
        image=image_of(pixels),
        labels=ImageLabels(annotations=(annotation,)),
        mask=np.ones((height, width), np.uint8),
    )
    ready = prepare(sample, recipe)
    for copy in range(1, 4):
        try:
            variation = varied(ready, recipe, copy)
        except cv2.error:
            continue  # what OpenCV says of so small a picture, with labels or without
        assert len(variation.annotations) + len(variation.drops) == 1


def test_a_mask_of_another_size_is_refused() -> None:
    sample = Sample(source="a", image=image_of(np.zeros((6, 8, 3), np.uint8)), mask=np.zeros((8, 6), np.uint8))
    with pytest.raises(SampleError, match="mask is 6 x 8 and the picture 8 x 6"):
        prepare(sample, in_force("color"))


def test_alpha_and_label_mask_go_each_its_own_way() -> None:
    alpha = np.tile(np.linspace(0, 255, 80).astype(np.uint8), (60, 1))
    mask = np.where(alpha > 127, 3, 9).astype(np.uint8)
    recipe = in_force({"augment": [{"Rotate": {"limit": [30, 30], "p": 1}}]}, mask_fill=255)
    image = image_of(np.zeros((60, 80, 3), np.uint8), alpha=alpha)
    variation = varied(prepare(Sample(source="a", image=image, mask=mask), recipe), recipe, 1)
    assert variation.mask is not None
    assert variation.image.alpha is not None
    assert set(np.unique(variation.mask)) == {3, 9, 255}
    assert len(np.unique(variation.image.alpha)) > 100
    # Alpha is soft towards what comes from outside.
    inside = cv2.erode((variation.mask == 3).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    assert variation.image.alpha[inside].min() > 115


def test_a_blur_that_carries_the_picture_along_carries_the_labels() -> None:
    recipe = in_force({"augment": [{"MotionBlur": {"blur_limit": [11, 11], "p": 1}}]})
    ring = np.array([(60.0, 50), (140, 50), (140, 120), (60, 120)])
    picture = paint_outlines([ring], (200, 160))
    sample = Sample(
        source="a",
        image=image_of(np.repeat(picture[..., None], 3, axis=2)),
        labels=ImageLabels(annotations=(Annotation(box=(60, 50, 140, 120)),)),
    )
    ready, far = prepare(sample, recipe), []
    for copy in range(1, 30):
        variation = varied(ready, recipe, copy)
        weights = variation.image.pixels[..., 0].astype(np.float64)
        rows, columns = np.mgrid[0:160, 0:200] + 0.5
        centre = (weights * columns).sum() / weights.sum(), (weights * rows).sum() / weights.sum()
        box = variation.annotations[0].box
        assert box is not None
        assert np.hypot((box[0] + box[2]) / 2 - centre[0], (box[1] + box[3]) / 2 - centre[1]) < 0.2
        far.append(np.hypot(centre[0] - 100, centre[1] - 85))
    assert max(far) > 1.5


@pytest.mark.parametrize("recipe_name", ["flip-rotate", "geometry", "detection", "document"])
def test_opencv_finds_the_corners_of_a_chessboard_where_the_points_say(real_data: Path, recipe_name: str) -> None:
    document = json.loads((real_data / "keypoints" / "keypoints.json").read_text())
    # All 54 corners: their order is told by the board and not by left and right.
    recipe, found = in_force(recipe_name), 0
    for entry in document["images"]:
        image = decode_image((real_data / "keypoints" / entry["file_name"]).read_bytes(), DecodeLimits())
        (source,) = (a for a in document["annotations"] if a["image_id"] == entry["id"])
        values = source["keypoints"]
        points = tuple((values[k] + 0.5, values[k + 1] + 0.5, values[k + 2]) for k in range(0, len(values), 3))
        labels = ImageLabels(
            annotations=(Annotation(category=0, points=points),), frame_wh=(entry["width"], entry["height"])
        )
        sample = prepare(Sample(source=entry["file_name"], image=image, labels=labels), recipe)
        for copy in range(1, 7):
            variation = varied(sample, recipe, copy)
            if not variation.annotations or any(not seen for _, _, seen in variation.annotations[0].points):
                continue
            pixels = variation.image.pixels
            grey = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
            is_there, corners = cv2.findChessboardCorners(grey, (9, 6))
            if not is_there:
                continue
            criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 30, 0.01)
            seen = cv2.cornerSubPix(grey, corners, (4, 4), (-1, -1), criteria).reshape(-1, 2) + 0.5
            ours = np.array([(x, y) for x, y, _ in variation.annotations[0].points])
            distance = np.hypot(*(ours[:, None] - seen[None]).transpose(2, 0, 1)).min(axis=1)
            # Erosion of the ink moves corners by half a pixel; now and then OpenCV misses some corners itself.
            assert np.median(distance) < 0.8
            assert np.percentile(distance, 90) < 1
            found += 1
    assert found >= 3


def test_a_box_without_shape_is_tight_round_a_painted_rectangle() -> None:
    recipe = in_force("geometry", min_visibility=0, min_area_px=0)
    figures = []
    for copy in range(1, 13):
        ring = np.array([(90.0, 70), (210, 70), (210, 160), (90, 160)])
        picture = paint_outlines([ring], (300, 240))
        labels = ImageLabels(annotations=(Annotation(box=(90, 70, 210, 160)),))
        sample = Sample(source="a", image=image_of(np.repeat(picture[..., None], 3, axis=2)), labels=labels)
        variation = varied(prepare(sample, recipe), recipe, copy)
        rows, columns = np.nonzero(variation.image.pixels.max(axis=2) >= 180)
        tight = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
        box = variation.annotations[0].box
        assert box is not None
        figures.append(box_agreement(box, tuple(float(edge) for edge in tight)))
        assert variation.looseness[0] is not None
        assert variation.looseness[0] >= 1
    assert min(figures) > 0.95
    assert np.mean(figures) > 0.97
