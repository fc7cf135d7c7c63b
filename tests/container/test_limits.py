"""Workers follow what a container is allowed, as its control groups say it: on files that stand in for theirs, and on
groups of the kernel that really hold the container to it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.container.conftest import HARDENED, ROOT, podman

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


@pytest.fixture
def groups(tmp_path: Path) -> Iterator[dict[str, Path]]:
    """Control groups of version 1 with 700 MB and one CPU, which nothing is in yet."""
    limits = {"memory": ("memory.limit_in_bytes", "700000000"), "cpu": ("cpu.cfs_quota_us", "100000")}
    mounts, made = [], {}
    try:
        for controller, (name, value) in limits.items():
            place = tmp_path / controller
            place.mkdir()
            done = subprocess.run(["mount", "-t", "cgroup", "-o", controller, "none", place], check=False)
            if done.returncode:
                pytest.skip(f"the kernel here has no control groups of version 1 for {controller}")
            mounts.append(place)
            made[controller] = place / f"nfold-test-{os.getpid()}"
            made[controller].mkdir()
            (made[controller] / name).write_text(value)
            shown = tmp_path / "shown" / controller
            shown.mkdir(parents=True)
            subprocess.run(["mount", "--bind", made[controller], shown], check=True)
        yield made
    finally:
        for shown in sorted(tmp_path.glob("shown/*")):
            subprocess.run(["umount", shown], check=True)
        for group in made.values():
            group.rmdir()
        for place in mounts:
            subprocess.run(["umount", place], check=True)


def run_within(groups: dict[str, Path], *arguments: str) -> str:
    """A container whose processes are in these groups, and see them as Docker shows them."""
    enter = "; ".join(f"echo 0 > {group}/cgroup.procs" for group in groups.values())
    shown = groups["memory"].parents[1] / "shown"
    command = ["podman", "run", "--rm", "--network=none", *HARDENED, f"--volume={shown}:/sys/fs/cgroup:ro", *arguments]
    done = subprocess.run(
        ["sh", "-c", f'{enter}; exec "$@"', "sh", *command], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_container_that_is_held_to_its_limits_sees_them_and_does_its_work(
    image: str, tmp_path: Path, groups: dict[str, Path]
) -> None:
    python = ("--entrypoint", "/opt/nfold/bin/python", image, "-c")
    code = "import json; from nfold.capacity import *; print(json.dumps([usable_workers(), memory_limit()]))"
    workers, memory = json.loads(run_within(groups, *python, code))
    assert workers == 1
    assert 690_000_000 < memory <= 700_000_000
    (groups["memory"] / "memory.max_usage_in_bytes").write_text("0")
    (tmp_path / "out").mkdir(mode=0o777)
    (tmp_path / "out").chmod(0o777)
    folders = (f"--volume={ROOT}/examples/photos:/photos:ro", f"--volume={tmp_path}/out:/data")
    told = run_within(groups, *folders, image, "expand", "/photos", "/data/x6", "-n", "5", "--json")
    assert json.loads(told)["originals"] == 9
    # They were really in the group: what one process of ours takes at least was counted there.
    assert 60_000_000 < int((groups["memory"] / "memory.max_usage_in_bytes").read_text()) <= 700_000_000
