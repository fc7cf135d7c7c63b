"""Named places where a test may kill the process or make an I/O call fail.

Nothing happens unless the environment variable NFOLD_FAULT is set. `NAME:N` kills the whole process
group (the run, its zygote and its workers at once, as a power switch does) when the place is reached
for the N-th time in one process; `NAME:N:ENOSPC` raises that OSError there instead.
"""

from __future__ import annotations

import errno
import os
import signal

POINTS: dict[str, str] = {
    "run.locked": "the lock is held, nothing else is done",
    "run.card_written": "the card says that the run has begun",
    "split.recorded": "the split is on disk, no shard has started",
    "shard.started": "a shard has read what was there before",
    "shard.between_sources": "some sources of a shard are done, others are not",
    "shard.files_written": "all files of a shard stand in place, unsynced and unmarked",
    "shard.files_synced": "all files of a shard are durable, their mark is not",
    "shard.committed": "the mark of a shard is durable",
    "assembly.intended": "the names of label files about many pictures are written down",
    "assembly.between_files": "some of these files are written, others are not",
    "sweep.listed": "what is to be removed is written down",
    "sweep.between_files": "some of it is removed",
    "rebuild.between_files": "some files of the former build are removed",
    "run.before_finish": "every shard is committed, the card still says that the run goes on",
    "run.finished": "the card says that the run is complete",
    "storage.open": "a temporary file is about to be made",
    "storage.write": "bytes are about to go to a temporary file",
    "storage.sync": "a file or folder is about to be synced",
    "storage.rename": "a temporary file is about to take its name",
}


def _read_orders() -> tuple[str, int, str | None] | None:
    orders = os.environ.get("NFOLD_FAULT")
    if not orders:
        return None
    name, count, *kind = orders.split(":")
    if name not in POINTS:
        raise ValueError(f"NFOLD_FAULT names no fault point: {name}")
    return name, int(count), kind[0] if kind else None


_ORDERS = _read_orders()
_hits = 0


def hit(name: str) -> None:
    """Say that this place is reached. Costs one comparison when no fault is ordered."""
    if _ORDERS is None or _ORDERS[0] != name:
        return
    global _hits
    _hits += 1
    if _hits != _ORDERS[1]:
        return
    if _ORDERS[2] is None:
        os.killpg(0, signal.SIGKILL)
    else:
        number = getattr(errno, _ORDERS[2])
        raise OSError(number, os.strerror(number))
