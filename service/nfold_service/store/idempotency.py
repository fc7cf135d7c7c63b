"""What was answered to each Idempotency-Key."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from nfold_service.store.database import now
from nfold_service.store.schema import answers


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The first answer to a key; no status while it is under way."""

    request_hash: str
    status: int | None
    headers: dict[str, str]
    body: bytes


def begin(connection: Connection, owner: str, key: str, request_hash: str) -> Answer | None:
    """Take a key, or what is known of it already."""
    row = connection.execute(select(answers).where(answers.c.owner == owner, answers.c.key == key)).mappings().first()
    if row is not None:
        return Answer(
            request_hash=row["request_hash"],
            status=row["status"],
            headers=row["headers"] or {},
            body=row["body"] or b"",
        )
    connection.execute(insert(answers).values(owner=owner, key=key, request_hash=request_hash, created_at=now()))
    return None


def finish(connection: Connection, owner: str, key: str, status: int, headers: dict[str, str], body: bytes) -> None:
    """Keep the answer."""
    connection.execute(
        update(answers)
        .where(answers.c.owner == owner, answers.c.key == key)
        .values(status=status, headers=headers, body=body)
    )


def forget(connection: Connection, owner: str, key: str) -> None:
    """Give a key back: nothing was done."""
    connection.execute(delete(answers).where(answers.c.owner == owner, answers.c.key == key))


def forget_unanswered(connection: Connection) -> None:
    """At the start: requests that the former process left in the middle."""
    connection.execute(delete(answers).where(answers.c.status.is_(None)))
