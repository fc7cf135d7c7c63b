"""Recipes that come over HTTP: the name of a preset or the recipe itself, never a path on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nfold.errors import UnknownNameError
from nfold.recipe import PRESETS, load_recipe, parse_recipe, recipe_document


def read_recipe(text: str | Mapping[str, Any] | None) -> Any:
    """The name of a preset, or a recipe from its text or its data; never a path.

    Raises:
        UsageError: It is none of these.
    """
    if isinstance(text, Mapping):
        return recipe_document(load_recipe(text))
    name = (text or "flip-rotate").strip()
    if name in PRESETS:
        return name
    if "\n" not in name and ":" not in name:
        raise UnknownNameError.among("preset", name[:80], PRESETS)
    return recipe_document(parse_recipe(name, origin="the recipe"))
