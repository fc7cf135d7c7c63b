"""Jobs and their events in the store."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, tuple_, update

from nfold_service.store.database import now
from nfold_service.store.rows import FINAL, EventRow, JobRow
from nfold_service.store.schema import events, jobs

MOST_EVENTS = 2_000
"""Kept of one job: progress beyond that is thinned out, states never are."""


def add_job(
    connection: Connection, *, identity: str, owner: str, kind: str, dataset: str, request: dict[str, Any]
) -> JobRow:
    """A new job, waiting; or the one of that id, when a request comes again whose answer got lost."""
    found = job_of(connection, identity, owner)
    if found is not None:
        return found
    at = now()
    connection.execute(
        insert(jobs).values(
            id=identity,
            owner=owner,
            kind=kind,
            dataset=dataset,
            state="queued",
            request=request,
            progress={},
            created_at=at,
            used_at=at,
        )
    )
    add_event(connection, identity, "state", {"state": "queued"})
    row = job_of(connection, identity, owner)
    assert row is not None
    return row


def add_finished_job(
    connection: Connection, *, identity: str, owner: str, kind: str, request: dict[str, Any], result: dict[str, Any]
) -> JobRow:
    """A job that was done at once; or the one of that id, when a request comes again whose answer got lost."""
    found = job_of(connection, identity, owner)
    if found is not None:
        return found
    at = now()
    state = "succeeded" if result.get("is_whole", True) else "succeeded_with_errors"
    connection.execute(
        insert(jobs).values(
            id=identity,
            owner=owner,
            kind=kind,
            dataset="",
            state=state,
            request=request,
            progress={},
            result=result,
            created_at=at,
            started_at=at,
            finished_at=at,
            used_at=at,
        )
    )
    add_event(connection, identity, "state", {"state": state})
    row = job_of(connection, identity, owner)
    assert row is not None
    return row


def job_of(connection: Connection, identity: str, owner: str | None) -> JobRow | None:
    """A job, if it is that owner's; None as owner sees all."""
    query = select(jobs).where(jobs.c.id == identity)
    if owner is not None:
        query = query.where(jobs.c.owner == owner)
    row = connection.execute(query).mappings().first()
    return None if row is None else JobRow(**row)


def jobs_of(
    connection: Connection,
    owner: str,
    *,
    most: int,
    kind: str | None = None,
    dataset: str | None = None,
    after: tuple[float, str] | None = None,
) -> list[JobRow]:
    """An owner's jobs, the newest first."""
    query = select(jobs).where(jobs.c.owner == owner)
    if kind is not None:
        query = query.where(jobs.c.kind == kind)
    if dataset is not None:
        query = query.where(jobs.c.dataset == dataset)
    if after is not None:
        query = query.where(tuple_(jobs.c.created_at, jobs.c.id) < after)
    query = query.order_by(jobs.c.created_at.desc(), jobs.c.id.desc()).limit(most)
    return [JobRow(**row) for row in connection.execute(query).mappings()]


def count_jobs(connection: Connection, *states: str, owner: str | None = None) -> int:
    """How many jobs are in one of these states."""
    query = select(func.count()).select_from(jobs).where(jobs.c.state.in_(states))
    if owner is not None:
        query = query.where(jobs.c.owner == owner)
    return int(connection.execute(query).scalar_one())


