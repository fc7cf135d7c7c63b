"""One service at a time in one folder."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nfold.errors import OutputBusyError
from nfold_cli.main import main
from nfold_service.holding import folder_id, hold_folder
from nfold_service.settings import Settings
from tests.service.conftest import ROOT


def test_a_second_one_is_refused_with_the_name_of_the_first(tmp_path: Path) -> None:
    with (
        hold_folder(tmp_path / "data"),
        pytest.raises(OutputBusyError, match=f"process {os.getpid()} on {socket.gethostname()}") as caught,
        hold_folder(tmp_path / "data"),
    ):
        pass
    assert caught.value.stable_code == "service.busy"
    with hold_folder(tmp_path / "data"):
        pass


def test_it_is_held_until_its_holder_dies(tmp_path: Path) -> None:
    program = (
        "import sys, time\nfrom pathlib import Path\nfrom nfold_service.holding import hold_folder\n"
        "with hold_folder(Path(sys.argv[1])):\n    print('held', flush=True)\n    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, tmp_path], stdout=subprocess.PIPE, cwd=ROOT) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(OutputBusyError, match=f"process {other.pid}"), hold_folder(tmp_path):
            pass
        other.kill()
        other.wait()
        with hold_folder(tmp_path):
            pass


def test_a_second_server_on_a_folder_does_not_start(make_client: Any, tmp_path: Path) -> None:
    make_client()
    environment = {**os.environ, "NFOLD_DATA": str(tmp_path / "data"), "NFOLD_PORT": "0"}
    done = subprocess.run(
        [sys.executable, "-m", "nfold_cli", "serve"],
        env=environment,
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 1
    assert "is being used by another service (process" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_keeps_its_id(tmp_path: Path) -> None:
    first = folder_id(tmp_path)
    assert folder_id(tmp_path) == first
    (tmp_path / "other").mkdir()
    assert folder_id(tmp_path / "other") != first


def test_two_folders_on_one_database_are_refused(tmp_path: Path, database: str) -> None:
    from nfold.errors import InputError
    from tests.service.conftest import TestClient, create_app

    with TestClient(create_app(Settings(data=tmp_path / "one", database=database, disk_reserve_bytes=0))):
        pass
    with (
        pytest.raises(InputError, match="another data folder"),
        TestClient(create_app(Settings(data=tmp_path / "two", database=database, disk_reserve_bytes=0))),
    ):
        pass


@pytest.mark.parametrize("below", ["", "below/it"])
@pytest.mark.parametrize("command", [["serve", "--port", "0"], ["keys", "add", "anna"], ["keys", "list"]])
def test_a_file_in_the_place_of_the_data_folder_is_named(
    command: list[str], below: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "thesis.tex"
    file.write_text("precious")
    assert main([*command, "--data", str(file / below)]) == 1
    said = capsys.readouterr().err
    assert f"nfold: {file} is a file." in said
    assert "[output.not_a_folder]" in said
    assert file.read_text() == "precious"
