"""What expires over HTTP, and what a killed service left behind."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, update

from nfold_service.context import Context, Places, new_id
from nfold_service.store import Store, queue, shelves
from nfold_service.store.schema import answers, datasets, jobs
from nfold_service.sweeping import Sweeper

DAY_S = 86_400


@pytest.fixture
def places(tmp_path: Path) -> Places:
    places = Places(tmp_path / "data")
    places.prepare()
    return places


@pytest.fixture
def store(places: Places) -> Any:
    store = Store(f"sqlite:///{places.root / 'nfold.db'}")
    yield store
    store.close()


def add_result(store: Store, places: Places, *, age_days: float = 0.0) -> str:
    """A job that was done, with its result on disk."""
    identity = new_id("job")
    result = {"is_whole": True, "sha256": "0" * 64, "bytes": 3}
    store.run_now(
        queue.add_finished_job, identity=identity, owner="default", kind="expansion", request={}, result=result
    )
    at = time.time() - age_days * DAY_S
    store.run_now(lambda connection: connection.execute(update(jobs).where(jobs.c.id == identity).values(used_at=at)))
    places.job_home(identity).mkdir(parents=True)
    (places.job_home(identity) / "result.zip").write_bytes(b"zip")
    return identity


def add_dataset(store: Store, places: Places, *, age_days: float = 0.0) -> str:
    identity = new_id("ds")
    store.run_now(shelves.add_dataset, identity=identity, owner="default", name="x")
    at = time.time() - age_days * DAY_S
    store.run_now(
        lambda connection: connection.execute(
            update(datasets).where(datasets.c.id == identity).values(state="ready", used_at=at)
        )
    )
    places.dataset(identity).mkdir(parents=True)
    return identity


def state_of(store: Store, job: str) -> str:
    row = store.run_now(queue.job_of, job, None)
    assert row is not None
    return row.state


def sweep(client: Any) -> None:
    context: Context = client.app.state.context
    client.portal.call(Sweeper(context).expire)


def test_old_results_are_gone_at_the_start_and_answered_with_410(
    store: Store, places: Places, make_client: Any
) -> None:
    old, young = add_result(store, places, age_days=8), add_result(store, places, age_days=6)
    store.close()
    client = make_client()
    assert client.get(f"/v1/expansions/{old}").json()["state"] == "expired"
    answer = client.get(f"/v1/expansions/{old}/result")
    assert (answer.status_code, answer.json()["code"]) == (410, "result.expired")
    assert client.post(f"/v1/expansions/{old}/retry").status_code == 410
    assert not places.job_home(old).exists()
    assert client.get(f"/v1/expansions/{young}/result").content == b"zip"


def test_results_expire_while_the_service_runs(store: Store, places: Places, make_client: Any) -> None:
    job = add_result(store, places)
    store.close()
    client = make_client(result_days=0.00001)
    time.sleep(1)
    sweep(client)
    assert client.get(f"/v1/expansions/{job}/result").status_code == 410
    assert not places.job_home(job).exists()


def test_old_data_sets_go_with_their_files(store: Store, places: Places, make_client: Any) -> None:
    old, young = add_dataset(store, places, age_days=8), add_dataset(store, places, age_days=1)
    store.close()
    make_client()
    assert [path.name for path in (places.root / "datasets").iterdir()] == [young]
    assert old != young


def test_old_answers_to_idempotency_keys_go(store: Store, places: Places, make_client: Any) -> None:
    at = time.time()
    required = {
        column.name: {"seed": "x", "held": False}[column.name]
        for column in answers.c
        if column.name in ("seed", "held")
    }

    def fill(connection: Any) -> None:
        for key, age in (("old", 25), ("young", 23)):
            values = {"owner": "a", "key": key, "request_hash": "x", "status": 200, "created_at": at - age * 3600}
            connection.execute(insert(answers).values(**values, **required))

    store.run_now(fill)
    store.close()
    client = make_client()
    context: Context = client.app.state.context
    assert (
        context.store.run_now(lambda connection: connection.execute(answers.select()).mappings().one())["key"]
        == "young"
    )


def test_folders_that_no_row_knows_go_at_the_start(store: Store, places: Places, make_client: Any) -> None:
    known, dataset = add_result(store, places), add_dataset(store, places)
    scratch = places.root / "scratch" / "of a worker that was killed"
    for path in (places.job_home("job_x"), places.dataset("ds_x"), places.root / "staging" / "small_x", scratch):
        path.mkdir(parents=True)
    places.upload("up_x").write_bytes(b"x")
    store.close()
    make_client()
    left = {path.name for kind in ("jobs", "datasets", "uploads", "staging") for path in (places.root / kind).iterdir()}
    assert left == {known, dataset}
    assert not scratch.exists()


def test_rows_whose_folder_is_gone_are_told_of(store: Store, places: Places, make_client: Any) -> None:
    job, dataset = add_result(store, places), add_dataset(store, places)
    (places.job_home(job) / "result.zip").unlink()
    places.dataset(dataset).rmdir()
    store.close()
    client = make_client()
    assert client.get(f"/v1/expansions/{job}/result").status_code == 410
    context: Context = client.app.state.context
    row = context.store.run_now(shelves.dataset_of, dataset, None)
    assert row is not None
    assert row.problem is not None
    assert (row.state, row.problem["code"]) == ("broken", "dataset.lost")


def test_the_end_does_not_wait_for_the_next_sweep(make_client: Any) -> None:
    context: Context = make_client().app.state.context

    async def once() -> float:
        sweeper = Sweeper(context)
        sweeper._loop = asyncio.create_task(sweeper._sweep_now_and_then())
        began = time.monotonic()
        await asyncio.sleep(0)
        await sweeper.end()
        return time.monotonic() - began

    assert asyncio.run(once()) < 1
