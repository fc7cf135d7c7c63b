"""One run: hands items to workers, watches over them, and yields the results in order."""

from __future__ import annotations

import pickle
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from typing import Generic

from nfold.executors.blame import CaseFile, explain_death
from nfold.executors.contract import ItemT, Progress, ResultT, WorkerLimits
from nfold.executors.crew import Crew, Gone, Said, Worker
from nfold.executors.messages import Assign, Begin, Done, Failed, raise_remote

REORDER_WINDOW = 256
"""How many items may be taken before the oldest of them is done and its result taken away."""

_ITEMS_PER_WORKER = 500
_SHORT_ITEM_S = 0.1  # below this a worker gets its next item ahead; above, another worker may take it sooner
_START_S = 60.0
_LONGEST_LOOK_S = 1.0
_LOOK_S = 0.5
_PROGRESS_S = 0.1


@dataclass(eq=False, slots=True, kw_only=True)
class _Assignment(Generic[ItemT]):
    number: int
    item: ItemT
    case: CaseFile
    began: float = 0.0


class Dispatch(Generic[ItemT, ResultT]):
    """The state of one run over a crew."""

    def __init__(
        self,
        crew: Crew,
        limits: WorkerLimits,
        task: bytes,
        task_number: int,
        items: Iterable[ItemT],
        on_step: Callable[[Progress], None] | None,
    ) -> None:
        self._crew = crew
        self._limits = limits
        self._task = task
        self._task_number = task_number
        self._items = iter(items)
        self._is_exhausted = False
        self._waiting: deque[_Assignment[ItemT]] = deque()
        self._results: dict[int, ResultT] = {}
        self._taken = 0
        self._yielded = 0
        self._mean_item_s = _SHORT_ITEM_S
        self._looked = time.monotonic()
        self._progress = _ProgressReport(crew, on_step)

    def results(self) -> Generator[ResultT, None, None]:
        """Do everything.

        Raises:
            NfoldError: The task's own; or WorkerError.
        """
        look_s = min(_PROGRESS_S if self._progress.is_wanted else _LOOK_S, self._limits.step_timeout_s / 4)
        while True:
            self._fill()
            while self._yielded + 1 in self._results:
                result = self._results.pop(self._yielded + 1)
                self._yielded += 1
                yield result
            self._fill()
            if self._is_exhausted and self._yielded == self._taken:
                break
            for event in self._crew.pump(look_s):
                match event:
                    case Said(worker, message):
                        self._hear(worker, message)
                    case Gone(worker, status):
                        self._release(worker, status)
            self._watch()
            self._progress.tell()
        self._progress.tell(is_last=True)

    def _fill(self) -> None:
        """Give work to whoever has too little, and start workers for what is left."""
        ahead = (1, 2) if self._mean_item_s < _SHORT_ITEM_S else (1,)
        for depth in ahead:
            for worker in self._crew.present:
                self._recycle(worker)
                while (
                    worker.is_ready
                    and len(worker.assigned) < depth
                    and worker.served < _ITEMS_PER_WORKER
                    and self._has_waiting(1)
                ):
                    self._assign(worker, self._waiting.popleft())
        while len(self._crew.present) < self._limits.workers:
            starting = sum(worker.is_starting for worker in self._crew.present)
            if not self._has_waiting(starting + 1):
                break
            self._crew.hire()

    def _recycle(self, worker: Worker) -> None:
        if worker.served >= _ITEMS_PER_WORKER and not worker.assigned:
            self._crew.dismiss(worker)

    def _has_waiting(self, count: int) -> bool:
        while len(self._waiting) < count and not self._is_exhausted and self._taken - self._yielded < REORDER_WINDOW:
            try:
                item = next(self._items)
            except StopIteration:
                self._is_exhausted = True
            else:
                self._taken += 1
                self._waiting.append(
                    _Assignment(number=self._taken, item=item, case=CaseFile(attempts=self._limits.attempts))
                )
        return len(self._waiting) >= count

    def _assign(self, worker: Worker, assignment: _Assignment[ItemT]) -> None:
        if worker.task_number != self._task_number:
            worker.channel.send(Begin(self._task))
            worker.task_number = self._task_number
        payload = pickle.dumps((assignment.item, assignment.case.blamed), protocol=pickle.HIGHEST_PROTOCOL)
        if not worker.assigned:
            self._start_clock(worker, assignment)
        worker.assigned.append(assignment)
        worker.served += 1
        worker.channel.send(Assign(assignment.number, payload))

    def _start_clock(self, worker: Worker, assignment: _Assignment[ItemT]) -> None:
        assignment.began = time.monotonic()
        worker.silent_s = 0.0

    def _hear(self, worker: Worker, message: object) -> None:
        match message:
            case Done(number=number, payload=payload):
                assignment = worker.assigned.popleft()
                assert assignment.number == number
                self._results[number] = pickle.loads(payload)  # noqa: S301 - from our worker
                self._mean_item_s += 0.2 * (time.monotonic() - assignment.began - self._mean_item_s)
                self._progress.add(message)
                if worker.assigned:
                    self._start_clock(worker, worker.assigned[0])
            case Failed(payload=payload):
                raise_remote(pickle.loads(payload))  # noqa: S301 - from our worker

    def _release(self, worker: Worker, status: int | None) -> None:
        """Take back what a dead worker had to do, and blame what it was doing."""
        if not worker.assigned:
            return
        at_work: _Assignment[ItemT] = worker.assigned[0]
        if status is not None and not worker.board.has_left:
            death = explain_death(
                status, self._limits, was_hung=worker.was_hung, was_out_of_memory=worker.board.is_out_of_memory
            )
            at_work.case.add(worker.board.name_at_work() if worker.board.item == at_work.number else None, death)
        self._waiting.extendleft(reversed(worker.assigned))
        worker.assigned.clear()

    def _watch(self) -> None:
        """Kill workers that show no sign of life. Time in which nobody looked counts little: we may have been asleep."""
        now = time.monotonic()
        passed_s = min(now - self._looked, _LONGEST_LOOK_S)
        self._looked = now
        if not self._crew.is_prepared:
            return
        for worker in self._crew.present:
            sign = (worker.board.item, worker.board.steps, worker.channel.bytes_received)
            if sign != worker.last_sign or not (worker.assigned or worker.is_starting):
                worker.last_sign = sign
                worker.silent_s = 0.0
                continue
            worker.silent_s += passed_s
            patience_s = self._limits.step_timeout_s if worker.is_ready else max(self._limits.step_timeout_s, _START_S)
            if worker.silent_s > patience_s and not worker.was_hung:
                worker.was_hung = True
                self._crew.kill(worker)


