"""`nfold serve` below the command line: settings to a running server, and its exit code."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from typing import Any

from nfold.errors import NfoldError
from nfold_service.app import create_app, refusal
from nfold_service.keys import configured_key
from nfold_service.logs import begin_logs
from nfold_service.server import make_server
from nfold_service.settings import Settings, load_settings
from nfold_service.store import Store
from nfold_service.store.keyring import all_keys


def serve(flags: Mapping[str, Any] | None = None) -> None:
    """Serve until told to end; SIGTERM and Ctrl-C end it within `drain_seconds` and a little.

    Raises:
        NfoldError: It cannot start; the message says why and what to do.
    """
    settings = load_settings(flags)
    refuse_open_door(settings)
    begin_logs(settings)
    server = make_server(create_app(settings), settings)
    # uvicorn ends in good order at the first SIGTERM and then sends itself another one, which would make a failure of it.
    signal.signal(signal.SIGTERM, lambda number, frame: None)
    server.run()
    if not server.started:
        raise NfoldError(
            f"The service could not start on {settings.host}:{settings.port}.",
            hint="See the lines above; most often the port is taken: choose another with --port.",
            code="service.not_started",
        )


def refuse_open_door(settings: Settings) -> None:
    """Refuse to listen beyond loopback without a key, before anything is opened.

    Raises:
        UsageError: There is no key.
    """
    if settings.is_loopback or configured_key(settings) is not None:
        return
    store = Store(settings.database_url)
    try:
        if not any(key.revoked_at is None for key in store.run_now(all_keys)):
            raise refusal(settings)
    finally:
        store.close()
