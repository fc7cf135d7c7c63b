"""The contract of executors, checked."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nfold.errors import DiskError, NfoldError
from nfold.executors import Executor, Progress, WorkerFailure, WorkerLimits

_FAR_TOO_MANY = 20_000


def check_executor(run: Executor, *, workers: tuple[int, ...] = (1, 3)) -> None:
    """Check that `run` keeps the contract of `Executor`.

    Surviving what kills a process is not part of it: not every executor has processes.

    Args:
        run: The executor.
        workers: Each check is made with so many workers.

    Raises:
        AssertionError: It does not; the message says what it did wrong.
    """
    for count in workers:
        limits = WorkerLimits(workers=count)
        for check in _CHECKS:
            check(run, limits)


def _check_results(run: Executor, limits: WorkerLimits) -> None:
    items = list(range(40))
    results = list(run(_Double(offset=1), items, limits=limits))
    expected = [2 * item + 1 for item in items]
    assert len(results) == len(items), f"{len(items)} items gave {len(results)} results."
    assert sorted(results) == expected, f"The results are not those of the items: {results}."
    assert results == expected, f"The results are not in the order of the items: {results}."


def _check_nothing(run: Executor, limits: WorkerLimits) -> None:
    results = list(run(_Double(offset=1), [], limits=limits))
    assert results == [], f"No items gave results: {results}."


def _check_laziness(run: Executor, limits: WorkerLimits) -> None:
    taken = itertools.count(1)
    results = run(_Double(offset=0), _endless(taken), limits=limits)
    first = list(itertools.islice(results, 3))
    results.close()
    assert first == [0, 2, 4], f"An endless source of items began with {first}."
    assert next(taken) < _FAR_TOO_MANY, "The items are not taken as there is room for them."


def _check_own_errors(run: Executor, limits: WorkerLimits) -> None:
    error = _error_of(run, _Refuses(item=2), limits)
    assert error is not None, "An error of the task was swallowed."
    assert isinstance(error, DiskError), f"A DiskError of the task arrived as {error!r}."
    arrived = (error.message, error.hint, error.stable_code)
    assert arrived == ("It is full.", "Make room.", "disk.full"), f"An error of the task arrived with {arrived}."


def _check_bugs(run: Executor, limits: WorkerLimits) -> None:
    error = _error_of(run, _stumble, limits)
    assert isinstance(error, ZeroDivisionError), f"A ZeroDivisionError of the task arrived as {error!r}."


def _check_source_errors(run: Executor, limits: WorkerLimits) -> None:
    error: BaseException | None = None
    with contextlib.closing(run(_Double(offset=0), _breaking_off(), limits=limits)) as results:
        try:
            list(results)
        except LookupError as raised:
            error = raised
    assert error is not None, "An error of the source of items was swallowed."


def _check_steps(run: Executor, limits: WorkerLimits) -> None:
    told: list[Progress] = []
    results = list(run(_take_three_steps, range(4), limits=limits, on_step=told.append))
    assert results == [0] * 4, f"Sub-items are blamed from the start: {results}."
    last = Progress(items=4, names=8, steps=12)
    assert told[-1:] == [last], f"The progress ended with {told[-1:]} instead of {last}."
    assert [progress.steps for progress in told] == sorted(progress.steps for progress in told), (
        f"The progress went back: {told}."
    )


_CHECKS: tuple[Callable[[Executor, WorkerLimits], None], ...] = (
    _check_results,
    _check_nothing,
    _check_laziness,
    _check_own_errors,
    _check_bugs,
    _check_source_errors,
    _check_steps,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Double:
    offset: int

    def __call__(self, item: int, blamed: Mapping[str, WorkerFailure], step: Callable[[str], None]) -> int:
        step(str(item))
        time.sleep(0.1 if item == 0 else 0)  # who yields results as they come would yield this one too late
        return 2 * item + self.offset


@dataclass(frozen=True, slots=True, kw_only=True)
class _Refuses:
    item: int

    def __call__(self, item: int, blamed: Mapping[str, WorkerFailure], step: Callable[[str], None]) -> int:
        if item == self.item:
            raise DiskError("It is full.", hint="Make room.", code="disk.full")
        return item


def _stumble(item: int, blamed: Mapping[str, WorkerFailure], step: Callable[[str], None]) -> int:
    raise ZeroDivisionError(f"item {item}")


def _take_three_steps(item: int, blamed: Mapping[str, WorkerFailure], step: Callable[[str], None]) -> int:
    for name in ("first", "first", "second"):
        step(name)
    return len(blamed)


def _endless(taken: Iterator[int]) -> Iterator[int]:
    for item in itertools.count():
        assert next(taken) < _FAR_TOO_MANY, "The items are not taken as there is room for them."
        yield item


def _breaking_off() -> Iterator[int]:
    yield 1
    raise LookupError("no second item")


def _error_of(run: Executor, task: Any, limits: WorkerLimits) -> Exception | None:
    with contextlib.closing(run(task, range(5), limits=limits)) as results:
        try:
            list(results)
        except (NfoldError, ArithmeticError, RuntimeError, ValueError) as error:
            return error
    return None
