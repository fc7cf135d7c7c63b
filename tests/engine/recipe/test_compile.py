from __future__ import annotations

import itertools
import random
import subprocess
import sys
from collections import Counter
from typing import Any

import numpy as np
import pytest

from nfold.errors import InvalidRecipeError
from nfold.recipe import Border, Carriage, CompiledRecipe, catalogue, compile_recipe, load_recipe
from nfold.recipe.compile import load_albumentations
from nfold.recipe.measure.selection import SAMPLES

GREY = Border(mode="constant", fill=114)
MIRROR = Border(mode="reflect_101")


def compiled(
    augment: list[Any], border: Border = GREY, carriage: Carriage | None = None, **more: Any
) -> CompiledRecipe:
    return compile_recipe(load_recipe({"augment": augment, **more}), border=border, carriage=carriage or Carriage())


def leaves(pipeline: Any) -> list[Any]:
    found = []
    for transform in pipeline.transforms:
        found += leaves(transform) if hasattr(transform, "transforms") else [transform]
    return found


def white(height: int = 40, width: int = 40) -> Any:
    return np.full((height, width, 3), 255, np.uint8)


def test_one_generator_reaches_every_nested_transform() -> None:
    inner = {"SomeOf": {"transforms": ["Blur", {"Sequential": {"transforms": ["GaussNoise"]}}]}}
    pipeline = compiled(
        [{"OneOf": {"transforms": [inner, "Rotate"]}}, {"OneOrOther": {"transforms": ["D4", "Transpose"]}}]
    )
    generator, py_random = np.random.default_rng(1), random.Random(1)
    pipeline.augment.set_random_state(generator, py_random)
    assert len(leaves(pipeline.augment)) == 5
    for transform in leaves(pipeline.augment):
        assert transform.random_generator is generator
        assert transform.py_random is py_random


def test_two_coins_fall_in_all_four_ways_equally_often() -> None:
    pipeline = compiled([{"HorizontalFlip": {"p": 0.5}}, {"VerticalFlip": {"p": 0.5}}]).augment
    image = np.zeros((2, 2, 3), np.uint8)
    image[0, 0] = 255
    counts: Counter[tuple[int, ...]] = Counter()
    for seed in range(2000):
        first, second = np.random.SeedSequence([7, seed]).generate_state(2)
        pipeline.set_random_state(np.random.default_rng(first), random.Random(int(second)))
        y, x = np.argwhere(pipeline(image=image)["image"][..., 0])[0]
        counts[(int(y), int(x))] += 1
    chi_square = sum((counts[place] - 500) ** 2 / 500 for place in itertools.product((0, 1), repeat=2))
    assert chi_square < 16.3  # 99.9 % for three degrees of freedom


def test_the_same_generators_give_the_same_picture_whatever_came_before() -> None:
    pipeline = compiled([{"OneOf": {"transforms": ["GaussNoise", "Rotate"], "p": 1}}, {"ElasticTransform": {"p": 0.5}}])
    image = np.random.default_rng(0).integers(0, 256, (50, 60, 3), dtype=np.uint8)

    def draw(seed: int) -> bytes:
        pipeline.augment.set_random_state(np.random.default_rng(seed), random.Random(seed))
        return bytes(pipeline.augment(image=image)["image"].tobytes())

    first = [draw(seed) for seed in range(10)]
    assert [draw(seed) for seed in reversed(range(10))] == first[::-1]
    assert len(set(first)) == 10


def test_the_border_reaches_every_transform_whose_author_set_none() -> None:
    nested = {"OneOf": {"transforms": [{"Sequential": {"transforms": ["Affine", "Perspective"]}}, "Blur"]}}
    written = [{"Rotate": {"border_mode": "wrap"}}, {"Rotate": {"fill": 7}}]
    pipeline = compiled(["Rotate", nested, *written], border=Border(mode="reflect", fill=9, mask_fill=255)).augment
    plain, affine, perspective, _, wrapped, filled = leaves(pipeline)
    for transform in (plain, affine, perspective):
        assert (transform.border_mode, transform.fill, transform.fill_mask) == (2, 9, 255)
    assert (wrapped.border_mode, wrapped.fill, wrapped.fill_mask) == (3, 0, 255)
    assert (filled.border_mode, filled.fill, filled.fill_mask) == (0, 7, 255)


def test_what_a_dropout_covers_is_not_the_border() -> None:
    (dropout,) = leaves(compiled(["CoarseDropout"]).augment)
    assert dropout.fill == 0
    assert dropout.fill_mask is None


def corner_after_turning(border: Border, carriage: Carriage, image: Any) -> Any:
    pipeline = compiled([{"Rotate": {"limit": [45, 45], "p": 1}}], border=border, carriage=carriage).augment
    pipeline.set_random_state(np.random.default_rng(0), random.Random(0))
    return pipeline(image=image)["image"][0, 0]


