"""Whether a recipe can be used, to the last argument."""

from __future__ import annotations

from typing import Any

from nfold.recipe import Carriage, compile_recipe, load_recipe, parse_recipe, recipe_document, resolve_border
from nfold_service.work.bench import Say


def check_recipe(*, text: str | None, document: dict[str, Any] | None, say: Say) -> dict[str, Any]:
    """The recipe in full; what only Albumentations knows about its arguments shows when the pipeline is made."""
    del say
    recipe = parse_recipe(text, origin="the recipe") if text is not None else load_recipe(document or {})
    carriage = Carriage(grey_as_rgb=False, as_float=False, alpha_as_mask=False)
    compile_recipe(recipe, border=resolve_border(recipe, annotated=False), carriage=carriage)
    return {"valid": True, "name": recipe.name, "recipe": recipe_document(recipe)}
