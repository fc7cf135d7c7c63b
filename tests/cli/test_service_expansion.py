"""`nfold expand --service` on the command line; the client itself is tested in tests/service/client."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nfold_cli.main import main


def test_a_key_file_is_for_a_service(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["expand", str(tmp_path), str(tmp_path / "out"), "-n", "1", "--key-file", "key"]) == 2
    assert "--service" in capsys.readouterr().err


def test_a_rehearsal_is_no_work_for_a_service(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["expand", str(tmp_path), str(tmp_path / "out"), "-n", "1", "--dry-run", "--service", "http://h"]
    assert main(arguments) == 2
    assert "--dry-run" in capsys.readouterr().err


@pytest.mark.parametrize("content", [None, "", "\n", b"\xff\xfe"])
def test_a_key_file_without_a_key_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | bytes | None
) -> None:
    path = tmp_path / "key"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    arguments = ["expand", str(tmp_path), str(tmp_path / "out"), "-n", "1", "--service", "http://h", "--json"]
    assert main([*arguments, "--key-file", str(path)]) == 1
    assert "--key-file" in json.loads(capsys.readouterr().out)["message"]


def test_without_the_extra_it_says_how_to_install_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["expand", str(tmp_path), str(tmp_path / "out"), "-n", "1", "--service", "http://h"]) == 1
    assert "pip install 'nfold[service]'" in capsys.readouterr().err
