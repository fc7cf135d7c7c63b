"""What goes into a data set: an archive in one body, a form with an archive or files, or one file after the other."""

from __future__ import annotations

from pathlib import Path as FilePath

from fastapi import APIRouter, Request

from nfold_service.access import Writer
from nfold_service.context import Context
from nfold_service.landing import Landing, refuse_announced_disk, refuse_wrong_digest, wanted_sha256
from nfold_service.models import Dataset, dataset_model
from nfold_service.problems import ServiceError
from nfold_service.receiving import chunks_of, one_upload, refuse_announced
from nfold_service.routes.datasets import DatasetId, TheArrivals
from nfold_service.routes.shared import ERRORS, TheContext, own_dataset
from nfold_service.store import DatasetRow
from nfold_service.work.signatures import ENOUGH, archive_kind

router = APIRouter(prefix="/v1/datasets/{dataset}", tags=["data sets"], responses=ERRORS)

_BINARY = {"schema": {"type": "string", "format": "binary"}}
_ARCHIVE_BODY = {
    "requestBody": {
        "required": True,
        "content": dict.fromkeys(
            ("application/zip", "application/x-tar", "application/gzip", "application/octet-stream"), _BINARY
        ),
    }
}


@router.put(
    "/content",
    status_code=202,
    operation_id="put_content",
    summary="Upload an archive as the body",
    openapi_extra=_ARCHIVE_BODY,
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
    with one_upload(context), arrivals.coming(row.id, "archive"):
        refuse_announced_disk(request, context)
        await arrivals.open_for(row, "archive")
        try:
            with archive_landing(context, row) as landing:
                async for chunk in chunks_of(request, context):
                    await landing.write(chunk)
                refuse_wrong_digest(wanted, await landing.finish())
        except BaseException:
            received_path(context, row).unlink(missing_ok=True)
            await arrivals.give_up(row.id)
            raise
        await arrivals.accept_archive(row.id, received_path(context, row))
    return dataset_model(await own_dataset(context, caller, dataset))


def archive_landing(context: Context, row: DatasetRow) -> Landing:
    """Where an archive comes to lie until it is whole."""
    return Landing(
        context,
        received_path(context, row),
        most=context.settings.max_archive_bytes,
        what="The archive",
        check_start=refuse_no_archive,
        start_bytes=ENOUGH,
    )


def received_path(context: Context, row: DatasetRow) -> FilePath:
    """Its name in staging."""
    return context.places.staging / f"{row.id}.archive"


def refuse_no_archive(start: bytes) -> None:
    """Refuse what is no archive by its first bytes.

    Raises:
        ServiceError: 415.
    """
    if archive_kind(start) is None:
        raise ServiceError(
            415,
            "archive.unknown",
            "This is no zip and no tar archive.",
            hint="Upload .zip, .tar, .tar.gz, .tar.bz2 or .tar.xz; single files go to /v1/datasets/{id}/files/{path}.",
        )
