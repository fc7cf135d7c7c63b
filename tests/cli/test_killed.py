"""Kill a run at any moment, run the same command: the tree is that of an undisturbed run."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nfold.faults import POINTS
from tests.conftest import tree, tree_digest

pytestmark = pytest.mark.slow

SURELY_REACHED = [
    name
    for name in POINTS
    if name not in ("split.recorded", "sweep.listed", "sweep.between_files", "rebuild.between_files")
    and not name.startswith("assembly.")
]


def command(source: Path, target: Path, *options: str) -> list[str]:
    return [
        sys.executable,
        "-m",
        "nfold_cli",
        "expand",
        str(source),
        str(target),
        "--workers",
        "2",
        "--quiet",
        *options,
    ]


def start(arguments: list[str], fault: str | None = None) -> subprocess.Popen[bytes]:
    environment = {**os.environ, **({"NFOLD_FAULT": fault} if fault else {})}
    return subprocess.Popen(arguments, env=environment, start_new_session=True, stderr=subprocess.PIPE)


def finish(process: subprocess.Popen[bytes]) -> int:
    _, messages = process.communicate(timeout=120)
    if process.returncode not in (0, 3, -signal.SIGKILL):
        raise AssertionError(messages.decode())
    return process.returncode


def assert_committed_is_sound(target: Path) -> None:
    """What is marked as committed is there, byte for byte, and no visible file is torn."""
    from nfold.verification import verify

    if (target / "nfold.json").exists():
        report = verify(target)
        missing = [fault for fault in report.faults if fault.problem != "missing"]
        assert not missing, f"committed files were changed: {missing}"


def assert_visible_files_are_whole(target: Path, whole: dict[str, str]) -> None:
    torn = {name for name, digest in tree(target).items() if name in whole and whole[name] != digest}
    assert not torn, f"torn files are visible: {torn}"


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.conftest import write_picture

    root = tmp_path_factory.mktemp("kill") / "photos"
    for number in range(24):
        write_picture(root / f"class{number % 3}" / f"{number}.jpg", number)
    return root


@pytest.fixture(scope="module")
def undisturbed(photos: Path) -> dict[str, str]:
    target = photos.parent / "undisturbed"
    assert finish(start(command(photos, target, "-n", "3"))) == 0
    return tree(target)


@pytest.mark.parametrize("point", SURELY_REACHED)
@pytest.mark.parametrize("count", [1, 4])
def test_killed_at_a_fault_point(
    point: str, count: int, photos: Path, undisturbed: dict[str, str], tmp_path: Path
) -> None:
    target = tmp_path / "out"
    code = finish(start(command(photos, target, "-n", "3"), fault=f"{point}:{count}"))
    assert code == -signal.SIGKILL or count > 1, f"{point} is never reached"
    assert_committed_is_sound(target)
    assert_visible_files_are_whole(target, undisturbed)
    assert finish(start(command(photos, target, "-n", "3"))) == 0
    assert tree(target) == undisturbed
    card = json.loads((target / "nfold.json").read_text())
    assert card["state"] == "complete"
    assert card["result"]["tree_digest"] == tree_digest(target)
    assert not list((target / ".nfold/tmp").iterdir())


@pytest.mark.parametrize(
    "point", ["sweep.listed", "sweep.between_files", "shard.committed", "shard.files_written", "run.before_finish"]
)
def test_killed_while_taking_copies_back(point: str, photos: Path, undisturbed: dict[str, str], tmp_path: Path) -> None:
    target = tmp_path / "out"
    assert finish(start(command(photos, target, "-n", "5"))) == 0
    assert finish(start(command(photos, target, "-n", "3"), fault=f"{point}:1")) == -signal.SIGKILL
    assert_committed_is_sound(target)
    assert finish(start(command(photos, target, "-n", "3"))) == 0
    assert tree(target) == undisturbed


def test_killed_while_taking_copies_back_and_then_asked_for_more_again(photos: Path, tmp_path: Path) -> None:
    target = tmp_path / "out"
    assert finish(start(command(photos, target, "-n", "5"))) == 0
    five = tree(target)
    assert finish(start(command(photos, target, "-n", "3"), fault="sweep.between_files:5")) == -signal.SIGKILL
    assert finish(start(command(photos, target, "-n", "5"))) == 0
    assert tree(target) == five


@pytest.mark.parametrize("point", ["rebuild.between_files", "run.card_written", "shard.files_written"])
def test_killed_while_starting_again(point: str, photos: Path, tmp_path: Path) -> None:
    target, other = tmp_path / "out", ("-n", "2", "--seed", "9")
    assert finish(start(command(photos, target, "-n", "3"))) == 0
    assert (
        finish(
            start(
                command(photos, target, *other, "--rebuild"),
                fault=f"{point}:3" if point.startswith("rebuild") else f"{point}:1",
            )
        )
        == -signal.SIGKILL
    )
    assert finish(start(command(photos, target, *other))) == 0, (
        "once begun, a rebuild goes on without being asked again"
    )
    assert finish(start(command(photos, tmp_path / "fresh", *other))) == 0
    assert tree(target) == tree(tmp_path / "fresh")


@pytest.mark.parametrize("point", ["split.recorded", "run.card_written", "shard.committed"])
def test_killed_while_splitting(point: str, photos: Path, tmp_path: Path) -> None:
    target, options = tmp_path / "out", ("-n", "2", "--split", "60/20/20")
    assert finish(start(command(photos, tmp_path / "straight", *options))) == 0
    assert finish(start(command(photos, target, *options), fault=f"{point}:1")) == -signal.SIGKILL
    assert finish(start(command(photos, target, *options))) == 0
    assert tree(target) == tree(tmp_path / "straight")


def test_killed_at_random_moments(photos: Path, undisturbed: dict[str, str], tmp_path: Path) -> None:
    seed = int(os.environ.get("NFOLD_KILL_SEED") or random.SystemRandom().randrange(10**6))
    kills = int(os.environ.get("NFOLD_KILLS") or 12)
    sys.stdout.write(f"NFOLD_KILL_SEED={seed}\n")
    chance = random.Random(seed)
    target, killed = tmp_path / "out", 0
    for attempt in range(kills):
        if attempt % 4 == 3:
            shutil.rmtree(target, ignore_errors=True)
        process = start(command(photos, target, "-n", "3"))
        time.sleep(chance.uniform(0.3, 2.6))
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            killed += 1
        finish(process)
        assert_committed_is_sound(target)
        assert_visible_files_are_whole(target, undisturbed)
    assert killed, "no kill came in time"
    assert finish(start(command(photos, target, "-n", "3"))) == 0
    assert tree(target) == undisturbed


@pytest.mark.parametrize(
    "second", [("-n", "1"), ("-n", "2", "--seed", "3", "--rebuild"), ("-n", "3", "--include", "class1/*")]
)
def test_killed_and_then_asked_for_something_else(second: tuple[str, ...], photos: Path, tmp_path: Path) -> None:
    """What a killed run wrote and nobody asks for any more is removed, not left for ever."""
    target = tmp_path / "out"
    assert finish(start(command(photos, target, "-n", "5"), fault="shard.files_written:4")) == -signal.SIGKILL
    assert finish(start(command(photos, target, *second))) == 0
    assert finish(start(command(photos, tmp_path / "fresh", *second))) == 0
    assert tree(target) == tree(tmp_path / "fresh")
    assert not list(target.glob(".nfold/intents/*"))


def test_killed_in_its_sweep_and_then_started_again(photos: Path, tmp_path: Path) -> None:
    target, other = tmp_path / "out", ("-n", "1", "--seed", "5")
    assert finish(start(command(photos, target, "-n", "5"))) == 0
    assert finish(start(command(photos, target, "-n", "2"), fault="sweep.listed:1")) == -signal.SIGKILL
    assert finish(start(command(photos, target, *other, "--rebuild"))) == 0
    assert finish(start(command(photos, tmp_path / "fresh", *other))) == 0
    assert tree(target) == tree(tmp_path / "fresh")


def test_a_killed_start_may_be_followed_by_another(photos: Path, tmp_path: Path) -> None:
    target = tmp_path / "out"
    assert finish(start(command(photos, target, "-n", "2"))) == 0
    rebuild = command(photos, target, "-n", "2", "--seed", "1", "--rebuild")
    assert finish(start(rebuild, fault="rebuild.between_files:3")) == -signal.SIGKILL
    assert finish(start(command(photos, target, "-n", "1", "--seed", "2", "--rebuild"))) == 0
    assert finish(start(command(photos, tmp_path / "fresh", "-n", "1", "--seed", "2"))) == 0
    assert tree(target) == tree(tmp_path / "fresh")


def test_a_split_that_was_killed_binds_nobody(photos: Path, tmp_path: Path) -> None:
    target, other = tmp_path / "out", ("-n", "1", "--split", "50/25/25", "--group", r"class(\d)")
    assert finish(start(command(photos, target, "-n", "1", "--split", "80/10/10"), fault="split.recorded:1")) < 0
    assert finish(start(command(photos, target, *other))) == 0
    assert finish(start(command(photos, tmp_path / "fresh", *other))) == 0
    assert tree(target) == tree(tmp_path / "fresh")


class TestLabels:
    """Boxes in a file for each picture, in one file about all, and masks: what is killed is finished by the next run."""

    @pytest.fixture(params=["coco", "yolo", "masks"])
    def marked(self, request: pytest.FixtureRequest, tmp_path: Path) -> Path:
        from tests.engine.data_sets import MAKERS

        MAKERS[request.param](tmp_path / "data")
        return tmp_path / "data"

    def undisturbed(self, marked: Path, *options: str) -> dict[str, str]:
        target = marked.parent / "undisturbed"
        assert finish(start(command(marked, target, *options))) == 0
        return tree(target)

    @pytest.mark.parametrize("point", ["shard.files_written", "shard.between_sources", "run.before_finish"])
    def test_killed_and_finished(self, point: str, marked: Path) -> None:
        whole = self.undisturbed(marked, "-n", "3")
        target = marked.parent / "out"
        assert finish(start(command(marked, target, "-n", "3"), fault=f"{point}:1")) == -signal.SIGKILL
        assert_committed_is_sound(target)
        assert_visible_files_are_whole(target, whole)
        assert finish(start(command(marked, target, "-n", "3"))) == 0
        assert tree(target) == whole
        card = json.loads((target / "nfold.json").read_text())
        assert card["result"]["tree_digest"] == tree_digest(target)

    def test_killed_at_random_moments_and_then_asked_for_fewer(self, marked: Path) -> None:
        whole = self.undisturbed(marked, "-n", "2")
        target = marked.parent / "out"
        generator = random.Random(11)
        for copies in ("9", "7", "9", "5"):
            process = start(command(marked, target, "-n", copies))
            time.sleep(generator.uniform(0.3, 1.4))
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            assert_committed_is_sound(target)
        assert finish(start(command(marked, target, "-n", "2"))) == 0
        assert tree(target) == whole


@pytest.mark.parametrize("point", ["assembly.intended:1", "assembly.between_files:1", "assembly.between_files:2"])
@pytest.mark.parametrize("options", [("-n", "2"), ("-n", "2", "--to", "coco"), ("-n", "2", "--split", "50/50")])
def test_killed_while_label_files_about_all_are_written(point: str, options: tuple[str, ...], tmp_path: Path) -> None:
    from tests.engine.data_sets import make_csv

    make_csv(tmp_path / "data")
    assert finish(start(command(tmp_path / "data", tmp_path / "whole", *options))) == 0
    whole = tree(tmp_path / "whole")
    target = tmp_path / "out"
    code = finish(start(command(tmp_path / "data", target, *options), fault=point))
    assert code == -signal.SIGKILL or point.endswith("2")
    assert_committed_is_sound(target)
    assert_visible_files_are_whole(target, whole)
    assert finish(start(command(tmp_path / "data", target, *options))) == 0
    assert tree(target) == whole


def test_killed_while_label_files_are_written_and_then_asked_for_others(tmp_path: Path) -> None:
    """What was only intended belongs to nobody afterwards and goes."""
    from tests.engine.data_sets import make_csv

    make_csv(tmp_path / "data")
    target = tmp_path / "out"
    first = ("-n", "2", "--to", "coco")
    assert (
        finish(start(command(tmp_path / "data", target, *first), fault="assembly.between_files:1")) == -signal.SIGKILL
    )
    assert finish(start(command(tmp_path / "data", target, "-n", "2", "--rebuild"))) == 0
    assert finish(start(command(tmp_path / "data", tmp_path / "whole", "-n", "2"))) == 0
    assert tree(target) == tree(tmp_path / "whole")
