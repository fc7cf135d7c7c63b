"""The application: settings in, FastAPI out."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from fastapi import FastAPI

from nfold.errors import UsageError
from nfold.versions import nfold_version
from nfold_service import problems
from nfold_service.arrivals import Arrivals
from nfold_service.bodies import BodyBounds
from nfold_service.context import Context, Places
from nfold_service.holding import folder_id, hold_folder
from nfold_service.keys import configured_key
from nfold_service.metrics import Metrics
from nfold_service.openapi import TAGS, describe
from nfold_service.repeating import Repeating
from nfold_service.resumable import Resumable
from nfold_service.routes import ROUTERS
from nfold_service.server import begin_ending
from nfold_service.settings import Settings
from nfold_service.store import Store, idempotency
from nfold_service.store.database import bind_to_folder
from nfold_service.store.keyring import all_keys
from nfold_service.supervision import Supervisor
from nfold_service.surroundings import Surroundings
from nfold_service.sweeping import Sweeper
from nfold_service.work.crew import Crew


def create_app(settings: Settings, *, is_held: bool = False) -> FastAPI:
    """The service with everything that belongs to it; nothing is opened before it starts.

    Args:
        settings: All of them.
        is_held: Whether the caller holds the data folder already; held while the service runs, if not.

    Raises:
        UsageError: It would listen beyond loopback without any key.
    """
    key = configured_key(settings)
    metrics = Metrics()

    @contextlib.asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        async with contextlib.AsyncExitStack() as stack:
            if not is_held:
                stack.enter_context(hold_folder(settings.data))
            places = Places(settings.data)
            places.prepare()
            store = Store(settings.database_url, observe=metrics.store_s.observe)
            stack.callback(store.close)
            if settings.database is not None:
                await store.run(bind_to_folder, folder_id(settings.data))
            await store.run(idempotency.give_all_back)
            known = await store.run(all_keys)
            # A service that once had keys does not open its door when the last one is taken back.
            has_keys = key is not None or bool(known)
            if not settings.is_loopback and key is None and all(one.revoked_at is not None for one in known):
                raise refusal(settings)
            crew = Crew(settings=settings, on_death=metrics.worker_deaths.inc)
            stack.push_async_callback(crew.close)
            context = Context(
                settings=settings,
                store=store,
                crew=crew,
                places=places,
                configured_key=key,
                is_open=not has_keys,
                metrics=metrics,
            )
            app.state.context = context
            app.state.supervisor = Supervisor(context)
            sweeper = Sweeper(context)
            await sweeper.begin()
            stack.push_async_callback(sweeper.end)
            stack.push_async_callback(asyncio.wait, [asyncio.create_task(crew.warm_up())])
            app.state.arrivals = Arrivals(context)
            app.state.resumable = Resumable(context, app.state.arrivals)
            stack.push_async_callback(begin_ending, app)
            await app.state.supervisor.begin()
            await app.state.arrivals.begin()
            stack.push_async_callback(app.state.arrivals.end)
            await app.state.resumable.begin()
            stack.push_async_callback(app.state.resumable.end)
            yield

    app = FastAPI(
        title="nfold",
        version=nfold_version(),
        summary="Expand image data sets N-fold, with their labels.",
        lifespan=life,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        openapi_tags=TAGS,
        servers=[{"url": "/", "description": "Where this document comes from."}],
        redirect_slashes=False,  # it would send callers to whatever Host they claim to have asked
    )
    problems.install(app)
    # The last one added is the outermost.
    app.add_middleware(Repeating)
    app.add_middleware(BodyBounds, settings=settings, metrics=metrics)
    app.add_middleware(Surroundings, metrics=metrics)
    for router in ROUTERS:
        app.include_router(router)
    describe(app)
    return app


def refusal(settings: Settings) -> UsageError:
    """Why a service that anybody could reach does not start."""
    return UsageError(
        f"{settings.host} can be reached from other machines, and no API key is set: anybody could use this service.",
        hint="Set NFOLD_API_KEY or NFOLD_API_KEY_FILE, make a key with 'nfold keys add OWNER', or listen on 127.0.0.1.",
        code="key.required",
    )
