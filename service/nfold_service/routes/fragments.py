"""Parts of the page that show what the service knows; htmx puts them in place.

They only show. What changes something is asked of the API itself, by the page as by anybody else.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from sqlalchemy import Connection

from nfold_service.access import Reader, key_in
from nfold_service.context import Context
from nfold_service.keys import Caller
from nfold_service.models import Job, dataset_model, job_model
from nfold_service.overlays import Palette
from nfold_service.paging import page_of, read_cursor
from nfold_service.problems import ServiceError
from nfold_service.rendering import fragment
from nfold_service.routes.datasets import DatasetId
from nfold_service.routes.expansions import JobId, page_of_jobs
from nfold_service.routes.looks import page_of_sources
from nfold_service.routes.shared import TheContext, own_dataset, own_job
from nfold_service.routes.variations import tiles_of
from nfold_service.store import shelves
from nfold_service.terminal import command_line, curl_call
from nfold_service.wording import progress_of

router = APIRouter(prefix="/page", include_in_schema=False)

_PAST: Final = 50
_IN_STRIP: Final = 12
_IN_GALLERY: Final = 8
_DONE: Final = ("succeeded", "succeeded_with_errors")
_FINAL: Final = (*_DONE, "failed", "cancelled", "expired")

Cursor = Annotated[str | None, Query(max_length=200)]
Category = Annotated[str, Query(max_length=1_001, pattern="^(=|$)", description="'=' and a class; empty for all.")]
First = Annotated[int, Query(ge=0, le=2**40)]


@router.get("/history/expansions")
async def show_expansions(context: TheContext, caller: Reader, cursor: Cursor = None) -> HTMLResponse:
    """Those that were asked for, the newest first."""
    page = await page_of_jobs(context, caller, "expansion", _PAST, cursor)
    names = await context.store.run(_names, caller.owner, {job.dataset for job in page.jobs})
    return fragment("past_expansions", jobs=page.jobs, names=names, following=page.next, is_first=cursor is None)


def _names(connection: Connection, owner: str, identities: set[str]) -> dict[str, str]:
    found = [shelves.dataset_of(connection, identity, owner) for identity in identities]
    return {row.id: row.name for row in found if row is not None}


@router.get("/history/datasets")
async def show_datasets(context: TheContext, caller: Reader, cursor: Cursor = None) -> HTMLResponse:
    """Those that are there, the newest first."""
    rows = await context.store.run(shelves.datasets_of, caller.owner, most=_PAST + 1, after=read_cursor(cursor))
    page, following = page_of(rows, _PAST)
    return fragment(
        "past_datasets",
        datasets=[dataset_model(row) for row in page],
        following=following,
        is_first=cursor is None,
    )


@router.get("/datasets/{dataset}")
async def show_found(dataset: DatasetId, context: TheContext, caller: Reader) -> HTMLResponse:
    """What was found in a data set."""
    row = await own_dataset(context, caller, dataset)
    found = row.found or {}
    return fragment("found", dataset=dataset_model(row), found=found, palette=Palette(found), **_facts(found))


def _facts(found: dict[str, Any]) -> dict[str, Any]:
    """Classes, marked objects and splits, each once, with how many there are of them."""
    form, _, reason = str(found.get("format") or "").partition(" (")
    classes = [entry for entry in found.get("classes") or () if entry["category"] is not None]
    return {
        "form": form,
        "reason": "as was chosen" if found.get("read_as") else reason.removesuffix(")"),
        "classes": _summed(classes, "before"),
        "objects": _summed(found.get("objects") or (), "objects"),
        "splits": list(dict.fromkeys(entry["split"] for entry in found.get("classes") or () if entry["split"])),
    }


def _summed(entries: Any, count: str) -> list[tuple[str, int]]:
    sums: dict[str, int] = {}
    for entry in entries:
        sums[entry["category"]] = sums.get(entry["category"], 0) + (entry[count] or 0)
    return list(sums.items())


@router.get("/datasets/{dataset}/strip")
async def show_strip(dataset: DatasetId, context: TheContext, caller: Reader) -> HTMLResponse:
    """Some pictures of a data set, as they are."""
    row = await own_dataset(context, caller, dataset)
    made = await tiles_of(context, row, meaning="inference", most=_IN_STRIP, side=200)
    return fragment("strip", sources=made["sources"], palette=Palette(row.found))


@router.get("/expansions/{job}")
async def show_expansion(
    job: JobId,
    request: Request,
    context: TheContext,
    caller: Reader,
    comparison: Annotated[str | None, Query(max_length=40)] = None,
) -> HTMLResponse:
    """How far it is, or what came of it."""
    found = job_model(await own_job(context, caller, job, "expansion"))
    return _expansion(request, found, comparison)


def _expansion(request: Request, job: Job, comparison: str | None) -> HTMLResponse:
    # A link can send no key, and whoever needs one is shown a button in its place.
    has_key = key_in(request) is not None
    return fragment(
        "expansion",
        job=job,
        progress=progress_of(job.state, job.progress),
        is_final=job.state in _FINAL,
        is_done=job.state in _DONE,
        has_key=has_key,
        comparison=comparison,
        command=command_line(job.request),
        call=curl_call(job, _origin(request), has_key=has_key),
    )


def _origin(request: Request) -> str:
    """Of the service as the browser knows it; behind a proxy that is more than we see."""
    shown = request.headers.get("HX-Current-URL", "")
    scheme, _, rest = shown.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}" if rest else str(request.base_url).rstrip("/")


@router.get("/expansions/{job}/progress")
async def show_progress(
    job: JobId,
    request: Request,
    context: TheContext,
    caller: Reader,
    comparison: Annotated[str | None, Query(max_length=40)] = None,
) -> HTMLResponse:
    """Asked for every second while it runs; when it has ended, all of it comes and the asking stops."""
    found = job_model(await own_job(context, caller, job, "expansion"))
    if found.state in _FINAL:
        whole = _expansion(request, found, comparison)
        whole.headers.update({"HX-Retarget": "#work-body", "HX-Reswap": "innerHTML"})
        return whole
    return fragment("progress", job=found, progress=progress_of(found.state, found.progress))


@router.get("/comparisons/{job}")
async def show_comparison(job: JobId, request: Request, context: TheContext, caller: Reader) -> HTMLResponse:
    """How far it is, or its answer with the way to its report."""
    found = job_model(await own_job(context, caller, job, "comparison"))
    return fragment(
        "comparison",
        job=found,
        progress=progress_of(found.state, found.progress),
        is_final=found.state in _FINAL,
        is_done=found.state in _DONE,
        has_key=key_in(request) is not None,
    )


@router.get("/expansions/{job}/gallery")
async def show_gallery(
    job: JobId, context: TheContext, caller: Reader, first: First = 0, category: Category = ""
) -> HTMLResponse:
    """Originals beside their copies, some sources at a time."""
    wanted = category[1:] if category else None
    page = await page_of_sources(context, caller, job, first, _IN_GALLERY, wanted)
    row = await own_job(context, caller, job, "expansion")
    found = await _found(context, caller, row.dataset)
    return fragment(
        "gallery",
        job=job_model(row),
        first=first,
        page=page,
        category=category,
        before=max(0, first - _IN_GALLERY),
        classes=[name for name, _ in _facts(found)["classes"]],
        palette=Palette(found),
    )


@router.get("/expansions/{job}/made")
async def show_made(
    job: JobId,
    context: TheContext,
    caller: Reader,
    at: First = 0,
    copy: Annotated[int, Query(ge=0, le=2**31)] = 0,
    category: Category = "",
) -> HTMLResponse:
    """How a picture of the output was made: the copy of a source, told by where that stands in the gallery."""
    page = await page_of_sources(context, caller, job, at, 1, category[1:] if category else None)
    files = [(source, file) for source in page.sources for file in source.files if file["copy"] == copy]
    if not files:
        raise ServiceError(404, "file.missing", "There is no such picture in this output.", hint="Show the page anew.")
    row = await own_job(context, caller, job, "expansion")
    source, file = files[0]
    return fragment(
        "made", job=row.id, source=source, file=file, palette=Palette(await _found(context, caller, row.dataset))
    )


async def _found(context: Context, caller: Caller, dataset: str) -> dict[str, Any]:
    """What was found in a data set; nothing when it is gone, for its results may be there still."""
    row = await context.store.run(shelves.dataset_of, dataset, caller.owner)
    return (row.found or {}) if row is not None else {}
