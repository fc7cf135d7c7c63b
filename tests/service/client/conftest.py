"""One server for all tests of a file, since each takes some seconds to start."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.service.conftest import Server


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that runs, and has nothing left of a client that came to its end."""
    server = Server(data=tmp_path_factory.mktemp("shared") / "server")
    server.begin(workers=1)
    yield server
    server.end()


@pytest.fixture
def nothing_left(shared: Server) -> Iterator[None]:
    """What a client made twice would be left over, since it deletes only what it knows of."""
    yield
    assert httpx.get(f"{shared.url}/v1/datasets").json()["datasets"] == []
    assert httpx.get(f"{shared.url}/v1/expansions").json()["jobs"] == []


@pytest.fixture(scope="session")
def local(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Folders that a local run wrote, each made once."""
    made: dict[str, Path] = {}

    def make(source: Path, **options: Any) -> Path:
        from nfold import expand

        name = f"{source} {sorted(options.items())}"
        if name not in made:
            made[name] = tmp_path_factory.mktemp("local") / "out"
            expand(source, made[name], workers=1, **options)
        return made[name]

    return make
