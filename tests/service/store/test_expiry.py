"""What expires in the store, and what must not."""

from __future__ import annotations

import time

from sqlalchemy import update

from nfold_service.store import Store, expiry, queue, shelves
from nfold_service.store.schema import datasets, events, jobs, uploads


def add_dataset(store: Store, name: str, *, age: float = 100.0, state: str = "ready") -> None:
    store.run_now(shelves.add_dataset, identity=name, owner="a", name=name)
    at = time.time() - age
    store.run_now(
        lambda connection: connection.execute(
            update(datasets).where(datasets.c.id == name).values(used_at=at, state=state)
        )
    )


def add_job(store: Store, name: str, state: str, *, dataset: str = "", age: float = 100.0) -> None:
    store.run_now(queue.add_job, identity=name, owner="a", kind="expansion", dataset=dataset, request={})
    if state != "queued":
        store.run_now(queue.claim_job, most_per_owner=100)
        store.run_now(queue.report_progress, name, 1, {"done": 1})
    if state not in ("queued", "running"):
        store.run_now(queue.enter_state, name, 1, state, {"result": {"bytes": 1}})
    at = time.time() - age
    store.run_now(lambda connection: connection.execute(update(jobs).where(jobs.c.id == name).values(used_at=at)))


def ago(seconds: float) -> float:
    return time.time() - seconds


def test_jobs_that_ended_long_ago_expire_and_are_still_told_of(store: Store) -> None:
    add_job(store, "old", "succeeded")
    add_job(store, "failed", "failed")
    add_job(store, "young", "succeeded", age=1)
    add_job(store, "running", "running")
    add_job(store, "waiting", "queued")
    assert sorted(store.run_now(expiry.expire_jobs, ago(50))) == ["failed", "old"]
    assert store.run_now(expiry.expire_jobs, ago(50)) == []
    row = store.run_now(queue.job_of, "old", "a")
    assert row is not None
    assert (row.state, row.result) == ("expired", None)
    kinds = [(one.kind, one.data.get("state")) for one in store.run_now(queue.events_after, "old", 0)]
    assert kinds == [("state", "queued"), ("state", "running"), ("state", "succeeded"), ("state", "expired")]
    assert store.run_now(expiry.known).jobs == {"young", "running", "waiting"}


def test_a_result_that_is_used_does_not_expire(store: Store) -> None:
    add_job(store, "old", "succeeded")
    store.run_now(queue.touch_job, "old")
    assert store.run_now(expiry.expire_jobs, ago(50)) == []


def test_what_expired_long_ago_is_forgotten_with_its_events(store: Store) -> None:
    add_job(store, "old", "succeeded")
    store.run_now(expiry.expire_jobs, ago(50))
    assert store.run_now(expiry.forget_jobs, ago(50)) == 0
    assert store.run_now(expiry.forget_jobs, ago(-1)) == 1
    assert store.run_now(lambda connection: connection.execute(events.select()).all()) == []


def test_data_sets_that_a_job_needs_or_that_are_coming_in_stay(store: Store) -> None:
    for name in ("idle", "waiting", "running", "ended", "coming"):
        add_dataset(store, name)
    add_dataset(store, "young", age=1)
    add_dataset(store, "unpacking", state="unpacking")
    add_job(store, "j1", "running", dataset="running")
    add_job(store, "j2", "succeeded", dataset="ended")
    add_job(store, "j3", "queued", dataset="waiting")
    store.run_now(shelves.add_upload, identity="up", owner="a", dataset="coming", name="x.zip", length=9, details={})
    assert sorted(store.run_now(expiry.forget_datasets, ago(50))) == ["ended", "idle"]
    assert store.run_now(expiry.known).datasets == {"waiting", "running", "coming", "young", "unpacking"}


def test_uploads_of_which_nothing_comes_are_forgotten(store: Store) -> None:
    add_dataset(store, "ds")
    for name in ("old", "young"):
        store.run_now(shelves.add_upload, identity=name, owner="a", dataset="ds", name="x", length=9, details={})
    store.run_now(
        lambda connection: connection.execute(update(uploads).where(uploads.c.id == "old").values(used_at=ago(100)))
    )
    assert store.run_now(expiry.forget_uploads, ago(50)) == ["old"]
    assert store.run_now(expiry.known).uploads == {"young"}
