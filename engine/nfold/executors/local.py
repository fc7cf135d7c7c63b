"""Run on the cores of this machine, in processes of our own."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable

from nfold.executors.contract import ItemT, Progress, ResultT, Task, WorkerLimits
from nfold.executors.workforce import open_workforce


def run_local(
    task: Task[ItemT, ResultT],
    items: Iterable[ItemT],
    *,
    limits: WorkerLimits | None = None,
    on_step: Callable[[Progress], None] | None = None,
) -> Generator[ResultT, None, None]:
    """Run in worker processes that may crash, hang or starve without harm; see `Executor`."""
    with open_workforce(limits or WorkerLimits(workers=_usable_cores())) as workforce:
        yield from workforce.run(task, items, on_step=on_step)


def _usable_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
