"""Recipes that come over HTTP: the name of a preset or the recipe itself, never a path on this machine."""

from __future__ import annotations

from typing import Any

from nfold.errors import UnknownNameError
from nfold.recipe import PRESETS, parse_recipe, recipe_document


def read_recipe(text: str | None) -> Any:
    """The name of a preset, or a recipe from its text; never a path.

    Raises:
        UsageError: It is neither.
    """
    name = (text or "flip-rotate").strip()
    if name in PRESETS:
        return name
    if "\n" not in name and ":" not in name:
        raise UnknownNameError.among("preset", name[:80], PRESETS)
    return recipe_document(parse_recipe(name, origin="the recipe"))
