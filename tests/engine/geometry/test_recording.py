from __future__ import annotations

import itertools
import random
from typing import Any

import albumentations as A  # noqa: N812 (the name that everybody knows)
import numpy as np
import pytest

from nfold.geometry.recording import Recorder, attach_recorder
from nfold.geometry.stages import Linear, Stage
from nfold.recipe import Border, Carriage, compile_recipe, load_recipe

PICTURE = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)


def no_boxes(stages: tuple[Stage, ...]) -> Any:
    return np.empty((0, 4))


def recorded(recorder: Recorder, pipeline: Any, seed: int) -> tuple[np.ndarray, tuple[Stage, ...]]:
    pipeline.set_random_state(np.random.default_rng(seed), random.Random(seed))
    result, stages = recorder.run(pipeline, {"image": PICTURE}, no_boxes)
    return result["image"], stages


def compiled(*steps: dict[str, Any]) -> Any:
    recipe = load_recipe({"augment": list(steps)})
    return compile_recipe(recipe, border=Border(mode="constant"), carriage=Carriage()).augment


NESTED = {
    "SomeOf": {
        "n": 2,
        "replace": True,
        "transforms": [
            {"OneOf": {"p": 1, "transforms": [{"Rotate": {"p": 1}}, {"HorizontalFlip": {"p": 1}}]}},
            {"Affine": {"rotate": 9, "p": 1}},
            {"OneOrOther": {"transforms": [{"Transpose": {"p": 1}}, {"RandomBrightnessContrast": {"p": 1}}]}},
        ],
    }
}


def test_each_transform_that_moved_something_is_there_in_order_with_sizes_nested_or_not() -> None:
    pipeline = compiled(NESTED, {"Resize": {"height": 30, "width": 50, "p": 1}})
    recorder = attach_recorder(pipeline, A)
    names = set()
    for seed in range(40):
        pipeline.set_random_state(np.random.default_rng(seed), random.Random(seed))
        result, stages = recorder.run(pipeline, {"image": PICTURE}, no_boxes)
        applied = [name for name, _ in result["applied_transforms"] if name != "RandomBrightnessContrast"]
        leaves = [name for name in applied if name not in {"OneOf", "OneOrOther", "SomeOf"}]
        assert [stage.name for stage in stages] == leaves
        assert stages[0].size_in_wh == (80, 60)
        assert stages[-1].size_out_wh == (50, 30)
        assert all(one.size_out_wh == two.size_in_wh for one, two in itertools.pairwise(stages))
        names |= set(leaves)
    assert names == {"Rotate", "HorizontalFlip", "Affine", "Transpose", "Resize"}


def test_recording_changes_no_pixel_and_one_call_leaves_nothing_for_the_next() -> None:
    plain, listened = compiled(NESTED), compiled(NESTED)
    recorder = attach_recorder(listened, A)
    first = [recorded(recorder, listened, seed) for seed in range(12)]
    again = [recorded(recorder, listened, seed) for seed in reversed(range(12))][::-1]
    for seed, ((picture, stages), (picture_again, stages_again)) in enumerate(zip(first, again, strict=True)):
        plain.set_random_state(np.random.default_rng(seed), random.Random(seed))
        assert np.array_equal(plain(image=PICTURE)["image"], picture)
        assert np.array_equal(picture, picture_again)
        assert [stage.name for stage in stages] == [stage.name for stage in stages_again]
        for one, other in zip(stages, stages_again, strict=True):
            assert isinstance(one.warp, Linear) == isinstance(other.warp, Linear)
            if isinstance(one.warp, Linear) and isinstance(other.warp, Linear):
                assert np.array_equal(one.warp.matrix, other.warp.matrix)


def test_a_failed_call_leaves_nothing_behind_and_outside_of_run_nothing_is_kept() -> None:
    pipeline = compiled({"HorizontalFlip": {"p": 1}}, {"RandomCrop": {"height": 500, "width": 500, "p": 1}})
    recorder = attach_recorder(pipeline, A)
    with pytest.raises(Exception, match="Crop size"):
        recorded(recorder, pipeline, 0)
    assert recorder == Recorder()
    small = compiled({"HorizontalFlip": {"p": 1}})
    recorder = attach_recorder(small, A)
    small(image=PICTURE)
    assert recorder == Recorder()
    assert len(recorded(recorder, small, 0)[1]) == 1


def test_holes_are_told_and_what_does_nothing_has_no_warp() -> None:
    pipeline = compiled({"CoarseDropout": {"p": 1}}, {"NoOp": {"p": 1}}, {"Rotate": {"limit": [0, 0], "p": 1}})
    _, stages = recorded(attach_recorder(pipeline, A), pipeline, 0)
    assert stages[0].holes is not None
    assert stages[0].holes.shape[1] == 4
    assert [stage.warp for stage in stages] == [None, None, None]


def test_a_transform_that_chooses_by_boxes_gets_those_of_the_picture_as_it_is_by_then() -> None:
    pipeline = compiled({"HorizontalFlip": {"p": 1}}, {"AtLeastOneBBoxRandomCrop": {"height": 20, "width": 20, "p": 1}})
    recorder = attach_recorder(pipeline, A)
    asked: list[tuple[Stage, ...]] = []

    def boxes(stages: tuple[Stage, ...]) -> Any:
        asked.append(stages)
        return np.array([[2.0, 3, 8, 9]])

    for seed in range(10):
        pipeline.set_random_state(np.random.default_rng(seed), random.Random(seed))
        _, stages = recorder.run(pipeline, {"image": PICTURE}, boxes)
        assert [stage.name for stage in asked[-1]] == ["HorizontalFlip"]
        assert isinstance(stages[1].warp, Linear | None)
        if stages[1].warp is not None:
            left, top = -stages[1].warp.matrix[:2, 2]
            assert left < 8
            assert top < 9
