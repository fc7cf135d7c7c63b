"""API keys in the store."""

from __future__ import annotations

from sqlalchemy import Connection, insert, select, update

from nfold_service.store.database import now
from nfold_service.store.rows import KeyRow
from nfold_service.store.schema import keys


def add_key(connection: Connection, row: KeyRow) -> None:
    """Put in a key."""
    connection.execute(
        insert(keys).values(
            id=row.id,
            owner=row.owner,
            hash=row.hash,
            scopes=list(row.scopes),
            label=row.label,
            created_at=row.created_at,
            revoked_at=row.revoked_at,
        )
    )


def all_keys(connection: Connection) -> list[KeyRow]:
    """Every key, the oldest first."""
    rows = connection.execute(select(keys).order_by(keys.c.created_at, keys.c.id)).mappings()
    return [KeyRow(**{**row, "scopes": tuple(row["scopes"])}) for row in rows]


def key_of_hash(connection: Connection, digest: str) -> KeyRow | None:
    """The key with that hash, unless it was revoked."""
    row = connection.execute(select(keys).where(keys.c.hash == digest, keys.c.revoked_at.is_(None))).mappings().first()
    return None if row is None else KeyRow(**{**row, "scopes": tuple(row["scopes"])})


def revoke_key(connection: Connection, identity: str) -> bool:
    """Take a key back; False when there is none of that id."""
    done = connection.execute(
        update(keys).where(keys.c.id == identity, keys.c.revoked_at.is_(None)).values(revoked_at=now())
    )
    return done.rowcount == 1
