"""Whether the service lives, is ready, and what it allows."""

from __future__ import annotations

import shutil
from typing import Any

from fastapi import APIRouter
from sqlalchemy import text

from nfold.versions import nfold_version
from nfold_service.access import Reader
from nfold_service.problems import ServiceError
from nfold_service.routes.shared import TheContext, answers_like
from nfold_service.settings import limits

router = APIRouter(tags=["service"])


@router.get(
    "/healthz",
    operation_id="healthz",
    summary="The process lives",
    responses=answers_like({"status": "ok", "version": "0.1.0"}),
)
async def healthz() -> dict[str, str]:
    """Needs no key, touches nothing."""
    return {"status": "ok", "version": nfold_version()}


@router.get(
    "/readyz",
    operation_id="readyz",
    summary="The store answers and there is room on the disk",
    responses={
        **answers_like({"status": "ready", "version": "0.1.0"}),
        503: {"description": "It is ending, or there is too little room on the disk."},
    },
)
async def readyz(context: TheContext) -> dict[str, str]:
    """Needs no key."""
    if context.ending.is_set():
        raise ServiceError(503, "service.ending", "The service is ending.", headers={"Retry-After": "10"})
    await context.store.run(lambda connection: connection.execute(text("select 1")).scalar())
    free = shutil.disk_usage(context.places.root).free
    if free < context.settings.disk_reserve_bytes:
        raise ServiceError(503, "disk.full", "There is too little room on the disk.", headers={"Retry-After": "600"})
    return {"status": "ready", "version": nfold_version()}


@router.get(
    "/v1/limits",
    operation_id="limits",
    summary="What the service allows",
    responses=answers_like({"max_image_pixels": 50_000_000, "max_copies": 1_000, "stall_seconds": 30.0}),
)
async def show_limits(context: TheContext, caller: Reader) -> dict[str, Any]:
    """Every limit by the name of its setting."""
    del caller
    return limits(context.settings)
