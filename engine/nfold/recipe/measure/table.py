"""Puts arguments and capabilities of every transform into one table."""

from __future__ import annotations

import inspect
from typing import Any

import albumentations
import cv2
from pydantic import JsonValue

from nfold.recipe.measure.arguments import describe_arguments, kind_of, saved_extras, transform_classes
from nfold.recipe.measure.capabilities import measure_capabilities
from nfold.recipe.measure.selection import EXCLUDED


def measure_catalogue() -> dict[str, Any]:
    """Make the whole content of catalogue.json."""
    transforms: dict[str, JsonValue] = {}
    for name, entry in describe_transforms().items():
        capabilities = measure_capabilities(name, entry["kind"], entry["arguments"])
        transforms[name] = {**entry, "capabilities": capabilities}
    return {
        "albumentations": albumentations.__version__,
        "opencv": cv2.__version__,
        "excluded": EXCLUDED,
        "transforms": transforms,
    }


def describe_transforms() -> dict[str, dict[str, Any]]:
    """Make the part of the table that needs no measuring: kind, first line of the manual, arguments."""
    described: dict[str, dict[str, Any]] = {}
    for name, transform_class in transform_classes().items():
        arguments = describe_arguments(name, transform_class)
        described[name] = {
            "kind": kind_of(transform_class),
            "summary": (inspect.getdoc(transform_class) or "").partition("\n")[0],
            "arguments": arguments,
            "saved_extras": saved_extras(transform_class, arguments),
        }
    return described
