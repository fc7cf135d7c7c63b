from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from tests.engine.geometry.moving import MOVING, build
from tests.engine.geometry.moving import run as moved

from nfold.errors import UnsupportedImageError, UsageError
from nfold.recipe import (
    PRESETS,
    Border,
    Carriage,
    Recipe,
    carriage_of,
    catalogue,
    compile_recipe,
    load_recipe,
    may_mirror,
    needs_boxes,
    refuse_mirrored_border,
    refuse_unfit,
)
from nfold.recipe.measure.capabilities import photograph
from nfold.recipe.measure.selection import SAMPLES

LEAVES = [entry.name for entry in catalogue().entries.values() if entry.kind != "composition"]


def recipe_of(name: str) -> Recipe:
    return load_recipe({"augment": [{name: {**SAMPLES.get(name, {}), "p": 1}}]})


def run(recipe: Recipe, pixels: Any, carriage: Carriage, **targets: Any) -> dict[str, Any]:
    """What a caller does around the pipelines."""
    boxes = {"format": "pascal_voc", "label_fields": ["row"]} if needs_boxes(recipe) else None
    compiled = compile_recipe(recipe, border=Border(mode="constant"), carriage=carriage, bbox_params=boxes)
    compiled.augment.set_random_state(np.random.default_rng(3), random.Random(3))
    if boxes:
        targets |= {"bboxes": np.array([[20.0, 20, 50, 50]]), "row": [0]}
    result: dict[str, Any] = compiled.augment(image=pixels, **targets)
    return result


@pytest.mark.parametrize("name", LEAVES)
@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize("bits", [8, 16])
def test_every_transform_takes_what_its_carriage_claims_and_is_refused_otherwise(
    name: str, grey: bool, bits: Any
) -> None:
    recipe = recipe_of(name)
    measured = catalogue().entries[name].capabilities
    assert measured is not None
    if bits == 16 and measured.float_loss:
        with pytest.raises(UnsupportedImageError, match=f"{name} cannot take 16-bit pictures: {measured.float_loss}"):
            carriage_of(recipe, grey=grey, bits=bits, alpha=False)
        return
    carriage = carriage_of(recipe, grey=grey, bits=bits, alpha=False)
    assert not (carriage.grey_as_rgb and not grey)
    for shape_hw in ((96, 128), (61, 64)):
        pixels: Any = photograph(shape_hw, grey=grey and not carriage.grey_as_rgb)
        if carriage.as_float:
            pixels = pixels.astype(np.float32) / 255
        result = run(recipe, pixels, carriage)["image"]
        assert result.dtype == pixels.dtype
        assert result.ndim == pixels.ndim
        assert np.isfinite(result).all()


@pytest.mark.parametrize("name", [n for n in LEAVES if catalogue().entries[n].kind == "dual"])
def test_alpha_stays_in_step_with_the_colours_and_is_never_recoloured(name: str) -> None:
    recipe = recipe_of(name)
    carriage = carriage_of(recipe, grey=False, bits=8, alpha=True)
    colour = photograph((96, 128), grey=False)
    alpha = np.ascontiguousarray(colour[..., 0])
    colour[..., 0] = alpha
    recipe = recipe.model_copy(update={"border": recipe.border.model_copy(update={"fill": 0})})
    compiled = compile_recipe(
        recipe,
        border=Border(mode="constant", fill=0),
        carriage=carriage,
        bbox_params={"format": "pascal_voc", "label_fields": ["row"]} if needs_boxes(recipe) else None,
    )
    boxes: dict[str, Any] = {"bboxes": np.array([[20.0, 20, 50, 50]]), "row": [0]} if needs_boxes(recipe) else {}
    compiled.augment.set_random_state(np.random.default_rng(3), random.Random(3))
    result = compiled.augment(image=colour, mask=alpha, **boxes)
    assert result["mask"].shape == result["image"].shape[:2]
    moved = np.mean(np.abs(result["image"][..., 0].astype(int) - result["mask"].astype(int)))
    assert moved < 1 or np.array_equal(result["mask"], alpha)


def test_colour_changes_leave_alpha_alone() -> None:
    recipe = load_recipe({"augment": [{"ColorJitter": {"p": 1}}]})
    alpha = photograph((96, 128), grey=True)
    result = run(recipe, photograph((96, 128), grey=False), Carriage(alpha_as_mask=True), mask=alpha)
    assert np.array_equal(result["mask"], alpha)


def test_grey_goes_as_it_is_when_every_transform_takes_it_and_as_colour_otherwise() -> None:
    plain = load_recipe({"augment": ["HorizontalFlip", "Blur"]})
    mixed = load_recipe({"augment": ["HorizontalFlip", {"OneOf": {"transforms": ["Blur", "RandomRain"]}}]})
    assert carriage_of(plain, grey=True, bits=8, alpha=False) == Carriage()
    assert carriage_of(mixed, grey=True, bits=8, alpha=False) == Carriage(grey_as_rgb=True)
    assert carriage_of(mixed, grey=False, bits=8, alpha=False) == Carriage()


def test_a_fill_in_colour_makes_grey_travel_as_colour() -> None:
    for recipe in (
        {"augment": [{"Rotate": {"fill": [1, 2, 3]}}]},
        {"augment": ["Rotate"], "border": {"mode": "constant", "fill": [1, 2, 3]}},
    ):
        assert carriage_of(load_recipe(recipe), grey=True, bits=8, alpha=False).grey_as_rgb


