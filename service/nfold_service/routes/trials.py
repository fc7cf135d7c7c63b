"""A recipe tried on one image, before anything is expanded."""

from __future__ import annotations

import asyncio
import secrets
import shutil
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from nfold_service.access import Reader
from nfold_service.pictures import pictures_as, take_pictures
from nfold_service.problems import ServiceError
from nfold_service.receiving import one_upload
from nfold_service.routes.shared import ERRORS, TheContext, refusals
from nfold_service.routes.small import read_options

router = APIRouter(prefix="/v1/recipes", tags=["recipes"], responses=ERRORS)

_FORM: dict[str, Any] = {
    "type": "object",
    "required": ["image"],
    "properties": {
        "image": {"type": "string", "format": "binary"},
        "copies": {"type": "integer", "minimum": 1, "maximum": 20, "default": 5, "description": "How many to show."},
        "recipe": {"type": "string", "default": "flip-rotate", "description": "A preset, or a recipe as YAML or JSON."},
        "seed": {"type": "integer", "default": 0},
    },
}


@router.post(
    "/preview",
    operation_id="preview_recipe",
    summary="Try a recipe on one image",
    response_class=Response,
    responses={
        200: {
            "description": "A PNG: the image, and beside it the copies that an expansion would write.",
            "content": {"image/png": {"schema": {"type": "string", "format": "binary"}}},
        },
        **refusals(408, 415),
    },
    openapi_extra=pictures_as(_FORM),
)
async def preview_recipe(
    request: Request,
    context: TheContext,
    caller: Reader,
    copies: Annotated[int | None, Query(ge=1, le=20, description="For a raw body.")] = None,
    recipe: Annotated[str | None, Query(max_length=8_000, description="For a raw body.")] = None,
    seed: Annotated[int | None, Query(ge=0, description="For a raw body.")] = None,
) -> Response:
    """As in `curl -F image=@cat.jpg -F recipe=light localhost:8000/v1/recipes/preview -o sheet.png`; nothing is kept."""
    del caller
    given = {"copies": copies, "recipe": recipe, "seed": seed}
    home = context.places.staging / f"trial_{secrets.token_hex(10)}"
    source, sheet = home / "source", home / "sheet.png"
    with one_upload(context):
        try:
            await asyncio.to_thread(source.mkdir, parents=True)
            fields = await take_pictures(request, context, source)
            chosen = {name: str(value) for name, value in given.items() if value is not None}
            options = read_options(context, {**chosen, **fields})
            pictures = await asyncio.to_thread(lambda: list(source.iterdir()))
            if len(pictures) != 1:
                raise ServiceError(
                    422, "preview.one_image", f"A recipe is tried on one image, not {len(pictures)}.", hint="Send one."
                )
            await context.crew.do(
                "preview_recipe",
                source=str(pictures[0]),
                target=str(sheet),
                recipe=options["recipe"],
                seed=options.get("seed", 0),
                copies=options["copies"],
                max_pixels=context.settings.max_image_pixels,
            )
            return Response(await asyncio.to_thread(sheet.read_bytes), media_type="image/png")
        finally:
            await asyncio.to_thread(shutil.rmtree, home, ignore_errors=True)
