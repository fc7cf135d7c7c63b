"""`nfold serve` and `nfold keys`: thin shells over the service."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from nfold_cli.main import DONE, FAILED
from nfold_cli.text import bold, printable

if TYPE_CHECKING:
    from nfold_service.store import Store

FLAGS = ("host", "port", "data", "workers")


def serve(options: argparse.Namespace) -> int:
    """`nfold serve`."""
    _need_service()
    from nfold_service.settings import load_settings, origins, shown

    flags = {name: getattr(options, name) for name in FLAGS}
    if options.show_config:
        values, came = shown(load_settings(flags)), origins(flags)
        if options.json:
            _print(json.dumps({name: {"value": values[name], "origin": came[name]} for name in values}, indent=2))
            return DONE
        width = max(len(name) for name in values)
        for name, value in values.items():
            _print(f"{name.ljust(width)}  {value if value is not None else '-'}  ({came[name]})")
        return DONE
    from nfold_service.early import listen_early

    listen_early()  # what is imported next takes a second
    from nfold_service.serving import serve as serve_until_told

    serve_until_told(flags)
    return DONE


def keys(options: argparse.Namespace) -> int:
    """`nfold keys`."""
    _need_service()
    from nfold.disk import make_folder
    from nfold_service.settings import load_settings
    from nfold_service.store import Store

    settings = load_settings({"data": options.data})
    make_folder(settings.data)
    store = Store(settings.database_url)
    try:
        return _KEY_ACTIONS[options.action](options, store)
    finally:
        store.close()


def _add_key(options: argparse.Namespace, store: Store) -> int:
    from nfold_service.keys import new_key
    from nfold_service.store.keyring import add_key

    key, row = new_key(options.owner, tuple(options.scopes.split(",")), options.label)
    store.run_now(add_key, row)
    if options.json:
        _print(json.dumps({"id": row.id, "owner": row.owner, "scopes": list(row.scopes), "key": key}, indent=2))
        return DONE
    sys.stderr.write("This is shown once and kept nowhere:\n")
    _print(key)
    return DONE


def _list_keys(options: argparse.Namespace, store: Store) -> int:
    from nfold_service.store.keyring import all_keys

    rows = store.run_now(all_keys)
    if options.json:
        shown = [
            {
                "id": row.id,
                "owner": row.owner,
                "scopes": list(row.scopes),
                "label": row.label,
                "revoked": row.revoked_at is not None,
            }
            for row in rows
        ]
        _print(json.dumps(shown, indent=2))
        return DONE
    for row in rows:
        made = datetime.fromtimestamp(row.created_at, UTC).date()
        state = "  taken back" if row.revoked_at is not None else ""
        _print(f"{row.id}  {bold(printable(row.owner))}  {','.join(row.scopes)}  {made}  {printable(row.label)}{state}")
    if not rows:
        _print("There are no keys.")
    return DONE


def _revoke_key(options: argparse.Namespace, store: Store) -> int:
    from nfold_service.store.keyring import revoke_key

    done = store.run_now(revoke_key, options.id)
    if options.json:
        _print(json.dumps({"revoked": done}))
    elif done:
        _print(f"{options.id} is taken back.")
    else:
        sys.stderr.write(
            f"nfold: There is no key {printable(options.id)} that could be taken back.\n  See 'nfold keys list'.\n"
        )
    return DONE if done else FAILED


_KEY_ACTIONS: dict[str, Callable[[argparse.Namespace, Store], int]] = {
    "add": _add_key,
    "list": _list_keys,
    "revoke": _revoke_key,
}


def _need_service() -> None:
    import importlib.util

    from nfold.errors import MissingExtraError

    if importlib.util.find_spec("fastapi") is None or importlib.util.find_spec("sqlalchemy") is None:
        raise MissingExtraError.for_feature("The service", "service")


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")