class _ProgressReport:
    """Adds up what is done and what the boards show, and tells it now and then."""

    def __init__(self, crew: Crew, on_step: Callable[[Progress], None] | None) -> None:
        self._crew = crew
        self._on_step = on_step
        self._items = self._names = self._steps = 0
        self._told = Progress(items=0, names=0, steps=0)
        self._told_at = time.monotonic()

    @property
    def is_wanted(self) -> bool:
        return self._on_step is not None

    def add(self, done: Done) -> None:
        self._items += 1
        self._names += done.names
        self._steps += done.steps

    def tell(self, *, is_last: bool = False) -> None:
        """Call `on_step` when something has changed and the last call was some time ago."""
        if self._on_step is None or (time.monotonic() - self._told_at < _PROGRESS_S and not is_last):
            return
        at_work = [
            worker
            for worker in self._crew.present
            if worker.assigned and worker.board.item == worker.assigned[0].number
        ]
        # An item that is done again after its worker died would count backwards.
        progress = Progress(
            items=self._items,
            names=max(self._told.names, self._names + sum(worker.board.names for worker in at_work)),
            steps=max(self._told.steps, self._steps + sum(worker.board.steps for worker in at_work)),
        )
        self._told_at = time.monotonic()
        if progress != self._told:
            self._told = progress
            self._on_step(progress)
