"""Comparisons: both meanings of augmentation measured on a data set, as jobs."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse, HTMLResponse
from pydantic import ConfigDict, Field

from nfold_service.access import Reader, Writer
from nfold_service.events import EVENTS, event_stream
from nfold_service.models import Body, Job, JobPage, job_model
from nfold_service.paging import link_next
from nfold_service.problems import ServiceError
from nfold_service.recipe_text import read_recipe
from nfold_service.routes.expansions import JobId, enqueue, finished, page_of_jobs, remove_job
from nfold_service.routes.shared import ERRORS, TheContext, own_dataset, own_job

router = APIRouter(prefix="/v1/comparisons", tags=["comparisons"], responses=ERRORS)

PAGE_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'; frame-ancestors 'self'; base-uri 'none'"
"""The report is a page of its own that fetches nothing; it may be framed by ours."""


class NewComparison(Body):
    """Measure both meanings on a data set."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"dataset": "ds_0123456789abcdef0123", "copies": 5, "epochs": 10}}
    )

    dataset: str = Field(max_length=40, description="Id of the data set.")
    copies: int = Field(5, ge=1, le=50, description="Copies of each image offline.")
    epochs: int = Field(10, ge=1, le=50, description="Epochs of each mode.")
    recipe: str | dict[str, Any] = Field("flip-rotate", description="A preset, or a recipe in full.")
    seed: int = Field(0, ge=0, le=2**63)
    sample: int = Field(50, ge=1, le=200, description="At most so many images are run.")
    batch: int = Field(32, ge=1, le=100_000, description="Images of a gradient step.")

    def options(self) -> dict[str, Any]:
        """What the engine is asked."""
        document = self.model_dump(mode="json", exclude={"dataset"})
        document["recipe"] = read_recipe(self.recipe)
        return document


@router.post("", status_code=202, operation_id="create_comparison", summary="Measure both meanings on a data set")
async def create_comparison(
    body: NewComparison, request: Request, response: Response, context: TheContext, caller: Writer
) -> Job:
    """Accepted at once, done in its turn."""
    dataset = await own_dataset(context, caller, body.dataset)
    if dataset.state != "ready":
        raise ServiceError(
            409, "dataset.not_ready", f"The data set is {dataset.state}.", hint="Wait until it is ready."
        )
    options = {**body.options(), **({"format": dataset.read_as} if dataset.read_as else {})}
    row = await enqueue(context, caller.owner, "comparison", dataset.id, options)
    request.app.state.supervisor.wake()
    response.headers["Location"] = f"/v1/comparisons/{row.id}"
    response.headers["Retry-After"] = "1"
    return job_model(row)


@router.get("", operation_id="list_comparisons", summary="Your comparisons, the newest first")
async def list_comparisons(
    request: Request,
    response: Response,
    context: TheContext,
    caller: Reader,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> JobPage:
    """In pages; `next` is the cursor of the next one."""
    page = await page_of_jobs(context, caller, "comparison", limit, cursor)
    link_next(request, response, cursor=page.next)
    return page


@router.get("/{job}", operation_id="get_comparison", summary="How far it is")
async def get_comparison(job: JobId, context: TheContext, caller: Reader) -> Job:
    """State, and the answer in one sentence once it is there."""
    return job_model(await own_job(context, caller, job, "comparison"))


@router.get(
    "/{job}/events",
    operation_id="watch_comparison",
    summary="What happens to it, as it happens (SSE)",
    response_class=Response,
    responses=EVENTS,
)
async def watch_comparison(job: JobId, request: Request, context: TheContext, caller: Reader) -> Response:
    """As for an expansion."""
    return await event_stream(request, context, await own_job(context, caller, job, "comparison"))


@router.get(
    "/{job}/report", operation_id="get_comparison_report", summary="The report as a page", response_class=HTMLResponse
)
async def get_report(job: JobId, context: TheContext, caller: Reader) -> Response:
    """The page of `nfold compare --report`."""
    row = await finished(context, await own_job(context, caller, job, "comparison"))
    path = context.places.job_home(row.id) / "report.html"
    return FileResponse(
        path,
        media_type="text/html; charset=utf-8",
        headers={"Content-Security-Policy": PAGE_POLICY, "X-Frame-Options": "SAMEORIGIN"},
    )


@router.get(
    "/{job}/figures", operation_id="get_comparison_figures", summary="The figures as JSON", response_class=FileResponse
)
async def get_figures(job: JobId, context: TheContext, caller: Reader) -> Response:
    """The output of `nfold compare --json`."""
    row = await finished(context, await own_job(context, caller, job, "comparison"))
    return FileResponse(context.places.job_home(row.id) / "figures.json", media_type="application/json")


@router.delete("/{job}", status_code=204, operation_id="delete_comparison", summary="Delete it with its report")
async def delete_comparison(job: JobId, request: Request, context: TheContext, caller: Writer) -> Response:
    """A running one is stopped first."""
    await remove_job(request, context, await own_job(context, caller, job, "comparison"))
    return Response(status_code=204)
