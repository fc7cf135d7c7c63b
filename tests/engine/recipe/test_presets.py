from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

import nfold.recipe
from nfold.errors import UnsupportedImageError
from nfold.recipe import DEFAULT_PRESET, PRESETS, carriage_of, catalogue, compile_recipe, load_recipe, resolve_border
from nfold.recipe.measure.capabilities import photograph
from nfold.recipe.steps import TransformSpec

DRAWS = 200
DEEP = {"flip-rotate", "light", "medium", "geometry", "color", "aerial", "microscopy", "detection"}


def test_every_recipe_file_is_a_preset_of_its_own_name() -> None:
    folder = Path(nfold.recipe.__file__).parent / "recipes"
    assert {path.stem for path in folder.iterdir()} == set(PRESETS)
    for name in PRESETS:
        assert load_recipe(name).name == name
        assert len(load_recipe(name).description) > 20
    assert DEFAULT_PRESET in PRESETS
    with pytest.raises(KeyError):
        PRESETS["../form"]


def test_flip_rotate_is_the_lesson_of_keras() -> None:
    recipe = load_recipe("flip-rotate")
    assert [(spec.name, dict(spec.arguments)) for spec in recipe.augment] == [
        ("HorizontalFlip", {"p": 0.5}),
        ("Rotate", {"limit": 36, "p": 1}),
    ]


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_has_a_continuous_transform_that_always_fires(name: str) -> None:
    def is_continuous(spec: TransformSpec) -> bool:
        measured = catalogue().entries[spec.name].capabilities
        return measured is not None and not measured.deterministic and spec.name not in {"D4", "RandomRotate90"}

    assert any(spec.p == 1 and is_continuous(spec) for spec in load_recipe(name).augment)


@pytest.mark.slow
@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("grey", [False, True])
def test_two_hundred_draws_give_two_hundred_pictures(name: str, grey: bool) -> None:
    recipe = load_recipe(name)
    carriage = carriage_of(recipe, grey=grey, bits=8, alpha=False)
    augment = compile_recipe(recipe, border=resolve_border(recipe, annotated=False), carriage=carriage).augment
    for shape_hw in ((96, 128), (120, 90)):
        image = photograph(shape_hw, grey=grey and not carriage.grey_as_rgb)
        seen = {image.tobytes()}
        for seed in range(DRAWS):
            augment.set_random_state(np.random.default_rng(seed), random.Random(seed))
            result = augment(image=image)["image"]
            assert result.dtype == np.uint8
            assert result.ndim == image.ndim
            seen.add(result.tobytes())
        assert len(seen) == DRAWS + 1


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_takes_grey_and_colour_and_alpha(name: str) -> None:
    for grey in (False, True):
        for alpha in (False, True):
            carriage_of(load_recipe(name), grey=grey, bits=8, alpha=alpha)


@pytest.mark.parametrize("name", PRESETS)
def test_sixteen_bits_are_taken_by_the_presets_of_which_the_manual_says_so(name: str) -> None:
    if name in DEEP:
        assert carriage_of(load_recipe(name), grey=False, bits=16, alpha=True).as_float
    else:
        with pytest.raises(UnsupportedImageError, match="cannot take 16-bit pictures"):
            carriage_of(load_recipe(name), grey=False, bits=16, alpha=False)


@pytest.mark.parametrize("name", ["document", "camera", "color"])
def test_no_text_is_ever_mirrored_by_presets_that_promise_it(name: str) -> None:
    names = {leaf.name for spec in load_recipe(name).augment for leaf in spec.leaves()}
    assert not names & {"HorizontalFlip", "VerticalFlip", "Transpose", "D4", "RandomRotate90"}


def test_detection_keeps_a_constant_border_even_for_class_labels() -> None:
    assert resolve_border(load_recipe("detection"), annotated=False).mode == "constant"
