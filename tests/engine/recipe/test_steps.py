from __future__ import annotations

from typing import Any

import pytest

from nfold.recipe.steps import TransformSpec, read_steps


def read_one(step: object) -> TransformSpec:
    steps = read_steps([step], deterministic=False)
    assert not steps.problems
    return steps.specs[0]


def messages(steps: Any, *, deterministic: bool = False) -> list[tuple[str, str]]:
    found = read_steps(steps, deterministic=deterministic).problems
    return [(problem.pointer, problem.message) for problem in found]


def test_constants_are_written_by_name_and_numbers_become_names() -> None:
    for value in (4, "reflect_101"):
        assert read_one({"Rotate": {"border_mode": value}}).arguments["border_mode"] == "reflect_101"
    pair = read_one({"Downscale": {"interpolation_pair": {"downscale": 3, "upscale": "linear"}}})
    assert pair.arguments["interpolation_pair"] == {"downscale": "area", "upscale": "linear"}


def test_what_equals_the_default_is_left_out_except_p_and_the_border() -> None:
    spec = read_one({"Rotate": {"limit": [-90, 90], "fill": 0, "border_mode": "constant", "interpolation": "linear"}})
    assert spec.arguments == {"fill": 0, "border_mode": "constant", "p": 0.5}


def test_a_tuple_is_as_good_as_a_list() -> None:
    assert read_one({"Rotate": {"limit": (-5, 5)}}).arguments["limit"] == [-5, 5]


def test_compositions_nest_and_their_leaves_are_found() -> None:
    inner = {"SomeOf": {"n": 2, "transforms": ["HorizontalFlip", "VerticalFlip"]}}
    spec = read_one({"OneOf": {"transforms": [inner, {"Sequential": {"transforms": ["Transpose"]}}]}})
    assert [leaf.name for leaf in spec.leaves()] == ["HorizontalFlip", "VerticalFlip", "Transpose"]
    assert spec.children[0].arguments == {"n": 2, "p": 1.0}


@pytest.mark.parametrize(
    ("steps", "pointer", "message"),
    [
        ("HorizontalFlip", "", "A list of transforms is needed."),
        ([{}], "/0", "One transform is needed here."),
        ([{"HorizontalFlip": {}, "VerticalFlip": {}}], "/0", "One transform is needed here."),
        ([7], "/0", "One transform is needed here."),
        ([{"HorizontalFlip": 0.5}], "/0/HorizontalFlip", "The arguments of HorizontalFlip must be a mapping."),
        (["Lambda"], "/0/Lambda", "it carries code"),
        (["MixUp"], "/0/MixUp", "it needs other pictures"),
        (["Normalize"], "/0/Normalize", "training code"),
        (["RandomCrop3D"], "/0/RandomCrop3D", "volumes"),
        (["Compose"], "/0/Compose", "There is no transform 'Compose'"),
        (["__class__"], "/0/__class__", "There is no transform"),
        ([{"Equalize": {"mask": 3}}], "/0/Equalize/mask", "has no argument 'mask'"),
        ([{"HorizontalFlip": {"always_apply": True}}], "/0/HorizontalFlip/always_apply", "has no argument"),
        ([{"GaussNoise": {"var_limit": 3}}], "/0/GaussNoise/var_limit", "has no argument 'var_limit'"),
        ([{"ToGray": {"num_output_channels": 1}}], "/0/ToGray/num_output_channels", "has no argument"),
        (["RandomCrop"], "/0/RandomCrop", "needs the argument 'height'"),
        ([{"Rotate": {"p": "1"}}], "/0/Rotate/p", "'1' is not a number."),
        ([{"Rotate": {"p": True}}], "/0/Rotate/p", "true is not a number."),
        ([{"Rotate": {"limit": float("nan")}}], "/0/Rotate/limit", "finite"),
        ([{"Rotate": {"limit": float("inf")}}], "/0/Rotate/limit", "finite"),
        ([{"Rotate": {"limit": [1, 2, 3]}}], "/0/Rotate/limit", "is not a list of 2 numbers or a number"),
        ([{"Rotate": {"border_mode": "mirror"}}], "/0/Rotate/border_mode", "is not one of constant"),
        ([{"Rotate": {"border_mode": 9}}], "/0/Rotate/border_mode", "9 is not one of"),
        ([{"Rotate": {"fill": [1, 2]}}], "/0/Rotate/fill", "3"),
        ([{"Blur": {"blur_limit": 4001}}], "/0/Blur/blur_limit", "4001 is too large: the largest value is 255."),
        ([{"Blur": {"blur_limit": 3.5}}], "/0/Blur/blur_limit", "3.5 is not"),
        ([{"Resize": {"height": 10**6, "width": 8}}], "/0/Resize/height", "largest value is 16384"),
        ([{"ZoomBlur": {"step_factor": 1e-9}}], "/0/ZoomBlur/step_factor", "too small"),
        ([{"OneOf": {}}], "/0/OneOf", "needs a list 'transforms'"),
        ([{"OneOf": {"transforms": []}}], "/0/OneOf", "needs a list 'transforms'"),
        ([{"OneOf": {"transforms": [{"Blur": {"p": 0}}]}}], "/0/OneOf", "every p in it is 0"),
        ([{"OneOf": {"transforms": ["Blurr"]}}], "/0/OneOf/transforms/0/Blurr", "There is no transform 'Blurr'"),
        ([{"OneOrOther": {"transforms": ["Blur"]}}], "/0/OneOrOther/transforms", "exactly two"),
        ([{"SomeOf": {"n": 2, "transforms": ["Blur"]}}], "/0/SomeOf/n", "n is 2, more than there are transforms (1)."),
        ([{"SomeOf": {"n": 10**9, "replace": True, "transforms": ["Blur"]}}], "/0/SomeOf/n", "largest value is 64"),
        (["HorizontalFlip"] * 65, "", "65 transforms; 64 is the largest number"),
    ],
)
def test_a_wrong_step_is_refused_where_it_is(steps: Any, pointer: str, message: str) -> None:
    found = messages(steps)
    assert [place for place, _ in found][:1] == [pointer]
    assert message in found[0][1]


def test_compositions_are_nested_three_deep_at_most() -> None:
    step: object = "HorizontalFlip"
    for _ in range(3):
        step = {"Sequential": {"transforms": [step]}}
    assert messages([step]) == []
    assert "nested more than 3 deep" in messages([{"Sequential": {"transforms": [step]}}])[0][1]


def test_prepare_takes_what_does_the_same_each_time() -> None:
    steps = [
        {"LongestMaxSize": {"max_size_hw": [640, 480]}},
        {"PadIfNeeded": {"min_height": 640, "min_width": 640}},
        {"ToGray": {"p": 1}},
    ]
    assert messages(steps, deterministic=True) == []


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ({"Rotate": {"p": 1}}, "Rotate is random"),
        ({"RandomCrop": {"height": 5, "width": 5}}, "RandomCrop is random"),
        ("HorizontalFlip", "has p = 0.5"),
        ({"Resize": {"height": 5, "width": 5, "p": 0.9}}, "has p = 0.9"),
        ({"PadIfNeeded": {"position": "random"}}, "position is a random choice"),
        ({"LongestMaxSize": {"max_size": [320, 640]}}, "max_size is a random choice"),
        ({"Posterize": {"num_bits": [3, 5], "p": 1}}, "num_bits is a random choice"),
        ({"OneOf": {"transforms": ["Transpose"]}}, "'prepare' is a plain list"),
    ],
)
def test_prepare_leaves_nothing_to_chance(step: object, message: str) -> None:
    assert message in messages([step], deterministic=True)[0][1]
