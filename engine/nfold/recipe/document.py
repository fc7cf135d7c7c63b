"""A recipe as plain data again: for the card of an output, and for the digest that tells recipes apart."""

from __future__ import annotations

import hashlib
import json

from pydantic import JsonValue

from nfold.recipe.border import GREY, Border
from nfold.recipe.form import Recipe
from nfold.recipe.steps import TransformSpec


def recipe_document(recipe: Recipe) -> dict[str, JsonValue]:
    """Write the recipe in full, as a document that `load_recipe` takes and that gives an equal recipe."""
    return {
        "name": recipe.name,
        "description": recipe.description,
        "prepare": [_step(spec) for spec in recipe.prepare],
        "augment": [_step(spec) for spec in recipe.augment],
        "border": recipe.border.mode if recipe.border.fill == GREY else recipe.border.model_dump(mode="json"),
        # Left out where it is empty, as recipes were written before there was one: their digests stay what they were.
        "labels": recipe.labels.model_dump(mode="json", exclude=None if recipe.labels.swap else {"swap"}),
        "output": recipe.output.model_dump(mode="json"),
    }


def recipe_digest(recipe: Recipe, border: Border) -> str:
    """SHA-256, in hex, of everything that decides about pixels and labels; not of the name and the description.

    Args:
        recipe: The recipe.
        border: Its border as resolved for the data set, which takes the place of `recipe.border`.
    """
    document = recipe_document(recipe)
    fill: JsonValue = list(border.fill) if isinstance(border.fill, tuple) else border.fill
    decisive = {
        "prepare": document["prepare"],
        "augment": document["augment"],
        "border": {"mode": border.mode, "fill": fill, "mask_fill": border.mask_fill},
        "labels": document["labels"],
        "output": document["output"],
    }
    canonical = json.dumps(decisive, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()


def _step(spec: TransformSpec) -> JsonValue:
    arguments = dict(spec.arguments)
    if spec.children:
        arguments["transforms"] = [_step(child) for child in spec.children]
    return {spec.name: arguments}
