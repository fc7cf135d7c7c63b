"""To look through what came of an expansion: source by source, with small pictures."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import FileResponse
from pydantic import ConfigDict, Field

from nfold_service.access import Reader
from nfold_service.context import Context
from nfold_service.keys import Caller
from nfold_service.models import Body
from nfold_service.paging import link_next
from nfold_service.problems import ServiceError
from nfold_service.routes.expansions import JobId, finished
from nfold_service.routes.results import file_below
from nfold_service.routes.shared import ERRORS, TheContext, own_job

router = APIRouter(prefix="/v1/expansions/{job}", tags=["results"], responses=ERRORS)

_SIDES = (160, 320, 640)


class SourceResult(Body):
    """A source with its files, the original first."""

    source: str
    category: str | None
    problem: str | None = Field(description="Why it was skipped.")
    copies_missing: int = Field(description="Copies that could not be made distinct.")
    files: list[dict[str, Any]] = Field(
        description="name, copy, bytes, pixels, applied, width and height of those with labels, marks, labels_kept, dropped of each."
    )


class SourceResultPage(Body):
    """Sources of an output."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "sources": [
                    {
                        "source": "cat/a.jpg",
                        "category": "cat",
                        "problem": None,
                        "copies_missing": 0,
                        "files": [
                            {
                                "name": "cat/a_1.jpg",
                                "copy": 1,
                                "bytes": 48_213,
                                "pixels": "c36f11f36d2238edd5c1420e5041e251",
                                "applied": [{"name": "HorizontalFlip", "parameters": {}}],
                                "width": None,
                                "height": None,
                                "marks": [],
                                "labels_kept": None,
                                "dropped": [],
                            }
                        ],
                    }
                ],
                "next": None,
            }
        }
    )

    sources: list[SourceResult]
    next: int | None = Field(description="`first` of the page after.")


@router.get("/sources", operation_id="list_result_sources", summary="Originals beside their copies, in pages")
async def list_sources(
    job: JobId,
    request: Request,
    response: Response,
    context: TheContext,
    caller: Reader,
    first: Annotated[int, Query(ge=0, le=2**40)] = 0,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    category: Annotated[str | None, Query(max_length=1_000, description="Only sources of this class.")] = None,
) -> SourceResultPage:
    """In the order of the manifest, with how each file was made and what became of its labels."""
    page = await page_of_sources(context, caller, job, first, limit, category)
    link_next(request, response, first=page.next)
    return page


async def page_of_sources(
    context: Context, caller: Caller, job: str, first: int, limit: int, category: str | None
) -> SourceResultPage:
    """Some sources of an expansion of the caller's.

    Raises:
        ServiceError: 404; 409 when it is not done; 410 when it has expired.
    """
    row = await finished(context, await own_job(context, caller, job, "expansion"))
    made = await context.crew.do(
        "look_through", output=str(context.places.output(row.id)), first=first, most=limit, category=category
    )
    return SourceResultPage.model_validate(made)


@router.get(
    "/thumbnails/{name:path}",
    operation_id="get_thumbnail",
    summary="A picture of the output, small",
    response_class=FileResponse,
    responses={200: {"content": {"image/jpeg": {}}}},
)
async def get_thumbnail(
    job: JobId,
    name: Annotated[str, Path(max_length=4_096)],
    context: TheContext,
    caller: Reader,
    side: Annotated[int, Query(ge=16, le=640, description="Longest side; made as 160, 320 or 640 pixels.")] = 160,
) -> Response:
    """A JPEG; made when it is first asked for, and kept until the expansion goes."""
    row = await finished(context, await own_job(context, caller, job, "expansion"))
    path = await asyncio.to_thread(file_below, context.places.output(row.id), name)
    if path is None:
        raise ServiceError(404, "file.missing", "There is no such file in this output.", hint="See the list of files.")
    made = next(known for known in _SIDES if known >= side)
    key = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()
    small = context.places.job_home(row.id) / "thumbnails" / f"{key}-{made}.jpg"
    if not await asyncio.to_thread(small.exists):
        await context.crew.do(
            "thumbnail",
            source=str(path),
            target=str(small),
            side=made,
            max_pixels=context.settings.max_image_pixels,
        )
    return FileResponse(small, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=3600"})
