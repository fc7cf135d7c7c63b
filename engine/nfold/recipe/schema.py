"""The JSON Schema of a recipe, from its form and the catalogue; for editors, the service and the web page."""

from __future__ import annotations

from typing import Any, Final

from pydantic import TypeAdapter

from nfold.recipe.catalogue import Entry, catalogue
from nfold.recipe.constants import CONSTANTS_OF_ARGUMENT
from nfold.recipe.form import Recipe
from nfold.recipe.steps import MAX_TRANSFORMS

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
Schema = dict[str, Any]


def recipe_schema() -> Schema:
    """JSON Schema 2020-12 of a recipe as its author writes it.

    It does not say what only the check knows: the nesting depth, the total of transforms, `n` of SomeOf, and which
    arguments `prepare` excludes.
    """
    form = TypeAdapter(Recipe).json_schema(ref_template="#/$defs/{model}")
    definitions: Schema = form["$defs"]
    for unused in ("TransformSpec", "JsonValue"):
        definitions.pop(unused, None)
    border = definitions.pop("BorderChoice")
    modes = border["properties"]["mode"]["enum"]
    properties: Schema = dict(form["properties"])
    description = properties["border"].get("description", "")
    properties["border"] = {"anyOf": [{"enum": modes}, border], "default": "auto", "description": description}
    properties["augment"] = _list_of("augment", properties, least=1)
    properties["prepare"] = {**_list_of("prepare", properties, least=0), "default": []}
    properties["prepare"]["items"] = {"$ref": "#/$defs/preparation"}
    known = catalogue().entries
    fixed = [entry for entry in known.values() if entry.capabilities and entry.capabilities.deterministic]
    return {
        "$schema": DIALECT,
        "title": "A recipe of nfold",
        "description": f"What is done to a picture, in the words of Albumentations {catalogue().albumentations}.",
        "type": "object",
        "properties": properties,
        "required": ["augment"],
        "additionalProperties": False,
        "$defs": {
            **definitions,
            "step": _any_of(list(known.values())),
            "preparation": _any_of(fixed),
            **{entry.name: _arguments(entry) for entry in known.values()},
        },
    }


def _list_of(name: str, properties: Schema, *, least: int) -> Schema:
    return {
        "type": "array",
        "description": properties[name]["description"],
        "items": {"$ref": "#/$defs/step"},
        "minItems": least,
        "maxItems": MAX_TRANSFORMS,
    }


def _any_of(entries: list[Entry]) -> Schema:
    alone = [entry.name for entry in entries if entry.kind != "composition" and not _required(entry)]
    return {"anyOf": [{"enum": alone}, *[_as_step(entry) for entry in entries]]}


def _required(entry: Entry) -> list[str]:
    return [name for name, schema in entry.arguments.items() if "default" not in schema]


def _as_step(entry: Entry) -> Schema:
    inner: Schema = {"$ref": f"#/$defs/{entry.name}"}
    if entry.kind != "composition" and not _required(entry):
        inner = {"anyOf": [inner, {"type": "null"}]}
    return {
        "type": "object",
        "properties": {entry.name: inner},
        "required": [entry.name],
        "additionalProperties": False,
    }


def _arguments(entry: Entry) -> Schema:
    properties: Schema = {name: _with_numbers(name, dict(schema)) for name, schema in entry.arguments.items()}
    required = _required(entry)
    if entry.kind == "composition":
        properties["transforms"] = {
            "type": "array",
            "items": {"$ref": "#/$defs/step"},
            "minItems": 2 if entry.name == "OneOrOther" else 1,
            "maxItems": 2 if entry.name == "OneOrOther" else MAX_TRANSFORMS,
        }
        required = ["transforms"]
    return {
        "type": "object",
        "description": entry.summary,
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _with_numbers(argument: str, schema: Schema) -> Schema:
    """OpenCV's numbers are accepted beside the names."""
    if argument not in CONSTANTS_OF_ARGUMENT:
        return schema
    if "additionalProperties" in schema:
        return {**schema, "additionalProperties": _with_numbers(argument, dict(schema["additionalProperties"]))}
    numbers = [CONSTANTS_OF_ARGUMENT[argument][name] for name in schema["enum"]]
    return {**schema, "enum": [*schema["enum"], *numbers]}
