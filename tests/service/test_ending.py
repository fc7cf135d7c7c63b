"""The end of a service: in time, with exit code 0, with everybody told, and nothing lost."""

from __future__ import annotations

import http.client
import signal
import socket
import threading
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.service.conftest import Server
from tests.service.jobs import ask, at_least, ended, gone, kill, processes_below, put_dataset, state_of

pytestmark = pytest.mark.slow


@pytest.fixture
def server(tmp_path: object) -> Iterator[Server]:
    from pathlib import Path

    assert isinstance(tmp_path, Path)
    server = Server(data=tmp_path / "server")
    yield server
    server.end()


def listen(url: str, job: str) -> tuple[threading.Thread, list[bytes]]:
    """Read events in a thread until they end."""
    lines: list[bytes] = []

    def read() -> None:
        with httpx.stream("GET", f"{url}/v1/expansions/{job}/events", timeout=60) as answer:
            lines.extend(line.encode() for line in answer.iter_lines())

    thread = threading.Thread(target=read)
    thread.start()
    return thread, lines


def stop(server: Server, number: int, *, seconds: float = 20.0) -> float:
    """Send a signal; the seconds until the process had ended with exit code 0."""
    assert server.process is not None
    began = time.monotonic()
    server.process.send_signal(number)
    code = server.process.wait(seconds)
    assert code == 0
    return time.monotonic() - began


def begun_upload(port: int) -> socket.socket:
    """A body of which half was sent."""
    connection = socket.create_connection(("127.0.0.1", port))
    connection.sendall(
        b"POST /v1/expand HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nContent-Length: 5000000\r\n\r\n"
        + bytes(2_000_000)
    )
    return connection


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_end_with_everything_going_on_it_ends_in_time_and_the_job_goes_on_later(
    server: Server, number: int
) -> None:
    dataset = put_dataset(server.data, pictures=200, side=160)
    server.begin(workers=2)
    assert server.process is not None
    first = ask(server.url, dataset, copies=1)
    assert ended(server.url, first)["state"] == "succeeded"
    job = ask(server.url, dataset, copies=10)
    at_least(server.url, job, 40)
    thread, lines = listen(server.url, job)
    upload = begun_upload(server.port)
    download = http.client.HTTPConnection("127.0.0.1", server.port)
    download.request("GET", f"/v1/expansions/{first}/result")
    answer = download.getresponse()
    assert answer.read(1000)
    time.sleep(0.5)
    assert state_of(server.url, job)["state"] == "running"
    below = processes_below(server.process.pid)
    assert stop(server, number) < 10
    assert gone(below), "processes outlive the service"
    thread.join(5)
    assert not thread.is_alive()
    assert b"event: shutdown" in lines
    assert b"retry: 2000" in lines
    upload.close()
    download.close()
    server.begin()
    row = state_of(server.url, job)
    assert row["state"] in ("queued", "running")
    assert ended(server.url, job)["state"] == "succeeded"
    assert state_of(server.url, job)["attempts"] == 1, "an orderly end is no failed attempt"


def test_with_nothing_but_a_job_and_a_stream_it_ends_at_once(server: Server) -> None:
    dataset = put_dataset(server.data, pictures=200, side=160)
    server.begin(workers=2)
    job = ask(server.url, dataset, copies=10)
    at_least(server.url, job, 30)
    thread, lines = listen(server.url, job)
    time.sleep(0.3)
    assert stop(server, signal.SIGTERM) < 4
    thread.join(5)
    assert b"event: shutdown" in lines


def test_a_second_signal_ends_it_at_once(server: Server) -> None:
    server.begin()
    assert server.process is not None
    upload = begun_upload(server.port)
    time.sleep(0.3)
    below = processes_below(server.process.pid)
    server.process.terminate()
    time.sleep(0.5)
    assert server.process.poll() is None, "it does not wait for what is going on"
    began = time.monotonic()
    server.process.terminate()
    assert server.process.wait(5) == 128 + signal.SIGTERM
    assert time.monotonic() - began < 1
    assert gone(below)
    upload.close()


def test_an_upload_in_the_middle_is_told_that_the_service_ends(server: Server) -> None:
    server.begin()
    assert server.process is not None
    upload = begun_upload(server.port)
    time.sleep(0.3)
    server.process.terminate()
    time.sleep(0.3)
    upload.sendall(bytes(1000))
    upload.settimeout(5)
    assert upload.recv(1000).startswith(b"HTTP/1.1 503 ")
    upload.close()
    assert server.process.wait(5) == 0


def test_killed_it_leaves_no_process_behind(server: Server) -> None:
    """Neither a job's process, nor the engine's zygote, nor a worker of it."""
    dataset = put_dataset(server.data, pictures=200, side=160)
    server.begin(workers=2)
    assert server.process is not None
    job = ask(server.url, dataset, copies=10)
    at_least(server.url, job, 30)
    below = processes_below(server.process.pid)
    assert len(below) >= 5, "a spare worker, the job's process, a zygote and two engine workers"
    server.kill()
    assert gone(below)


def test_a_job_whose_process_was_killed_leaves_no_worker_beside_the_next(server: Server) -> None:
    dataset = put_dataset(server.data, pictures=200, side=160)
    server.begin(workers=2)
    assert server.process is not None
    job = ask(server.url, dataset, copies=8)
    at_least(server.url, job, 30)
    from tests.service.jobs import job_process

    of_job = job_process(server.process.pid)
    assert of_job is not None
    below = processes_below(of_job)
    assert kill(of_job)
    assert gone(below, seconds=1)
    document = ended(server.url, job)
    assert (document["state"], document["attempts"]) == ("succeeded", 2)


def test_a_signal_to_all_processes_of_the_service_is_for_the_service_alone(server: Server) -> None:
    """systemd sends SIGTERM to every process; a job's own must not die of it, and count that as a failed attempt."""
    dataset = put_dataset(server.data, pictures=200, side=160)
    server.begin(workers=2, job_attempts=1)
    assert server.process is not None
    job = ask(server.url, dataset, copies=10)
    at_least(server.url, job, 30)
    import os

    for pid in processes_below(server.process.pid):
        os.kill(pid, signal.SIGTERM)
    time.sleep(0.3)
    assert stop(server, signal.SIGTERM) < 10
    server.begin()
    assert ended(server.url, job)["state"] == "succeeded"
