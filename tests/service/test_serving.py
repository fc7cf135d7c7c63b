"""How the service begins and ends, as whoever starts it sees it."""

from __future__ import annotations

import json
import signal

from tests.service.conftest import Server


def test_sigterm_is_the_ordinary_end_and_gives_exit_code_0(server: Server) -> None:
    assert server.process is not None
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(20) == 0


def test_it_says_where_it_is_served_and_where_its_data_lies(server: Server) -> None:
    lines = [json.loads(line) for line in (server.data.parent / "server.log").read_text().splitlines()]
    (told,) = [line for line in lines if line["event"] == "serving"]
    assert (told["url"], told["data"]) == (f"http://127.0.0.1:{server.port}/", str(server.data))
