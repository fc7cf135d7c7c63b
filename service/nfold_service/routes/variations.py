"""Both meanings of augmentation on a few pictures, and what an expansion would give."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import ConfigDict, Field

from nfold_service.access import Reader
from nfold_service.context import Context
from nfold_service.models import Body
from nfold_service.problems import ServiceError
from nfold_service.recipe_text import read_recipe
from nfold_service.routes.datasets import DatasetId
from nfold_service.routes.shared import ERRORS, TheContext, own_dataset
from nfold_service.store import DatasetRow

router = APIRouter(prefix="/v1/datasets/{dataset}", tags=["streams"], responses=ERRORS)

_MOST_TILES = 120

Meaning = Literal["offline", "on_the_fly", "inference"]
Seed = Annotated[int, Query(ge=0, le=2**63)]
RecipeText = Annotated[str, Query(max_length=65_536, description="A preset, or a recipe as YAML or JSON.")]


class Disk(Body):
    """What lies on the disk for a source."""

    images: int
    bytes: int


class Tile(Body):
    """One picture as a trainer gets it."""

    copy_: int = Field(alias="copy", description="0 for the source itself; on the fly the epoch.")
    pixels: str = Field(description="Hash of its pixels at full size: equal pictures have equal ones.")
    width: int
    height: int
    bytes: int = Field(description="What it weighs as a file, whether it is stored or not.")
    picture: str = Field(description="A small JPEG as `data:` URL.")
    marks: list[dict[str, Any]] = Field(description="Annotations, in shares of width and height.")
    applied: list[dict[str, Any]] = Field(description="Transforms that fired, with their parameters.")
    dropped: int = Field(description="Annotations of the source that are not in it.")


class VariedSource(Body):
    """A source with what is made of it."""

    source: str
    category: str | None
    place: int
    tiles: list[Tile]
    disk: Disk
    problem: str | None = Field(description="Why there are no tiles.")


class Variations(Body):
    """What a trainer gets of some sources in one epoch."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "meaning": "on_the_fly",
                "epoch": 3,
                "total": 24,
                "sources": [
                    {
                        "source": "cat/a.jpg",
                        "category": "cat",
                        "place": 0,
                        "tiles": [
                            {
                                "copy": 3,
                                "pixels": "c36f11f36d2238edd5c1420e5041e251",
                                "width": 640,
                                "height": 427,
                                "bytes": 48_213,
                                "picture": "data:image/jpeg;base64,/9j/4AAQ",
                                "marks": [],
                                "applied": [{"name": "HorizontalFlip", "parameters": {}}],
                                "dropped": 0,
                            }
                        ],
                        "disk": {"images": 1, "bytes": 51_004},
                        "problem": None,
                    }
                ],
            }
        }
    )

    meaning: Meaning
    epoch: int
    total: int = Field(description="Sources of the data set that are varied.")
    sources: list[VariedSource]


class Estimate(Body):
    """What an expansion would give."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "images_before": 24,
                "images_after": 144,
                "bytes": 11_059_200,
                "seconds": 3.4,
                "classes": [{"split": None, "category": "cat", "before": 12, "after": 72}],
                "notes": [],
            }
        }
    )

    images_before: int
    images_after: int
    bytes: int = Field(description="Roughly, from the size of the sources and of a few copies.")
    seconds: float | None = Field(description="Roughly, from what a few copies took; None when none could be made.")
    classes: list[dict[str, Any]]
    notes: list[str] = Field(description="What one might think that is done to labels, and is not.")


@router.get("/variations", operation_id="get_variations", summary="Both meanings on a few pictures, as tiles")
async def get_variations(
    dataset: DatasetId,
    response: Response,
    context: TheContext,
    caller: Reader,
    meaning: Annotated[Meaning, Query(description="What is asked: see the description.")] = "on_the_fly",
    epoch: Annotated[int, Query(ge=1, le=2**31)] = 1,
    copies: Annotated[int, Query(ge=0, le=50, description="Offline: copies of each source.")] = 5,
    recipe: RecipeText = "flip-rotate",
    seed: Seed = 0,
    first: Annotated[int, Query(ge=0, le=2**40, description="Number of the first source.")] = 0,
    most: Annotated[int, Query(ge=1, le=24, description="How many sources.")] = 3,
    side: Annotated[int, Query(ge=16, le=512, description="Longest side of a tile, in pixels.")] = 160,
) -> Variations:
    """What a trainer gets of some sources in an epoch.

    `offline`: each source and its copies, as `expand` would write them, the same in every epoch. `on_the_fly`: one
    variation of each source, another one in each epoch. `inference`: each source as it is. The same pixels as an expansion and a stream with that recipe and seed; nothing is stored. At most 120 tiles.
    """
    if meaning == "offline" and most * (copies + 1) > _MOST_TILES:
        raise ServiceError(
            422,
            "variations.too_many",
            f"{most} sources with {copies} copies each are more than {_MOST_TILES} tiles.",
            hint="Ask for fewer sources at once.",
        )
    made = await tiles_of(
        context,
        await own_dataset(context, caller, dataset),
        meaning=meaning,
        epoch=epoch,
        copies=copies,
        recipe=recipe,
        seed=seed,
        first=first,
        most=most,
        side=side,
    )
    response.headers["Cache-Control"] = "private, max-age=600"  # the answer follows from the request alone
    return Variations.model_validate(made)


async def tiles_of(
    context: Context,
    row: DatasetRow,
    *,
    meaning: Meaning,
    most: int,
    side: int,
    epoch: int = 1,
    copies: int = 5,
    recipe: str = "flip-rotate",
    seed: int = 0,
    first: int = 0,
) -> dict[str, Any]:
    """What a worker makes of some sources of a data set, see `get_variations`.

    Raises:
        ServiceError: 409, the data set is not ready.
    """
    return await context.crew.do(
        "vary",
        source=str(context.places.dataset(_ready(row).id)),
        read_as=row.read_as,
        recipe=read_recipe(recipe),
        seed=seed,
        meaning=meaning,
        epoch=epoch,
        copies=copies,
        first=first,
        most=most,
        side=side,
        max_pixels=context.settings.max_image_pixels,
    )


@router.get("/estimate", operation_id="estimate_expansion", summary="What an expansion would give")
async def estimate_expansion(
    dataset: DatasetId,
    context: TheContext,
    caller: Reader,
    copies: Annotated[int | None, Query(ge=0, le=1_000, description="Copies of each source.")] = None,
    total: Annotated[int | None, Query(ge=1, le=2**40, description="Images in all, instead of `copies`.")] = None,
    per_class: Annotated[int | None, Query(ge=1, le=2**40, description="Images of each class, likewise.")] = None,
    recipe: RecipeText = "flip-rotate",
    seed: Seed = 0,
) -> Estimate:
    """Counts are exact, bytes and seconds are not. What the expansion would refuse is refused here with the same words."""
    row = _ready(await own_dataset(context, caller, dataset))
    counts = {"copies": copies, "total": total, "per_class": per_class}
    request = {name: value for name, value in counts.items() if value is not None} or {"copies": 5}
    made = await context.crew.do(
        "estimate",
        source=str(context.places.dataset(row.id)),
        request={**request, "recipe": read_recipe(recipe), "seed": seed, "format": row.read_as},
        workers=context.settings.workers,
        max_pixels=context.settings.max_image_pixels,
    )
    return Estimate.model_validate(made)


def _ready(row: DatasetRow) -> DatasetRow:
    if row.state != "ready":
        raise ServiceError(409, "dataset.not_ready", f"The data set is {row.state}.", hint="Wait until it is ready.")
    return row
