"""Expansions: ask for one, watch it, fetch what came of it."""

from __future__ import annotations

import asyncio
import base64
import shutil
from pathlib import Path as FilePath
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import FileResponse

from nfold.request import make_request
from nfold_service.access import Reader, Writer
from nfold_service.context import Context, new_id
from nfold_service.events import EVENTS, event_stream
from nfold_service.keys import Caller
from nfold_service.models import Job, JobPage, NewExpansion, job_model
from nfold_service.paging import link_next, page_of, read_cursor
from nfold_service.problems import ServiceError
from nfold_service.routes.shared import ERRORS, TheContext, own_dataset, own_job
from nfold_service.store import JobRow, queue, shelves
from nfold_service.store.rows import JobKind

router = APIRouter(prefix="/v1/expansions", tags=["expansions"], responses=ERRORS)

JobId = Annotated[str, Path(max_length=40, pattern="^job_[0-9a-f]{20}$", examples=["job_0123456789abcdef0123"])]


@router.post("", status_code=202, operation_id="create_expansion", summary="Expand a data set")
async def create_expansion(
    body: NewExpansion, request: Request, response: Response, context: TheContext, caller: Writer
) -> Job:
    """Accepted at once, done in its turn; `Location` tells where to watch it."""
    dataset = await own_dataset(context, caller, body.dataset)
    if dataset.state != "ready":
        raise ServiceError(
            409,
            "dataset.not_ready",
            f"The data set is {dataset.state}.",
            hint="Upload files first, and wait until it is ready.",
        )
    options = {**({"format": dataset.read_as} if dataset.read_as else {}), **body.options()}
    # What the engine would refuse is refused now, with the same words.
    make_request(**{**options, "source": FilePath("in"), "target": FilePath("out")})
    if (options.get("copies") or 0) > context.settings.max_copies:
        raise ServiceError(422, "copies.too_many", f"{context.settings.max_copies} copies of each image are the most.")
    row = await enqueue(context, caller.owner, "expansion", dataset.id, options)
    request.app.state.supervisor.wake()
    response.headers["Location"] = f"/v1/expansions/{row.id}"
    response.headers["Retry-After"] = "1"
    return job_model(row)


async def enqueue(context: Context, owner: str, kind: str, dataset: str, options: dict[str, Any]) -> JobRow:
    """Put in a job.

    Raises:
        ServiceError: 429 when too many wait, 507 when the disk is nearly full.
    """
    context.refuse_full_disk()
    if await context.store.run(queue.count_jobs, "queued") >= context.settings.max_jobs_queued:
        raise ServiceError(429, "jobs.too_many", "Too many jobs are waiting.", headers={"Retry-After": "60"})
    await context.store.run(shelves.change_dataset, dataset, {})
    return await context.store.run(
        queue.add_job, identity=new_id("job"), owner=owner, kind=kind, dataset=dataset, request=options
    )


@router.get("", operation_id="list_expansions", summary="Your expansions, the newest first")
async def list_expansions(
    request: Request,
    response: Response,
    context: TheContext,
    caller: Reader,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    dataset: Annotated[str | None, Query(max_length=40)] = None,
) -> JobPage:
    """In pages; `next` is the cursor of the next one."""
    page = await page_of_jobs(context, caller, "expansion", limit, cursor, dataset)
    link_next(request, response, cursor=page.next)
    return page


async def page_of_jobs(
    context: Context, caller: Caller, kind: JobKind, limit: int, cursor: str | None, dataset: str | None = None
) -> JobPage:
    """The caller's jobs of one kind, of one data set if that is asked.

    Raises:
        ServiceError: 422, it is no cursor.
    """
    after = read_cursor(cursor)
    rows = await context.store.run(queue.jobs_of, caller.owner, most=limit + 1, kind=kind, dataset=dataset, after=after)
    page, following = page_of(rows, limit)
    return JobPage(jobs=[job_model(row) for row in page], next=following)


@router.get("/{job}", operation_id="get_expansion", summary="How far it is")
async def get_expansion(job: JobId, context: TheContext, caller: Reader) -> Job:
    """State, counts, rate and time left."""
    return job_model(await own_job(context, caller, job, "expansion"))


@router.get(
    "/{job}/events",
    operation_id="watch_expansion",
    summary="What happens to it, as it happens (SSE)",
    response_class=Response,
    responses=EVENTS,
)
async def watch_expansion(job: JobId, request: Request, context: TheContext, caller: Reader) -> Response:
    """Server-sent events `state` and `progress`; `Last-Event-ID` goes on where a stream was cut."""
    return await event_stream(request, context, await own_job(context, caller, job, "expansion"))