def test_the_preparation_is_looked_at_too() -> None:
    recipe = load_recipe({"prepare": [{"Equalize": {"p": 1}}], "augment": ["HorizontalFlip"]})
    with pytest.raises(UnsupportedImageError, match="Equalize cannot take 16-bit pictures: it works in 8 bits inside"):
        carriage_of(recipe, grey=False, bits=16, alpha=False)


def test_sixteen_bits_really_survive() -> None:
    deep = np.linspace(0, 1, 128 * 128, dtype=np.float32).reshape(128, 128)
    result = run(recipe_of("Rotate"), deep, Carriage(as_float=True))["image"]
    assert len(np.unique(np.round(result * 65535))) > 5000


def test_transforms_that_need_boxes_are_named() -> None:
    step: dict[str, object] = {"BBoxSafeRandomCrop": {}}
    recipe = load_recipe({"augment": [step, {"OneOf": {"transforms": [step, "Blur"]}}]})
    assert needs_boxes(recipe) == ("BBoxSafeRandomCrop",)
    assert needs_boxes(load_recipe("strong")) == ()


@pytest.mark.parametrize(
    "step",
    [
        {"CoarseDropout": {"fill": "inpaint_ns"}},
        {"Erasing": {"fill": "inpaint_telea"}},
        {"Sharpen": {"method": "gaussian"}},
        {"ToGray": {"method": "from_lab"}},
    ],
)
def test_a_word_that_costs_depth_is_refused_for_sixteen_bits_only(step: dict[str, object]) -> None:
    recipe = load_recipe({"augment": ["HorizontalFlip", {"OneOf": {"transforms": [step]}}]})
    assert carriage_of(recipe, grey=False, bits=8, alpha=False) == Carriage()
    with pytest.raises(UnsupportedImageError, match=f"{next(iter(step))} cannot take 16-bit pictures"):
        carriage_of(recipe, grey=False, bits=16, alpha=False)


def test_a_recipe_is_refused_for_a_kind_of_label_that_would_not_follow_with_the_figure() -> None:
    recipe = load_recipe({"augment": [{"OneOf": {"transforms": [{"RandomGridShuffle": {"p": 1}}, {"Rotate": {}}]}}]})
    for kinds, word in ((["boxes"], "boxes"), (["parts"], "polygons"), (["class", "oriented"], "oriented boxes")):
        with pytest.raises(UsageError, match=rf"RandomGridShuffle cannot be used on {word}: .*0\.\d+ at the least"):
            refuse_unfit(recipe, kinds)  # type: ignore[arg-type]
    refuse_unfit(recipe, ["semantic", "masks", "points", "attributes"])
    refuse_unfit(recipe, ["class"])
    refuse_unfit(recipe, [])


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_suits_boxes_polygons_masks_and_points(preset: str) -> None:
    refuse_unfit(load_recipe(preset), ["boxes", "polygons", "parts", "masks", "semantic", "points", "crowd"])
    refuse_mirrored_border(load_recipe(preset))


def test_an_argument_beyond_what_was_measured_is_refused() -> None:
    refuse_unfit(load_recipe({"augment": [{"Morphological": {"scale": [2, 2]}}]}), ["boxes"])
    for arguments in ({"scale": [2, 5]}, {}):
        with pytest.raises(UsageError, match="Morphological with scale beyond 2 cannot be used on boxes"):
            refuse_unfit(load_recipe({"augment": [{"Morphological": arguments}]}), ["boxes"])


@pytest.mark.parametrize("mode", ["reflect", "reflect_101", "wrap"])
def test_a_border_that_shows_objects_again_is_refused_for_marked_data(mode: str) -> None:
    with pytest.raises(UsageError, match=f"border is '{mode}'.*ghosts"):
        refuse_mirrored_border(load_recipe({"augment": [{"Rotate": {}}], "border": mode}))
    with pytest.raises(UsageError, match=f"Affine has the border_mode '{mode}'"):
        refuse_mirrored_border(
            load_recipe({"prepare": [{"Pad": {"padding": 3, "p": 1}}], "augment": [{"Affine": {"border_mode": mode}}]})
        )
    for fine in ("auto", "constant", "replicate"):
        refuse_mirrored_border(load_recipe({"augment": [{"Affine": {"border_mode": "constant"}}], "border": fine}))


@pytest.mark.parametrize("name", MOVING)
def test_the_transforms_that_mirror_are_those_that_were_seen_to(name: str) -> None:
    if name == "RandomGridShuffle":
        pytest.skip("key points are refused under it")
    pipeline, picture = build(name), np.zeros((300, 400, 3), np.uint8)
    stages = [stage for seed in range(12) for stage in moved(pipeline, picture, seed)[1]]
    is_seen = any(stage.warp is not None and stage.warp.is_mirror for stage in stages)
    assert may_mirror(recipe_of(name)) == is_seen


def test_whether_a_recipe_mirrors_depends_on_what_can_happen_in_it() -> None:
    for steps, expected in (
        (["HorizontalFlip"], True),
        ([{"HorizontalFlip": {"p": 0}}], False),
        ([{"OneOf": {"transforms": [{"Transpose": {"p": 1}}, {"Rotate": {"p": 1}}]}}], True),
        ([{"Affine": {"scale": [0.5, 2]}}], False),
        ([{"Affine": {"scale": {"x": [-1, 1], "y": 1}}}], True),
    ):
        assert may_mirror(load_recipe({"augment": steps})) == expected, steps
    assert may_mirror(load_recipe({"prepare": [{"VerticalFlip": {"p": 1}}], "augment": ["GaussNoise"]}))
