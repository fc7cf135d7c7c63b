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


class TestLeaks:
    """The manifest alone proves that what is held out has no relative in train."""

    @pytest.fixture
    def divided(self, make_folder: Callable[..., Path], expand_inline: Callable[..., Any], tmp_path: Path) -> Path:
        names = {f"p{patient}_{number}.png": 10 * patient + number for patient in range(8) for number in range(2)}
        target = tmp_path / "divided"
        expand_inline(make_folder(names, folder="flat"), target, copies=1, split="50/50", group=r"(p\d)_")
        return target

    def forge(self, output: Path, change: Callable[[dict[str, Any], dict[str, Any]], None]) -> tuple[str, str]:
        """Change the row of a source in train, given one in val; says which."""
        parts = sorted((output / ".nfold/parts").iterdir())
        lines = {part: [json.loads(line) for line in part.read_text().splitlines()] for part in parts}
        sources = [row for rows in lines.values() for row in rows if row.get("kind") == "source"]
        trained, held_out = (next(row for row in sources if row["split"] == split) for split in ("train", "val"))
        change(trained, held_out)
        for part, rows in lines.items():
            part.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return trained["source"], held_out["source"]

    def test_a_split_of_nfold_s_own_has_none(self, divided: Path) -> None:
        report = nfold.verify(divided)
        assert (report.is_sound, report.leaks, report.leaks_count, report.leaks_made) == (True, (), 0, 0)
        rows = [
            json.loads(line) for part in (divided / ".nfold/parts").iterdir() for line in part.read_text().splitlines()
        ]
        assert {row["group"] for row in rows if row.get("kind") == "source"} == {
            f'["p{number}"]' for number in range(8)
        }

    @pytest.mark.parametrize(("field", "kind"), [("group", "group"), ("sha256", "bytes")])
    def test_a_manifest_with_a_leak_is_not_sound(self, field: str, kind: str, divided: Path) -> None:
        def change(trained: dict[str, Any], held_out: dict[str, Any]) -> None:
            trained[field] = held_out[field]

        trained, held_out = self.forge(divided, change)
        report = nfold.verify(divided)
        assert (report.faults_count, report.tree_digest) == (0, report.recorded_digest), "no file has changed"
        assert not report.is_sound
        assert report.leaks_count == report.leaks_made == len(report.leaks) > 0
        first = report.leaks[0]
        assert (first.kind, first.trained_on, first.from_input) == (kind, f"train/{trained}", False)
        assert first.held_out.startswith(f"val/{held_out.split('_')[0]}")
        assert report.to_json()["leaks"][0]["kind"] == kind

    def test_a_source_that_changed_sides_is_found_by_its_group(self, divided: Path) -> None:
        def change(trained: dict[str, Any], held_out: dict[str, Any]) -> None:
            trained["split"] = "val"

        trained, _ = self.forge(divided, change)
        report = nfold.verify(divided)
        assert not report.is_sound
        assert [(leak.kind, leak.held_out) for leak in report.leaks] == [("group", f"train/{trained}")]

    def test_what_was_so_in_the_input_is_told_and_is_sound(
        self, make_folder: Callable[..., Path], expand_inline: Callable[..., Any], tmp_path: Path
    ) -> None:
        source = make_folder({"train/a.png": 1, "train/b.png": 2, "val/c.png": 3, "val/twin.bmp": 1}, folder="leaky")
        expand_inline(source, tmp_path / "leaky_out", copies=2)
        report = nfold.verify(tmp_path / "leaky_out")
        assert [(leak.kind, leak.held_out, leak.from_input) for leak in report.leaks] == [
            ("pixels", "val/twin.bmp", True)
        ]
        assert (report.is_sound, report.leaks_count, report.leaks_made) == (True, 1, 0)

    def test_a_copy_that_equals_what_is_held_out_is_not_sound(
        self, make_folder: Callable[..., Path], expand_inline: Callable[..., Any], tmp_path: Path
    ) -> None:
        source = make_folder({"train/a.png": 1, "val/c.png": 3}, folder="forged")
        target = tmp_path / "forged_out"
        expand_inline(source, target, copies=1)
        parts = {part: part.read_text() for part in (target / ".nfold/parts").iterdir()}
        rows = [json.loads(line) for text in parts.values() for line in text.splitlines()]
        pixels = {row["file"]: row["pixels"] for row in rows if row.get("kind") == "file"}
        for part, text in parts.items():
            part.write_text(text.replace(pixels["train/a_aug1.png"], pixels["val/c.png"]))
        report = nfold.verify(target)
        assert [(leak.kind, leak.trained_on, leak.from_input) for leak in report.leaks] == [
            ("pixels", "train/a_aug1.png", False)
        ]
        assert not report.is_sound

    def test_files_that_stay_behind_when_a_picture_changes_sides_are_a_leak(
        self, make_folder: Callable[..., Path], expand_inline: Callable[..., Any], tmp_path: Path
    ) -> None:
        source = make_folder({"train/a.png": 1, "train/b.png": 2, "val/c.png": 3}, folder="moving")
        target = tmp_path / "moving_out"
        expand_inline(source, target, copies=1)
        (source / "train/a.png").rename(source / "val/a.png")
        expand_inline(source, target, copies=1, keep_removed=True)
        report = nfold.verify(target)
        assert [(leak.kind, leak.trained_on, leak.held_out) for leak in report.leaks] == [
            ("bytes", "train/a.png", "val/a.png")
        ]
        assert not report.is_sound
        expand_inline(source, target, copies=1)
        assert nfold.verify(target).is_sound


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
