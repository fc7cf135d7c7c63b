"""What nobody has used for long, and what is to be forgotten, in the store."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, delete, exists, select, update

from nfold_service.store.database import now
from nfold_service.store.queue import add_event
from nfold_service.store.rows import FINAL, DatasetRow, JobRow
from nfold_service.store.schema import answers, datasets, events, jobs, uploads

_ENDED = FINAL - {"expired"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the store knows, by ids.

    Attributes:
        datasets: All of them.
        uploads: All of them.
        jobs: Those that may have files.
    """

    datasets: frozenset[str]
    uploads: frozenset[str]
    jobs: frozenset[str]


def expire_jobs(connection: Connection, before: float) -> list[str]:
    """Let jobs that have ended and were not used since expire; their ids. They are still told of, without their progress."""
    stale = select(jobs.c.id).where(jobs.c.state.in_(_ENDED), jobs.c.used_at < before)
    found = list(connection.execute(stale).scalars())
    for identity in found:
        expire_job(connection, identity)
    return found


def expire_job(connection: Connection, identity: str) -> None:
    """The results of a job are gone; it is still told of."""
    connection.execute(
        update(jobs).where(jobs.c.id == identity).values(state="expired", result=None, progress={}, used_at=now())
    )
    connection.execute(delete(events).where(events.c.job == identity, events.c.kind == "progress"))
    add_event(connection, identity, "state", {"state": "expired"})


def forget_jobs(connection: Connection, before: float) -> int:
    """Forget jobs that expired before; how many."""
    stale = select(jobs.c.id).where(jobs.c.state == "expired", jobs.c.used_at < before)
    connection.execute(delete(events).where(events.c.job.in_(stale)))
    return connection.execute(delete(jobs).where(jobs.c.state == "expired", jobs.c.used_at < before)).rowcount


def forget_datasets(connection: Connection, before: float) -> list[str]:
    """Forget data sets that nobody has used since, that no job needs, and that nothing is coming in for; their ids."""
    needed = exists().where(jobs.c.dataset == datasets.c.id, jobs.c.state.not_in(FINAL))
    coming = exists().where(uploads.c.dataset == datasets.c.id, uploads.c.used_at >= before)
    stale = select(datasets.c.id).where(datasets.c.used_at < before, ~needed, ~coming)
    found = list(connection.execute(stale.where(datasets.c.state != "unpacking")).scalars())
    for identity in found:
        connection.execute(delete(uploads).where(uploads.c.dataset == identity))
        connection.execute(delete(datasets).where(datasets.c.id == identity))
    return found


def forget_uploads(connection: Connection, before: float) -> list[str]:
    """Forget resumable uploads of which no byte came since; their ids."""
    found = list(connection.execute(select(uploads.c.id).where(uploads.c.used_at < before)).scalars())
    connection.execute(delete(uploads).where(uploads.c.id.in_(found)))
    return found


def forget_answers(connection: Connection, before: float) -> int:
    """Forget what was answered to Idempotency-Keys before; how many."""
    return connection.execute(delete(answers).where(answers.c.created_at < before)).rowcount


def known(connection: Connection) -> Known:
    """What the store knows; folders of anything else belong to nobody."""
    return Known(
        datasets=frozenset(connection.execute(select(datasets.c.id)).scalars()),
        uploads=frozenset(connection.execute(select(uploads.c.id)).scalars()),
        jobs=frozenset(connection.execute(select(jobs.c.id).where(jobs.c.state != "expired")).scalars()),
    )


def with_results(connection: Connection) -> list[JobRow]:
    """Jobs that say they have results."""
    query = select(jobs).where(jobs.c.state.in_(("succeeded", "succeeded_with_errors")))
    return [JobRow(**row) for row in connection.execute(query).mappings()]


def ready_datasets(connection: Connection) -> list[DatasetRow]:
    """Data sets that say they have files."""
    query = select(datasets).where(datasets.c.state == "ready")
    return [DatasetRow(**row) for row in connection.execute(query).mappings()]
