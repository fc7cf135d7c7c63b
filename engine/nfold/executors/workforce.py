"""Worker processes for several runs, prepared while their owner still plans."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Generator, Iterable
from types import TracebackType
from typing import Any, Self

from nfold.errors import UsageError
from nfold.executors.contract import ItemT, Progress, ResultT, Task, WorkerLimits
from nfold.executors.crew import Crew
from nfold.executors.dispatch import Dispatch
from nfold.executors.messages import Raised, raise_remote

_LOOK_S = 0.5


class Workforce:
    """Workers that survive crashing, hanging and memory-hungry tasks; leave the `with` block to end them.

    To be used by one thread at a time, which need not be the main one.
    """

    def __init__(self, limits: WorkerLimits) -> None:
        self._limits = limits
        self._crew = Crew(limits)
        self._task_number = 0
        self._is_running = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def hello(self, function: str | None = None) -> Any:
        """Wait until all modules are imported, and return what `function` returns where they are.

        Args:
            function: "module:function" without arguments, whose value can be pickled; None for none.

        Raises:
            WorkerError: The modules cannot be imported.
        """
        self._refuse_second_use()
        crew = self._crew
        while not crew.is_prepared:
            crew.idle(_LOOK_S)
        if function is None:
            return None
        asked_at: int | None = None
        while not crew.answers:
            if asked_at != crew.restarts:
                crew.ask(function)
                asked_at = crew.restarts
            crew.idle(_LOOK_S)
        answer = pickle.loads(crew.answers.popleft())  # noqa: S301 - from our zygote
        if isinstance(answer, Raised):
            raise_remote(answer)
        return answer

    def run(
        self, task: Task[ItemT, ResultT], items: Iterable[ItemT], *, on_step: Callable[[Progress], None] | None = None
    ) -> Generator[ResultT, None, None]:
        """Do `task` on every item and yield the results in the order of the items.

        At most `REORDER_WINDOW` items are taken beyond the last result that was taken away. Close the
        generator to stop early; the workforce can be used again.

        Args:
            task: Sent to each worker once; it must live in a module that can be imported.
            items: Taken one by one, as there is room; may be endless.
            on_step: Told how far the run is, a few times a second, in the calling thread.

        Raises:
            NfoldError: The one that the task raised, whole.
            WorkerError: Workers cannot be started or kept alive.
            UsageError: The task is defined in the script itself.
        """
        self._refuse_second_use()
        payload = _pickle_task(task)
        self._task_number += 1
        self._is_running = True
        is_complete = False
        try:
            yield from Dispatch[ItemT, ResultT](
                self._crew, self._limits, payload, self._task_number, items, on_step
            ).results()
            is_complete = True
        finally:
            self._is_running = False
            if not is_complete:
                self._crew.stop()

    def close(self) -> None:
        """End all processes, within two seconds whatever they do."""
        self._crew.close()

    def _refuse_second_use(self) -> None:
        if self._is_running:
            raise RuntimeError("This workforce is in the middle of a run; close that generator first.")


def open_workforce(limits: WorkerLimits) -> Workforce:
    """Start preparing workers at once, and return without waiting for it."""
    return Workforce(limits)


def _pickle_task(task: Task[ItemT, ResultT]) -> bytes:
    if getattr(task, "__module__", None) == "__main__":
        raise UsageError(
            "The task is defined in the script itself, which worker processes do not run.",
            hint="Move it to a module of its own.",
        )
    return pickle.dumps(task, protocol=pickle.HIGHEST_PROTOCOL)