@router.post("/{job}/cancel", status_code=202, operation_id="cancel_expansion", summary="Stop it")
async def cancel_expansion(job: JobId, request: Request, context: TheContext, caller: Writer) -> Job:
    """What is written so far goes with it when it is deleted; a job that has ended stays as it is."""
    row = await own_job(context, caller, job, "expansion")
    await context.store.run(queue.ask_to_cancel, row.id)
    await request.app.state.supervisor.cancel(row.id)
    await context.tell(row.id)
    return job_model(await own_job(context, caller, job, "expansion"))


@router.post("/{job}/retry", status_code=202, operation_id="retry_expansion", summary="Go on with one that failed")
async def retry_expansion(job: JobId, request: Request, response: Response, context: TheContext, caller: Writer) -> Job:
    """A job that failed or was cancelled waits again, and goes on from what it has committed: after room was made on a full disk, say."""
    row = await own_job(context, caller, job, "expansion")
    if row.state == "expired":
        raise ServiceError(410, "result.expired", "The job has expired.", hint="Ask for the expansion again.")
    await own_dataset(context, caller, row.dataset)
    context.refuse_full_disk()
    await context.store.run(shelves.change_dataset, row.dataset, {})
    if not await context.store.run(queue.begin_anew, row.id):
        raise ServiceError(
            409,
            "job.state",
            f"The job is {row.state}.",
            hint="Only a job that has failed or was cancelled can be asked to go on.",
        )
    request.app.state.supervisor.wake()
    await context.tell(row.id)
    response.headers["Location"] = f"/v1/expansions/{row.id}"
    response.headers["Retry-After"] = "1"
    return job_model(await own_job(context, caller, job, "expansion"))


@router.delete("/{job}", status_code=204, operation_id="delete_expansion", summary="Delete it with its files")
async def delete_expansion(job: JobId, request: Request, context: TheContext, caller: Writer) -> Response:
    """A running one is stopped first."""
    row = await own_job(context, caller, job, "expansion")
    await remove_job(request, context, row)
    return Response(status_code=204)


async def remove_job(request: Request, context: Context, row: JobRow) -> None:
    """Stop a job, forget it, and remove its files."""
    if not row.is_final:
        await context.store.run(queue.ask_to_cancel, row.id)
        await request.app.state.supervisor.cancel(row.id)
    await context.store.run(queue.remove_job, row.id)
    await asyncio.to_thread(shutil.rmtree, context.places.job_home(row.id), ignore_errors=True)
    await context.tell(row.id)
    context.changes.pop(row.id, None)


@router.head(
    "/{job}/result",
    operation_id="look_at_result",
    summary="Length and ETag of the zip",
    response_class=Response,
)
@router.get(
    "/{job}/result",
    operation_id="download_result",
    summary="Everything as one zip",
    response_class=FileResponse,
    responses={200: {"content": {"application/zip": {}}}, 206: {"description": "The part that was asked for."}},
)
async def download_result(job: JobId, request: Request, context: TheContext, caller: Reader) -> Response:
    """With `Content-Length`, `ETag`, `Repr-Digest` and `Range`: a download that was cut goes on."""
    row = await finished(context, await own_job(context, caller, job, "expansion"))
    assert row.result is not None
    return stored_file(
        request,
        context.places.job_home(row.id) / "result.zip",
        f"{row.id}.zip",
        "application/zip",
        row.result["sha256"],
    )


async def finished(context: Context, row: JobRow) -> JobRow:
    """A job with results.

    Raises:
        ServiceError: 409 when it is not done, or failed; 410 when its results have expired.
    """
    if row.state == "expired":
        raise ServiceError(410, "result.expired", "The results have expired.", hint="Ask for the expansion again.")
    if row.state not in ("succeeded", "succeeded_with_errors"):
        raise ServiceError(409, "result.not_there", f"The job is {row.state}.", hint="Wait until it has succeeded.")
    await context.store.run(queue.touch_job, row.id)
    return row


def stored_file(request: Request, path: FilePath, name: str, media_type: str, sha256: str) -> Response:
    """A file that does not change any more, by its digest.

    Raises:
        ServiceError: 404, it was deleted just now.
    """
    try:
        found = path.stat()
    except FileNotFoundError as error:
        raise ServiceError(
            404, "file.missing", "This file is gone.", hint="The expansion may have been deleted just now."
        ) from error
    etag = f'"{sha256}"'
    if etag in [tag.strip() for tag in request.headers.get("If-None-Match", "").split(",")]:
        return Response(status_code=304, headers={"ETag": etag})
    digest = base64.b64encode(bytes.fromhex(sha256)).decode()
    return FileResponse(
        path,
        media_type=media_type,
        filename=name,
        headers={"ETag": etag, "Cache-Control": "private, no-cache", "Repr-Digest": f"sha-256=:{digest}:"},
        stat_result=found,
    )
