"""Reads the arguments of every transform, with their types and bounds, from Albumentations' own models."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from typing import Annotated, Any, Final

import albumentations
from albumentations.core.composition import BaseCompose
from albumentations.core.transforms_interface import BasicTransform, DualTransform, ImageOnlyTransform
from pydantic import JsonValue, TypeAdapter

from nfold.recipe.constants import CONSTANTS_OF_ARGUMENT
from nfold.recipe.measure.selection import (
    COLOURS,
    DEFAULT_LIMIT,
    EXCLUDED,
    LIMITS,
    OWN_LIMITS,
    OWN_MINIMUMS,
    REFUSED_CONSTANTS,
)

BASES: Final = {"BasicTransform", "DualTransform", "ImageOnlyTransform", "Transform3D"}
# Arguments that are code or arrays, or that would change the number of channels.
NOT_DATA: Final = {("Equalize", "mask"), ("Equalize", "mask_params"), ("ToGray", "num_output_channels")}


def transform_classes() -> dict[str, Any]:
    """Every transform of Albumentations that a recipe may name."""
    found = {
        name: value
        for name, value in vars(albumentations).items()
        if inspect.isclass(value) and issubclass(value, BasicTransform) and name not in BASES | set(EXCLUDED)
    }
    return dict(sorted(found.items()))


def composition_names() -> set[str]:
    """Name the classes of Albumentations that hold other transforms."""
    values = vars(albumentations).items()
    return {name for name, value in values if inspect.isclass(value) and issubclass(value, BaseCompose)}


def kind_of(transform_class: Any) -> str:
    """`dual` for what moves or covers pixels and labels, `pixel` for what changes values only."""
    if issubclass(transform_class, DualTransform):
        return "dual"
    assert issubclass(transform_class, ImageOnlyTransform), transform_class
    return "pixel"


def describe_arguments(name: str, transform_class: Any) -> dict[str, JsonValue]:
    """JSON Schema of each argument, with its default under `default` where it has one."""
    parameters = inspect.signature(transform_class.__init__).parameters
    described: dict[str, JsonValue] = {}
    for argument, field in transform_class.InitSchema.model_fields.items():
        # An argument in only one of the two is dropped without a word by Albumentations.
        if argument == "strict" or argument not in parameters or (name, argument) in NOT_DATA:
            continue
        schema = _schema_of_field(name, argument, field)
        default = parameters[argument].default
        if default is not inspect.Parameter.empty:
            schema["default"] = _with_names(argument, json.loads(json.dumps(default)))
        described[argument] = schema
    return described


def saved_extras(transform_class: Any, arguments: Mapping[str, Any]) -> list[JsonValue]:
    """Name what `A.to_dict` writes about a transform although it does not take it: arguments of its base classes."""
    names: set[str] = set()
    for base in transform_class.__mro__:
        if "__init__" in vars(base) and base is not object:
            names |= set(inspect.signature(vars(base)["__init__"]).parameters)
    return [*sorted(names - set(arguments) - {"self", "strict", "args", "kwargs"})]


def _schema_of_field(name: str, argument: str, field: Any) -> dict[str, Any]:
    annotation: Any = Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation
    schema: dict[str, Any] = TypeAdapter(annotation).json_schema()
    low, high = _bounds_in_validators(field)
    if argument in CONSTANTS_OF_ARGUMENT:
        refused: set[str] = REFUSED_CONSTANTS.get((name, argument), set())
        names = {key: value for key, value in CONSTANTS_OF_ARGUMENT[argument].items() if key not in refused}
        return _name_constants(schema, names)
    limit = OWN_LIMITS.get((name, argument), LIMITS.get(argument, DEFAULT_LIMIT))
    high = limit if high is None else min(high, limit)
    low = OWN_MINIMUMS.get((name, argument), 0 if argument in COLOURS else low)
    bounded = _bound_numbers(schema, -limit if low is None else low, high, 3 if argument in COLOURS else None)
    assert isinstance(bounded, dict)
    return bounded


def _bounds_in_validators(field: Any) -> tuple[float | None, float | None]:
    """Find the bounds that `check_range_bounds` hides in a closure, and those that range helpers imply."""
    low: float | None = None
    high: float | None = None
    is_scalar_a_bound = False
    for item in field.metadata:
        function = getattr(item, "func", None)
        if function is None:
            continue
        if function.__qualname__.startswith("check_range_bounds"):
            cells = (cell.cell_contents for cell in function.__closure__)
            held = dict(zip(function.__code__.co_freevars, cells, strict=True))
            low, high = held["min_val"], held["max_val"]
        is_scalar_a_bound |= function.__name__ == "process_non_negative_range"
    return (0 if low is None and is_scalar_a_bound else low), high


def _bound_numbers(schema: JsonValue, low: float, high: float, items: int | None) -> JsonValue:
    if isinstance(schema, list):
        return [_bound_numbers(item, low, high, items) for item in schema]
    if not isinstance(schema, dict):
        return schema
    bounded = {key: _bound_numbers(value, low, high, items) for key, value in schema.items()}
    if bounded.get("type") in {"integer", "number"} and "enum" not in bounded:
        # A limit of ours never loosens one of theirs.
        bounded["maximum"] = _integral(min(high, float(str(bounded.get("maximum", high)))))
        if "exclusiveMinimum" not in bounded:
            bounded["minimum"] = _integral(max(low, float(str(bounded.get("minimum", low)))))
    if bounded.get("type") == "array" and "maxItems" not in bounded:
        bounded["maxItems"] = items or 64
        if items:
            bounded["minItems"] = items
    return bounded


def _name_constants(schema: Mapping[str, Any], names: Mapping[str, int]) -> dict[str, Any]:
    if schema.get("type") == "object":
        inner = _name_constants(schema["additionalProperties"], names)
        return {**schema, "additionalProperties": inner}
    allowed = set(schema.get("enum", names.values()))
    return {"enum": [name for name, value in names.items() if value in allowed]}


def _with_names(argument: str, default: JsonValue) -> JsonValue:
    if argument not in CONSTANTS_OF_ARGUMENT:
        return default
    names = {value: name for name, value in CONSTANTS_OF_ARGUMENT[argument].items()}
    if isinstance(default, dict):
        return {key: names[int(str(value))] for key, value in default.items()}
    return names[int(str(default))]


def _integral(value: float) -> float:
    return int(value) if float(value).is_integer() else value
