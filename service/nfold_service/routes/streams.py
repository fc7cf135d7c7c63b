"""The on-the-fly mode over HTTP: an epoch of a data set as a tar."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from nfold.randomness import LARGEST_COPY
from nfold_service.access import Reader
from nfold_service.epochs import Epochs, TarResponse
from nfold_service.problems import ServiceError
from nfold_service.recipe_text import read_recipe
from nfold_service.routes.datasets import DatasetId
from nfold_service.routes.shared import ERRORS, TheContext, own_dataset
from nfold_service.store import shelves

router = APIRouter(prefix="/v1/datasets/{dataset}", tags=["streams"], responses=ERRORS)

_MOST_EPOCHS = 1_000


@router.get(
    "/stream",
    operation_id="stream_epoch",
    summary="A fresh variation of each image, nothing stored (tar)",
    response_class=Response,
    responses={
        200: {
            "content": {"application/x-tar": {"schema": {"type": "string", "format": "binary"}}},
            "description": "WebDataset naming: KEY.jpg, KEY.cls, KEY.json.",
        }
    },
)
async def stream_epoch(
    dataset: DatasetId,
    context: TheContext,
    caller: Reader,
    epoch: Annotated[int, Query(ge=1, le=LARGEST_COPY, description="Holds what an expansion writes as copy E.")] = 1,
    last: Annotated[int | None, Query(ge=1, le=LARGEST_COPY, description="The last one, for several epochs.")] = None,
    recipe: Annotated[
        str, Query(max_length=8_000, description="A preset, or a recipe as YAML or JSON.")
    ] = "flip-rotate",
    seed: Annotated[int, Query(ge=0, le=2**63)] = 0,
    split: Annotated[Literal["train", "val", "test"] | None, Query()] = None,
    training: Annotated[bool, Query(description="false: images as they are, as inference sees them.")] = True,
    shuffle: bool = True,
) -> Response:
    """The same pixels as `nfold stream` and as the copies of an expansion with that recipe and seed."""
    row = await own_dataset(context, caller, dataset)
    if row.state != "ready":
        raise ServiceError(409, "dataset.not_ready", f"The data set is {row.state}.", hint="Wait until it is ready.")
    end = epoch if last is None else last
    if not epoch <= end < epoch + _MOST_EPOCHS:
        raise ServiceError(
            422,
            "stream.epochs",
            f"Epochs {epoch} to {end}: give the first, then a later last one, {_MOST_EPOCHS} at the most.",
        )
    arguments = {
        "source": str(context.places.dataset(row.id)),
        "first": epoch,
        "last": end,
        "options": {"recipe": read_recipe(recipe), "seed": seed, "split": split, "format": row.read_as},
        "training": training,
        "shuffle": shuffle,
        "workers": 0,
        "max_pixels": context.settings.max_image_pixels,
    }
    await context.store.run(shelves.change_dataset, row.id, {})
    return TarResponse(await Epochs.begin(context, arguments))
