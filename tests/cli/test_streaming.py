from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nfold_cli.main import main
from tests.conftest import write_picture

NFOLD = [sys.executable, "-m", "nfold_cli"]


def call(*arguments: object) -> int:
    try:
        return main([str(argument) for argument in arguments])
    except SystemExit as leave:
        return int(leave.code or 0)


def names(data: bytes) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return tar.getnames()


@pytest.fixture
def source(make_folder: Callable[..., Path]) -> Path:
    return make_folder({"cat/a.png": 1, "cat/b.png": 2, "dog/c.png": 3})


class TestOutput:
    def test_a_file_and_standard_output_hold_the_same_bytes(
        self, source: Path, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
    ) -> None:
        assert call("stream", source, "--epoch", 2, "--output", tmp_path / "e.tar") == 0
        assert b"3 images of 3 sources" in capfdbinary.readouterr().err
        run = [*NFOLD, "stream", str(source), "--epoch", "2", "--output", "-", "--workers", "1"]
        piped = subprocess.run(run, capture_output=True, check=True)
        assert piped.stdout == (tmp_path / "e.tar").read_bytes()
        assert len(names(piped.stdout)) == 9
        assert list(tmp_path.glob(".*")) == []

    def test_a_terminal_is_no_place_for_an_archive(
        self, source: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
        assert call("stream", source, "--epoch", 1, "--output", "-") == 2
        told = capsys.readouterr().err
        assert "not for a terminal" in told
        assert "--output FILE.tar" in told

    def test_a_reader_that_goes_away_is_not_told_about(self, tmp_path: Path) -> None:
        for number in range(40):
            write_picture(tmp_path / f"source/{number}.png", number, width=200, height=150)
        run = subprocess.Popen(
            [*NFOLD, "stream", str(tmp_path / "source"), "--epochs", "1..50", "--output", "-", "--quiet"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert run.stdout is not None
        assert run.stderr is not None
        run.stdout.read(1000)
        run.stdout.close()
        assert run.wait(60) == 1
        assert run.stderr.read() == b""
        run.stderr.close()

    def test_a_file_that_is_not_whole_does_not_take_its_name(
        self, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "e.tar").write_bytes(b"the old one")

        def broken(*arguments: Any, **options: Any) -> None:
            arguments[1](b"half")
            raise KeyboardInterrupt

        monkeypatch.setattr("nfold.stream.archive.write_archive", broken)
        assert call("stream", source, "--epoch", 1, "--output", tmp_path / "e.tar") == 130
        assert (tmp_path / "e.tar").read_bytes() == b"the old one"
        assert sorted(path.name for path in tmp_path.iterdir()) == ["e.tar", "photos"]

    @pytest.mark.parametrize(
        ("output", "code", "says"),
        [
            ("x.zip", 2, "a tar archive is written"),
            ("photos/x.tar", 2, "lies inside the source"),
            ("nowhere/x.tar", 1, "no folder 'nowhere'"),
            ("folder.tar", 1, "it is a folder"),
        ],
    )
    def test_a_place_that_cannot_be_written_is_refused_before_any_work(
        self, source: Path, tmp_path: Path, output: str, code: int, says: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "folder.tar").mkdir()
        assert call("stream", source, "--epoch", 1, "--output", tmp_path / output) == code
        assert says in capsys.readouterr().err.replace(f"{tmp_path}/", "")

    def test_json_tells_what_was_written(
        self, source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert call("stream", source, "--epoch", 1, "--output", tmp_path / "e.tar", "--json") == 0
        told = json.loads(capsys.readouterr().out)
        assert told == {
            "output": str(tmp_path / "e.tar"),
            "format": told["format"],
            "sources": 3,
            "items": 3,
            "bytes": (tmp_path / "e.tar").stat().st_size,
            "classes": ["cat", "dog"],
            "categories": [],
            "left_out": {},
            "left_out_count": 0,
        }
        assert call("stream", source, "--epoch", 1, "--output", "-", "--json") == 2


class TestEpochs:
    def test_several_epochs_have_keys_of_their_own(self, source: Path, tmp_path: Path) -> None:
        assert call("stream", source, "--epochs", "2..3", "--no-shuffle", "--output", tmp_path / "e.tar") == 0
        found = names((tmp_path / "e.tar").read_bytes())
        assert found[::9] == ["e00002/cat/a.png", "e00003/cat/a.png"]
        assert len(set(found)) == 18

    @pytest.mark.parametrize(
        ("option", "value", "says"),
        [
            ("--epoch", "0", "epochs are counted from 1"),
            ("--epoch", "-3", "epochs are counted from 1"),
            ("--epoch", "two", "that is no epoch"),
            ("--epochs", "3", "Example: --epochs 1..10"),
            ("--epochs", "5..3", "Did you mean --epochs 3..5?"),
            ("--epochs", "0..3", "epochs are counted from 1"),
        ],
    )
    def test_what_is_no_epoch_is_told_in_clear_words(
        self, source: Path, tmp_path: Path, option: str, value: str, says: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert call("stream", source, f"{option}={value}", "--output", tmp_path / "e.tar") == 2
        assert says in capsys.readouterr().err

    def test_one_way_of_saying_which_epoch_is_needed_and_only_one(self, source: Path, tmp_path: Path) -> None:
        assert call("stream", source, "--output", tmp_path / "e.tar") == 2
        assert call("stream", source, "--epoch", 1, "--as-is", "--output", tmp_path / "e.tar") == 2

    def test_validation_is_served_as_it_is_and_never_varied(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        for number, split in enumerate(("train", "val")):
            write_picture(tmp_path / f"s/{split}/cat/{number}.png", number)
        assert call("stream", tmp_path / "s", "--split", "val", "--epoch", 1, "--output", tmp_path / "e.tar") == 2
        assert "--as-is" in capsys.readouterr().err
        assert call("stream", tmp_path / "s", "--split", "val", "--as-is", "--output", tmp_path / "e.tar") == 0
        with tarfile.open(tmp_path / "e.tar") as tar:
            picture = tar.extractfile("val/cat/1.png")
            assert picture is not None
            assert picture.read() == (tmp_path / "s/val/cat/1.png").read_bytes()


def test_a_source_that_cannot_be_used_is_named_and_gives_exit_code_3(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (source / "cat/broken.png").write_bytes(b"\x89PNG\r\n\x1a\n nothing")
    assert call("stream", source, "--epoch", 1, "--output", tmp_path / "e.tar", "--quiet") == 3
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("Left out: 1 source.\n  cat/broken.png: ")
    assert not any("broken" in name for name in names((tmp_path / "e.tar").read_bytes()))


def test_a_folder_that_nfold_expanded_is_streamed_with_a_warning(
    source: Path, tmp_path: Path, expand_inline: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    expand_inline(source, tmp_path / "out", copies=1)
    assert call("stream", tmp_path / "out", "--epoch", 1, "--output", tmp_path / "e.tar") == 0
    assert "its copies are varied a second time" in capsys.readouterr().err


@pytest.mark.parametrize("workers", ["0", "257", "many"])
def test_a_number_of_workers_that_is_none_is_refused(source: Path, tmp_path: Path, workers: str) -> None:
    assert call("stream", source, "--epoch", 1, "--output", tmp_path / "e.tar", "--workers", workers) == 2
