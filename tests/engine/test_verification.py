from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import nfold
from nfold.errors import OutputError
from nfold.events import Event, Progressed
from tests.conftest import tree, tree_digest


@pytest.fixture
def output(make_folder: Callable[..., Path], expand_inline: Callable[..., Any], tmp_path: Path) -> Path:
    expand_inline(make_folder({"a/x.png": 1, "a/y.png": 2, "b/z.png": 3}), tmp_path / "out", copies=2)
    return tmp_path / "out"


def faults(output: Path) -> dict[str, str]:
    report = nfold.verify(output)
    assert report.is_sound == (not report.faults)
    assert report.faults_count == len(report.faults)
    return {fault.file: fault.problem for fault in report.faults}


def test_an_output_as_it_was_written_is_sound(output: Path) -> None:
    report = nfold.verify(output)
    assert report.is_sound
    assert (report.files, report.state) == (9, "complete")
    assert report.tree_digest == report.recorded_digest == tree_digest(output)


def test_what_is_missing_is_named_with_its_source_and_copy(output: Path) -> None:
    (output / "a/x_aug2.png").unlink()
    report = nfold.verify(output)
    assert [(fault.file, fault.problem, fault.source, fault.copy) for fault in report.faults] == [
        ("a/x_aug2.png", "missing", "a/x.png", 2)
    ]
    assert report.tree_digest != report.recorded_digest


def test_a_change_that_leaves_size_and_time_is_found(output: Path) -> None:
    path = output / "a/y.png"
    facts = path.stat()
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (facts.st_size, facts.st_mtime_ns)
    assert faults(output) == {"a/y.png": "changed"}


def test_a_folder_in_the_place_of_a_file_and_a_file_in_that_of_a_folder(output: Path) -> None:
    (output / "a/x.png").unlink()
    (output / "a/x.png").mkdir()
    for path in (output / "b").iterdir():
        path.unlink()
    (output / "b").rmdir()
    (output / "b").write_text("a file now")
    assert faults(output) == {
        "a/x.png": "unreadable",
        **dict.fromkeys(("b/z.png", "b/z_aug1.png", "b/z_aug2.png"), "missing"),
    }


def test_files_of_others_are_none_of_its_business(output: Path) -> None:
    (output / "a/mine.txt").write_text("notes")
    assert faults(output) == {}


def test_a_manifest_that_was_changed_does_not_agree_with_the_card(output: Path) -> None:
    part = next(path for path in (output / ".nfold/parts").iterdir() if len(path.read_text().splitlines()) > 1)
    header, *rows = part.read_text().splitlines(keepends=True)
    part.write_text(header + "".join(row for row in rows if '"copy":1' not in row))
    report = nfold.verify(output)
    assert report.faults_count == 0
    assert not report.is_sound


def test_a_run_that_was_cut_short_is_judged_by_what_it_committed(output: Path) -> None:
    card = json.loads((output / "nfold.json").read_text())
    (output / "nfold.json").write_text(json.dumps({**card, "state": "running"}))
    holds = {path: '"file":"a/x.png"' in path.read_text() for path in (output / ".nfold/parts").iterdir()}
    next(path for path, holds_x in holds.items() if not holds_x and "file" in path.read_text()).unlink()
    report = nfold.verify(output)
    assert report.files < 9
    assert (report.is_sound, report.state, report.recorded_digest) == (True, "running", None)
    (output / "a/x.png").unlink()
    assert faults(output) == {"a/x.png": "missing"}


def test_what_is_merely_retained_is_not_verified(
    output: Path, make_folder: Callable[..., Path], expand_inline: Callable[..., Any]
) -> None:
    expand_inline(make_folder({"a/x.png": 1, "a/y.png": 2, "b/z.png": 3}), output, copies=1, keep_removed=True)
    (output / "a/x_aug2.png").write_bytes(b"do as you like")
    assert nfold.verify(output).files == 6
    assert nfold.verify(output).is_sound


def test_progress_reaches_its_end(output: Path) -> None:
    seen: list[Event] = []
    nfold.verify(output, observe=seen.append)
    assert seen == [Progressed(done=number, total=9) for number in range(1, 10)]


def test_nothing_is_written(output: Path) -> None:
    before = {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in output.rglob("*")}
    nfold.verify(output)
    assert {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in output.rglob("*")} == before
    assert len(tree(output)) == 9


@pytest.mark.parametrize("content", [None, "", "[]", "{}", '{"card_version": 99}', '{"card_version": 1}', "\x00"])
def test_a_folder_that_is_not_ours_is_refused(content: str | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "nfold.json").write_text(content)
    with pytest.raises(OutputError) as caught:
        nfold.verify(tmp_path)
    assert caught.value.stable_code == ("output.version" if "99" in (content or "") else "output.not_ours")
    assert caught.value.hint
