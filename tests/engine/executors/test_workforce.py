"""Results, order, laziness, several runs, what workers are given, and what they must not inherit."""

from __future__ import annotations

import functools
import itertools
import resource
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import executor_tasks as tasks
import pytest

from nfold.errors import UnknownNameError, UsageError, WorkerError
from nfold.executors import Progress, WorkerLimits, executor_named, open_workforce, run_local
from nfold.executors.dispatch import REORDER_WINDOW


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_results_are_complete_and_in_order(workers: int) -> None:
    results = list(run_local(tasks.square, range(200), limits=WorkerLimits(workers=workers)))
    assert results == [number * number for number in range(200)]


def test_items_are_taken_as_there_is_room() -> None:
    taken = itertools.count(1)
    results = run_local(tasks.square, (next(taken) for _ in itertools.count()), limits=WorkerLimits(workers=2))
    first = list(itertools.islice(results, 5))
    results.close()
    assert first == [1, 4, 9, 16, 25]
    assert next(taken) < 5 + 2 * 2 + 2 + 1 + REORDER_WINDOW


def test_a_slow_item_holds_a_bounded_number_of_results() -> None:
    taken = 0

    def items() -> Iterator[int]:
        nonlocal taken
        for number in range(2000):
            taken += 1
            yield number

    results = run_local(tasks.slow_first, items(), limits=WorkerLimits(workers=2))
    assert next(results) == 0
    assert taken <= REORDER_WINDOW
    assert list(results) == list(range(1, 2000))


def test_a_long_item_leaves_the_next_one_to_others() -> None:
    with open_workforce(WorkerLimits(workers=2)) as workforce:
        workforce.hello()
        list(workforce.run(tasks.nap, [0.2, 0.2]))
        began = time.monotonic()
        list(workforce.run(tasks.nap, [1.0, 0.2, 0.2, 0.2]))
    assert time.monotonic() - began < 1.3


def test_large_items_and_results_do_not_block_each_other() -> None:
    items = [bytes([number]) * 3_000_000 for number in range(8)]
    assert list(run_local(tasks.echo, items, limits=WorkerLimits(workers=2))) == items


def test_a_workforce_serves_several_runs_with_the_same_workers() -> None:
    with open_workforce(WorkerLimits(workers=2)) as workforce:
        assert list(workforce.run(tasks.square, range(4))) == [0, 1, 4, 9]
        first = set(workforce.run(tasks.pid, range(20)))
        second = set(workforce.run(tasks.pid, range(20)))
    assert len(first) == 2
    assert first == second


def test_a_workforce_can_be_used_again_after_a_run_was_closed() -> None:
    with open_workforce(WorkerLimits(workers=2)) as workforce:
        results = workforce.run(tasks.square, itertools.count())
        assert next(results) == 0
        results.close()
        assert list(workforce.run(tasks.square, range(4))) == [0, 1, 4, 9]


def test_a_second_run_during_the_first_is_refused() -> None:
    with open_workforce(WorkerLimits(workers=1)) as workforce:
        first = workforce.run(tasks.square, itertools.count())
        next(first)
        with pytest.raises(RuntimeError, match="close that generator"):
            next(workforce.run(tasks.square, range(2)))
        with pytest.raises(RuntimeError, match="close that generator"):
            workforce.hello()
        first.close()


def test_no_more_workers_are_started_than_there_are_items() -> None:
    with open_workforce(WorkerLimits(workers=8)) as workforce:
        assert len(set(workforce.run(tasks.pid, range(2)))) <= 2


def test_a_worker_is_replaced_after_five_hundred_items() -> None:
    counts = [0, 0, 0]
    seen: list[int] = []
    with open_workforce(WorkerLimits(workers=1)) as workforce:
        for process in workforce.run(tasks.pid_at_once, range(1200)):
            if process not in seen:
                seen.append(process)
            counts[seen.index(process)] += 1
    assert counts == [500, 500, 200]


def test_hello_returns_what_a_function_says_in_the_zygote() -> None:
    with open_workforce(WorkerLimits(workers=1)) as workforce:
        assert workforce.hello() is None
        facts = workforce.hello("executor_tasks:facts")
        assert facts == workforce.hello("executor_tasks:facts")
        assert facts["threads"] == 1


def test_an_error_of_a_hello_function_arrives() -> None:
    with open_workforce(WorkerLimits(workers=1)) as workforce:
        with pytest.raises(LookupError, match="no facts") as caught:
            workforce.hello("executor_tasks:broken_facts")
        assert "in broken_facts" in caught.value.__notes__[0]
        assert list(workforce.run(tasks.square, range(3))) == [0, 1, 4]


def test_opening_does_not_wait_for_the_imports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "slow_to_import.py").write_text("import time; time.sleep(0.5)")
    monkeypatch.syspath_prepend(tmp_path)
    began = time.monotonic()
    with open_workforce(WorkerLimits(workers=1, preload=("slow_to_import",))) as workforce:
        assert time.monotonic() - began < 0.3
        workforce.hello()
        assert time.monotonic() - began > 0.5


