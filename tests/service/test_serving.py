"""How the service begins and ends, as whoever starts it sees it."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from nfold_service.store import Store
from tests.service.conftest import Server


def test_sigterm_is_the_ordinary_end_and_gives_exit_code_0(server: Server) -> None:
    assert server.process is not None
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(20) == 0


def test_it_says_where_it_is_served_and_where_its_data_lies(server: Server) -> None:
    lines = [json.loads(line) for line in (server.data.parent / "server.log").read_text().splitlines()]
    (told,) = [line for line in lines if line["event"] == "serving"]
    assert (told["url"], told["data"]) == (f"http://127.0.0.1:{server.port}/", str(server.data))


@pytest.mark.parametrize(("version", "code"), [(99, "store.newer"), (0, "store.older")])
def test_a_data_folder_of_another_version_is_refused_in_a_sentence(tmp_path: Path, version: int, code: str) -> None:
    Store(f"sqlite:///{tmp_path}/nfold.db").close()
    with sqlite3.connect(tmp_path / "nfold.db") as connection:
        connection.execute("update about set value = ? where name = 'version'", (str(version),))
    connection.close()
    done = subprocess.run(
        [sys.executable, "-m", "nfold_cli", "serve", "--port", "0"],
        env={**os.environ, "NFOLD_DATA": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert code in done.stderr
    assert f"version {version}" in done.stderr
    assert "Traceback" not in done.stderr
    assert "port" not in done.stderr
