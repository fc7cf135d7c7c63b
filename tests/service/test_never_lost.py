"""kill -9 the server, a job's process or an engine's worker at any moment: the job ends, and its result is that of an undisturbed one."""

from __future__ import annotations

import os
import random
import sqlite3
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

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

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc")]

KILLS = int(os.environ.get("NFOLD_KILLS") or 10)
SETTINGS = {"workers": 2, "job_attempts": 100, "niceness": 0}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(data=tmp_path / "server")
    yield server
    server.end()


def result_of(server: Server, job: str) -> Path:
    return server.data / "jobs" / job / "result.zip"


def assert_store_is_sound(server: Server) -> None:
    with sqlite3.connect(server.data / "nfold.db") as connection:
        assert connection.execute("pragma integrity_check").fetchall() == [("ok",)]
    connection.close()


def assert_done_once(server: Server, job: str, whole: str) -> None:
    document = ended(server.url, job)
    assert document["state"] == "succeeded", document
    assert document["result"]["images_after"] == 240
    assert digest(result_of(server, job)) == whole == document["result"]["sha256"]


@pytest.mark.timeout(3600)
def test_killed_at_random_moments_each_job_ends_with_the_same_bytes(server: Server) -> None:
    seed = int(os.environ.get("NFOLD_KILL_SEED") or random.SystemRandom().randrange(10**6))
    sys.stdout.write(f"NFOLD_KILL_SEED={seed}\n")
    chance = random.Random(seed)
    dataset = put_dataset(server.data)
    server.begin(**SETTINGS)
    first = ask(server.url, dataset)
    undisturbed = ended(server.url, first)
    assert undisturbed["state"] == "succeeded", undisturbed
    whole = digest(result_of(server, first))
    kills = {"server": 0, "job": 0, "worker": 0}
    job = ask(server.url, dataset)
    while sum(kills.values()) < KILLS:
        time.sleep(chance.uniform(0.0, 2.5))
        assert server.process is not None
        victim = chance.choice(sorted(kills))
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
            workers = engine_workers(server.process.pid)
            kills[victim] += kill(chance.choice(workers)) if workers else False
    sys.stdout.write(f"{kills}\n")
    assert_done_once(server, job, whole)
    server.end()
    assert_store_is_sound(server)


@pytest.mark.parametrize(
    "point",
    ["run.card_written:1", "shard.between_sources:3", "shard.files_written:1", "shard.committed:1", "run.before_finish:1", "run.finished:1"],
)
def test_a_job_that_dies_at_a_fault_point_goes_on_after_a_restart(server: Server, point: str) -> None:
    """The point kills the job's processes each time it is reached, until attempts are used up; then it is asked again."""
    dataset = put_dataset(server.data)
    server.begin(workers=2, niceness=0, job_attempts=2)
    first = ask(server.url, dataset)
    assert ended(server.url, first)["state"] == "succeeded"
    whole = digest(result_of(server, first))
    server.end()
    server.environment["NFOLD_FAULT"] = point
    server.begin()
    job = ask(server.url, dataset)
    document = ended(server.url, job)
    assert document["state"] == "failed", "the point was never reached"
    assert document["problem"]["code"] == "worker.crashed"
    server.kill()
    del server.environment["NFOLD_FAULT"]
    server.begin()
    import httpx

    assert httpx.post(f"{server.url}/v1/expansions/{job}/retry").status_code == 202
    assert_done_once(server, job, whole)
