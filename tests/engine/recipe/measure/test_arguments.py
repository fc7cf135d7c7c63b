from __future__ import annotations

from nfold.recipe.catalogue import COMPOSITIONS
from nfold.recipe.measure.arguments import composition_names, describe_arguments, transform_classes
from nfold.recipe.measure.selection import EXCLUDED


def test_every_composition_is_known_or_excluded_with_a_reason() -> None:
    assert composition_names() - {"BaseCompose", "Compose"} == set(COMPOSITIONS) | {
        "ReplayCompose",
        "SelectiveChannelTransform",
    }
    assert {"ReplayCompose", "SelectiveChannelTransform"} <= set(EXCLUDED)


def test_bounds_that_hide_in_validators_are_found() -> None:
    classes = transform_classes()
    noise = describe_arguments("GaussNoise", classes["GaussNoise"])["std_range"]
    assert isinstance(noise, dict)
    assert noise["prefixItems"] == [{"type": "number", "maximum": 1, "minimum": 0}] * 2
    fill = describe_arguments("Rotate", classes["Rotate"])["fill"]
    assert isinstance(fill, dict)
    assert fill["anyOf"][0] == {  # type: ignore[index]
        "type": "array",
        "items": {"type": "number", "maximum": 255, "minimum": 0},
        "minItems": 3,
        "maxItems": 3,
    }


def test_arguments_that_are_code_are_left_out() -> None:
    assert set(describe_arguments("Equalize", transform_classes()["Equalize"])) == {"p", "mode", "by_channels"}
