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
from nfold_service.arrivals import Arrivals
from nfold_service.context import Context, Places
from nfold_service.keys import configured_key
from nfold_service.resumable import Resumable
from nfold_service.routes import ROUTERS
from nfold_service.settings import Settings
from nfold_service.store import Store
from nfold_service.store.keyring import all_keys
from nfold_service.supervision import Supervisor
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


def create_app(settings: Settings) -> FastAPI:
    """The service with everything that belongs to it; nothing is opened before it starts.

    Raises:
        UsageError: It would listen beyond loopback without any key.
    """
    key = configured_key(settings)

    @contextlib.asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        places = Places(settings.data)
        places.prepare()
        store = Store(settings.database_url)
        has_keys = key is not None or bool(await store.run(all_keys))
        if not settings.is_loopback and not has_keys:
            store.close()
            raise refusal(settings)
        crew = Crew(settings=settings)
        context = Context(
            settings=settings, store=store, crew=crew, places=places, configured_key=key, is_open=not has_keys
        )
        app.state.context = context
        app.state.supervisor = Supervisor(context)
        await app.state.supervisor.begin()
        app.state.arrivals = Arrivals(context)
        await app.state.arrivals.begin()
        app.state.resumable = Resumable(context, app.state.arrivals)
        await app.state.resumable.begin()
        warming = asyncio.create_task(crew.warm_up())
        try:
            yield
        finally:
            context.ending.set()
            async with context.job_changed:
                context.job_changed.notify_all()
            await app.state.resumable.end()
            await app.state.arrivals.end()
            await app.state.supervisor.end()
            await warming
            await crew.close()
            store.close()

    app = FastAPI(
        title="nfold",
        version=nfold_version(),
        summary="Expand image data sets N-fold, with their labels.",
        lifespan=life,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        redirect_slashes=False,
    )
    problems.install(app)
    app.middleware("http")(_with_headers)
    for router in ROUTERS:
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
