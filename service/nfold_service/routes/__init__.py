"""The paths of the API, by what they are about."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter

from nfold_service.routes import (
    comparisons,
    contents,
    datasets,
    expansions,
    health,
    recipes,
    reference,
    results,
    small,
    streams,
    uploads,
)

ROUTERS: Final[tuple[APIRouter, ...]] = (
    health.router,
    reference.router,
    small.router,
    datasets.router,
    contents.router,
    uploads.router,
    streams.router,
    expansions.router,
    results.router,
    comparisons.router,
    recipes.router,
)
