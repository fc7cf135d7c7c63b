from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nfold.geometry.label_images import STILL, move_label_image
from nfold.recipe.measure.following import paint_outlines
from tests.engine.geometry.moving import MOVING, VARIANTS, build, run

CASES: list[tuple[str, dict[str, Any] | None]] = [(name, None) for name in [*MOVING, "MotionBlur"]] + [*VARIANTS]
DISC = np.array([(160 + 70 * np.cos(t), 120 + 70 * np.sin(t)) for t in np.linspace(0, 2 * np.pi, 60, endpoint=False)])


@pytest.mark.parametrize(("name", "arguments"), [case for case in CASES if case[0] != "PiecewiseAffine"], ids=str)
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_no_value_is_new_and_what_comes_from_outside_has_the_fill(
    name: str, arguments: dict[str, Any] | None, kind: type
) -> None:
    labels = np.random.default_rng(0).choice(np.array([3, 90, 200], dtype=kind), (240, 320))
    if name == "MotionBlur":
        arguments = {}
    after, stages, _ = run(build(name, arguments), np.repeat(labels[..., None].astype(np.uint8), 3, axis=2), 1)
    for stage in stages:
        assert stage.move_mask is not None
        labels = stage.move_mask(labels, fill=255, semantic=True)
    assert labels.dtype == kind
    assert labels.shape == after.shape[:2]
    assert set(np.unique(labels)) <= {3, 90, 200, 255}


@pytest.mark.parametrize("name", [name for name in MOVING if name != "PiecewiseAffine"])
def test_the_mask_of_an_object_stays_under_its_pixels(name: str) -> None:
    picture = paint_outlines([DISC], (320, 240))
    after, stages, _ = run(build(name), np.repeat(picture[..., None], 3, axis=2), 2)
    labels = (picture >= 128).astype(np.uint16)
    for stage in stages:
        assert stage.move_mask is not None
        labels = stage.move_mask(labels, fill=0, semantic=False)
    seen = after[..., 0] >= 128
    assert (labels.astype(bool) & seen).sum() / (labels.astype(bool) | seen).sum() > 0.965


def test_rules_of_the_recipe_for_masks_do_not_make_new_values_and_are_not_changed() -> None:
    pipeline = build(
        "Resize", {"height": 77, "width": 131, "mask_interpolation": 1, "area_for_downscale": "image_mask"}
    )
    _, _, transform = run(pipeline, np.zeros((240, 320, 3), dtype=np.uint8), 0)
    labels = np.random.default_rng(0).choice(np.array([0, 100, 255], dtype=np.uint8), (240, 320))
    assert set(np.unique(move_label_image(transform, transform.params, labels, semantic=True))) <= {0, 100, 255}
    assert (transform.mask_interpolation, transform.area_for_downscale) == (1, "image_mask")


def test_a_mask_of_the_whole_picture_goes_on_beyond_the_edge_as_the_picture_does_and_that_of_an_object_does_not() -> (
    None
):
    labels = np.full((60, 80), 9, dtype=np.uint8)
    _, _, transform = run(build("Pad", {"padding": 5, "border_mode": 1}), np.zeros((60, 80, 3), dtype=np.uint8), 0)
    assert (move_label_image(transform, transform.params, labels, fill=255, semantic=True) == 9).all()
    assert (move_label_image(transform, transform.params, labels) == 9).sum() == labels.size


@pytest.mark.parametrize("name", sorted(STILL))
def test_what_moves_nothing_leaves_labels_alone(name: str) -> None:
    labels = np.random.default_rng(0).integers(0, 200, (240, 320)).astype(np.uint8)
    _, stages, transform = run(build(name), np.full((240, 320, 3), 99, dtype=np.uint8), 0)
    for semantic in (True, False):
        assert np.array_equal(move_label_image(transform, transform.params, labels, fill=1, semantic=semantic), labels)
    assert all(stage.warp is None for stage in stages)


def test_labels_of_the_whole_picture_are_painted_over_where_the_recipe_says_so() -> None:
    labels = np.full((240, 320), 9, dtype=np.uint8)
    for name, arguments in (
        ("CoarseDropout", {"fill_mask": 255}),
        ("PixelDropout", {"mask_drop_value": 255, "dropout_prob": 0.2}),
    ):
        after, _, transform = run(build(name, arguments), np.full((240, 320, 3), 99, dtype=np.uint8), 3)
        moved = move_label_image(transform, transform.params, labels, fill=1, semantic=True)
        assert np.array_equal(moved == 255, after[..., 0] == 0)
        assert np.array_equal(move_label_image(transform, transform.params, labels), labels)


def test_a_smaller_picture_takes_the_label_under_the_centre_of_each_pixel() -> None:
    _, _, transform = run(build("Resize", {"height": 3, "width": 3}), np.zeros((9, 9, 3), dtype=np.uint8), 0)
    labels = np.tile(np.arange(9, dtype=np.uint8), (9, 1))
    assert move_label_image(transform, transform.params, labels).tolist() == [[1, 4, 7]] * 3


def test_where_a_deformed_grid_shows_nothing_the_fill_comes_in() -> None:
    gaps = 0
    for seed in range(8):
        pipeline = build("GridElasticDeform", {"num_grid_xy": (8, 8), "magnitude": 25})
        _, _, transform = run(pipeline, np.zeros((240, 320, 3), dtype=np.uint8), seed)
        labels = np.full((240, 320), 9, dtype=np.uint8)
        moved = move_label_image(transform, transform.params, labels, fill=255, semantic=True)
        assert set(np.unique(moved)) <= {9, 255}
        gaps += int((moved == 255).sum())
    assert gaps > 0
