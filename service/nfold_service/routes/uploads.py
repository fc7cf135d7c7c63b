"""Resumable uploads over HTTP, as tus 1.0 has it."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response

from nfold_service.access import Writer
from nfold_service.problems import ServiceError
from nfold_service.receiving import chunks_of, one_upload
from nfold_service.resumable import ALGORITHMS, Resumable, http_time
from nfold_service.routes.datasets import DatasetId
from nfold_service.routes.shared import ERRORS, TheContext, own_dataset
from nfold_service.store import UploadRow

router = APIRouter(prefix="/v1/datasets/{dataset}/uploads", tags=["resumable uploads"], responses=ERRORS)

UploadId = Annotated[str, Path(max_length=40, pattern="^up_[0-9a-f]{20}$", examples=["up_0123456789abcdef0123"])]

VERSION = "1.0.0"
_MEDIA_TYPE = "application/offset+octet-stream"
_MOST_METADATA = 4_096

_CHUNK_BODY = {
    "requestBody": {"required": True, "content": {_MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}}
}


def _header(name: str, example: str, *, required: bool = True) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": required, "schema": {"type": "string"}, "example": example}


_TUS = _header("Tus-Resumable", VERSION)


def resumable_of(request: Request) -> Resumable:
    """The uploads of the service that answers."""
    resumable: Resumable = request.app.state.resumable
    return resumable


TheUploads = Annotated[Resumable, Depends(resumable_of)]


def speaks_tus(request: Request) -> None:
    """Refuse clients of another version.

    Raises:
        ServiceError: 412.
    """
    if request.headers.get("Tus-Resumable") != VERSION:
        raise ServiceError(
            412,
            "upload.version",
            f"Resumable uploads are tus {VERSION}.",
            hint=f"Send 'Tus-Resumable: {VERSION}', or upload the archive at once: PUT .../content.",
            headers={"Tus-Version": VERSION, "Tus-Resumable": VERSION},
        )


@router.options("", status_code=204, operation_id="tus_options", summary="What resumable uploads can do here")
async def tus_options(dataset: DatasetId, context: TheContext) -> Response:
    """Needs no key: it tells nothing about a data set."""
    del dataset
    return Response(
        status_code=204,
        headers={
            "Tus-Resumable": VERSION,
            "Tus-Version": VERSION,
            "Tus-Extension": "creation,checksum,expiration,termination",
            "Tus-Max-Size": str(context.settings.max_archive_bytes),
            "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
        },
    )


@router.post(
    "",
    status_code=201,
    operation_id="create_upload",
    summary="Begin a resumable upload of an archive",
    dependencies=[Depends(speaks_tus)],
    openapi_extra={
        "parameters": [
            _TUS,
            _header("Upload-Length", "1048576"),
            _header("Upload-Metadata", "filename Y2F0cy56aXA=", required=False),
        ]
    },
)
async def create_upload(
    dataset: DatasetId, request: Request, context: TheContext, caller: Writer, uploads: TheUploads
) -> Response:
    """`Location` takes its bytes by PATCH. When the last byte is there, the archive is unpacked."""
    row = await own_dataset(context, caller, dataset)
    length = _number(request, "Upload-Length")
    if length == 0:
        raise ServiceError(400, "upload.length", "An archive has at least one byte.", headers=_headers())
    details = _metadata(request.headers.get("Upload-Metadata", ""))
    upload = await uploads.create(row, length, details)
    headers = _headers(upload, uploads) | {"Location": f"/v1/datasets/{dataset}/uploads/{upload.id}"}
    return Response(status_code=201, headers=headers)


@router.head(
    "/{upload}",
    operation_id="get_upload_offset",
    summary="How many bytes are there",
    dependencies=[Depends(speaks_tus)],
    openapi_extra={"parameters": [_TUS]},
)
async def upload_offset(
    dataset: DatasetId, upload: UploadId, context: TheContext, caller: Writer, uploads: TheUploads
) -> Response:
    """`Upload-Offset`; a request that still writes this upload is asked to save and stop first."""
    await own_dataset(context, caller, dataset)
    await uploads.stop_writer(await uploads.find(caller.owner, dataset, upload))
    row = await uploads.find(caller.owner, dataset, upload)
    headers = _headers(row, uploads) | {
        "Upload-Offset": str(row.received),
        "Upload-Length": str(row.length),
        "Cache-Control": "no-store",
    }
    if "metadata" in row.details:
        headers["Upload-Metadata"] = row.details["metadata"]
    return Response(status_code=200, headers=headers)


@router.patch(
    "/{upload}",
    status_code=204,
    operation_id="write_upload",
    summary="The next bytes",
    dependencies=[Depends(speaks_tus)],
    openapi_extra={
        **_CHUNK_BODY,
        "parameters": [
            _TUS,
            _header("Upload-Offset", "0"),
            _header("Upload-Checksum", "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=", required=False),
        ],
    },
)
async def write_upload(
    dataset: DatasetId, upload: UploadId, request: Request, context: TheContext, caller: Writer, uploads: TheUploads
) -> Response:
    """From `Upload-Offset` on. A wrong offset is 409, a second writer 423, a wrong checksum 460; nothing is lost by them."""
    await own_dataset(context, caller, dataset)
    if request.headers.get("Content-Type", "").partition(";")[0].strip() != _MEDIA_TYPE:
        raise ServiceError(415, "upload.media_type", f"The bytes come as {_MEDIA_TYPE}.", headers=_headers())
    row = await uploads.find(caller.owner, dataset, upload)
    offset = _number(request, "Upload-Offset")
    announced = request.headers.get("Content-Length", "")
    with one_upload(context):
        row = await uploads.write(
            row,
            offset,
            int(announced) if announced.isdecimal() else None,
            chunks_of(request, context),
            request.headers.get("Upload-Checksum"),
        )
    return Response(status_code=204, headers=_headers(row, uploads) | {"Upload-Offset": str(row.received)})


@router.delete(
    "/{upload}",
    status_code=204,
    operation_id="delete_upload",
    summary="Give an upload up",
    dependencies=[Depends(speaks_tus)],
    openapi_extra={"parameters": [_TUS]},
)
async def delete_upload(
    dataset: DatasetId, upload: UploadId, context: TheContext, caller: Writer, uploads: TheUploads
) -> Response:
    """What was received is removed; of a finished upload the data set stays."""
    await own_dataset(context, caller, dataset)
    await uploads.remove(await uploads.find(caller.owner, dataset, upload))
    return Response(status_code=204, headers=_headers())


def _headers(row: UploadRow | None = None, uploads: Resumable | None = None) -> dict[str, str]:
    headers = {"Tus-Resumable": VERSION}
    if row is not None and uploads is not None and row.state == "open":
        headers["Upload-Expires"] = http_time(uploads.expires(row))
    return headers


def _number(request: Request, header: str) -> int:
    text = request.headers.get(header, "")
    if not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise ServiceError(400, "upload.header", f"{header} is no number of bytes.", headers=_headers())
    return int(text)


def _metadata(header: str) -> dict[str, Any]:
    """Pairs of a name and base64; `filename` in words, the whole for HEAD."""
    if len(header) > _MOST_METADATA:
        raise ServiceError(400, "upload.metadata", f"Upload-Metadata has more than {_MOST_METADATA:,} bytes.")
    found: dict[str, Any] = {"metadata": header} if header else {}
    for pair in filter(None, (part.strip() for part in header.split(","))):
        name, _, text = pair.partition(" ")
        try:
            value = base64.b64decode(text.strip(), validate=True).decode("utf-8")
        except (binascii.Error, ValueError) as error:
            raise ServiceError(
                400, "upload.metadata", f"'{name}' of Upload-Metadata is no base64 of UTF-8.", headers=_headers()
            ) from error
        if name == "filename":
            found["filename"] = value
    return found
