"""The real server against slow and malformed callers."""

from __future__ import annotations

import json
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from tests.service.conftest import Server

HEADER_S, STALL_S, IDLE_S, UNREAD_S = 2.0, 2.0, 1, 3.0


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(data=tmp_path_factory.mktemp("impatient") / "server")
    try:
        server.begin(header_seconds=HEADER_S, stall_seconds=STALL_S, keep_alive_seconds=IDLE_S, unread_seconds=UNREAD_S)
        yield server
    finally:
        server.end()


def connected(server: Server, first: bytes = b"") -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=30)
    connection.sendall(first)
    return connection


def everything_from(connection: socket.socket) -> bytes:
    answer = b""
    while piece := connection.recv(65_536):
        answer += piece
    return answer


def seconds_until_closed(connections: list[socket.socket], drip: bytes, *, most: float) -> float:
    """Send a byte each now and then until all are closed by the other side."""
    began = last = time.monotonic()
    left = list(connections)
    while left and time.monotonic() - began < most:
        for one in select.select(left, [], [], 0.1)[0]:
            try:
                gone = not one.recv(65_536)
            except ConnectionError:
                gone = True
            if gone:
                left.remove(one)
        if drip and time.monotonic() - last > 0.5:
            last = time.monotonic()
            for one in list(left):
                try:
                    one.sendall(drip)
                except OSError:
                    left.remove(one)
    assert not left, f"{len(left)} of {len(connections)} are still open after {most} seconds"
    return time.monotonic() - began


class Pulse:
    """Asks /healthz the whole time, and keeps how long that took."""

    def __init__(self, url: str) -> None:
        self._url, self.seconds, self._ends = url, list[float](), threading.Event()
        self._thread = threading.Thread(target=self._ask)

    def _ask(self) -> None:
        with httpx.Client(base_url=self._url, timeout=10) as client:
            while not self._ends.is_set():
                began = time.monotonic()
                assert client.get("/healthz").status_code == 200
                self.seconds.append(time.monotonic() - began)
                time.sleep(0.05)

    def __enter__(self) -> Pulse:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join()


def test_two_hundred_slow_heads_are_closed_in_time_while_others_are_served(impatient: Server) -> None:
    with ExitStack() as stack:
        slow = [
            stack.enter_context(connected(impatient, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: "))
            for _ in range(200)
        ]
        with Pulse(impatient.url) as pulse:
            took = seconds_until_closed(slow, b"a", most=HEADER_S + 5)
    assert took >= HEADER_S - 1
    assert len(pulse.seconds) > 5
    assert sorted(pulse.seconds)[len(pulse.seconds) * 9 // 10] < 1.0


@pytest.mark.parametrize("first", [b"", b"GET", b"\r\n"])
def test_a_connection_that_says_next_to_nothing_is_closed(impatient: Server, first: bytes) -> None:
    with connected(impatient, first) as connection:
        seconds_until_closed([connection], b"", most=HEADER_S + 5)


@pytest.mark.parametrize(
    "target", [b"/v1/expansions", b"/v1/recipes/check"], ids=["a body that is read whole", "a body that is streamed"]
)
def test_bodies_that_stall_are_closed(impatient: Server, target: bytes) -> None:
    head = (
        b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
        % target
    )
    with ExitStack() as stack:
        slow = [stack.enter_context(connected(impatient, head)) for _ in range(50)]
        with Pulse(impatient.url) as pulse:
            took = seconds_until_closed(slow, b"", most=STALL_S + 5)
    assert took >= STALL_S - 1
    assert sorted(pulse.seconds)[len(pulse.seconds) // 2] < 1.0


def test_a_body_that_stalls_is_told_why(impatient: Server) -> None:
    head = b"POST /v1/expansions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"
    with connected(impatient, head) as connection:
        answer = everything_from(connection)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"request.slow" in answer
    assert b"connection: close" in answer.lower()


MANY_HEADERS = b"".join(b"X-%d: y\r\n" % number for number in range(110))


def refused_in_mid_body(server: Server) -> socket.socket:
    """A connection with the head of a large body that will be refused with `Connection: close`, and a part of it."""
    head = b"POST /v1/expand HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900000000\r\n%s\r\n" % MANY_HEADERS
    return connected(server, head + bytes(3_000_000))


def is_cut_off(connection: socket.socket, *, most: float) -> bool:
    """Whether sending fails before long."""
    began = time.monotonic()
    while time.monotonic() - began < most:
        try:
            connection.sendall(bytes(50_000))
        except OSError:
            return True
        time.sleep(0.02)
    return False


def test_whoever_still_sends_gets_the_answer_that_ends_the_connection(impatient: Server) -> None:
    for _ in range(5):
        with refused_in_mid_body(impatient) as connection:
            time.sleep(0.1)
            connection.sendall(bytes(1_000_000))
            answer = everything_from(connection)
        assert answer.startswith(b"HTTP/1.1 431 ")
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "request.headers"


def test_whoever_never_ends_a_body_that_was_refused_is_cut_off(impatient: Server) -> None:
    with refused_in_mid_body(impatient) as connection:
        assert is_cut_off(connection, most=10)
    assert httpx.get(f"{impatient.url}/healthz").status_code == 200


def test_an_idle_connection_is_closed(impatient: Server) -> None:
    with connected(impatient, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n") as connection:
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200")
        seconds_until_closed([connection], b"", most=IDLE_S + 5)


@pytest.mark.parametrize("drip", [b"", b"a"])
@pytest.mark.parametrize("apart", [True, False])
def test_a_second_request_whose_head_stalls_is_closed(impatient: Server, drip: bytes, apart: bool) -> None:
    one, second = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", b"GET /healthz HTTP/1.1\r\nX-Slow: "
    with connected(impatient, one if apart else one + second) as connection:
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200")
        if apart:
            connection.sendall(second)
        seconds_until_closed([connection], drip, most=HEADER_S + IDLE_S + 5)


def test_a_body_that_nobody_reads_does_not_hold_the_connection(impatient: Server) -> None:
    head = b"POST /nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n"
    with connected(impatient, head) as connection:
        assert connection.recv(65_536).startswith(b"HTTP/1.1 404")
        seconds_until_closed([connection], b"a", most=HEADER_S + IDLE_S + 5)


@pytest.mark.parametrize(
    "sent",
    [
        b"NONSENSE\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 70_000,
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked, gzip\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nBad Header: y\r\n\r\n",
    ],
    ids=["no HTTP", "a head of 70 kB", "two lengths", "a strange encoding", "a name with a space"],
)
def test_what_is_no_http_gets_problem_details(impatient: Server, sent: bytes) -> None:
    with connected(impatient, sent) as connection:
        answer = everything_from(connection)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.split()[1] in (b"400", b"431", b"501")
    assert b"application/problem+json" in head
    assert b"x-frame-options: DENY" in head
    assert json.loads(body)["code"] == "request.unreadable"


def test_a_long_body_before_the_key_is_checked_is_not_waited_for(make_server: Callable[..., Any]) -> None:
    server = make_server(api_key="k" * 32, stall_seconds=2)
    head = b"POST /v1/recipes/check HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n\r\n"
    with connected(server, head) as connection:
        assert connection.recv(65_536).startswith(b"HTTP/1.1 401")
