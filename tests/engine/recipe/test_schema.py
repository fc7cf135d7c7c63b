from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from nfold.recipe import PRESETS, catalogue, load_recipe, recipe_document, recipe_schema
from nfold.recipe.values import check_value

SCHEMA = recipe_schema()


def fits(value: Any, schema: dict[str, Any]) -> bool:
    """As much of JSON Schema as recipe_schema uses, and nothing that it does not use."""
    known = {
        "$ref", "anyOf", "enum", "type", "properties", "required", "additionalProperties", "items", "prefixItems",
        "minItems", "maxItems", "minimum", "maximum", "exclusiveMinimum", "minLength", "maxLength", "propertyNames",
        "default", "description", "title", "$schema", "$defs",
    }  # fmt: skip
    assert set(schema) <= known, set(schema) - known
    if "$ref" in schema:
        return fits(value, SCHEMA["$defs"][schema["$ref"].removeprefix("#/$defs/")])
    if "anyOf" in schema:
        return any(fits(value, option) for option in schema["anyOf"])
    if isinstance(value, dict) and "properties" in schema:
        inner = schema["properties"]
        is_closed = schema.get("additionalProperties") is False
        return (
            set(schema.get("required", ())) <= set(value)
            and (not is_closed or set(value) <= set(inner))
            and all(fits(item, inner[key]) for key, item in value.items() if key in inner)
        )
    if isinstance(value, list) and "items" in schema:
        return (
            schema.get("type") == "array"
            and schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", 10**9)
            and all(fits(item, schema["items"]) for item in value)
        )
    if isinstance(value, str) and schema.get("type") == "string" and "enum" not in schema:
        return bool(schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", 10**9))
    return not check_value(value, schema, "")


@pytest.mark.parametrize("name", PRESETS)
def test_presets_fit_the_schema_as_written_and_as_recorded(name: str) -> None:
    assert fits(yaml.safe_load(PRESETS[name]), SCHEMA)
    assert fits(json.loads(json.dumps(recipe_document(load_recipe(name)))), SCHEMA)


@pytest.mark.parametrize(
    "recipe",
    [
        {"augment": []},
        {"augment": ["RandomCrop"]},
        {"augment": ["Lambda"]},
        {"augment": [{"Rotate": {"limt": 3}}]},
        {"augment": [{"Rotate": {"p": 2}}]},
        {"augment": [{"OneOf": {"p": 1}}]},
        {"augment": ["HorizontalFlip"], "prepare": ["Rotate"]},
        {"augment": ["HorizontalFlip"], "labels": {"min_visibility": 3}},
        {"augment": ["HorizontalFlip"], "border": "sideways"},
        {"augment": ["HorizontalFlip"], "extra": 1},
        {"prepare": []},
    ],
)
def test_wrong_recipes_do_not_fit(recipe: dict[str, Any]) -> None:
    assert not fits(recipe, SCHEMA)


def test_it_is_plain_json_of_the_2020_dialect_and_every_reference_leads_somewhere() -> None:
    text = json.dumps(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    references = {part.split('"')[0] for part in text.split('"$ref": "#/$defs/')[1:]}
    assert references <= set(SCHEMA["$defs"])
    assert set(SCHEMA["$defs"]) - references == set()


def test_every_name_of_the_catalogue_is_in_it_and_every_field_is_described() -> None:
    assert set(catalogue().entries) <= set(SCHEMA["$defs"])
    assert all(field.get("description") for field in SCHEMA["properties"].values())
