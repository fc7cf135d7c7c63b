from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nfold.events import Planned, Progressed, Removing, StageBegan
from nfold_cli import progress
from nfold_cli.progress import ProgressDisplay

PLANNED = Planned(format="folder", reason="images without labels", sources=1200, files=7200)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Lets time pass."""
    now = 1000.0

    def wait(seconds: float) -> None:
        nonlocal now
        now += seconds

    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: now))
    return wait


class TestPlainLines:
    def test_a_line_every_few_seconds_with_rate_and_time_left(
        self, clock: Callable[[float], None], capsys: pytest.CaptureFixture[str]
    ) -> None:
        with ProgressDisplay(quiet=False, noun="images") as display:
            display.observe(StageBegan(stage="scan"))
            clock(1)
            display.observe(PLANNED)
            display.observe(StageBegan(stage="expand"))
            for done in range(0, 7200, 100):
                clock(0.1)
                display.observe(Progressed(done=done, total=7200))
        printed = capsys.readouterr()
        assert printed.out == ""
        first, *lines = printed.err.splitlines()
        assert first == "folder (images without labels): 1,200 images, to become 7,200"
        assert lines == ["Expanding: 3,900 of 7,200 images, 975/s, 3.4 s left"]
        assert "\x1b" not in printed.err

    def test_what_to_know_about_the_labels_is_said_before_the_work(self, capsys: pytest.CaptureFixture[str]) -> None:
        with ProgressDisplay(quiet=False) as display:
            display.observe(replace(PLANNED, notes=("Left and right stay.",)))
        assert capsys.readouterr().err.splitlines()[1:] == ["Note: Left and right stay."]

    def test_a_rate_of_nothing_leaves_an_unknown_time(
        self, clock: Callable[[float], None], capsys: pytest.CaptureFixture[str]
    ) -> None:
        with ProgressDisplay(quiet=False) as display:
            display.observe(StageBegan(stage="survey"))
            clock(6)
            display.observe(Progressed(done=0, total=9))
        assert capsys.readouterr().err == "Comparing images: 0 of 9 files, 0/s, unknown time left\n"

    def test_verifying_says_so(self, clock: Callable[[float], None], capsys: pytest.CaptureFixture[str]) -> None:
        with ProgressDisplay(quiet=False) as display:
            clock(10)
            display.observe(Progressed(done=50, total=100))
        assert capsys.readouterr().err == "Verifying: 50 of 100 files, 5/s, 10 s left\n"

    @pytest.mark.parametrize(
        ("event", "line"),
        [
            (Removing(count=2, names=("a\n.png", "\udcff.png")), r"no longer asked for: a\n.png, \xff.png"),
            (Removing(count=12, names=("a", "b")), "Removing 12 files of ours no longer asked for: a, b and 10 more"),
            (Removing(count=3, names=()), "Removing 3 files of ours no longer asked for"),
        ],
    )
    def test_what_is_removed_is_named(self, event: Removing, line: str, capsys: pytest.CaptureFixture[str]) -> None:
        ProgressDisplay(quiet=False).observe(event)
        assert capsys.readouterr().err.endswith(f"{line}\n")

    def test_quiet_says_nothing(self, clock: Callable[[float], None], capsys: pytest.CaptureFixture[str]) -> None:
        with ProgressDisplay(quiet=True) as display:
            for event in (StageBegan(stage="expand"), PLANNED, Removing(count=1, names=("a",))):
                display.observe(event)
            clock(60)
            display.observe(Progressed(done=1, total=2))
        assert capsys.readouterr() == ("", "")


def on_a_terminal(command: list[str], **environment: str) -> tuple[str, str]:
    """What a command writes to a terminal (standard error) and to a pipe (standard output)."""
    terminal, its_end = pty.openpty()
    plain = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    run = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=its_end,
        text=True,
        env={**plain, "TERM": "xterm-256color", "COLUMNS": "100", **environment},
    )
    os.close(its_end)
    shown = b""
    try:
        while chunk := os.read(terminal, 4096):
            shown += chunk
    except OSError:  # Linux ends a terminal so when nobody holds its other end any more
        pass
    finally:
        os.close(terminal)
    printed, _ = run.communicate(timeout=30)
    assert run.returncode == 0, shown.decode()
    return shown.decode(), printed


class TestTerminal:
    WATCH = """
import time
from nfold.events import Planned, Progressed, Removing, StageBegan
from nfold_cli.progress import ProgressDisplay
with ProgressDisplay(quiet=False, noun="images") as display:
    display.observe(StageBegan(stage="scan"))
    display.observe(Planned(format="folder", reason="why", sources=10, files=60))
    display.observe(StageBegan(stage="expand"))
    for done in (1, 20, 40, 60):
        display.observe(Progressed(done=done, total=60))
        time.sleep(0.15)
    display.observe(Removing(count=1, names=("[red]a[/red].png",)))
"""

    def test_a_bar_moves_and_is_gone_in_the_end(self) -> None:
        shown, printed = on_a_terminal([sys.executable, "-c", self.WATCH])
        assert "Expanding" in shown
        assert re.search(r"(20|40|60)/60", shown)
        assert "━" in shown
        assert "\x1b[2K" in shown, "it is wiped out when it is done"
        assert "folder (why): 10 images, to become 60" in shown
        assert "[red]a[/red].png" in shown, "a file name is no markup"
        assert printed == ""

    @pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=str)
    def test_where_no_colour_is_wanted_there_are_plain_lines(self, environment: dict[str, str]) -> None:
        shown, _ = on_a_terminal([sys.executable, "-c", self.WATCH], **environment)
        assert "\x1b" not in shown
        assert "folder (why): 10 images, to become 60" in shown

    def test_a_command_shows_it_and_keeps_its_result_apart(
        self, make_folder: Callable[..., Path], expand_inline: Callable[..., Any], tmp_path: Path
    ) -> None:
        expand_inline(make_folder(2), tmp_path / "out", copies=1)
        shown, printed = on_a_terminal([sys.executable, "-m", "nfold_cli", "verify", str(tmp_path / "out")])
        assert "Verifying" in shown
        assert printed.startswith("4 files, each as it was written.")
        shown, printed = on_a_terminal([sys.executable, "-m", "nfold_cli", "verify", str(tmp_path / "out"), "--quiet"])
        assert shown == ""
