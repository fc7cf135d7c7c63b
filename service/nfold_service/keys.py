"""API keys: random, shown once, stored as a hash, with scopes and an owner."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from nfold.errors import InputError, UsageError
from nfold_service.settings import Settings
from nfold_service.store.database import now
from nfold_service.store.rows import KeyRow

SCOPES: Final = ("read", "write")
"""read: look at and download what is one's own; write: upload, expand, delete."""

DEFAULT_OWNER: Final = "default"
SHORTEST_KEY: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who is asking."""

    owner: str
    scopes: frozenset[str]


EVERYTHING: Final = Caller(owner=DEFAULT_OWNER, scopes=frozenset(SCOPES))


def new_key(owner: str, scopes: tuple[str, ...], label: str = "") -> tuple[str, KeyRow]:
    """A fresh key and its row; the key is told here and never again.

    Raises:
        UsageError: There is no such scope, or the owner has no name.
    """
    strangers = [scope for scope in scopes if scope not in SCOPES]
    if strangers or not scopes:
        raise UsageError(f"Scopes are {' and '.join(SCOPES)}, not {', '.join(strangers) or 'none'}.")
    if not owner.strip():
        raise UsageError("A key belongs to somebody: give an owner.")
    key = f"nfold_{secrets.token_urlsafe(32)}"
    row = KeyRow(
        id=f"key_{secrets.token_hex(8)}",
        owner=owner,
        hash=hash_of(key),
        scopes=tuple(sorted(set(scopes))),
        label=label,
        created_at=now(),
        revoked_at=None,
    )
    return key, row


def hash_of(key: str) -> str:
    """SHA-256: a random key of 256 bits needs no slow hash, and each request looks one up."""
    return hashlib.sha256(key.encode()).hexdigest()


def configured_key(settings: Settings) -> str | None:
    """The key from the environment or a file.

    Raises:
        UsageError: Both are given, or it is too short to be safe.
        InputError: The file cannot be read, or is empty.
    """
    if settings.api_key is not None and settings.api_key_file is not None:
        raise UsageError("NFOLD_API_KEY and NFOLD_API_KEY_FILE are both set.", hint="Choose one of them.")
    if settings.api_key is not None:
        return _long_enough(settings.api_key.get_secret_value().strip(), "NFOLD_API_KEY")
    if settings.api_key_file is None:
        return None
    return _long_enough(_first_line(settings.api_key_file), f"the key in {settings.api_key_file}")


def is_same(one: str, other: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(one.encode(), other.encode())


def _first_line(path: Path) -> str:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"NFOLD_API_KEY_FILE: {path} cannot be read: {error}.",
            hint="Give a text file that holds the key, readable by the service.",
            code="key.file",
        ) from error
    return lines[0].strip() if lines else ""


def _long_enough(key: str, what: str) -> str:
    if len(key) < SHORTEST_KEY:
        raise UsageError(
            f"{what} has {len(key)} characters; {SHORTEST_KEY} is the least that is safe.",
            hint="Make one with: python3 -c 'import secrets; print(secrets.token_urlsafe(32))'",
            code="key.short",
        )
    return key
