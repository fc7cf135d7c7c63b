"""The web page at `/`: a template, modules and a style of our own, and the pictures to try it with.

They ask for no key: nothing of anybody is in them. What the page shows it fetches from the API, with a key.
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
import importlib.resources
import io
import zipfile
from typing import Annotated, Final

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import HTMLResponse

from nfold.recipe import DEFAULT_PRESET, PRESETS, load_recipe
from nfold.versions import nfold_version
from nfold_service.problems import ServiceError
from nfold_service.rendering import rendered

router = APIRouter(include_in_schema=False)

_WEB: Final = importlib.resources.files("nfold_service") / "web"
_TYPES: Final = {
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml; charset=utf-8",
}


@functools.cache
def _static() -> dict[str, bytes]:
    folders = (_WEB / "static", _WEB / "vendor")
    files = [one for folder in folders for one in folder.iterdir() if one.name.rpartition(".")[2] in _TYPES]
    return {one.name: one.read_bytes() for one in files}


@functools.cache
def _version() -> str:
    """Changes with any of the files, so that they may be kept for ever under their address."""
    digest = hashlib.sha256()
    for name, data in sorted(_static().items()):
        digest.update(f"{name}:{len(data)}:".encode() + data)
    return digest.hexdigest()[:12]


@functools.cache
def _html() -> str:
    presets = [(name, load_recipe(name).description) for name in PRESETS]
    return rendered(
        "page",
        static=f"/static/{_version()}",
        presets=presets,
        default_preset=DEFAULT_PRESET,
        version=nfold_version(),
    )


@functools.cache
def _example() -> bytes:
    """The pictures as a zip, always the same bytes."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_STORED) as archive:
        for folder in sorted((_WEB / "example").iterdir(), key=lambda one: one.name):
            for file in sorted(folder.iterdir(), key=lambda one: one.name) if folder.is_dir() else [folder]:
                name = f"{folder.name}/{file.name}" if folder.is_dir() else file.name
                if name.endswith((".jpg", ".csv")):
                    archive.writestr(zipfile.ZipInfo(name), file.read_bytes())
    return held.getvalue()


@router.get("/")
async def show_page() -> HTMLResponse:
    """For whoever never opens a terminal."""
    return HTMLResponse(await asyncio.to_thread(_html), headers={"Cache-Control": "no-cache"})


@router.get("/static/{version}/{name}")
async def show_static(
    request: Request, version: Annotated[str, Path(max_length=40)], name: Annotated[str, Path(max_length=100)]
) -> Response:
    """Modules and style."""
    del request
    found = (await asyncio.to_thread(_static)).get(name)
    if found is None:
        raise ServiceError(404, "file.missing", "There is no such file of the page.")
    is_current = version == _version()
    return Response(
        found,
        media_type=_TYPES[name.rpartition(".")[2]],
        headers={"Cache-Control": "public, max-age=31536000, immutable" if is_current else "no-store"},
    )


@router.get("/example.zip")
async def show_example() -> Response:
    """Five photographs in four classes, free to use."""
    return Response(await asyncio.to_thread(_example), media_type="application/zip")
