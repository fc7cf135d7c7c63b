"""How many workers fit here: the cores that this process may use, and what a container allows of CPU and memory."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

WORKER_BYTES = 600_000_000
"""Memory that a worker is reckoned with: libraries, a picture of 50 megapixels, and its copy."""

_NO_LIMIT = 2**60
"""cgroup v1 says "no limit" with the largest number of whole pages, which differs from machine to machine."""


def usable_workers(*, root: Path = Path("/")) -> int:
    """One for each core that this process may use, or fewer where a control group allows less CPU or memory; 1 at least.

    Args:
        root: Where `proc` and `sys` lie.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    cpus, memory = cpu_limit(root), memory_limit(root)
    allowed = [cores]
    if cpus is not None:
        allowed.append(math.ceil(cpus))
    if memory is not None:
        allowed.append(memory // WORKER_BYTES)
    return max(1, min(allowed))


def cpu_limit(root: Path = Path("/")) -> float | None:
    """Cores' worth of CPU time that the control groups of this process allow; None without a limit."""
    limits = []
    for folder in _folders(root, "cpu"):
        text = _text(folder / "cpu.max").split()
        if len(text) == 2:
            quota, period = text
        else:
            quota, period = _text(folder / "cpu.cfs_quota_us"), _text(folder / "cpu.cfs_period_us")
        if quota.isdigit() and period.isdigit() and int(quota) > 0 and int(period) > 0:
            limits.append(int(quota) / int(period))
    return min(limits, default=None)


def memory_limit(root: Path = Path("/")) -> int | None:
    """Bytes of memory that the control groups of this process allow; None without a limit."""
    limits = []
    for folder in _folders(root, "memory"):
        for name in ("memory.max", "memory.limit_in_bytes"):
            text = _text(folder / name)
            if text.isdigit() and int(text) < _NO_LIMIT:
                limits.append(int(text))
    return min(limits, default=None)


def _folders(root: Path, controller: str) -> Iterator[Path]:
    """Folders of the groups that this process is in, up to the outermost one that can be seen from here.

    A limit of an outer group holds for the inner ones. In a container the path may be that outside of it, which is not
    there; the group's own files then lie at the top.
    """
    for line in _text(root / "proc/self/cgroup").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            hierarchies = [root / "sys/fs/cgroup", root / "sys/fs/cgroup/unified"]
        elif controller in controllers.split(","):
            hierarchies = [root / "sys/fs/cgroup" / controllers, root / "sys/fs/cgroup" / controller]
        else:
            continue
        inner = PurePosixPath(path.lstrip("/"))
        if ".." in inner.parts:  # a group beside the one that is seen as the top
            inner = PurePosixPath()
        for hierarchy in hierarchies:
            if hierarchy.is_dir():
                yield from (hierarchy / group for group in (inner, *inner.parents))
                break


def _text(path: Path) -> str:
    """What a file of the kernel says; nothing where there is none, as on macOS."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
