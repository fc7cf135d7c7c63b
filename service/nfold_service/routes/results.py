"""What came of an expansion, piece by piece: files, manifest, report, preview."""

from __future__ import annotations

import asyncio
import hashlib
import mimetypes
from collections.abc import AsyncIterator
from pathlib import Path as FilePath
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import FileResponse, StreamingResponse

from nfold.card import CARD
from nfold_service.access import Reader
from nfold_service.listing import names_after
from nfold_service.paging import link_next
from nfold_service.problems import ServiceError
from nfold_service.routes.expansions import JobId, finished, stored_file
from nfold_service.routes.shared import ERRORS, TheContext, answers_like, own_job
from nfold_service.work.packing import manifest_parts, manifest_rows, plain_card

router = APIRouter(prefix="/v1/expansions/{job}", tags=["results"], responses=ERRORS)

_PRIVATE = ".nfold"


@router.get(
    "/files",
    operation_id="list_result_files",
    summary="Names of the files, in pages",
    responses=answers_like(
        {
            "files": [
                {
                    "name": "cat/a_1.jpg",
                    "bytes": 48_213,
                    "link": "/v1/expansions/job_0123456789abcdef0123/files/cat/a_1.jpg",
                }
            ],
            "next": None,
        }
    ),
)
async def list_files(
    job: JobId,
    request: Request,
    response: Response,
    context: TheContext,
    caller: Reader,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 200,
    after: Annotated[str, Query(max_length=4_096, description="The last name of the page before.")] = "",
) -> dict[str, Any]:
    """In the order of their names."""
    row = await finished(context, await own_job(context, caller, job, "expansion"))
    output = context.places.output(row.id)
    names = await asyncio.to_thread(names_after, output, after, limit + 1, private=_PRIVATE)
    page = names[:limit]
    following = page[-1][0] if len(names) > limit else None
    link_next(request, response, after=following)
    base = f"/v1/expansions/{row.id}/files"
    return {
        "files": [{"name": name, "bytes": size, "link": f"{base}/{_quoted(name)}"} for name, size in page],
        "next": following,
    }


@router.head(
    "/files/{name:path}", operation_id="look_at_file", summary="Length and ETag of one file", response_class=Response
)
@router.get("/files/{name:path}", operation_id="download_file", summary="One file", response_class=FileResponse)
async def download_file(
    job: JobId, name: Annotated[str, Path(max_length=4_096)], request: Request, context: TheContext, caller: Reader
) -> Response:
    """An image, a mask or a label file, by its name in the output."""
    row = await finished(context, await own_job(context, caller, job, "expansion"))
    root = context.places.output(row.id)
    path = await asyncio.to_thread(file_below, root, name)
    if path is None:
        raise ServiceError(404, "file.missing", "There is no such file in this output.", hint="See the list of files.")
    media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    if media_type not in ("image/jpeg", "image/png", "image/webp", "image/bmp", "image/tiff", "application/json"):
        media_type = "text/plain; charset=utf-8"  # never a type that a browser would run
    if name == CARD:
        return Response(plain_card(await asyncio.to_thread(path.read_bytes)), media_type="application/json")
    return stored_file(request, path, path.name, media_type, await asyncio.to_thread(_digest, path))


@router.get(
    "/manifest",
    operation_id="get_manifest",
    summary="How each file was made (JSON lines)",
    response_class=Response,
    responses=answers_like('{"file": "cat/a_1.jpg", "source": "cat/a.jpg", "copy": 1}\n', "application/jsonl"),
)
async def get_manifest(job: JobId, context: TheContext, caller: Reader) -> Response:
    """One JSON object a line: file, source, copy, digests, transforms with their parameters, labels kept and dropped."""
    row = await finished(context, await own_job(context, caller, job, "expansion"))
    return StreamingResponse(_manifest(context.places.output(row.id)), media_type="application/jsonl")


@router.get("/report", operation_id="get_report", summary="What the run says of itself", response_class=FileResponse)
async def get_report(job: JobId, context: TheContext, caller: Reader) -> Response:
    """The report of `nfold expand --json`."""
    row = await finished(context, await own_job(context, caller, job, "expansion"))
    return FileResponse(context.places.job_home(row.id) / "report.json", media_type="application/json")


@router.get(
    "/preview", operation_id="get_preview", summary="A sheet of originals and copies", response_class=FileResponse
)
async def get_preview(
    job: JobId,
    context: TheContext,
    caller: Reader,
    sources: Annotated[int, Query(ge=1, le=20)] = 4,
    copies: Annotated[int, Query(ge=1, le=10)] = 5,
) -> Response:
    """A PNG; made when it is first asked for."""
    row = await finished(context, await own_job(context, caller, job, "expansion"))
    path = context.places.job_home(row.id) / f"preview-{sources}-{copies}.png"
    if not path.exists():
        await context.crew.do(
            "preview",
            # A small expansion has no data set, and keeps its sources with it.
            source=str(
                context.places.dataset(row.dataset) if row.dataset else context.places.job_home(row.id) / "source"
            ),
            target=str(path),
            request=row.request,
            sources=sources,
            copies=copies,
        )
    return FileResponse(path, media_type="image/png")


def file_below(root: FilePath, name: str) -> FilePath | None:
    """A file of an output by its name; None when there is none, or the name leads elsewhere."""
    path = root / name
    if "\0" in name or name.startswith("/") or ".." in name.split("/") or name.split("/")[0] == _PRIVATE:
        return None
    try:
        return path if path.is_file() else None
    except OSError:  # a name that is too long for any file
        return None


def _digest(path: FilePath) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _quoted(name: str) -> str:
    return quote(name)


async def _manifest(output: FilePath) -> AsyncIterator[bytes]:
    for part in await asyncio.to_thread(manifest_parts, output):
        yield await asyncio.to_thread(_joined, part)


def _joined(part: FilePath) -> bytes:
    return b"".join(manifest_rows(part))
