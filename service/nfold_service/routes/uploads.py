"""Resumable uploads over HTTP, as tus 1.0 has it."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response

from nfold_service.access import Writer
from nfold_service.context import Context
from nfold_service.keys import Caller
from nfold_service.problems import ServiceError
from nfold_service.receiving import chunks_of, one_upload, refuse_announced
from nfold_service.resumable import ALGORITHMS, Resumable, http_time, read_checksum
from nfold_service.routes.datasets import DatasetId
from nfold_service.routes.shared import ERRORS, TheContext, own_dataset, refusals
from nfold_service.store import UploadRow

router = APIRouter(prefix="/v1/datasets/{dataset}/uploads", tags=["uploads"], responses=ERRORS)

UploadId = Annotated[str, Path(max_length=40, pattern="^up_[0-9a-f]{20}$", examples=["up_0123456789abcdef0123"])]

VERSION = "1.0.0"
_MEDIA_TYPE = "application/offset+octet-stream"
_MOST_METADATA = 4_096

_CHUNK_CONTENT = {
    "content": {_MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}, "example": "the next bytes"}}
}
_BYTES = {"type": "integer", "minimum": 0, "maximum": 10**18 - 1}
_BASE64 = "[A-Za-z0-9+/]"


def _header(name: str, schema: dict[str, Any], example: Any, *, required: bool = True) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": required, "schema": schema, "example": example}


def _parameters(*headers: dict[str, Any]) -> dict[str, Any]:
    return {"parameters": [_header("Tus-Resumable", {"type": "string", "enum": [VERSION]}, VERSION), *headers]}


_LENGTH = _header("Upload-Length", {**_BYTES, "minimum": 1}, 1_048_576)
_METADATA = _header(
    "Upload-Metadata",
    {"type": "string", "maxLength": _MOST_METADATA, "pattern": f"^[a-z]+( ({_BASE64}{{4}})*)?$"},
    "filename Y2F0cy56aXA=",
    required=False,
)
_OFFSET = _header("Upload-Offset", _BYTES, 0)
_CHECKSUM = _header(
    "Upload-Checksum",
    {
        "type": "string",
        "pattern": f"^(sha1 {_BASE64}{{27}}=|sha256 {_BASE64}{{43}}=|sha512 {_BASE64}{{86}}==)$",
    },
    "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=",
    required=False,
)


def resumable_of(request: Request) -> Resumable:
    """The uploads of the service that answers."""
    resumable: Resumable = request.app.state.resumable
    return resumable


TheUploads = Annotated[Resumable, Depends(resumable_of)]


def tus_writer(request: Request, caller: Writer) -> Caller:
    """Whoever may write, and speaks this version: asked in this order, so that strangers learn nothing.

    Raises:
        ServiceError: 401, 403, 412.
    """
    if request.headers.get("Tus-Resumable") != VERSION:
        raise ServiceError(
            412,
            "upload.version",
            f"Resumable uploads are tus {VERSION}.",
            hint=f"Send 'Tus-Resumable: {VERSION}', or upload the archive at once: PUT .../content.",
            headers={"Tus-Version": VERSION, "Tus-Resumable": VERSION},
        )
    return caller


TusWriter = Annotated[Caller, Depends(tus_writer)]


@router.options("", status_code=204, operation_id="tus_options", summary="What resumable uploads can do here")
async def tus_options(dataset: DatasetId, context: TheContext) -> Response:
    """Needs no key: it tells nothing about a data set."""
    del dataset
    return Response(
        status_code=204,
        headers={
            "Tus-Resumable": VERSION,
            "Tus-Version": VERSION,
            "Tus-Extension": "creation,creation-with-upload,checksum,expiration,termination",
            "Tus-Max-Size": str(context.settings.max_archive_bytes),
            "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
        },
    )


@router.post(
    "",
    status_code=201,
    operation_id="create_upload",
    summary="Begin a resumable upload of an archive",
    response_class=Response,
    openapi_extra={"requestBody": {"required": False, **_CHUNK_CONTENT}, **_parameters(_LENGTH, _METADATA, _CHECKSUM)},
    responses=refusals(412, 415, 460),
)
async def create_upload(
    dataset: DatasetId, request: Request, context: TheContext, caller: TusWriter, uploads: TheUploads
) -> Response:
    """`Location` takes its bytes by PATCH; the first of them may come with this very request.

    When the last byte is there, the archive is unpacked.
    """
    row = await own_dataset(context, caller, dataset)
    length = _number(request, "Upload-Length")
    if length == 0:
        raise ServiceError(400, "upload.length", "An archive has at least one byte.", headers=_headers())
    details = _metadata(request.headers.get("Upload-Metadata", ""))
    has_bytes = _has_bytes(request)
    if has_bytes:
        refuse_announced(request, length, "The upload")
    read_checksum(request.headers.get("Upload-Checksum"))
    upload = await uploads.create(row, length, details)
    if has_bytes and upload.received == 0:
        upload = await _write(request, context, uploads, upload, 0)
    headers = {"Location": f"/v1/datasets/{dataset}/uploads/{upload.id}", "Upload-Offset": str(upload.received)}
    return Response(status_code=201, headers=_headers(upload, uploads) | headers)


@router.head(
    "/{upload}",
    operation_id="get_upload_offset",
    summary="How many bytes are there",
    response_class=Response,
    openapi_extra=_parameters(),
    responses=refusals(410, 412, 423),
)
async def upload_offset(
    dataset: DatasetId, upload: UploadId, context: TheContext, caller: TusWriter, uploads: TheUploads
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
    response_class=Response,
    openapi_extra={"requestBody": {"required": True, **_CHUNK_CONTENT}, **_parameters(_OFFSET, _CHECKSUM)},
    responses=refusals(410, 412, 415, 423, 460),
)
async def write_upload(
    dataset: DatasetId, upload: UploadId, request: Request, context: TheContext, caller: TusWriter, uploads: TheUploads
) -> Response:
    """From `Upload-Offset` on. A wrong offset is 409, a second writer 423, a wrong checksum 460; nothing is lost by them."""
    await own_dataset(context, caller, dataset)
    if not _has_bytes(request):
        raise _no_bytes()
    row = await uploads.find(caller.owner, dataset, upload)
    row = await _write(request, context, uploads, row, _number(request, "Upload-Offset"))
    return Response(status_code=204, headers=_headers(row, uploads) | {"Upload-Offset": str(row.received)})


@router.delete(
    "/{upload}",
    status_code=204,
    operation_id="delete_upload",
    summary="Give an upload up",
    response_class=Response,
    openapi_extra=_parameters(),
    responses=refusals(410, 412, 423),
)
async def delete_upload(
    dataset: DatasetId, upload: UploadId, context: TheContext, caller: TusWriter, uploads: TheUploads
) -> Response:
    """What was received is removed; of a finished upload the data set stays."""
    await own_dataset(context, caller, dataset)
    await uploads.remove(await uploads.find(caller.owner, dataset, upload))
    return Response(status_code=204, headers=_headers())


@router.post(
    "/{upload}",
    status_code=204,
    operation_id="override_upload",
    summary="PATCH or DELETE, for clients that can only POST",
    response_class=Response,
    openapi_extra={
        "requestBody": {"required": False, **_CHUNK_CONTENT},
        **_parameters(
            _header("X-HTTP-Method-Override", {"type": "string", "enum": ["PATCH", "DELETE"]}, "PATCH"),
            {**_OFFSET, "required": False},
            _CHECKSUM,
        ),
    },
    responses=refusals(410, 412, 415, 423, 460),
)
async def override_upload(
    dataset: DatasetId, upload: UploadId, request: Request, context: TheContext, caller: TusWriter, uploads: TheUploads
) -> Response:
    """`X-HTTP-Method-Override` names the method that is meant."""
    method = request.headers.get("X-HTTP-Method-Override", "")
    if method == "PATCH":
        return await write_upload(dataset, upload, request, context, caller, uploads)
    if method == "DELETE":
        return await delete_upload(dataset, upload, context, caller, uploads)
    await own_dataset(context, caller, dataset)
    raise ServiceError(400, "upload.header", "X-HTTP-Method-Override is neither PATCH nor DELETE.", headers=_headers())


async def _write(request: Request, context: Context, uploads: Resumable, row: UploadRow, offset: int) -> UploadRow:
    announced = request.headers.get("Content-Length", "")
    with one_upload(context):
        return await uploads.write(
            row,
            offset,
            int(announced) if announced.isdecimal() else None,
            chunks_of(request, context),
            request.headers.get("Upload-Checksum"),
        )


def _has_bytes(request: Request) -> bool:
    """Whether a chunk comes with a request.

    Raises:
        ServiceError: 415 for a body of another kind.
    """
    kind = request.headers.get("Content-Type", "").partition(";")[0].strip()
    if kind not in ("", _MEDIA_TYPE):
        raise _no_bytes()
    return kind == _MEDIA_TYPE


def _no_bytes() -> ServiceError:
    return ServiceError(415, "upload.media_type", f"The bytes come as {_MEDIA_TYPE}.", headers=_headers())


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
            value = base64.b64decode(text.strip(), validate=True)  # of any kind, as the protocol has it
        except (binascii.Error, ValueError) as error:
            raise ServiceError(
                400, "upload.metadata", f"'{name}' of Upload-Metadata is no base64.", headers=_headers()
            ) from error
        if name == "filename":
            found["filename"] = value.decode("utf-8", "replace")
    return found
