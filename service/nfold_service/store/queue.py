"""Jobs and their events in the store."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from nfold_service.store.database import now
from nfold_service.store.order import newest_first
from nfold_service.store.rows import FINAL, EventRow, JobRow
from nfold_service.store.schema import events, jobs

MOST_EVENTS = 2_000
"""Kept of one job, about: the older progress is, the more of it is thinned out; states never are."""

_THINNED_EVERY = 500
_AT_WORK = ("running", "publishing")


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
    return [JobRow(**row) for row in connection.execute(newest_first(query, jobs, most, after)).mappings()]


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
        .where(jobs.c.state.in_(_AT_WORK))
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
        .where(jobs.c.id == identity, jobs.c.state == "queued")
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
    """Let a job wait again, for whoever begins it next; False when somebody else holds it by now.

    One that is to be cancelled is cancelled. `counts` says whether this attempt is one of the few that it has.
    """
    row = job_of(connection, identity, None)
    if row is None or row.lease != lease or row.state not in _AT_WORK:
        return False
    if row.cancel:
        return enter_state(connection, identity, lease, "cancelled")
    connection.execute(
        update(jobs).where(jobs.c.id == identity).values(state="queued", attempts=row.attempts - (0 if counts else 1))
    )
    add_event(connection, identity, "state", {"state": "queued"})
    return True


def begin_anew(connection: Connection, identity: str) -> bool:
    """Let a job that failed or was cancelled wait again, with all its attempts; False when it is in another state."""
    done = connection.execute(
        update(jobs)
        .where(jobs.c.id == identity, jobs.c.state.in_(("failed", "cancelled")))
        .values(state="queued", attempts=0, cancel=False, problem=None, progress={}, finished_at=None, used_at=now())
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
            jobs.c.state.in_(_AT_WORK),
            jobs.c.cancel.is_(False),
        )
        .values(progress=progress)
    )
    if done.rowcount != 1:
        return False
    number = add_event(connection, identity, "progress", progress)
    if number % _THINNED_EVERY == 0:
        _thin_out(connection, identity, number)
    return True


def begin_publishing(connection: Connection, identity: str, lease: int) -> bool:
    """Everything is made and is being packed; False when somebody else holds the job, or it is to be cancelled."""
    row = job_of(connection, identity, None)
    if row is None or row.lease != lease or row.cancel or row.state not in _AT_WORK:
        return False
    return row.state == "publishing" or enter_state(connection, identity, lease, "publishing")


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
    query = select(jobs).where(jobs.c.state.in_(_AT_WORK))
    return [JobRow(**row) for row in connection.execute(query).mappings()]


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


def news(connection: Connection, identity: str, number: int) -> tuple[JobRow | None, list[EventRow]]:
    """A job and what happened to it since, as of one moment."""
    return job_of(connection, identity, None), events_after(connection, identity, number)


def _thin_out(connection: Connection, job: str, last: int) -> None:
    """Of the older progress keep every second, fourth, eighth ... event, by their numbers, which stay as they are."""
    stride = 1
    while last // stride > MOST_EVENTS // 2:
        stride *= 2
    if stride > 1:
        connection.execute(
            delete(events).where(
                events.c.job == job,
                events.c.kind == "progress",
                events.c.number <= last - _THINNED_EVERY,
                events.c.number % stride != 0,
            )
        )


def _last_number(connection: Connection, job: str) -> int:
    return int(
        connection.execute(select(func.coalesce(func.max(events.c.number), 0)).where(events.c.job == job)).scalar_one()
    )
