from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from typing import Any

import pytest

from nfold.errors import NfoldError
from nfold.executors import EXECUTORS, Executor, Progress, WorkerLimits, run_inline
from nfold.testing import check_executor

Results = Generator[Any, None, None]


@pytest.mark.parametrize("name", EXECUTORS)
def test_every_executor_of_ours_keeps_the_contract(name: str) -> None:
    check_executor(EXECUTORS[name])


def swallow_errors(task: Any, items: Iterable[Any], *, limits: Any = None, on_step: Any = None) -> Results:
    for item in items:
        try:
            yield from run_inline(task, [item])
        except NfoldError:
            continue


def wrap_errors(task: Any, items: Iterable[Any], *, limits: Any = None, on_step: Any = None) -> Results:
    try:
        yield from run_inline(task, items)
    except NfoldError as error:
        raise RuntimeError(str(error)) from error


def lose_the_hint(task: Any, items: Iterable[Any], *, limits: Any = None, on_step: Any = None) -> Results:
    try:
        yield from run_inline(task, items)
    except NfoldError as error:
        raise type(error)(error.message) from error


def hide_bugs(task: Any, items: Iterable[Any], *, limits: Any = None, on_step: Any = None) -> Results:
    try:
        yield from run_inline(task, items)
    except ArithmeticError:
        return


def lose_the_last(task: Any, items: Iterable[Any], *, limits: Any = None, on_step: Any = None) -> Results:
    results = run_inline(task, items)
    former = next(results, None)
    for result in results:
        yield former
        former = result


def repeat_the_first(task: Any, items: Iterable[Any], *, limits: Any = None, on_step: Any = None) -> Results:
    results = list(run_inline(task, _bounded(items)))
    yield from results[:1] * len(results)


def yield_as_they_come(task: Any, items: Iterable[Any], *, limits: Any = None, on_step: Any = None) -> Results:
    results = run_inline(task, items)
    first = [next(results, None)]
    for result in results:
        yield result
        yield from first
        first = []


def take_everything_first(task: Any, items: Iterable[Any], *, limits: Any = None, on_step: Any = None) -> Results:
    yield from run_inline(task, list(items))


def swallow_the_end_of_items(task: Any, items: Iterable[Any], *, limits: Any = None, on_step: Any = None) -> Results:
    try:
        yield from run_inline(task, items)
    except LookupError:
        return


def invent_a_result(task: Any, items: Iterable[Any], *, limits: Any = None, on_step: Any = None) -> Results:
    taken = 0
    for result in run_inline(task, items):
        taken += 1
        yield result
    if not taken:
        yield None


def tell_nothing(task: Any, items: Iterable[Any], *, limits: Any = None, on_step: Any = None) -> Results:
    yield from run_inline(task, items)


def _bounded(items: Iterable[Any]) -> Iterable[Any]:
    return items if isinstance(items, list) else []


BROKEN: dict[Callable[..., Results], str] = {
    swallow_errors: "An error of the task was swallowed",
    wrap_errors: "arrived as RuntimeError",
    lose_the_hint: "arrived with",
    hide_bugs: "ZeroDivisionError",
    lose_the_last: "40 items gave 39 results",
    repeat_the_first: "not those of the items",
    yield_as_they_come: "not in the order",
    take_everything_first: "as there is room",
    swallow_the_end_of_items: "source of items was swallowed",
    invent_a_result: "No items gave results",
    tell_nothing: "The progress ended",
}


@pytest.mark.parametrize(("broken", "complaint"), BROKEN.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_a_broken_executor_is_caught(broken: Executor, complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        check_executor(broken, workers=(1,))


def test_progress_that_goes_back_is_caught() -> None:
    def run(task: Any, items: Iterable[Any], *, limits: WorkerLimits | None = None, on_step: Any = None) -> Results:
        yield from run_inline(task, items, on_step=on_step)
        if on_step is not None:
            on_step(Progress(items=1, names=1, steps=1))
            on_step(Progress(items=4, names=8, steps=12))

    with pytest.raises(AssertionError, match="went back"):
        check_executor(run, workers=(1,))
