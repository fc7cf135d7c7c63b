"""A disk that fills up while something is received, written down, made or packed: told as such, and gone on when there is room."""

from __future__ import annotations

import errno
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.conftest import write_picture
from tests.service.conftest import Server
from tests.service.jobs import ask, digest, ended, put_dataset, state_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="NO SMALL DISK: mounting one needs root"),
]

MIB = 2**20


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 24 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", folder], capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"NO SMALL DISK: {done.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


@pytest.fixture
def server(disk: Path) -> Iterator[Server]:
    server = Server(data=disk / "data")
    yield server
    server.end()


def fill(disk: Path, *, leave: int) -> None:
    """Leave so many bytes free."""
    state = os.statvfs(disk)
    free = state.f_bavail * state.f_frsize
    if free > leave:
        try:
            with (disk / "filler").open("ab") as file:
                file.write(bytes(free - leave))
        except OSError as error:
            if leave or error.errno != errno.ENOSPC:
                raise  # else the service took the last of it meanwhile, and the disk is as full as it should be


def make_room(disk: Path) -> None:
    (disk / "filler").unlink(missing_ok=True)


def assert_store_is_sound(server: Server) -> None:
    connection = sqlite3.connect(server.data / "nfold.db")
    assert connection.execute("pragma integrity_check").fetchall() == [("ok",)]
    connection.close()


@pytest.mark.parametrize("leave_kib", [200, 900])
def test_a_job_fails_as_the_disk_is_full_and_goes_on_when_there_is_room(
    server: Server, disk: Path, leave_kib: int
) -> None:
    """Of the sizes some fill up in the output, some in the zip."""
    dataset = put_dataset(server.data, pictures=30, side=48)
    server.begin(workers=1, niceness=0)
    fill(disk, leave=leave_kib * 1024)
    job = ask(server.url, dataset, copies=5)
    for _ in range(100):
        if state_of(server.url, job)["state"] == "failed":
            break
        time.sleep(0.1)
    make_room(disk)  # if not a byte was left, the store could not write down that it has failed either
    document = ended(server.url, job)
    assert document["state"] == "failed", document
    assert document["problem"]["code"] == "disk.full", document["problem"]
    assert str(server.data) not in str(document["problem"])
    assert httpx.post(f"{server.url}/v1/expansions/{job}/retry").status_code == 202
    document = ended(server.url, job)
    assert document["state"] == "succeeded"
    assert digest(server.data / "jobs" / job / "result.zip") == document["result"]["sha256"]
    server.end()
    assert_store_is_sound(server)


def test_the_store_is_full_and_intact_and_takes_things_again_later(server: Server, disk: Path) -> None:
    dataset = put_dataset(server.data, pictures=3)
    server.begin()
    fill(disk, leave=0)
    codes = set()
    for _ in range(60):
        answer = httpx.post(f"{server.url}/v1/expansions", json={"dataset": dataset, "copies": 1})
        codes.add((answer.status_code, answer.json().get("code")))
    assert (507, "disk.full") in codes, codes
    assert codes <= {(507, "disk.full"), (202, None)}
    assert httpx.get(f"{server.url}/healthz").status_code == 200
    make_room(disk)
    assert ended(server.url, ask(server.url, dataset, copies=1))["state"] == "succeeded"
    server.end()
    assert_store_is_sound(server)


def test_a_body_that_does_not_fit_is_answered_with_507_and_leaves_nothing(
    server: Server, disk: Path, tmp_path: Path
) -> None:
    server.begin()
    fill(disk, leave=2 * MIB)
    answer = httpx.post(
        f"{server.url}/v1/expand", content=bytes(8 * MIB), headers={"Content-Type": "image/png"}, timeout=60
    )
    assert (answer.status_code, answer.json()["code"]) == (507, "disk.full")
    assert list((server.data / "staging").iterdir()) == []
    make_room(disk)
    picture = write_picture(tmp_path / "a.png", 1)
    with picture.open("rb") as file:
        assert httpx.post(f"{server.url}/v1/expand", files={"image": file}, timeout=60).status_code == 200


def test_with_less_than_the_reserve_nothing_new_is_taken(server: Server) -> None:
    dataset = put_dataset(server.data, pictures=3)
    server.begin(disk_reserve_bytes=10**9)
    answer = httpx.post(f"{server.url}/v1/expansions", json={"dataset": dataset, "copies": 1})
    assert (answer.status_code, answer.json()["code"]) == (507, "disk.full")
