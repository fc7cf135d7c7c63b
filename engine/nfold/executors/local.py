"""Run on the cores of this machine, in processes of our own."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable

from nfold.capacity import usable_workers
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
    with open_workforce(limits or WorkerLimits(workers=usable_workers())) as workforce:
        yield from workforce.run(task, items, on_step=on_step)
