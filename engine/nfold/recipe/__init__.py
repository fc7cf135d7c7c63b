"""Recipes: what to do to a picture, as data. Reading and checking one imports neither Albumentations nor OpenCV."""

from __future__ import annotations

from nfold.recipe.border import Border, resolve_border
from nfold.recipe.capability import Carriage, carriage_of, may_mirror, needs_boxes, refuse_mirrored_border, refuse_unfit
from nfold.recipe.catalogue import Capabilities, Catalogue, Entry, Follows, catalogue
from nfold.recipe.compile import CompiledRecipe, compile_recipe
from nfold.recipe.document import recipe_digest, recipe_document
from nfold.recipe.form import (
    BorderChoice,
    LabelRules,
    OutputRules,
    Recipe,
    load_recipe,
    parse_recipe,
    preset_named,
)
from nfold.recipe.presets import DEFAULT_PRESET, PRESETS
from nfold.recipe.schema import recipe_schema
from nfold.recipe.steps import TransformSpec

__all__ = [
    "DEFAULT_PRESET",
    "PRESETS",
    "Border",
    "BorderChoice",
    "Capabilities",
    "Carriage",
    "Catalogue",
    "CompiledRecipe",
    "Entry",
    "Follows",
    "LabelRules",
    "OutputRules",
    "Recipe",
    "TransformSpec",
    "carriage_of",
    "catalogue",
    "compile_recipe",
    "load_recipe",
    "may_mirror",
    "needs_boxes",
    "parse_recipe",
    "preset_named",
    "recipe_digest",
    "recipe_document",
    "recipe_schema",
    "refuse_mirrored_border",
    "refuse_unfit",
    "resolve_border",
]
