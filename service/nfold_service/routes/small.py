"""One or a few images, expanded at once."""

from __future__ import annotations

import asyncio
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import JSONResponse

from nfold.errors import InputError
from nfold.request import make_request
from nfold_service.access import Writer
from nfold_service.context import Context, new_id
from nfold_service.keys import Caller
from nfold_service.models import job_model
from nfold_service.parcels import ParcelResponse
from nfold_service.pictures import OPTIONS, pictures_as, take_pictures
from nfold_service.problems import ServiceError
from nfold_service.receiving import one_upload
from nfold_service.recipe_text import read_recipe
from nfold_service.routes.shared import ERRORS, TheContext, refusals
from nfold_service.store import queue

router = APIRouter(tags=["small"], responses=ERRORS)

_DEFAULT_COPIES = 5

_FORM: dict[str, Any] = {
    "type": "object",
    "required": ["image"],
    "properties": {
        "image": {"type": "array", "items": {"type": "string", "format": "binary"}, "description": "One or several."},
        "copies": {"type": "integer", "default": _DEFAULT_COPIES, "description": "Copies of each."},
        "recipe": {"type": "string", "default": "flip-rotate", "description": "A preset, or a recipe as YAML or JSON."},
        "seed": {"type": "integer", "default": 0},
        "damaged": {"type": "string", "enum": ["skip", "keep"], "default": "skip"},
    },
}


@router.post(
    "/v1/expand",
    operation_id="expand_now",
    summary="Expand one or a few images, and get them back at once",
    response_class=Response,
    responses={
        200: {
            "description": "A zip of originals, copies, manifest and report; its files as parts for `Accept: multipart/mixed`; JSON with links for `Accept: application/json`.",
            "content": {
                "application/zip": {"schema": {"type": "string", "format": "binary"}},
                "multipart/mixed": {"schema": {"type": "string", "format": "binary"}},
                "application/json": {"schema": {"$ref": "#/components/schemas/Job"}},
            },
        },
        **refusals(408, 415),
    },
    openapi_extra=pictures_as(_FORM),
)
async def expand_now(
    request: Request,
    context: TheContext,
    caller: Writer,
    accept: Annotated[str, Header()] = "application/zip",
    copies: Annotated[int | None, Query(ge=0, description="For a raw body.")] = None,
    recipe: Annotated[str | None, Query(max_length=8_000, description="For a raw body.")] = None,
    seed: Annotated[int | None, Query(ge=0, description="For a raw body.")] = None,
    damaged: Annotated[Literal["skip", "keep"] | None, Query(description="For a raw body.")] = None,
) -> Response:
    """As in `curl -F image=@cat.jpg -F copies=5 localhost:8000/v1/expand -o out.zip`.

    Several `image` parts give several sources. A raw body (`Content-Type: image/jpeg`) is one image, its options in the query.
    With `Accept: application/json` the files are kept like those of an expansion, and the answer has the links; with
    `Accept: multipart/mixed` each file is a part of the answer, under its name.
    """
    given = {"copies": copies, "recipe": recipe, "seed": seed, "damaged": damaged}
    home = context.places.staging / f"small_{secrets.token_hex(10)}"  # also when the same is made again
    source = home / "source"
    with one_upload(context):
        try:
            await asyncio.to_thread(source.mkdir, parents=True)
            fields = await take_pictures(request, context, source)
            options = read_options(
                context, {**{name: str(value) for name, value in given.items() if value is not None}, **fields}
            )
            told = await context.crew.do(
                "expand_small",
                source=str(source),
                home=str(home),
                request=options,
                max_pixels=context.settings.max_image_pixels,
            )
        except InputError as error:
            await asyncio.to_thread(shutil.rmtree, home, ignore_errors=True)
            raise ServiceError(
                422, error.stable_code, error.message.replace(str(source), "the request"), hint=error.hint
            ) from error
        except BaseException:
            await asyncio.to_thread(shutil.rmtree, home, ignore_errors=True)
            raise
    if "application/json" in accept:
        return await _kept(context, caller, home, options, told)
    return ParcelResponse(home, told, in_parts="multipart/mixed" in accept)


def read_options(context: Context, fields: Mapping[str, str]) -> dict[str, Any]:
    """Options of a small expansion, from fields of a form or a query.

    Raises:
        ServiceError: More copies than are done at once.
        UsageError: One of them makes no sense.
    """
    options: dict[str, Any] = {"copies": _DEFAULT_COPIES, **{name: fields[name] for name in OPTIONS if name in fields}}
    options["recipe"] = read_recipe(fields.get("recipe"))
    checked = make_request(**{**options, "source": "in", "target": "out"})
    if (checked.copies or 0) > context.settings.max_small_copies:
        raise ServiceError(
            422,
            "copies.too_many",
            f"{context.settings.max_small_copies} copies of each image are the most that is done at once.",
            hint="Make a data set and an expansion of it for more.",
        )
    chosen: dict[str, Any] = checked.model_dump(mode="json", include=set(options))
    return chosen


async def _kept(
    context: Context, caller: Caller, home: FilePath, options: dict[str, Any], told: Mapping[str, Any]
) -> Response:
    identity = new_id("job")
    target = context.places.job_home(identity)

    def move() -> None:
        shutil.rmtree(target, ignore_errors=True)  # of the same request, if the service died before it answered
        home.rename(target)

    await asyncio.to_thread(move)
    row = await context.store.run(
        queue.add_finished_job,
        identity=identity,
        owner=caller.owner,
        kind="expansion",
        request=options,
        result=dict(told),
    )
    model = job_model(row)
    return JSONResponse(model.model_dump(mode="json"), headers={"Location": model.links["self"]})
