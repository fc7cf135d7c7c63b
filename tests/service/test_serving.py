"""How the service begins and ends, as whoever starts it sees it."""

from __future__ import annotations

import signal

from tests.service.conftest import Server


def test_sigterm_is_the_ordinary_end_and_gives_exit_code_0(server: Server) -> None:
    assert server.process is not None
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(20) == 0
