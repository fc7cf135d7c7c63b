"""Checks one value of a recipe against the JSON Schema of its argument, and says plainly what is wrong."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import JsonValue

from nfold.errors import Problem, did_you_mean
from nfold.recipe.reading import escape

MAX_TEXT: Final = 1000
TYPE_NAMES: Final = {
    "integer": "a whole number",
    "number": "a number",
    "string": "text",
    "boolean": "true or false",
    "null": "null",
    "array": "a list",
    "object": "a mapping",
}


def check_value(value: JsonValue, schema: Mapping[str, Any], pointer: str) -> list[Problem]:
    """Find every way in which `value` breaks `schema`; empty when it fits.

    Understands what the catalogue uses: type, enum, anyOf, minimum, maximum, exclusiveMinimum, prefixItems, items,
    minItems, maxItems, additionalProperties and propertyNames.
    """
    if isinstance(value, float) and not math.isfinite(value):
        return [Problem(pointer=pointer, message="The value must be a finite number.")]
    if isinstance(value, str) and len(value) > MAX_TEXT:
        return [Problem(pointer=pointer, message=f"The text is longer than {MAX_TEXT} characters.")]
    if "anyOf" in schema:
        return _check_any(value, schema["anyOf"], pointer)
    if "enum" in schema:
        return _check_enum(value, schema["enum"], pointer)
    if not _has_type(value, schema.get("type")):
        return [Problem(pointer=pointer, message=f"{_shown(value)} is not {expected(schema)}.", hint=_text_hint(value))]
    if isinstance(value, list):
        return [*_check_list(value, schema, pointer)]
    if isinstance(value, dict):
        return [*_check_mapping(value, schema, pointer)]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _check_number(value, schema, pointer)
    return []


def expected(schema: Mapping[str, Any]) -> str:
    """Say what a schema wants, in words: `a number or a list of 2 numbers`."""
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(expected(option) for option in schema["anyOf"]))
    if "enum" in schema:
        return "one of " + ", ".join("null" if item is None else str(item) for item in schema["enum"])
    if "prefixItems" in schema:
        inner = TYPE_NAMES.get(schema["prefixItems"][0].get("type", ""), "value").removeprefix("a ")
        return f"a list of {len(schema['prefixItems'])} {inner}s"
    return TYPE_NAMES.get(schema.get("type", ""), "a value")


def _check_any(value: JsonValue, options: list[Mapping[str, Any]], pointer: str) -> list[Problem]:
    found = [check_value(value, option, pointer) for option in options]
    if any(not problems for problems in found):
        return []
    # The option that the author meant is the one whose outer type fits.
    for option, problems in zip(options, found, strict=True):
        if "enum" not in option and _fits_outside(value, option):
            return problems
    wanted = expected({"anyOf": options})
    return [Problem(pointer=pointer, message=f"{_shown(value)} is not {wanted}.", hint=_text_hint(value))]


def _fits_outside(value: JsonValue, schema: Mapping[str, Any]) -> bool:
    if not _has_type(value, schema.get("type")):
        return False
    return not isinstance(value, list) or "prefixItems" not in schema or len(value) == len(schema["prefixItems"])


def _check_enum(value: JsonValue, allowed: list[JsonValue], pointer: str) -> list[Problem]:
    if any(value == item and isinstance(value, bool) == isinstance(item, bool) for item in allowed):
        return []
    names = [item for item in allowed if isinstance(item, str)]
    hint = did_you_mean(value, names) if isinstance(value, str) else None
    listed = ", ".join("null" if item is None else str(item) for item in allowed)
    return [Problem(pointer=pointer, message=f"{_shown(value)} is not one of {listed}.", hint=hint)]


def _check_number(value: float, schema: Mapping[str, Any], pointer: str) -> list[Problem]:
    low, high, above = schema.get("minimum"), schema.get("maximum"), schema.get("exclusiveMinimum")
    if low is not None and value < low:
        return [Problem(pointer=pointer, message=f"{value} is too small: the smallest value is {low}.")]
    if above is not None and value <= above:
        return [Problem(pointer=pointer, message=f"{value} is too small: it must be above {above}.")]
    if high is not None and value > high:
        return [Problem(pointer=pointer, message=f"{value} is too large: the largest value is {high}.")]
    return []


def _check_list(value: list[JsonValue], schema: Mapping[str, Any], pointer: str) -> Iterator[Problem]:
    each: list[Mapping[str, Any]] = schema.get("prefixItems") or [schema.get("items", {})] * len(value)
    low, high = schema.get("minItems", 0), schema.get("maxItems", 64)
    if not low <= len(value) <= high or len(each) != len(value):
        wanted = str(high) if low == high else f"{low} to {high}"
        yield Problem(pointer=pointer, message=f"The list has {len(value)} items; it needs {wanted}.")
        return
    for index, (item, item_schema) in enumerate(zip(value, each, strict=True)):
        yield from check_value(item, item_schema, f"{pointer}/{index}")


def _check_mapping(value: dict[str, JsonValue], schema: Mapping[str, Any], pointer: str) -> Iterator[Problem]:
    names = schema.get("propertyNames", {}).get("enum")
    inner = schema.get("additionalProperties", {})
    if len(value) > 64:
        yield Problem(pointer=pointer, message="The mapping has more than 64 keys.")
        return
    for key, item in value.items():
        here = f"{pointer}/{escape(key)}"
        if names is not None and key not in names:
            message = f"There is no '{key[:80]}' here; known are {', '.join(names)}."
            yield Problem(pointer=here, message=message, hint=did_you_mean(key[:80], names))
            continue
        yield from check_value(item, inner if isinstance(inner, dict) else {}, here)


def _has_type(value: JsonValue, wanted: str | None) -> bool:
    match wanted:
        case "integer":
            return not isinstance(value, bool) and (
                isinstance(value, int) or (isinstance(value, float) and value.is_integer())
            )
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "null":
            return value is None
        case "array":
            return isinstance(value, list)
        case "object":
            return isinstance(value, dict)
        case _:
            return True


def _shown(value: JsonValue) -> str:
    if isinstance(value, list):
        return "A list" if len(value) != 1 else "A list of one item"
    if isinstance(value, dict):
        return "A mapping"
    if isinstance(value, str):
        return f"'{value[:80]}'"
    return json.dumps(value)[:80]


def _text_hint(value: JsonValue) -> str | None:
    if not isinstance(value, str):
        return None
    try:
        float(value)
    except ValueError:
        return None
    return "Leave the quotes away: it is text, and a number is needed."
