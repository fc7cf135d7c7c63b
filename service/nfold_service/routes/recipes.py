"""Recipes: the presets, and whether one's own can be used."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import ConfigDict, Field

from nfold.recipe import DEFAULT_PRESET, PRESETS, load_recipe, recipe_document
from nfold.recipe.schema import recipe_schema
from nfold_service.access import Reader
from nfold_service.models import Body
from nfold_service.problems import ServiceError
from nfold_service.receiving import chunks_of, refuse_announced, too_large
from nfold_service.routes.shared import ERRORS, TheContext, answers_like

router = APIRouter(prefix="/v1/recipes", tags=["recipes"], responses=ERRORS)


class PresetEntry(Body):
    """A preset."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "name": "flip-rotate",
                "description": "A flip and a rotation by up to 36 degrees.",
                "default": True,
            }
        }
    )

    name: str
    description: str
    default: bool


class RecipeBody(Body):
    """A recipe in full."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "name": "flip",
                "text": "augment:\n  - HorizontalFlip: {p: 0.5}\n",
                "recipe": {"augment": [{"HorizontalFlip": {"p": 0.5}}]},
            }
        }
    )

    name: str
    text: str = Field(description="YAML, with its comments.")
    recipe: dict[str, Any]


class CheckedRecipe(Body):
    """A recipe that can be used."""

    model_config = ConfigDict(json_schema_extra={"example": {"valid": True, "name": "mine", "recipe": {}}})

    valid: bool
    name: str
    recipe: dict[str, Any]


@router.get("", operation_id="list_recipes", summary="The presets")
async def list_recipes(caller: Reader) -> list[PresetEntry]:
    """Each with what it does."""
    del caller
    return [
        PresetEntry(name=name, description=load_recipe(name).description, default=name == DEFAULT_PRESET)
        for name in PRESETS
    ]


@router.get(
    "/schema",
    operation_id="recipe_schema",
    summary="JSON Schema of a recipe",
    responses=answers_like({"type": "object", "properties": {"augment": {"type": "array"}}}),
)
async def show_schema(caller: Reader) -> dict[str, Any]:
    """As `nfold recipes schema` prints it."""
    del caller
    return recipe_schema()


@router.get("/{name}", operation_id="show_recipe", summary="A preset in full")
async def show_recipe(
    name: Annotated[str, Path(max_length=100, examples=["flip-rotate"])], caller: Reader
) -> RecipeBody:
    """As YAML, and as JSON."""
    del caller
    if name not in PRESETS:
        raise ServiceError(
            404, "recipe.missing", "There is no preset of that name.", hint=f"Known: {', '.join(PRESETS)}."
        )
    return RecipeBody(name=name, text=PRESETS[name], recipe=recipe_document(load_recipe(name)))


@router.post(
    "/check",
    operation_id="check_recipe",
    summary="Check a recipe, and name every problem in it",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/yaml": {
                    "schema": {"type": "string"},
                    "example": "augment:\n  - HorizontalFlip: {p: 0.5}\n",
                },
                "application/json": {
                    "schema": {"type": "object"},
                    "example": {"augment": [{"HorizontalFlip": {"p": 0.5}}]},
                },
            },
        }
    },
)
async def check_recipe(request: Request, context: TheContext, caller: Reader) -> CheckedRecipe:
    """The body is the recipe, as YAML or JSON. 422 points to each problem by JSON pointer."""
    del caller
    text = await small_text(request, context.settings.max_recipe_bytes, "The recipe")
    return CheckedRecipe(**await context.crew.do("check_recipe", text=text, document=None))


async def small_text(request: Request, most: int, what: str) -> str:
    """A small body as text.

    Raises:
        ServiceError: It is too large, or no UTF-8.
    """
    refuse_announced(request, most, what)
    body = bytearray()
    async for chunk in chunks_of(request, request.app.state.context):
        body += chunk
        if len(body) > most:
            raise too_large(most, what)
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ServiceError(422, "request.encoding", f"{what} is no UTF-8.") from error
