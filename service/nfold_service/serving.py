"""`nfold serve` below the command line: settings to a running server, and its exit code."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from nfold.errors import NfoldError
from nfold_service.app import create_app, refusal
from nfold_service.holding import folder_id, hold_folder
from nfold_service.keys import configured_key
from nfold_service.logs import begin_logs
from nfold_service.server import make_server
from nfold_service.settings import Settings, load_settings
from nfold_service.store import Store
from nfold_service.store.database import bind_to_folder
from nfold_service.store.keyring import all_keys


def serve(flags: Mapping[str, Any] | None = None) -> None:
    """Serve until told to end; SIGTERM and Ctrl-C end it within `drain_seconds` and a little.

    Raises:
        NfoldError: It cannot start; the message says why and what to do.
    """
    settings = load_settings(flags)
    begin_logs(settings)
    with hold_folder(settings.data):
        try_store(settings)
        server = make_server(create_app(settings, is_held=True), settings)
        with contextlib.suppress(SystemExit):  # what it says in the logs is said once more, by us
            server.run()
    if not server.started:
        raise NfoldError(
            f"The service could not start on {settings.host}:{settings.port}.",
            hint="See the lines above; most often the port is taken: choose another with --port.",
            code="service.not_started",
        )


def try_store(settings: Settings) -> None:
    """Look at the job store before anything is opened, so that what is wrong with it is said in a sentence.

    Raises:
        InputError: It cannot be opened, is of another version, or belongs to another data folder.
        UsageError: There is no key, and the service would listen beyond loopback.
    """
    store = Store(settings.database_url)
    try:
        if settings.database is not None:
            store.run_now(bind_to_folder, folder_id(settings.data))
        is_guarded = settings.is_loopback or configured_key(settings) is not None
        if not is_guarded and all(key.revoked_at is not None for key in store.run_now(all_keys)):
            raise refusal(settings)
    finally:
        store.close()
