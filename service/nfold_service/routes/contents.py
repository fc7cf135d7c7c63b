"""What goes into a data set: an archive in one body, a form with an archive or files, or one file after the other."""

from __future__ import annotations

import contextlib
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from nfold.formats import format_named
from nfold_service.access import Writer
from nfold_service.filling import checked_path, drop_file, most_bytes, store_file
from nfold_service.forms import pieces_of
from nfold_service.landing import refuse_announced_disk, wanted_sha256
from nfold_service.models import Dataset, DatasetFile, dataset_model
from nfold_service.problems import ServiceError
from nfold_service.receiving import chunks_of, one_upload, refuse_announced
from nfold_service.routes.datasets import DatasetId, TheArrivals
from nfold_service.routes.shared import ERRORS, TheContext, own_dataset, refusals
from nfold_service.taking import Counted, take_archive, take_form
from nfold_service.work.names import shown

router = APIRouter(prefix="/v1/datasets/{dataset}", tags=["data sets"], responses=ERRORS)

_BINARY = {"schema": {"type": "string", "format": "binary"}}
_ARCHIVE_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/zip": _BINARY,
            "application/x-tar": _BINARY,
            "application/gzip": _BINARY,
            "application/octet-stream": _BINARY,
        },
    }
}
_FORM_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {"file": {"type": "array", "items": {"type": "string", "format": "binary"}}},
                }
            }
        },
    }
}

FilePathParameter = Annotated[str, Path(max_length=1024, examples=["cats/one.jpg"])]


@router.put(
    "/content",
    status_code=202,
    operation_id="put_content",
    summary="Upload an archive as the body",
    openapi_extra=_ARCHIVE_BODY,
    responses=refusals(415),
)
async def put_content(
    dataset: DatasetId, request: Request, context: TheContext, caller: Writer, arrivals: TheArrivals
) -> Dataset:
    """A zip, tar, tar.gz, tar.bz2 or tar.xz, told by its first bytes; unpacked in the background.

    `Content-Digest` or `Repr-Digest` with sha-256 is checked. An upload that is cut leaves the data set empty.
    """
    row = await own_dataset(context, caller, dataset)
    most = context.settings.max_archive_bytes
    refuse_announced(request, most, "The archive")
    wanted = wanted_sha256(request)
    with one_upload(context):
        refuse_announced_disk(request, context)
        await take_archive(context, arrivals, row, chunks_of(request, context), wanted)
    return dataset_model(await own_dataset(context, caller, dataset))


@router.post(
    "/content",
    status_code=202,
    operation_id="post_content",
    summary="Upload a form: one archive, or images and label files",
    openapi_extra=_FORM_BODY,
    responses=refusals(415),
)
async def post_content(
    dataset: DatasetId, request: Request, context: TheContext, caller: Writer, arrivals: TheArrivals
) -> Dataset:
    """One archive is unpacked as by `PUT`. Files are kept under their file names, which may hold folders.

    What is neither an image nor a label file is passed over. After the last form, `POST /v1/datasets/{id}/inspect`
    makes the data set ready.
    """
    row = await own_dataset(context, caller, dataset)
    refuse_announced(request, context.settings.max_archive_bytes, "The form")
    with one_upload(context):
        refuse_announced_disk(request, context)
        async with contextlib.aclosing(pieces_of(request, context)) as pieces:
            await take_form(context, arrivals, row, pieces)
    return dataset_model(await own_dataset(context, caller, dataset))


@router.put(
    "/files/{path:path}",
    status_code=201,
    operation_id="put_file",
    summary="Upload one image or label file",
    openapi_extra={"requestBody": {"required": True, "content": {"application/octet-stream": _BINARY}}},
    responses={200: {"model": DatasetFile, "description": "It took the place of an older one."}, **refusals(415)},
)
async def put_file(
    dataset: DatasetId,
    path: FilePathParameter,
    request: Request,
    response: Response,
    context: TheContext,
    caller: Writer,
    arrivals: TheArrivals,
) -> DatasetFile:
    """Relative path within the data set. After the last file, `POST /v1/datasets/{id}/inspect` makes it ready."""
    row = await own_dataset(context, caller, dataset)
    name = checked_path(context, path)
    refuse_announced(request, most_bytes(context, name), f"'{shown(name)}'")
    wanted = wanted_sha256(request)
    counted = Counted(chunks_of(request, context))
    with one_upload(context):
        refuse_announced_disk(request, context)
        async with arrivals.receiving(row, "files"):
            if not await store_file(context, row, name, counted, wanted):
                response.status_code = 200
    return DatasetFile(path=name, bytes=counted.bytes)


@router.delete(
    "/files/{path:path}",
    status_code=204,
    operation_id="delete_file",
    summary="Take a file out of a data set",
    responses=refusals(415),
)
async def delete_file(
    dataset: DatasetId, path: FilePathParameter, context: TheContext, caller: Writer, arrivals: TheArrivals
) -> Response:
    """As long as the data set is not ready."""
    row = await own_dataset(context, caller, dataset)
    name = checked_path(context, path)
    async with arrivals.receiving(row, "files"):
        if not await drop_file(context, row, name):
            raise ServiceError(404, "file.missing", f"There is no file '{shown(name)}' in the data set.")
    return Response(status_code=204)


@router.post("/inspect", status_code=202, operation_id="inspect_dataset", summary="All files are there: make it ready")
async def inspect_dataset(
    dataset: DatasetId,
    context: TheContext,
    caller: Writer,
    arrivals: TheArrivals,
    read_as: Annotated[
        str | None,
        Query(alias="format", max_length=40, description="Read it in this format instead of recognising it."),
    ] = None,
) -> Dataset:
    """For data sets that are filled file by file or by forms; also after a broken one was mended by more files.

    One that holds several label sets is broken until `format` chooses one of them (its problem lists the `choices`); it
    is then read so by everything that is made of it.
    """
    if read_as is not None:
        format_named(read_as)
    await arrivals.inspect(await own_dataset(context, caller, dataset), read_as)
    return dataset_model(await own_dataset(context, caller, dataset))
