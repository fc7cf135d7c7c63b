"""The four-channel warp gives the pixels that Albumentations gives, one for one."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from tests.conftest import paint

from nfold.recipe import Border, Carriage, compile_recipe, load_recipe
from nfold.recipe.compile import load_albumentations

PLAIN = Carriage(grey_as_rgb=False, as_float=False, alpha_as_mask=False)
STEPS: list[dict[str, Any]] = [
    {"Rotate": {"limit": 40, "p": 1}},
    {"Rotate": {"limit": 40, "p": 1, "interpolation": "cubic"}},
    {
        "Affine": {
            "scale": [0.7, 1.3],
            "rotate": [-30, 30],
            "shear": [-12, 12],
            "translate_percent": [-0.1, 0.1],
            "p": 1,
        }
    },
    {"Rotate": {"limit": 30, "crop_border": True, "p": 1}},
    {"Rotate": {"limit": [0, 0], "p": 1}},
    {"Affine": {"scale": 1.5, "fit_output": True, "rotate": 20, "p": 1}},
    {"SafeRotate": {"limit": 40, "p": 1}},
    {"ShiftScaleRotate": {"p": 1}},
    {"OneOf": {"p": 1, "transforms": [{"Rotate": {"limit": 5, "p": 1}}, {"Affine": {"shear": 9, "p": 1}}]}},
]


@pytest.mark.parametrize(
    "border",
    [
        Border(mode="reflect_101", fill=114),
        Border(mode="constant", fill=114),
        Border(mode="constant", fill=(10, 120, 250)),
    ],
)
@pytest.mark.parametrize("step", STEPS, ids=str)
def test_the_pixels_are_those_of_albumentations(
    step: dict[str, Any], border: Border, monkeypatch: pytest.MonkeyPatch
) -> None:
    import nfold.recipe.compile as compiling

    recipe = load_recipe({"augment": [step]})
    fast = compile_recipe(recipe, border=border, carriage=PLAIN).augment
    assert fast.transforms, "nothing was compiled"
    monkeypatch.setattr(compiling, "warp_in_four_channels", lambda pipeline, library: None)
    plain = compile_recipe(recipe, border=border, carriage=PLAIN).augment
    picture = paint(3, width=161, height=97)
    for seed in range(25):
        pictures = []
        for pipeline in (fast, plain):
            pipeline.set_random_state(np.random.default_rng(seed), random.Random(seed))
            pictures.append(pipeline(image=picture)["image"])
        assert np.array_equal(*pictures)
        assert pictures[0].shape == pictures[1].shape


def test_it_is_at_work_where_it_gains(monkeypatch: pytest.MonkeyPatch) -> None:
    import cv2

    seen: list[int] = []
    warp = cv2.warpAffine

    def watched(picture: Any, *args: Any, **options: Any) -> Any:
        seen.append(picture.ndim if picture.ndim == 2 else picture.shape[2])
        return warp(picture, *args, **options)

    monkeypatch.setattr(cv2, "warpAffine", watched)
    load_albumentations()
    for picture, channels in ((paint(1), 4), (paint(1)[:, :, 0].copy(), 2), (paint(1).astype(np.float32) / 255, 3)):
        seen.clear()
        pipeline = compile_recipe(
            load_recipe("flip-rotate"), border=Border(mode="reflect_101", fill=0), carriage=PLAIN
        ).augment
        pipeline(image=picture)
        assert seen == [channels]


@pytest.mark.parametrize("off", [0, 1e-9, 9e-9, 2e-8, 1e-5, 1.2e-5, 1e-3])
@pytest.mark.parametrize("place", [(0, 0), (0, 1), (1, 2), (2, 2)])
def test_the_identity_is_told_as_numpy_tells_it(off: float, place: tuple[int, int]) -> None:
    from nfold.recipe.fast_warp import _is_identity

    matrix = np.eye(3)
    matrix[place] += off
    assert _is_identity(matrix.tolist()) == np.allclose(matrix, np.eye(3))
