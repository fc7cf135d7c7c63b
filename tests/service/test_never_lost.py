"""kill -9 the server, a job's process or an engine's worker at any moment: the job ends, and its result is that of an undisturbed one."""

from __future__ import annotations

import contextlib
import os
import random
import sqlite3
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from nfold_service.context import Places
from nfold_service.work.expanding import expand_dataset
from tests.service.conftest import Server
from tests.service.jobs import (
    ask,
    digest,
    ended,
    engine_workers,
    gone,
    job_process,
    kill,
    processes_below,
    put_dataset,
    state_of,
)
from tests.service.postgres import NoPostgresError, Postgres, running_postgres

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc")]

KILLS = int(os.environ.get("NFOLD_KILLS") or 10)
SETTINGS = {"workers": 2, "job_attempts": 100, "niceness": 0}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(data=tmp_path / "server")
    yield server
    server.end()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> str:
    """SHA-256 of the zip of an undisturbed run; it depends on the pictures and the request alone."""
    home = tmp_path_factory.mktemp("undisturbed")
    dataset = put_dataset(home / "server")
    source = str(Places(home / "server").dataset(dataset))
    told = expand_dataset(
        source=source,
        home=str(home / "job"),
        request={"copies": 3},
        workers=2,
        max_pixels=50_000_000,
        say=lambda data: None,
    )
    return str(told["sha256"])


def result_of(server: Server, job: str) -> Path:
    return server.data / "jobs" / job / "result.zip"


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str | None:
    """Address of the job store; None for the one in the data folder."""
    return request.getfixturevalue("postgres").fresh() if request.param == "postgresql" else None


def assert_store_is_sound(server: Server) -> None:
    if "NFOLD_DATABASE" in server.environment:
        return  # PostgreSQL has not been killed
    with sqlite3.connect(server.data / "nfold.db") as connection:
        assert connection.execute("pragma integrity_check").fetchall() == [("ok",)]
    connection.close()


def assert_done_once(server: Server, job: str, whole: str) -> None:
    document = ended(server.url, job)
    assert document["state"] == "succeeded", document
    assert document["result"]["images_after"] == 240
    assert digest(result_of(server, job)) == whole == document["result"]["sha256"]


def wait_for_workers(server: Server, job: str) -> None:
    assert server.process is not None
    for _ in range(500):
        if engine_workers(server.process.pid) or state_of(server.url, job)["state"] == "succeeded":
            return
        time.sleep(0.005)


@pytest.mark.timeout(3600)
def test_killed_at_random_moments_each_job_ends_with_the_same_bytes(
    server: Server, database: str | None, whole: str
) -> None:
    seed = int(os.environ.get("NFOLD_KILL_SEED") or random.SystemRandom().randrange(10**6))
    sys.stdout.write(f"NFOLD_KILL_SEED={seed}\n")
    chance = random.Random(seed)
    dataset = put_dataset(server.data, database)
    server.begin(**SETTINGS, **({"database": database} if database else {}))
    kills = {"server": 0, "job": 0, "worker": 0}
    job = ask(server.url, dataset)
    while sum(kills.values()) < KILLS:
        assert server.process is not None
        victim = chance.choice(sorted(kills))
        if victim == "worker":
            wait_for_workers(server, job)
        else:
            time.sleep(chance.uniform(0.0, 2.5))
        if state_of(server.url, job)["state"] == "succeeded":
            assert_done_once(server, job, whole)
            job = ask(server.url, dataset)
            continue
        if victim == "server":
            below = processes_below(server.process.pid)
            server.kill()
            assert gone(below), "processes outlive the server"
            assert_store_is_sound(server)
            server.begin()
            kills[victim] += 1
        elif victim == "job":
            kills[victim] += kill(job_process(server.process.pid))
        else:
            kills[victim] += kill(next(iter(engine_workers(server.process.pid)), None))
    sys.stdout.write(f"{kills}\n")
    assert_done_once(server, job, whole)
    server.end()
    assert_store_is_sound(server)


@pytest.mark.parametrize(
    "point", ["run.card_written:1", "shard.files_written:1", "shard.committed:1", "run.before_finish:1"]
)
def test_a_job_that_dies_at_a_fault_point_goes_on_when_asked_again(server: Server, point: str, whole: str) -> None:
    """The point kills the job's processes each time it is reached, until its attempts are used up."""
    dataset = put_dataset(server.data)
    server.environment["NFOLD_FAULT"] = point
    server.begin(workers=2, niceness=0, job_attempts=2)
    job = ask(server.url, dataset)
    document = ended(server.url, job)
    assert document["state"] == "failed", "the point was never reached"
    assert document["problem"]["code"] == "worker.crashed"
    server.kill()
    committed = {path: path.stat().st_mtime_ns for path in server.data.glob(f"jobs/{job}/output/.nfold/parts/*")}
    assert committed or point not in ("shard.committed:1", "run.before_finish:1")
    del server.environment["NFOLD_FAULT"]
    server.begin()
    assert httpx.post(f"{server.url}/v1/expansions/{job}/retry").status_code == 202
    assert_done_once(server, job, whole)
    for path, at in committed.items():
        assert path.stat().st_mtime_ns == at, "a shard that was committed was made once more"


def test_a_database_server_that_dies_in_mid_job_and_comes_back_loses_nothing(server: Server, whole: str) -> None:
    """Meanwhile the service says 503 to those who ask, stays alive, and its job goes on."""
    with own_postgres() as own:
        address = own.fresh()
        dataset = put_dataset(server.data, address)
        server.begin(**SETTINGS, database=address)
        job = ask(server.url, dataset)
        waiting = ask(server.url, dataset)
        wait_for_workers(server, job)
        assert state_of(server.url, job)["state"] == "running"
        for pause in (0.3, 1.5, 0.0):
            own.end_at_once()
            away = httpx.get(f"{server.url}/v1/expansions/{job}", timeout=30)
            assert (away.status_code, away.json()["code"]) == (503, "store.unavailable"), away.text
            assert away.headers["Retry-After"]
            assert httpx.get(f"{server.url}/healthz").status_code == 200
            assert httpx.get(f"{server.url}/readyz").status_code == 503
            time.sleep(pause)
            own.begin()
            assert httpx.get(f"{server.url}/readyz").status_code == 200
        assert_done_once(server, job, whole)
        assert state_of(server.url, job)["attempts"] == 1, "its process went on while the database was away"
        assert_done_once(server, waiting, whole)
        server.end()


@contextlib.contextmanager
def own_postgres() -> Iterator[Postgres]:
    """One that may be killed: the others' tests are not at it."""
    with contextlib.ExitStack() as stack:
        try:
            own = stack.enter_context(running_postgres())
        except NoPostgresError as error:
            pytest.skip(f"NO POSTGRESQL: its death is not tested here: {error}")
        yield own
