"""The application: settings in, FastAPI out."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import secrets
import time
from collections.abc import AsyncIterator

import structlog
from fastapi import FastAPI, Request, Response
from starlette.middleware.base import RequestResponseEndpoint

from nfold.errors import UsageError
from nfold.versions import nfold_version
from nfold_service import problems
from nfold_service.context import Context, Places
from nfold_service.holding import folder_id, hold_folder
from nfold_service.keys import configured_key
from nfold_service.routes import expansions, health, recipes, results, small
from nfold_service.server import begin_ending
from nfold_service.settings import Settings
from nfold_service.store import Store
from nfold_service.store.database import bind_to_folder
from nfold_service.store.keyring import all_keys
from nfold_service.supervision import Supervisor
from nfold_service.sweeping import Sweeper
from nfold_service.work.crew import Crew

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}


def create_app(settings: Settings, *, is_held: bool = False) -> FastAPI:
    """The service with everything that belongs to it; nothing is opened before it starts.

    Args:
        settings: All of them.
        is_held: Whether the caller holds the data folder already; held while the service runs, if not.

    Raises:
        UsageError: It would listen beyond loopback without any key.
    """
    key = configured_key(settings)

    @contextlib.asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        async with contextlib.AsyncExitStack() as stack:
            if not is_held:
                stack.enter_context(hold_folder(settings.data))
            places = Places(settings.data)
            places.prepare()
            store = Store(settings.database_url)
            stack.callback(store.close)
            if settings.database is not None:
                await store.run(bind_to_folder, folder_id(settings.data))
            has_keys = key is not None or bool(await store.run(all_keys))
            if not settings.is_loopback and not has_keys:
                raise refusal(settings)
            crew = Crew(settings=settings)
            stack.push_async_callback(crew.close)
            context = Context(
                settings=settings, store=store, crew=crew, places=places, configured_key=key, is_open=not has_keys
            )
            app.state.context = context
            app.state.supervisor = Supervisor(context)
            sweeper = Sweeper(context)
            await sweeper.begin()
            stack.push_async_callback(sweeper.end)
            stack.push_async_callback(asyncio.wait, [asyncio.create_task(crew.warm_up())])
            stack.push_async_callback(begin_ending, app)
            await app.state.supervisor.begin()
            yield

    app = FastAPI(
        title="nfold",
        version=nfold_version(),
        summary="Expand image data sets N-fold, with their labels.",
        lifespan=life,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
    )
    problems.install(app)
    app.middleware("http")(_with_headers)
    for router in (health.router, expansions.router, results.router, recipes.router, small.router):
        app.include_router(router)
    return app


def refusal(settings: Settings) -> UsageError:
    """Why a service that anybody could reach does not start."""
    return UsageError(
        f"{settings.host} can be reached from other machines, and no API key is set: anybody could use this service.",
        hint="Set NFOLD_API_KEY or NFOLD_API_KEY_FILE, make a key with 'nfold keys add OWNER', or listen on 127.0.0.1.",
        code="key.required",
    )


async def _with_headers(request: Request, call_next: RequestResponseEndpoint) -> Response:
    given = request.headers.get("X-Request-ID", "")
    request.state.request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
    structlog.contextvars.bind_contextvars(request_id=request.state.request_id)
    began = time.monotonic()
    response = await call_next(request)
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers["X-Request-ID"] = request.state.request_id
    structlog.get_logger("nfold.access").info(
        "request",
        method=request.method,
        path=request.scope.get("path", ""),
        status=response.status_code,
        milliseconds=round((time.monotonic() - began) * 1000, 1),
        process=os.getpid(),
    )
    return response
