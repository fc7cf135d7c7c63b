from __future__ import annotations

import json
from dataclasses import replace

import pytest
import yaml

from nfold.recipe import PRESETS, Border, load_recipe, parse_recipe, recipe_digest, recipe_document, resolve_border

BASE = {
    "name": "a",
    "description": "b",
    "prepare": [{"Resize": {"height": 10, "width": 20}}],
    "augment": [{"Rotate": {"limit": 5, "p": 1}}, {"OneOf": {"transforms": ["Blur", "GaussNoise"]}}],
}
BORDER = Border(mode="constant")


@pytest.mark.parametrize("name", PRESETS)
def test_the_document_of_a_recipe_gives_the_recipe_again(name: str) -> None:
    recipe = load_recipe(name)
    document = recipe_document(recipe)
    assert parse_recipe(json.dumps(document)) == recipe
    assert parse_recipe(yaml.safe_dump(document)) == recipe
    assert list(document) == ["name", "description", "prepare", "augment", "border", "labels", "output"]


def test_the_digest_ignores_name_description_and_spelling() -> None:
    digest = recipe_digest(load_recipe(BASE), BORDER)
    assert len(digest) == 64
    assert recipe_digest(load_recipe(BASE | {"name": "c", "description": "d"}), BORDER) == digest
    assert recipe_digest(load_recipe(BASE | {"border": "constant"}), BORDER) == digest
    spelt_out = [
        {"Rotate": {"p": 1, "limit": 5, "interpolation": 1}},
        {"OneOf": {"p": 0.5, "transforms": [{"Blur": {"p": 0.5, "blur_limit": [3, 7]}}, {"GaussNoise": None}]}},
    ]
    assert recipe_digest(load_recipe(BASE | {"augment": spelt_out}), BORDER) == digest


@pytest.mark.parametrize(
    "change",
    [
        {"prepare": []},
        {"prepare": [{"Resize": {"height": 10, "width": 21}}]},
        {"augment": [{"Rotate": {"limit": 5, "p": 0.9}}, BASE["augment"][1]]},
        {"augment": [{"Rotate": {"limit": 6, "p": 1}}, BASE["augment"][1]]},
        {"augment": [{"Rotate": {"limit": 5, "p": 1, "fill": 0}}, BASE["augment"][1]]},
        {"augment": [BASE["augment"][1], BASE["augment"][0]]},
        {"augment": [BASE["augment"][0], {"OneOf": {"transforms": ["GaussNoise", "Blur"]}}]},
        {"augment": [BASE["augment"][0], {"SomeOf": {"transforms": ["Blur", "GaussNoise"]}}]},
        {"labels": {"min_visibility": 0.31}},
        {"labels": {"min_area_px": 17}},
        {"labels": {"outside": "drop"}},
        {"labels": {"all_lost": "redraw"}},
        {"labels": {"swap": {"left": "right", "right": "left"}}},
        {"output": {"format": "png"}},
        {"output": {"jpeg_quality": 94}},
    ],
)
def test_the_digest_changes_with_whatever_decides_about_pixels_or_labels(change: dict[str, object]) -> None:
    assert recipe_digest(load_recipe(BASE | change), BORDER) != recipe_digest(load_recipe(BASE), BORDER)


@pytest.mark.parametrize("change", [{"mode": "wrap"}, {"fill": 115}, {"fill": (1, 2, 3)}, {"mask_fill": 255}])
def test_the_digest_changes_with_the_resolved_border(change: dict[str, object]) -> None:
    recipe = load_recipe(BASE)
    assert recipe_digest(recipe, replace(BORDER, **change)) != recipe_digest(recipe, BORDER)  # type: ignore[arg-type]


def test_the_digest_of_the_default_preset_stays_what_it_was() -> None:
    recipe = load_recipe("flip-rotate")
    digest = recipe_digest(recipe, resolve_border(recipe, annotated=False))
    assert digest == "e0d776f1ac3cb5974de389ffb87f006916b9b6ed481885df6740db92c80c1c39"