def test_the_fill_is_written_in_eight_bit_units_however_pixels_are_carried() -> None:
    assert corner_after_turning(GREY, Carriage(), white()).tolist() == [114] * 3
    floating = corner_after_turning(GREY, Carriage(as_float=True), white().astype(np.float32) / 255)
    assert np.allclose(floating * 255, 114, atol=1e-3)
    colour = Border(mode="constant", fill=(10.0, 20.0, 30.0))
    assert corner_after_turning(colour, Carriage(), white()).tolist() == [10, 20, 30]
    assert corner_after_turning(MIRROR, Carriage(), white()).tolist() == [255] * 3
    assert corner_after_turning(GREY, Carriage(), white()[..., 0].copy()) == 114


def test_drop_values_are_scaled_like_fills() -> None:
    (dropout,) = leaves(compiled([{"PixelDropout": {"drop_value": 51}}], carriage=Carriage(as_float=True)).augment)
    assert dropout.drop_value == pytest.approx(0.2)
    (holes,) = leaves(compiled([{"CoarseDropout": {"fill": "random"}}], carriage=Carriage(as_float=True)).augment)
    assert holes.fill == "random"


def test_alpha_is_soft_and_transparent_outside_while_label_masks_keep_their_values() -> None:
    border = Border(mode="constant", mask_fill=255)
    carriage = Carriage(alpha_as_mask=True)
    for step in ({"Rotate": {"limit": [30, 30], "p": 1}}, {"Affine": {"rotate": [30, 30], "p": 1}}):
        pipeline = compiled([{"Sequential": {"p": 1, "transforms": [step]}}], border=border, carriage=carriage).augment
        pipeline.set_random_state(np.random.default_rng(0), random.Random(0))
        half = np.zeros((60, 60), np.uint8)
        half[:, 30:] = 200
        result = pipeline(image=white(60, 60), mask=half, masks=[half])
        assert result["mask"][0, 0] == 0
        assert len(np.unique(result["mask"])) > 5
        assert set(np.unique(result["masks"][0])) == {0, 200, 255}


def test_label_masks_keep_their_values_without_alpha_too() -> None:
    pipeline = compiled(
        [{"Rotate": {"limit": [30, 30], "p": 1}}], border=Border(mode="constant", mask_fill=255)
    ).augment
    result = pipeline(image=white(), mask=np.full((40, 40), 3, np.uint8))
    assert set(np.unique(result["mask"])) == {3, 255}


def test_prepare_is_compiled_with_the_same_border_and_none_when_empty() -> None:
    assert compiled(["HorizontalFlip"]).prepare is None
    steps = [{"PadIfNeeded": {"min_height": 50, "min_width": 50}}]
    prepare = compiled(["HorizontalFlip"], prepare=steps).prepare
    assert prepare is not None
    result = prepare(image=white())["image"]
    assert result.shape == (50, 50, 3)
    assert result[0, 0].tolist() == [114] * 3


def test_what_was_applied_is_recorded_also_inside_compositions() -> None:
    both = [{"HorizontalFlip": {"p": 1}}, {"VerticalFlip": {"p": 1}}]
    for composition in ("OneOf", "SomeOf", "RandomOrder", "Sequential", "OneOrOther"):
        pipeline = compiled([{composition: {"p": 1, "transforms": both}}]).augment
        names = [name for name, _ in pipeline(image=white())["applied_transforms"]]
        assert set(names) <= {"HorizontalFlip", "VerticalFlip"}
        assert len(names) == (2 if composition == "Sequential" else 1)


@pytest.mark.parametrize(
    ("step", "pointer"),
    [
        ({"GaussNoise": {"std_range": [0.5, 0.1]}}, "/augment/0/GaussNoise"),
        ({"Crop": {"x_min": 9, "x_max": 3}}, "/augment/0/Crop"),
        ({"Affine": {"scale": {"z": 3}}}, "/augment/0/Affine"),
        ({"LongestMaxSize": {}}, "/augment/0/LongestMaxSize"),
        (
            {"OneOf": {"transforms": ["Blur", {"Solarize": {"threshold_range": [1, 0]}}]}},
            "/augment/0/OneOf/transforms/1/Solarize",
        ),
    ],
)
def test_what_only_albumentations_knows_is_refused_at_the_transform(step: Any, pointer: str) -> None:
    with pytest.raises(InvalidRecipeError) as caught:
        compiled([step])
    (problem,) = caught.value.problems
    assert problem.pointer == pointer
    assert "pydantic.dev" not in problem.message
    assert "\n" not in problem.message


