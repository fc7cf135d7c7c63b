"""Workers follow what a container is allowed, as its control groups say it; here on files that stand in for theirs."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from tests.container.conftest import HARDENED, podman

VERSION_1 = {
    "cpu/cpu.cfs_quota_us": "100000",
    "cpu/cpu.cfs_period_us": "100000",
    "memory/memory.limit_in_bytes": "3000000000",
}
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
GROUPS = Path("/proc/self/cgroup")


def has_version_1() -> bool:
    return GROUPS.exists() and ":memory:" in GROUPS.read_text()


@pytest.mark.parametrize(
    ("files", "workers", "memory"),
    [
        ({}, CORES, None),
        ({"cpu.max": "max 100000", "memory.max": "max"}, CORES, None),
        ({"cpu.max": "100000 100000", "memory.max": "3000000000"}, 1, 3_000_000_000),
        ({"cpu.max": "max 100000", "memory.max": "700000000"}, 1, 700_000_000),
        pytest.param(
            *(VERSION_1, 1, 3_000_000_000),
            marks=pytest.mark.skipif(
                not has_version_1(), reason="the kernel here runs version 2 of control groups alone"
            ),
        ),
    ],
    ids=["none", "version 2 without limits", "version 2, CPU", "version 2, memory", "version 1"],
)
def test_workers_and_memory_follow_the_limits(
    image: str, tmp_path: Path, files: dict[str, str], workers: int, memory: int | None
) -> None:
    folder = tmp_path / "groups"
    folder.mkdir()
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(f"{text}\n")
    os.chmod(folder, 0o755)
    done = podman(
        *("run", "--rm", "--network=none", *HARDENED, "--volume", f"{folder}:/sys/fs/cgroup:ro"),
        *("--entrypoint", "/opt/nfold/bin/python", image, "-c"),
        "import json; from nfold.capacity import *; print(json.dumps([usable_workers(), memory_limit()]))",
    )
    assert json.loads(done.stdout) == [workers, memory]
