from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nfold.errors import InvalidRecipeError
from nfold.recipe import Border, Carriage, catalogue, compile_recipe, load_recipe, needs_boxes
from nfold.recipe.compile import load_albumentations
from nfold.recipe.measure.capabilities import photograph
from nfold.recipe.measure.selection import SAMPLES

LEAVES = [entry.name for entry in catalogue().entries.values() if entry.kind != "composition"]
IMAGE = photograph((96, 128), grey=False)
BOXES = {"format": "pascal_voc", "label_fields": ["row"]}


@pytest.fixture(name="library", scope="module")
def albumentations() -> Any:
    return load_albumentations()


def draw(pipeline: Any, seed: int, *, boxes: bool = False) -> Any:
    pipeline.set_random_state(np.random.default_rng(seed), random.Random(seed))
    extra = {"bboxes": np.array([[20.0, 20, 50, 50]]), "row": [0]} if boxes else {}
    return pipeline(image=IMAGE, **extra)["image"]


def assert_same_pixels(source: Any, pipeline: Any) -> None:
    recipe = load_recipe(source)
    boxes = bool(needs_boxes(recipe))
    ours = compile_recipe(
        recipe, border=Border(mode="reflect_101"), carriage=Carriage(), bbox_params=BOXES if boxes else None
    ).augment
    for seed in range(4):
        assert np.array_equal(draw(ours, seed, boxes=boxes), draw(pipeline, seed, boxes=boxes))


@pytest.mark.parametrize("name", LEAVES)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_every_transform_comes_back_from_to_dict_with_the_same_pixels(library: Any, name: str) -> None:
    transform = getattr(library, name)(**{**SAMPLES.get(name, {}), "p": 0.9})
    pipeline = library.Compose([transform], bbox_params=library.BboxParams(**BOXES) if "BBox" in name else None)
    assert_same_pixels(library.to_dict(pipeline), pipeline)


def nested(library: Any) -> Any:
    return library.Compose(
        [
            library.HorizontalFlip(p=0.5),
            library.OneOf([library.Blur(p=0.2), library.SomeOf([library.Rotate(), library.GaussNoise()], n=2)], p=0.7),
            library.RandomOrder([library.Affine(rotate=(-9, 9)), library.Transpose()], n=2, p=0.8),
            library.OneOrOther(library.RandomGamma(), library.ToSepia(), p=0.4),
            library.Sequential([library.Compose([library.ChannelShuffle(), library.CLAHE()], p=0.5)], p=0.6),
        ],
        keypoint_params=library.KeypointParams(format="xy"),
        strict=True,
    )


@pytest.mark.parametrize("data_format", ["json", "yaml"])
def test_a_saved_pipeline_gives_the_same_pixels(library: Any, tmp_path: Path, data_format: Any) -> None:
    pipeline = nested(library)
    path = tmp_path / f"saved.{data_format}"
    library.save(pipeline, path, data_format=data_format)
    assert load_recipe(path).name == "saved"
    recipe = load_recipe(path)
    ours = compile_recipe(recipe, border=Border(mode="reflect_101"), carriage=Carriage()).augment
    for seed in range(40):
        pipeline.set_random_state(np.random.default_rng(seed), random.Random(seed))
        expected = pipeline(image=IMAGE, keypoints=np.zeros((0, 2), np.float32))["image"]
        assert np.array_equal(draw(ours, seed), expected)


def test_a_single_transform_and_one_without_its_envelope_are_taken(library: Any) -> None:
    assert load_recipe(library.to_dict(library.VerticalFlip(p=1))).augment[0].name == "VerticalFlip"
    assert (
        load_recipe(library.to_dict(library.Compose([library.VerticalFlip(p=1)]))["transform"]).augment[0].name
        == "VerticalFlip"
    )


def test_a_pipeline_with_p_below_one_becomes_a_sequence_with_that_p(library: Any) -> None:
    recipe = load_recipe(library.to_dict(library.Compose([library.VerticalFlip(p=1)], p=0.3)))
    assert [(spec.name, spec.p) for spec in recipe.augment] == [("Sequential", 0.3)]


def test_its_own_border_stays(library: Any) -> None:
    spec = load_recipe(library.to_dict(library.Rotate())).augment[0]
    assert (spec.arguments["border_mode"], spec.arguments["fill"]) == ("constant", 0)


def test_what_cannot_stand_in_a_recipe_is_named_where_it_is(library: Any) -> None:
    pipeline = library.Compose([library.HorizontalFlip(), library.OneOf([library.Blur(), library.Normalize()])])
    document = library.to_dict(pipeline)
    document["transform"]["transforms"].append({"__class_fullname__": "Lambda", "__name__": "x"})
    document["transform"]["transforms"].append({"__class_fullname__": "my.Own", "p": 1})
    document["transform"]["transforms"].append({"__class_fullname__": "Rotate", "limt": 1, "p": 1})
    document["transform"]["transforms"].append(7)
    with pytest.raises(InvalidRecipeError) as caught:
        load_recipe(document)
    assert [problem.pointer for problem in caught.value.problems] == [
        "/transform/transforms/1/transforms/1",
        "/transform/transforms/2",
        "/transform/transforms/3",
        "/transform/transforms/4/limt",
        "/transform/transforms/5",
    ]
    assert caught.value.problems[0].hint == "Remove it."
    with pytest.raises(InvalidRecipeError):
        load_recipe({"__class_fullname__": "Compose", "transforms": None})
    deep: dict[str, Any] = {"__class_fullname__": "Blur"}
    for _ in range(30):
        deep = {"__class_fullname__": "OneOf", "transforms": [deep]}
    with pytest.raises(InvalidRecipeError, match="nested"):
        load_recipe(deep)


def test_an_inner_compose_that_does_not_say_p_is_always_applied() -> None:
    inner = {"__class_fullname__": "Compose", "transforms": [{"__class_fullname__": "Blur", "p": 1}]}
    recipe = load_recipe({"__class_fullname__": "Compose", "transforms": [inner]})
    assert [(spec.name, spec.p) for spec in recipe.augment] == [("Sequential", 1.0)]