def test_a_heavy_module_is_imported_once_for_all_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    count = tmp_path / "count"
    (tmp_path / "heavy_module.py").write_text(f"open({str(count)!r}, 'a').write('x')")
    monkeypatch.syspath_prepend(tmp_path)
    with open_workforce(WorkerLimits(workers=4, preload=("heavy_module",))) as workforce:
        assert len(set(workforce.run(tasks.pid, range(60)))) == 4
    assert count.read_text() == "x"


def test_a_module_that_starts_threads_makes_workers_interpreters_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = tmp_path / "count"
    (tmp_path / "threaded_module.py").write_text(
        f"import threading, time; open({str(count)!r}, 'a').write('x')\n"
        "threading.Thread(target=time.sleep, args=(600,), daemon=True).start()"
    )
    monkeypatch.syspath_prepend(tmp_path)
    limits = WorkerLimits(workers=2, preload=("threaded_module",))
    shards = [tasks.Shard(number, (f"a{number}", f"b{number}")) for number in range(6)]
    with open_workforce(limits) as workforce:
        assert workforce.hello("executor_tasks:facts")["threads"] == 2
        outcomes = list(workforce.run(tasks.Poisoned({"b3": "segfault"}), shards))
    assert [outcome.number for outcome in outcomes] == list(range(6))
    assert [name for outcome in outcomes for name in outcome.skipped] == ["b3"]
    assert 4 <= len(count.read_text()) <= 6


def test_a_zygote_that_cannot_import_says_why() -> None:
    limits = WorkerLimits(workers=1, preload=("no_such_module_at_all",))
    reason = "No module named 'no_such_module_at_all'"
    with open_workforce(limits) as workforce, pytest.raises(WorkerError, match=reason):
        workforce.hello()
    with pytest.raises(WorkerError, match=reason):
        list(run_local(tasks.square, [1], limits=limits))


def test_what_imports_print_reaches_the_error_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    (tmp_path / "talking_module.py").write_text("print('imported with a warning')")
    monkeypatch.syspath_prepend(tmp_path)
    with open_workforce(WorkerLimits(workers=1, preload=("talking_module",))) as workforce:
        workforce.hello()
    assert "imported with a warning" in capsys.readouterr().err


def test_workers_have_the_environment_that_was_asked_for() -> None:
    limits = WorkerLimits(workers=1, environment={"NFOLD_TEST_VALUE": "17"})
    names = ["NFOLD_TEST_VALUE", "OMP_NUM_THREADS", "NO_ALBUMENTATIONS_UPDATE", "NFOLD_SEARCH_PATH"]
    assert list(run_local(tasks.environment, names, limits=limits)) == ["17", "1", "1", None]


def test_workers_have_no_descriptors_but_their_own(tmp_path: Path) -> None:
    held = (tmp_path / "held").open("w")
    with held, open_workforce(WorkerLimits(workers=2)) as workforce:
        list(workforce.run(tasks.pid, range(20)))
        found = list(workforce.run(tasks.open_descriptors, range(2)))
    for links in found:
        assert not [link for link in links if link.endswith("held")]
        assert len([link for link in links if link.startswith("socket:")]) == 1, links


def test_progress_counts_items_names_and_steps() -> None:
    told: list[Progress] = []
    shards = [tasks.Shard(number, tuple("abc")) for number in range(30)]
    with open_workforce(WorkerLimits(workers=2)) as workforce:
        list(workforce.run(tasks.Poisoned({}, pause_s=0.01), shards, on_step=told.append))
    assert told[-1] == Progress(items=30, names=120, steps=120)
    assert len(told) > 3
    assert told == sorted(told, key=lambda progress: progress.steps)


def test_it_works_from_a_thread_that_ends_before_the_workforce_does() -> None:
    opened = []
    opener = threading.Thread(target=lambda: opened.append(open_workforce(WorkerLimits(workers=2))))
    opener.start()
    opener.join()
    results: list[int] = []
    with opened[0] as workforce:
        runner = threading.Thread(target=lambda: results.extend(workforce.run(tasks.square, range(50))))
        runner.start()
        runner.join()
    assert results == [number * number for number in range(50)]


def test_a_task_of_the_script_itself_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    task = functools.partial(tasks.square)
    monkeypatch.setattr(tasks.square, "__module__", "__main__")
    with pytest.raises(UsageError, match="script itself"):
        list(run_local(tasks.square, [1], limits=WorkerLimits(workers=1)))
    assert task


def test_limits_that_make_no_sense_are_refused() -> None:
    with pytest.raises(UsageError):
        WorkerLimits(workers=0)
    with pytest.raises(UsageError):
        WorkerLimits(workers=1, step_timeout_s=0)


def test_an_unknown_executor_is_named_with_a_hint() -> None:
    with pytest.raises(UnknownNameError) as caught:
        executor_named("locl")
    assert "local" in (caught.value.hint or "")
    assert executor_named("local") is run_local


@pytest.mark.slow
def test_memory_stays_flat_over_many_items() -> None:
    with open_workforce(WorkerLimits(workers=2)) as workforce:
        for _ in workforce.run(tasks.do_nothing, range(2_000)):
            pass
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        assert sum(1 for _ in workforce.run(tasks.do_nothing, range(20_000))) == 20_000
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert after - before < 3_000
