"""What an executor takes and gives: the words that tasks, workers and callers share."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from nfold.errors import UsageError

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")
ItemT_contra = TypeVar("ItemT_contra", contravariant=True)
ResultT_co = TypeVar("ResultT_co", covariant=True)

GIB = 1024**3

Step = Callable[[str], None]
"""Says what is at work now: a sub-item's name, the same name again as a sign of life, "" for nothing in particular."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerFailure:
    """What a sub-item is blamed for.

    Attributes:
        code: "worker.crashed", "worker.hung" or "worker.memory".
        message: For people: "the worker process died (SIGSEGV) while working on this, 2 times".
    """

    code: str
    message: str


class Task(Protocol[ItemT_contra, ResultT_co]):
    """A picklable callable: a function of a module, or a frozen dataclass. It is sent to each worker once."""

    def __call__(self, item: ItemT_contra, blamed: Mapping[str, WorkerFailure], step: Step, /) -> ResultT_co:
        """Do one item.

        Args:
            item: The unit of work. It may be done again from the start after its worker died.
            blamed: Sub-items that must not be touched again, since they end the worker.
            step: To be called before each sub-item with its name, and now and then while it is at work.
                A death is blamed on the last name; no call for `step_timeout_s` counts as hanging.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerLimits:
    """What workers may use, and how patient we are with them.

    Attributes:
        workers: How many processes work at once, 1 or more.
        memory_bytes: Address space of one worker.
        step_timeout_s: A worker that calls `step` less often than this is killed.
        attempts: How many deaths of any kind a sub-item may cause before it is given up.
            Two deaths in exactly the same way suffice.
        preload: Modules to import once for all workers.
        environment: Variables set for the workers before anything is imported.
    """

    workers: int
    memory_bytes: int = 4 * GIB
    step_timeout_s: float = 120.0
    attempts: int = 3
    preload: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.workers < 1 or self.attempts < 1 or self.step_timeout_s <= 0 or self.memory_bytes <= 0:
            raise UsageError(f"Workers need at least one process, one attempt, some time and some memory: {self}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a run is; items that are at work count with what they did so far.

    Attributes:
        items: Items that are done.
        names: Sub-items that were begun.
        steps: Calls of `step`.
    """

    items: int
    names: int
    steps: int


class Executor(Protocol):
    """Does every item, and yields the results in the order of the items."""

    def __call__(
        self,
        task: Task[ItemT, ResultT],
        items: Iterable[ItemT],
        *,
        limits: WorkerLimits | None = None,
        on_step: Callable[[Progress], None] | None = None,
    ) -> Generator[ResultT, None, None]:
        """Run `task` over `items`, which are taken one by one as there is room for them.

        Args:
            task: What to do with each item.
            items: May be endless.
            limits: None for one worker per core that this process may use.
            on_step: Told how far the run is, a few times a second, in the calling thread.

        Raises:
            NfoldError: The one that the task raised, whole; the run stops.
            WorkerError: Workers cannot be started or kept alive.
        """
        ...


class Staff(Protocol):
    """What a run asks of its workers: one that is prepared for several tasks, one after the other."""

    def hello(self, function: str | None = None) -> Any:
        """What a function, named as `module:function`, says where the tasks run."""
        ...

    def run(
        self, task: Task[ItemT, ResultT], items: Iterable[ItemT], *, on_step: Callable[[Progress], None] | None = None
    ) -> Generator[ResultT, None, None]:
        """As an `Executor` does."""
        ...
