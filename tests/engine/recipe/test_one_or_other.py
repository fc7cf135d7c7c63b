from __future__ import annotations

import random
from typing import Any

import numpy as np

from nfold.recipe import Border, Carriage, compile_recipe, load_recipe
from nfold.recipe.compile import load_albumentations

IMAGE = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)


def draw(pipeline: Any, seed: int) -> dict[str, Any]:
    pipeline.set_random_state(np.random.default_rng(seed), random.Random(seed))
    result: dict[str, Any] = pipeline(image=IMAGE)
    return result


def test_it_draws_as_the_original_does_and_records_what_it_applied() -> None:
    library = load_albumentations()
    original = library.Compose([library.OneOrOther(library.HorizontalFlip(), library.VerticalFlip(), p=0.3)])
    step = {"OneOrOther": {"p": 0.3, "transforms": ["HorizontalFlip", "VerticalFlip"]}}
    ours = compile_recipe(load_recipe({"augment": [step]}), border=Border(mode="wrap"), carriage=Carriage()).augment
    names = []
    for seed in range(300):
        result = draw(ours, seed)
        assert np.array_equal(result["image"], draw(original, seed)["image"])
        names += [name for name, _ in result["applied_transforms"]]
    assert len(names) == 300
    assert 60 < names.count("HorizontalFlip") < 120