def test_all_refused_transforms_are_named_at_once() -> None:
    with pytest.raises(InvalidRecipeError) as caught:
        compiled([{"Crop": {"x_min": 9, "x_max": 3}}, "HorizontalFlip", {"GaussNoise": {"std_range": [0.5, 0.1]}}])
    assert [problem.pointer for problem in caught.value.problems] == ["/augment/0/Crop", "/augment/2/GaussNoise"]


def test_slow_and_old_transforms_compile_without_a_warning() -> None:
    compiled(["ShiftScaleRotate", "PiecewiseAffine", "TimeReverse", {"TimeMasking": {}}])


def test_boxes_and_points_go_through_to_the_pipeline() -> None:
    pipeline = compile_recipe(
        load_recipe({"augment": [{"HorizontalFlip": {"p": 1}}]}),
        border=GREY,
        carriage=Carriage(),
        bbox_params={"format": "pascal_voc", "label_fields": ["row"]},
        keypoint_params={"format": "xy", "remove_invisible": False},
        additional_targets={"second": "image"},
    ).augment
    result = pipeline(image=white(), second=white(), bboxes=[[0, 0, 10, 10]], row=[0], keypoints=[[1.0, 2.0]])
    assert np.allclose(result["bboxes"][0], [30, 0, 40, 10], atol=1e-3)
    assert np.allclose(result["keypoints"], [[38, 2]])


def test_importing_albumentations_asks_no_server() -> None:
    code = (
        "import os; from nfold.recipe import *; r = load_recipe('light');"
        "compile_recipe(r, border=resolve_border(r, annotated=False), carriage=Carriage());"
        "print(os.environ['NO_ALBUMENTATIONS_UPDATE'])"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("1", "")


def test_a_colour_border_is_scaled_for_floating_point() -> None:
    colour = Border(mode="constant", fill=(51.0, 102.0, 0.0))
    corner = corner_after_turning(colour, Carriage(as_float=True), white().astype(np.float32) / 255)
    assert np.allclose(corner, [0.2, 0.4, 0], atol=1e-6)


BORDERED = [name for name, entry in catalogue().entries.items() if "border_mode" in entry.arguments]


@pytest.mark.parametrize("name", BORDERED)
def test_alpha_never_gets_the_ignore_value_of_label_masks(name: str) -> None:
    step = {name: {**SAMPLES.get(name, {}), "p": 1}}
    border = Border(mode="constant", mask_fill=255)
    pipeline = compiled([step], border=border, carriage=Carriage(alpha_as_mask=True)).augment
    opaque = np.full((96, 128), 200, np.uint8)
    for seed in range(3):
        pipeline.set_random_state(np.random.default_rng(seed), random.Random(seed))
        result = pipeline(image=white(96, 128), mask=opaque, masks=[opaque])
        assert result["mask"].max() <= 200
        assert set(np.unique(result["masks"][0])) <= {200, 255}


def test_a_failure_inside_a_check_of_albumentations_is_not_replaced_by_defaults(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*args: object, **arguments: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(load_albumentations().Blur.InitSchema, "model_dump", fail)
    with pytest.raises(InvalidRecipeError, match="broken"):
        compiled(["Blur"])


@pytest.mark.parametrize("name", ["color", "camera"])
def test_boxes_pass_unchanged_and_without_a_warning_where_nothing_moves(name: str) -> None:
    pipeline = compile_recipe(
        load_recipe(name),
        border=GREY,
        carriage=Carriage(),
        bbox_params={"format": "pascal_voc", "label_fields": ["row"]},
        keypoint_params={"format": "xy", "remove_invisible": False},
    ).augment
    result = pipeline(image=white(), mask=white()[..., 0], bboxes=[[5, 6, 10, 12]], row=[0], keypoints=[[1.0, 2.0]])
    assert np.allclose(result["bboxes"][0], [5, 6, 10, 12], atol=1e-3)
    assert np.allclose(result["keypoints"], [[1, 2]])


@pytest.mark.parametrize(
    "name", [name for name, entry in catalogue().entries.items() if "border_mode" in entry.arguments]
)
@pytest.mark.parametrize("as_float", [False, True])
def test_a_constant_border_has_the_same_value_in_all_channels(name: str, as_float: bool) -> None:
    pipeline = compiled([{name: {**SAMPLES.get(name, {}), "p": 1}}], carriage=Carriage(as_float=as_float)).augment
    picture = np.full((60, 80, 3), 1 if as_float else 255, np.float32 if as_float else np.uint8)
    for seed in range(4):
        pipeline.set_random_state(np.random.default_rng(seed), random.Random(seed))
        varied = pipeline(image=picture)["image"]
        assert (varied == varied[..., :1]).all()
