"""Images that ask for much, sent to the running service: each has one verdict, soon, and costs it nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.conftest import write_picture
from tests.service.bombs import REFUSED, TAKEN
from tests.service.conftest import Server
from tests.service.jobs import processes_below

MOST_S = 10.0
MOST_MB = 64


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(data=tmp_path_factory.mktemp("bombs") / "server")
    try:
        server.begin()
        send(server, write_picture(server.data.parent / "good.png", 1).read_bytes())
        yield server
    finally:
        server.end()


def send(server: Server, bomb: bytes) -> httpx.Response:
    files = {"image": ("picture.png", bomb)}
    return httpx.post(f"{server.url}/v1/expand", files=files, data={"copies": "1"}, timeout=60)


def resident_mb(server: Server) -> dict[int, float]:
    """Memory of the server and of each process below it."""
    assert server.process is not None
    pids = [server.process.pid, *processes_below(server.process.pid)]
    return {pid: int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 / 1e6 for pid in pids}


@pytest.mark.parametrize("name", [*REFUSED, *TAKEN])
def test_a_bomb_costs_no_more_than_a_picture(server: Server, name: str) -> None:
    make: Callable[[], bytes] = {**REFUSED, **TAKEN}[name]
    bomb, before = make(), resident_mb(server)
    began = time.monotonic()
    answer = send(server, bomb)
    assert time.monotonic() - began < MOST_S
    if name in REFUSED:
        assert answer.status_code == 422, answer.status_code
        assert answer.json()["detail"], answer.text
    else:
        assert answer.status_code in (200, 422), answer.text
    after = resident_mb(server)
    # The processes are the same ones: nothing crashed and was begun again.
    assert set(after) == set(before), name
    grown = {pid: after[pid] - before[pid] for pid in before}
    assert all(growth < MOST_MB for growth in grown.values()), grown
    assert httpx.get(f"{server.url}/healthz", timeout=5).status_code == 200
    until = time.monotonic() + 5  # the files of a zip go when its last byte is sent
    while list((server.data / "staging").iterdir()):
        assert time.monotonic() < until, f"{name} leaves files behind"
        time.sleep(0.02)
