from __future__ import annotations

import pytest

from nfold.recipe import Border, load_recipe, resolve_border


@pytest.mark.parametrize(
    ("border", "annotated", "mode"),
    [
        ("auto", False, "reflect_101"),
        ("auto", True, "constant"),
        ("wrap", True, "wrap"),
        ("wrap", False, "wrap"),
        ({"fill": 3}, True, "constant"),
    ],
)
def test_auto_is_mirrored_for_class_labels_and_constant_where_objects_are_marked(
    border: object, annotated: bool, mode: str
) -> None:
    recipe = load_recipe({"augment": ["Rotate"], "border": border})
    assert resolve_border(recipe, annotated=annotated).mode == mode


def test_the_constant_is_grey_unless_the_recipe_says_otherwise() -> None:
    assert resolve_border(load_recipe({"augment": ["Rotate"]}), annotated=True) == Border(mode="constant", fill=114)
    recipe = load_recipe({"augment": ["Rotate"], "border": {"mode": "constant", "fill": [1, 2, 3]}})
    assert resolve_border(recipe, annotated=False, mask_fill=255) == Border(
        mode="constant", fill=(1, 2, 3), mask_fill=255
    )
