"""The service in process (`client`), and as a server of its own (`server`)."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from nfold_service.app import create_app
from nfold_service.settings import Settings
from nfold_service.store import Store
from tests.service.postgres import NoPostgresError, Postgres, running_postgres

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it would rather have a client that is not released yet
    from starlette.testclient import TestClient

ROOT = Path(__file__).parents[2]
HERE = "http://127.0.0.1"
"""Where clients in process ask: a service without keys answers to no other name."""


@pytest.fixture
def make_client(tmp_path: Path) -> Iterator[Callable[..., TestClient]]:
    """Clients of services on `tmp_path/data`, with settings of the test's choice."""
    with contextlib.ExitStack() as stack:

        def make(**settings: Any) -> TestClient:
            given = {"data": tmp_path / "data", "disk_reserve_bytes": 0, **settings}
            return stack.enter_context(TestClient(create_app(Settings(**given)), base_url=HERE))

        yield make


@pytest.fixture
def client(make_client: Callable[..., TestClient]) -> TestClient:
    """A client of a service with the ordinary settings, on a fresh data folder."""
    return make_client()


@dataclass(slots=True)
class Server:
    """`nfold serve` as a process; `begin` and `kill` as often as a test likes, on the same data folder."""

    data: Path
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    port: int = 0
    program: str = "from nfold_service.serving import serve; serve()"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def begin(self, **settings: Any) -> None:
        """Start it on a free port, or on that of the settings, and wait until it is ready."""
        self.port = int(settings.pop("port", 0))
        if not self.port:
            with socket.socket() as listener:
                listener.bind(("127.0.0.1", 0))
                self.port = listener.getsockname()[1]
        given = {f"NFOLD_{name.upper()}": str(value) for name, value in settings.items()}
        self.environment.update(given)
        with (self.data.parent / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", self.program],
                env={
                    **os.environ,
                    "PYTHONPATH": os.pathsep.join(str(ROOT / part) for part in ("cli", "engine", "service")),
                    "NFOLD_DATA": str(self.data),
                    "NFOLD_PORT": str(self.port),
                    "NFOLD_DISK_RESERVE_BYTES": "0",
                    **self.environment,
                },
                stdout=log,
                stderr=log,
            )
        for _ in range(600):
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{self.url}/healthz", timeout=5).status_code == 200:
                    return
            assert self.process.poll() is None, (self.data.parent / "server.log").read_text()
            time.sleep(0.1)
        raise AssertionError("the server did not start")

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def end(self) -> None:
        """As an operator would, by SIGTERM."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


@pytest.fixture
def make_server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Servers with settings of the test's choice, on `tmp_path/server`."""
    server = Server(data=tmp_path / "server")

    def make(**settings: Any) -> Server:
        server.begin(**settings)
        return server

    yield make
    server.end()


@pytest.fixture
def server(make_server: Callable[..., Server]) -> Server:
    """A server that runs."""
    return make_server()


Getter = Callable[[str], Any]


def linked_pages(client: Any, path: str) -> list[Any]:
    """All pages of a list, by `Link`, which has to say the same as `next`."""
    pages = []
    following: str | None = path
    while following is not None:
        answer = client.get(following)
        assert answer.status_code == 200
        following = answer.links["next"]["url"] if answer.links else None
        pages.append(answer.json())
        assert (pages[-1]["next"] is None) == (following is None)
    return pages


def settled(get: Getter, url: str, *, seconds: float = 60.0) -> dict[str, Any]:
    """A data set or a job once nothing more happens to it."""
    for _ in range(int(seconds / 0.05)):
        document: dict[str, Any] = get(url).json()
        if document["state"] in (
            "ready",
            "broken",
            "empty",
            "succeeded",
            "succeeded_with_errors",
            "failed",
            "cancelled",
        ):
            return document
        time.sleep(0.05)
    raise AssertionError(f"still {document['state']}: {document}")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL of this test run's own; skipped by name where there is none."""
    try:
        with running_postgres() as found:
            yield found
    except NoPostgresError as error:
        pytest.skip(f"NO POSTGRESQL: the job store is not tested against it here: {error}")


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Address of an empty job store, of each kind that there is."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store' / 'nfold.db'}"
    found: Postgres = request.getfixturevalue("postgres")
    return found.fresh()


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    """An open store of each kind."""
    store = Store(database)
    yield store
    store.close()
