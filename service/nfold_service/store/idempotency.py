"""What was answered to each Idempotency-Key."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from nfold_service.store.database import now
from nfold_service.store.schema import answers


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is known of a key.

    Attributes:
        seed: The source of ids for what the request makes.
        request_hash: Of the request up to the first part of its body.
        body_hash: Of a body that is longer than that part.
        status: None while the first request is under way.
        headers: Of the answer.
        body: None for an answer that is too long to keep: it is made again.
    """

    seed: str
    request_hash: str
    body_hash: str | None
    status: int | None
    headers: dict[str, str]
    body: bytes | None


def begin(connection: Connection, owner: str, key: str, request_hash: str, *, oldest: float) -> Answer | str:
    """Take a key; its seed when it is free, and what is known of it when it is not.

    Args:
        connection: Of the store.
        owner: Whose key it is; two owners may choose the same.
        key: As the client chose it.
        request_hash: What is asked.
        oldest: Answers from before are let go.
    """
    connection.execute(delete(answers).where(answers.c.created_at < oldest, answers.c.held.is_(False)))
    row = connection.execute(select(answers).where(_is(owner, key))).mappings().first()
    if row is None:
        seed = secrets.token_hex(16)
        connection.execute(
            insert(answers).values(
                owner=owner, key=key, seed=seed, held=True, request_hash=request_hash, created_at=now()
            )
        )
        return seed
    if row["held"] or row["status"] is not None:
        return Answer(
            **{name: row[name] for name in Answer.__slots__ if name != "headers"}, headers=row["headers"] or {}
        )
    connection.execute(update(answers).where(_is(owner, key)).values(held=True, request_hash=request_hash))
    return str(row["seed"])


def finish(connection: Connection, owner: str, key: str, answer: dict[str, Any]) -> None:
    """Keep the answer: `body_hash`, `status`, `headers`, `body`."""
    connection.execute(update(answers).where(_is(owner, key)).values(held=False, **answer))


def give_back(connection: Connection, owner: str, key: str) -> None:
    """Nothing was answered that is worth keeping. The seed stays: if something was made after all, it is found again."""
    connection.execute(update(answers).where(_is(owner, key)).values(held=False))


def give_all_back(connection: Connection) -> None:
    """At the start: the keys of requests that the former process left in the middle."""
    connection.execute(update(answers).where(answers.c.held).values(held=False))


def _is(owner: str, key: str) -> ColumnElement[bool]:
    return (answers.c.owner == owner) & (answers.c.key == key)
