"""The paths of the API, by what they are about."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter

from nfold_service.routes import (
    comparisons,
    contents,
    datasets,
    expansions,
    fragments,
    health,
    looks,
    page,
    recipes,
    reference,
    results,
    small,
    streams,
    trials,
    uploads,
    variations,
)

ROUTERS: Final[tuple[APIRouter, ...]] = (
    health.router,
    page.router,
    fragments.router,
    reference.router,
    small.router,
    datasets.router,
    contents.router,
    uploads.router,
    streams.router,
    variations.router,
    expansions.router,
    results.router,
    looks.router,
    comparisons.router,
    recipes.router,
    trials.router,
)
