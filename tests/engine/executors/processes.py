"""Looks at processes through /proc, for the tests."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path


def children(pid: int | None = None) -> dict[int, str]:
    """All descendants with their states; a zombie has state Z.

    Python's own resource tracker is none of ours: another test that used `multiprocessing` left it for good.
    """
    parents: dict[int, tuple[int, str]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                state, parent = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()[:2]
            except (FileNotFoundError, ProcessLookupError):
                continue
            parents[int(entry)] = (int(parent), state)
    found: dict[int, str] = {}
    wanted = {pid or os.getpid()}
    while wanted:
        wanted = {child for child, (parent, _) in parents.items() if parent in wanted}
        found |= {child: parents[child][1] for child in wanted}
    return {child: state for child, state in found.items() if not _is_resource_tracker(child)}


def _is_resource_tracker(pid: int) -> bool:
    try:
        return b"multiprocessing.resource_tracker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until(condition: Callable[[], bool], timeout_s: float) -> bool:
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.01)
    return condition()
