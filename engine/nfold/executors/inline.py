"""Run in this very process: for a debugger, and as the plainest reading of the contract."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable

from nfold.executors.contract import ItemT, Progress, ResultT, Task, WorkerLimits


def run_inline(
    task: Task[ItemT, ResultT],
    items: Iterable[ItemT],
    *,
    limits: WorkerLimits | None = None,
    on_step: Callable[[Progress], None] | None = None,
) -> Generator[ResultT, None, None]:
    """Run one item after the other, without any protection; see `Executor`. `limits` limit nothing here."""
    tally = _Tally()
    for done, item in enumerate(items, 1):
        result = task(item, {}, tally.step)
        tally.last = None
        if on_step is not None:
            on_step(Progress(items=done, names=tally.names, steps=tally.steps))
        yield result


class _Tally:
    def __init__(self) -> None:
        self.names = 0
        self.steps = 0
        self.last: str | None = None

    def step(self, name: str) -> None:
        self.names += name != self.last
        self.steps += 1
        self.last = name
