"""Figures about the jobs in the store, for metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from nfold_service.store.database import now
from nfold_service.store.schema import jobs


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFigures:
    """How the queue stands.

    Attributes:
        counts: Jobs by state; states without any are left out.
        queue_age_s: How long the oldest waiting job waits; 0 when none does.
    """

    counts: Mapping[str, int]
    queue_age_s: float


def job_figures(connection: Connection) -> JobFigures:
    """How the queue stands now."""
    counted = connection.execute(select(jobs.c.state, func.count()).group_by(jobs.c.state))
    counts = {str(state): int(count) for state, count in counted}
    oldest = connection.execute(select(func.min(jobs.c.created_at)).where(jobs.c.state == "queued")).scalar()
    return JobFigures(counts=counts, queue_age_s=0.0 if oldest is None else max(0.0, now() - oldest))
