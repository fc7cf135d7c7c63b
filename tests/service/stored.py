"""Things put straight into the store of a service, where a test is about something else than how they come there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nfold_service.context import Context, Places, new_id
from nfold_service.keys import new_key
from nfold_service.store import Store, shelves
from nfold_service.store.keyring import add_key


def context_of(client: Any) -> Context:
    context: Context = client.app.state.context
    return context


def ready_dataset(store: Store, *, owner: str = "default", data: Path | None = None) -> str:
    """A data set that says it is ready; with its folder in `data`, which a service that starts there looks for."""
    identity = new_id("ds")
    if data is not None:
        Places(data).dataset(identity).mkdir(parents=True)
    store.run_now(shelves.add_dataset, identity=identity, owner=owner, name="made by a test")
    store.run_now(shelves.change_dataset, identity, {"state": "ready"})
    return identity


def fresh_key(store: Store, owner: str, *scopes: str) -> str:
    """A key in the store."""
    key, row = new_key(owner, scopes or ("read", "write"))
    store.run_now(add_key, row)
    return key
