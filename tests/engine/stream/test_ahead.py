"""Work ahead keeps the order, the errors in their places, and no thread behind."""

from __future__ import annotations

import itertools
import threading
import time

import pytest

from nfold.stream.ahead import in_order


def stream_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("nfold-stream")]


@pytest.mark.parametrize("workers", [0, 1, 2, 5])
class TestInOrder:
    def test_results_come_in_the_order_of_the_tasks(self, workers: int) -> None:
        def slow_first(number: int) -> int:
            time.sleep(0.01 if number % 3 == 0 else 0)
            return number * number

        assert list(in_order(slow_first, range(40), workers=workers)) == [number**2 for number in range(40)]

    def test_an_error_comes_in_its_turn_and_ends_it(self, workers: int) -> None:
        def fail_at_5(number: int) -> int:
            if number == 5:
                raise ValueError("five")
            return number

        made = in_order(fail_at_5, range(20), workers=workers)
        assert list(itertools.islice(made, 5)) == [0, 1, 2, 3, 4]
        with pytest.raises(ValueError, match="five"):
            next(made)
        assert stream_threads() == []

    def test_tasks_without_end_are_taken_as_they_are_needed(self, workers: int) -> None:
        taken = itertools.count()
        made = in_order(lambda number: number, taken, workers=workers)
        assert list(itertools.islice(made, 7)) == list(range(7))
        made.close()
        assert next(taken) <= 7 + 3 * workers

    def test_whoever_stops_early_leaves_no_thread(self, workers: int) -> None:
        made = in_order(lambda number: number, range(100), workers=workers)
        next(made)
        made.close()
        assert stream_threads() == []


def test_no_workers_means_the_callers_own_thread() -> None:
    assert set(in_order(lambda _: threading.current_thread(), range(5), workers=0)) == {threading.current_thread()}
    assert len(set(in_order(lambda _: (time.sleep(0.01), threading.get_ident())[1], range(12), workers=3))) == 3
