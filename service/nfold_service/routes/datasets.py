"""Data sets: make one, see what it is, list its files, delete it."""

from __future__ import annotations

import asyncio
import base64
import binascii
import shutil
from pathlib import Path as FilePath
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from nfold_service.access import Reader, Writer
from nfold_service.arrivals import Arrivals, busy
from nfold_service.context import new_id
from nfold_service.models import Dataset, DatasetFile, DatasetFilePage, DatasetPage, NewDataset, dataset_model
from nfold_service.paging import link_next, page_of, read_cursor
from nfold_service.problems import ServiceError
from nfold_service.routes.shared import ERRORS, TheContext, own_dataset
from nfold_service.store import shelves
from nfold_service.work.catalogue import opened

router = APIRouter(prefix="/v1/datasets", tags=["data sets"], responses=ERRORS)

DatasetId = Annotated[str, Path(max_length=40, pattern="^ds_[0-9a-f]{20}$", examples=["ds_0123456789abcdef0123"])]


def arrivals_of(request: Request) -> Arrivals:
    """What watches over data sets that are not ready."""
    arrivals: Arrivals = request.app.state.arrivals
    return arrivals


TheArrivals = Annotated[Arrivals, Depends(arrivals_of)]


@router.post("", status_code=201, operation_id="create_dataset", summary="Make a data set")
async def create_dataset(
    response: Response, context: TheContext, caller: Writer, body: NewDataset | None = None
) -> Dataset:
    """It is empty; `links.content` takes an archive, `links.files` single files, `links.uploads` resumable uploads."""
    context.refuse_full_disk()
    name = (body or NewDataset.model_construct(name="data set")).name
    row = await context.store.run(shelves.add_dataset, identity=new_id("ds"), owner=caller.owner, name=name)
    response.headers["Location"] = f"/v1/datasets/{row.id}"
    return dataset_model(row)


@router.get("", operation_id="list_datasets", summary="Your data sets, the newest first")
async def list_datasets(
    request: Request,
    response: Response,
    context: TheContext,
    caller: Reader,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> DatasetPage:
    """In pages; `next` is the cursor of the next one."""
    rows = await context.store.run(shelves.datasets_of, caller.owner, most=limit + 1, after=read_cursor(cursor))
    page, following = page_of(rows, limit)
    link_next(request, response, cursor=following)
    return DatasetPage(datasets=[dataset_model(row) for row in page], next=following)


@router.get("/{dataset}", operation_id="get_dataset", summary="What it is, and how far")
async def get_dataset(dataset: DatasetId, context: TheContext, caller: Reader) -> Dataset:
    """`files` and `bytes` grow while it is unpacked; `found` tells format, classes and counts once it is ready."""
    return dataset_model(await own_dataset(context, caller, dataset))


@router.delete("/{dataset}", status_code=204, operation_id="delete_dataset", summary="Delete it with its files")
async def delete_dataset(dataset: DatasetId, context: TheContext, caller: Writer, arrivals: TheArrivals) -> Response:
    """Refused (409) while a job of it waits or runs, or a body for it is coming in; unpacking is stopped.

    Expansions of it that have ended stay.
    """
    row = await own_dataset(context, caller, dataset)
    if arrivals.is_coming(row.id):
        raise busy("Files for this data set are coming in.", hint="Stop the upload, then delete it.")
    uploads = await context.store.run(shelves.uploads_of, row.id)
    if not await context.store.run(shelves.remove_idle_dataset, row.id):
        raise ServiceError(
            409,
            "dataset.in_use",
            "A job of this data set waits or runs.",
            hint="Cancel it, or wait until it has ended.",
        )
    await arrivals.stop(row.id)
    await asyncio.to_thread(shutil.rmtree, context.places.dataset_home(row.id), ignore_errors=True)
    for upload in uploads:
        await asyncio.to_thread(context.places.upload(upload.id).unlink, missing_ok=True)
    return Response(status_code=204)


@router.get("/{dataset}/files", operation_id="list_dataset_files", summary="Its files, by path")
async def list_files(
    dataset: DatasetId,
    request: Request,
    response: Response,
    context: TheContext,
    caller: Reader,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    cursor: Annotated[str | None, Query(max_length=2000)] = None,
) -> DatasetFilePage:
    """In pages; `next` is the cursor of the next one."""
    row = await own_dataset(context, caller, dataset)
    after = _read_path(cursor)
    rows = await asyncio.to_thread(_page, context.places.catalogue(row.id), after, limit + 1)
    following = _cursor_of(rows[limit - 1][0]) if len(rows) > limit else None
    link_next(request, response, cursor=following)
    return DatasetFilePage(files=[DatasetFile(path=path, bytes=size) for path, size in rows[:limit]], next=following)


def _page(path: FilePath, after: str, most: int) -> list[tuple[str, int]]:
    if not path.exists():
        return []
    with opened(path) as catalogue:
        return catalogue.page(after, most)


def _cursor_of(path: str) -> str:
    return base64.urlsafe_b64encode(path.encode()).decode()


def _read_path(cursor: str | None) -> str:
    try:
        return base64.b64decode(cursor or "", altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise ServiceError(
            422, "request.cursor", "This is no cursor.", hint="Give `next` of the page before."
        ) from error
