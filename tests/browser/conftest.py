"""A browser and a server for the tests of the page; each module has its own, so that none outlives its tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser.surfing import Surfer, surfing
from tests.service.conftest import Server, make_server

__all__ = ["make_server"]


@pytest.fixture(scope="module")
def surfer() -> Iterator[Surfer]:
    with surfing() as opened:
        yield opened


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for the tests that leave it as it is."""
    running = Server(data=tmp_path_factory.mktemp("service") / "server")
    running.begin()
    yield running
    running.end()
