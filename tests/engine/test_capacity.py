from __future__ import annotations

import os
from pathlib import Path

import pytest

from nfold.capacity import WORKER_BYTES, cpu_limit, memory_limit, usable_workers

CORES = 16


@pytest.fixture(autouse=True)
def sixteen_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(CORES)), raising=False)


def make_files(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    return root


V2 = "sys/fs/cgroup"
V1_LINES = "4:memory:/docker/abc\n3:cpuset:/\n1:cpu,cpuacct:/docker/abc\n0::/system.slice"


def test_without_control_groups_there_is_one_for_each_core(tmp_path: Path) -> None:
    assert usable_workers(root=tmp_path) == CORES
    assert cpu_limit(tmp_path) is None
    assert memory_limit(tmp_path) is None


@pytest.mark.parametrize(
    ("cpu", "memory", "workers"),
    [
        ("max 100000", "max", CORES),
        ("200000 100000", "max", 2),
        ("150000 100000", "max", 2),
        ("10000 100000", "max", 1),
        ("6400000 100000", "max", CORES),
        ("max 100000", str(3 * WORKER_BYTES), 3),
        ("max 100000", str(4 * WORKER_BYTES - 1), 3),
        ("max 100000", "67108864", 1),
        ("500000 100000", str(2 * WORKER_BYTES), 2),
        ("200000 100000", str(5 * WORKER_BYTES), 2),
        ("garbage", "garbage", CORES),
    ],
)
def test_limits_of_a_container_with_version_2_hold(tmp_path: Path, cpu: str, memory: str, workers: int) -> None:
    make_files(tmp_path, {"proc/self/cgroup": "0::/", f"{V2}/cpu.max": cpu, f"{V2}/memory.max": memory})
    assert usable_workers(root=tmp_path) == workers


def test_a_limit_of_an_outer_group_holds_for_the_inner_one(tmp_path: Path) -> None:
    make_files(
        tmp_path,
        {
            "proc/self/cgroup": "0::/user.slice/app.service",
            f"{V2}/user.slice/cpu.max": "300000 100000",
            f"{V2}/user.slice/app.service/cpu.max": "800000 100000",
            f"{V2}/user.slice/memory.max": str(10 * WORKER_BYTES),
            f"{V2}/user.slice/app.service/memory.max": "max",
            f"{V2}/other.service/cpu.max": "100000 100000",
        },
    )
    assert cpu_limit(tmp_path) == 3.0
    assert memory_limit(tmp_path) == 10 * WORKER_BYTES
    assert usable_workers(root=tmp_path) == 3


@pytest.mark.parametrize("path", ["/../outside", "/docker/not-seen-from-here"])
def test_a_path_outside_of_what_is_seen_leads_to_the_top(tmp_path: Path, path: str) -> None:
    make_files(tmp_path, {"proc/self/cgroup": f"0::{path}", f"{V2}/cpu.max": "400000 100000"})
    assert usable_workers(root=tmp_path) == 4


@pytest.mark.parametrize("inner", ["", "docker/abc/"])
@pytest.mark.parametrize("folder", ["cpu,cpuacct", "cpu"])
@pytest.mark.parametrize(
    ("quota", "memory", "workers"),
    [
        ("-1", "9223372036854771712", CORES),
        ("250000", "9223372036854771712", 3),
        ("-1", str(2 * WORKER_BYTES), 2),
        ("700000", str(5 * WORKER_BYTES), 5),
    ],
)
def test_limits_of_a_container_with_version_1_hold(
    tmp_path: Path, inner: str, folder: str, quota: str, memory: str, workers: int
) -> None:
    make_files(
        tmp_path,
        {
            "proc/self/cgroup": V1_LINES,
            f"{V2}/{folder}/{inner}cpu.cfs_quota_us": quota,
            f"{V2}/{folder}/{inner}cpu.cfs_period_us": "100000",
            f"{V2}/memory/{inner}memory.limit_in_bytes": memory,
        },
    )
    assert usable_workers(root=tmp_path) == workers
