from __future__ import annotations

from typing import Any

import albumentations as A  # noqa: N812 (the name that everybody knows)
import numpy as np
import pytest

from nfold.carrying import in_words, run_pipeline
from nfold.errors import UnsupportedImageError
from nfold.geometry.recording import attach_recorder
from nfold.images import Image
from nfold.randomness import variation_generators
from nfold.recipe import Border, Carriage, compile_recipe, load_recipe


def run(pixels: Any, carriage: Carriage, *steps: Any, listening: bool = False) -> Any:
    recipe = load_recipe({"augment": list(steps)})
    pipeline = compile_recipe(recipe, border=Border(mode="constant", fill=0), carriage=carriage).augment
    listen = (attach_recorder(pipeline, A), lambda stages: np.empty((0, 4))) if listening else None
    generators = variation_generators(seed=0, source_id="a", copy=1)
    return run_pipeline(pipeline, Image(pixels=pixels, file_format="png"), carriage, generators, listen)


FLIP = {"HorizontalFlip": {"p": 1}}


@pytest.mark.parametrize("shape", [(20, 30), (20, 30, 3)])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_pixels_come_back_in_their_own_kind_and_exactly(shape: tuple[int, ...], kind: Any) -> None:
    pixels = np.random.default_rng(0).integers(0, np.iinfo(kind).max + 1, shape).astype(kind)
    carriage = Carriage(grey_as_rgb=len(shape) == 2, as_float=kind is np.uint16)
    image, applied, stages = run(pixels, carriage, FLIP)
    assert np.array_equal(image.pixels, pixels[:, ::-1])
    assert [transform.name for transform in applied] == ["HorizontalFlip"]
    assert stages == ()


def test_who_listens_is_told_what_was_done() -> None:
    _, _, stages = run(np.zeros((20, 30, 3), np.uint8), Carriage(), FLIP, {"RandomGamma": {"p": 1}}, listening=True)
    assert [stage.name for stage in stages] == ["HorizontalFlip"]


class Halving:
    """Stands for a pipeline that changes the depth of the pixels."""

    def set_random_state(self, *generators: object) -> None:
        """Nothing is drawn."""

    def __call__(self, image: Any) -> dict[str, Any]:
        return {"image": (image // 2).astype(np.int16)}


def test_another_kind_of_picture_is_refused() -> None:
    image = Image(pixels=np.zeros((20, 30, 3), np.uint8), file_format="png")
    with pytest.raises(UnsupportedImageError, match="uint8 pixels of shape"):
        run_pipeline(Halving(), image, Carriage(), variation_generators(seed=0, source_id="a", copy=1))


def test_how_pixels_are_carried_is_told_in_words() -> None:
    assert in_words(Carriage()) == ()
    assert len(in_words(Carriage(grey_as_rgb=True, as_float=True, alpha_as_mask=True))) == 3
