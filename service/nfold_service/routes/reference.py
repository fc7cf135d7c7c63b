"""The API as a page for people, and figures for Prometheus."""

from __future__ import annotations

import asyncio
import shutil

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from nfold_service.access import Reader
from nfold_service.metrics import CONTENT_TYPE
from nfold_service.reference_page import STYLE, reference_page
from nfold_service.routes.shared import TheContext
from nfold_service.store.figures import job_figures

router = APIRouter(tags=["service"])


@router.get("/docs", include_in_schema=False)
async def show_reference(request: Request) -> HTMLResponse:
    """Made from the OpenAPI document; loads nothing from elsewhere, and runs nothing."""
    return HTMLResponse(await asyncio.to_thread(lambda: reference_page(request.app.openapi())))


@router.get("/docs/style.css", include_in_schema=False)
async def show_style() -> Response:
    """How that page looks."""
    return Response(STYLE, media_type="text/css")


@router.get(
    "/metrics",
    operation_id="metrics",
    summary="Figures for Prometheus",
    response_class=Response,
    responses={
        200: {
            "description": "In the text format of Prometheus.",
            "content": {"text/plain": {"schema": {"type": "string"}, "example": 'nfold_jobs{state="queued"} 0.0\n'}},
        }
    },
)
async def show_metrics(request: Request, context: TheContext, caller: Reader) -> Response:
    """Of the whole service, not of one owner; docs/service.md says what each means."""
    del caller
    usage = await asyncio.to_thread(shutil.disk_usage, context.places.root)
    text = context.metrics.text(
        jobs=await context.store.run(job_figures),
        uploads=context.uploads,
        crew_waiting=context.crew.waiting,
        jobs_at_work=request.app.state.supervisor.at_work,
        disk_free=usage.free,
    )
    return Response(text, headers={"Content-Type": CONTENT_TYPE})
