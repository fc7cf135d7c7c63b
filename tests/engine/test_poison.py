"""A picture that kills, hangs or swells its worker costs that picture, not the run."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from nfold.executors import WorkerLimits, open_workforce
from nfold.expansion import run_expansion
from nfold.request import make_request
from tests.conftest import tree, write_picture
from tests.engine import poison

pytestmark = pytest.mark.slow


def expand(source: Path, target: Path, **options: Any) -> Any:
    preload = ("cv2", "simplejpeg", "nfold.shard", "albumentations", "tests.engine.poison")
    limits = WorkerLimits(workers=2, attempts=10, step_timeout_s=5, memory_bytes=2**31, preload=preload)
    with open_workforce(limits) as workforce:
        return run_expansion(make_request(source=source, target=target, **options), workforce=workforce)


def test_each_poisoned_picture_is_named_and_all_others_are_expanded(tmp_path: Path) -> None:
    source, target = tmp_path / "photos", tmp_path / "out"
    for number in range(40):
        write_picture(source / f"{number:02}.png", number)
    markers = {
        "a_segfault.png": poison.SEGFAULT,
        "b_exit.png": poison.EXIT,
        "c_hang.png": poison.HANG,
        "d_hog.png": poison.HOG,
    }
    for name, marker in markers.items():
        path = write_picture(source / name, 77)
        path.write_bytes(path.read_bytes() + marker)
    report = expand(source, target, copies=2)
    codes = {row.source: row.code for row in report.skipped}
    assert codes == {
        "a_segfault.png": "worker.crashed",
        "b_exit.png": "worker.crashed",
        "c_hang.png": "worker.hung",
        "d_hog.png": "worker.memory",
    }
    assert report.images_after == 40 * 3 == len(tree(target))
    assert "SIGSEGV" in next(row.message for row in report.skipped if row.source == "a_segfault.png")


def test_workers_killed_from_outside_lose_nothing_and_blame_nobody(tmp_path: Path) -> None:
    source, target = tmp_path / "photos", tmp_path / "out"
    for number in range(60):
        write_picture(source / f"{number:02}.jpg", number, width=640, height=480)
    stop, killed = threading.Event(), []

    def kill_workers() -> None:
        while not stop.wait(0.7):
            for pid in _grandchildren():
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)
                break

    killer = threading.Thread(target=kill_workers)
    killer.start()
    try:
        report = expand(source, target, copies=12)
    finally:
        stop.set()
        killer.join()
    assert killed, "no worker was killed: the test tests nothing"
    assert report.is_whole, report.skipped
    undisturbed = expand(source, tmp_path / "undisturbed", copies=12)
    assert undisturbed.tree_digest == report.tree_digest
    assert tree(target) == tree(tmp_path / "undisturbed")


def _grandchildren() -> list[int]:
    """Workers are children of the zygote, which is our child."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, ValueError):
                continue
    mine = {pid for pid, parent in parents.items() if parent == os.getpid()}
    return [pid for pid, parent in parents.items() if parent in mine]


def test_a_disk_that_fails_stops_the_run_and_no_process_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nfold.errors import DiskError

    source = tmp_path / "photos"
    for number in range(12):
        write_picture(source / f"{number}.png", number)
    monkeypatch.setenv("NFOLD_FAULT", "storage.write:5:ENOSPC")
    with pytest.raises(DiskError, match="the disk is full"):
        expand(source, tmp_path / "out", copies=3)
    time.sleep(0.5)
    assert not _grandchildren()
    monkeypatch.delenv("NFOLD_FAULT")
    assert expand(source, tmp_path / "out", copies=3).is_whole