def claim_job(connection: Connection, *, most_per_owner: int) -> JobRow | None:
    """Begin the oldest waiting job whose owner has not as many as allowed at work; its lease is raised."""
    busy = (
        select(jobs.c.owner)
        .where(jobs.c.state.in_(("running", "publishing")))
        .group_by(jobs.c.owner)
        .having(func.count() >= most_per_owner)
    )
    query = (
        select(jobs.c.id)
        .where(jobs.c.state == "queued", jobs.c.owner.not_in(busy))
        .order_by(jobs.c.created_at, jobs.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    identity = connection.execute(query).scalar()
    if identity is None:
        return None
    at = now()
    connection.execute(
        update(jobs)
        .where(jobs.c.id == identity)
        .values(
            state="running",
            lease=jobs.c.lease + 1,
            attempts=jobs.c.attempts + 1,
            started_at=func.coalesce(jobs.c.started_at, at),
        )
    )
    add_event(connection, identity, "state", {"state": "running"})
    return job_of(connection, identity, None)


def give_back(connection: Connection, identity: str, lease: int, *, counts: bool) -> bool:
    """Let a job wait again, for whoever begins it next; False when somebody else holds it by now."""
    done = connection.execute(
        update(jobs)
        .where(jobs.c.id == identity, jobs.c.lease == lease, jobs.c.state.in_(("running", "publishing")))
        .values(state="queued", attempts=jobs.c.attempts - (0 if counts else 1))
    )
    if done.rowcount == 1:
        add_event(connection, identity, "state", {"state": "queued"})
    return done.rowcount == 1


def report_progress(connection: Connection, identity: str, lease: int, progress: dict[str, Any]) -> bool:
    """Say how far a job is; False when somebody else holds it by now, or it is to be cancelled."""
    done = connection.execute(
        update(jobs)
        .where(
            jobs.c.id == identity,
            jobs.c.lease == lease,
            jobs.c.state.in_(("running", "publishing")),
            jobs.c.cancel.is_(False),
        )
        .values(progress=progress)
    )
    if done.rowcount != 1:
        return False
    if _last_number(connection, identity) < MOST_EVENTS:
        add_event(connection, identity, "progress", progress)
    return True


def enter_state(
    connection: Connection, identity: str, lease: int, state: str, values: dict[str, Any] | None = None
) -> bool:
    """Move a job on; False when somebody else holds it by now, or it has ended."""
    changes = {**(values or {}), **({"finished_at": now()} if state in FINAL else {})}
    done = connection.execute(
        update(jobs)
        .where(jobs.c.id == identity, jobs.c.lease == lease, jobs.c.state.not_in(FINAL))
        .values(state=state, used_at=now(), **changes)
    )
    if done.rowcount != 1:
        return False
    data = {"state": state, **({"problem": changes["problem"]} if changes.get("problem") else {})}
    add_event(connection, identity, "state", data)
    return True


def ask_to_cancel(connection: Connection, identity: str) -> str | None:
    """Cancel a waiting job at once, and ask a running one to end; its state then, None when there is no such job."""
    row = job_of(connection, identity, None)
    if row is None or row.is_final:
        return None if row is None else row.state
    if row.state == "queued":
        enter_state(connection, identity, row.lease, "cancelled")
        return "cancelled"
    connection.execute(update(jobs).where(jobs.c.id == identity).values(cancel=True))
    return row.state


def interrupted(connection: Connection) -> list[JobRow]:
    """Jobs that were at work when the service ended."""
    query = select(jobs).where(jobs.c.state.in_(("running", "publishing")))
    return [JobRow(**row) for row in connection.execute(query).mappings()]


def stale_jobs(connection: Connection, before: float) -> list[JobRow]:
    """Jobs that have ended and whose results nobody has used since."""
    query = select(jobs).where(jobs.c.state.in_(FINAL - {"expired"}), jobs.c.used_at < before)
    return [JobRow(**row) for row in connection.execute(query).mappings()]


def expire_job(connection: Connection, identity: str) -> None:
    """The results of a job are gone; it is still told of."""
    connection.execute(update(jobs).where(jobs.c.id == identity).values(state="expired"))
    add_event(connection, identity, "state", {"state": "expired"})


def touch_job(connection: Connection, identity: str) -> None:
    """Somebody used its results."""
    connection.execute(update(jobs).where(jobs.c.id == identity).values(used_at=now()))


def remove_job(connection: Connection, identity: str) -> None:
    """Forget a job and its events."""
    connection.execute(delete(events).where(events.c.job == identity))
    connection.execute(delete(jobs).where(jobs.c.id == identity))


def add_event(connection: Connection, job: str, kind: str, data: dict[str, Any]) -> int:
    """Note what happened; its number."""
    number = _last_number(connection, job) + 1
    connection.execute(insert(events).values(job=job, number=number, at=now(), kind=kind, data=data))
    return number


def events_after(connection: Connection, job: str, number: int, *, most: int = 500) -> list[EventRow]:
    """What happened since, in order."""
    query = select(events).where(events.c.job == job, events.c.number > number).order_by(events.c.number).limit(most)
    return [EventRow(**row) for row in connection.execute(query).mappings()]


def _last_number(connection: Connection, job: str) -> int:
    return int(
        connection.execute(select(func.coalesce(func.max(events.c.number), 0)).where(events.c.job == job)).scalar_one()
    )
