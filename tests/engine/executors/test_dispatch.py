"""What dies, hangs or starves costs what it worked on, and nothing else."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from pathlib import Path

import executor_tasks as tasks
import pytest
from executor_tasks import Outcome, Poisoned, Shard
from processes import children, wait_until

from nfold.errors import WorkerError
from nfold.executors import WorkerLimits, open_workforce, run_local

SHARDS = [Shard(number, tuple(f"{number}/{name}" for name in "abcde")) for number in range(6)]
SMALL = WorkerLimits(workers=2, memory_bytes=1 << 30, step_timeout_s=0.5)


@pytest.mark.parametrize(
    ("harm", "code", "message"),
    [
        ("segfault", "worker.crashed", "the worker process died (SIGSEGV) while working on this, 2 times"),
        ("abort", "worker.crashed", "the worker process died (SIGABRT) while working on this, 2 times"),
        ("exit", "worker.crashed", "the worker process ended itself (exit code 7) while working on this, 2 times"),
        ("exit 0", "worker.crashed", "the worker process ended itself (exit code 0) while working on this, 2 times"),
        (
            "system exit",
            "worker.crashed",
            "the worker process ended itself (exit code 3) while working on this, 2 times",
        ),
        ("loop", "worker.hung", "the worker process made no progress for 0.5 s while working on this, 2 times"),
        (
            "memory",
            "worker.memory",
            "the worker process needed more memory than it may use (1 GiB) while working on this, 2 times",
        ),
        (
            "killed",
            "worker.memory",
            "the worker process was killed (possibly out of memory) while working on this, 3 times",
        ),
        (
            "close all",
            "worker.memory",
            "the worker process was killed (possibly out of memory) while working on this, 3 times",
        ),
    ],
)
def test_harm_costs_exactly_the_guilty(harm: str, code: str, message: str) -> None:
    outcomes = list(run_local(Poisoned({"2/c": harm}), SHARDS, limits=SMALL))
    check_only_skipped(outcomes, {"2/c": (code, message)})


def test_several_guilty_in_one_shard_are_all_found() -> None:
    harm = {"1/a": "segfault", "1/c": "exit", "1/e": "memory", "4/b": "loop"}
    outcomes = list(run_local(Poisoned(harm), SHARDS, limits=SMALL))
    assert {name: failure.code for outcome in outcomes for name, failure in outcome.skipped.items()} == {
        "1/a": "worker.crashed",
        "1/c": "worker.crashed",
        "1/e": "worker.memory",
        "4/b": "worker.hung",
    }
    assert sum(len(outcome.done) for outcome in outcomes) == 26


def test_one_death_alone_blames_nobody(tmp_path: Path) -> None:
    items = list(range(6))
    assert list(run_local(tasks.DiesOnce(str(tmp_path)), items, limits=WorkerLimits(workers=2))) == items


def test_a_name_that_no_line_of_text_could_hold_is_blamed() -> None:
    name = "Ordner/\udcff\n ü.jpg" * 100
    outcomes = list(run_local(Poisoned({name: "exit"}), [Shard(0, ("a", name, "b"))], limits=SMALL))
    assert outcomes[0].done == ("a", "b")
    assert set(outcomes[0].skipped) == {name}


def test_an_item_that_dies_before_any_step_stops_the_run() -> None:
    with pytest.raises(WorkerError, match=r"ended 3 workers.*SIGSEGV.*before any step") as caught:
        list(run_local(tasks.die_before_any_step, range(6), limits=WorkerLimits(workers=2)))
    assert caught.value.stable_code == "worker.crashed"


def test_an_item_that_dies_with_nothing_at_work_blames_no_sub_item() -> None:
    with pytest.raises(WorkerError, match="exit code 9"):
        list(run_local(tasks.die_in_the_end, [1], limits=WorkerLimits(workers=1)))


def test_a_worker_that_is_told_to_go_is_replaced_and_nobody_blamed() -> None:
    with open_workforce(WorkerLimits(workers=2)) as workforce:
        outcomes = []
        runs = workforce.run(Poisoned({}, pause_s=0.02), [Shard(n, tuple("abcde")) for n in range(20)])
        for outcome in runs:
            outcomes.append(outcome)
            if outcome.number in (3, 7, 11):
                for worker in workers_of():
                    os.kill(worker, signal.SIGTERM)
    assert [outcome.number for outcome in outcomes] == list(range(20))
    check_only_skipped(outcomes, {}, each=5)


@pytest.mark.slow
def test_random_kills_lose_nothing_and_blame_nobody() -> None:
    seed = random.randrange(2**32)
    print("seed", seed)  # noqa: T201 - shown when the test fails
    choice = random.Random(seed)
    shards = [Shard(number, tuple(f"{number}/{name}" for name in "abc")) for number in range(300)]
    is_over = threading.Event()
    kills = 0

    def kill_now_and_then() -> None:
        nonlocal kills
        while not is_over.wait(0.2):
            workers = workers_of()
            if workers:
                os.kill(choice.choice(workers), signal.SIGKILL)
                kills += 1

    killer = threading.Thread(target=kill_now_and_then)
    with open_workforce(WorkerLimits(workers=3)) as workforce:
        workforce.hello()
        killer.start()
        try:
            outcomes = list(workforce.run(Poisoned({}, pause_s=0.015), shards))
        finally:
            is_over.set()
            killer.join()
    assert kills >= 15
    assert [outcome.number for outcome in outcomes] == list(range(300))
    check_only_skipped(outcomes, {}, each=3)


def test_a_dead_zygote_is_replaced_and_nothing_is_lost() -> None:
    shards = [Shard(number, tuple("abc")) for number in range(40)]
    outcomes = []
    with open_workforce(WorkerLimits(workers=2)) as workforce:
        for outcome in workforce.run(Poisoned({}, pause_s=0.01), shards):
            outcomes.append(outcome)
            if outcome.number in (5, 20):
                kill_zygote()
    assert [outcome.number for outcome in outcomes] == list(range(40))
    check_only_skipped(outcomes, {}, each=3)


def test_a_zygote_that_is_killed_again_and_again_is_given_up() -> None:
    with open_workforce(WorkerLimits(workers=1)) as workforce:
        runs = workforce.run(tasks.nap, [0.05] * 1000)
        with pytest.raises(WorkerError, match="ended from outside 4 times"):
            list(map(kill_zygote, runs))


def test_time_in_which_nobody_looked_is_no_hanging() -> None:
    with open_workforce(WorkerLimits(workers=2, step_timeout_s=0.4)) as workforce:
        results = workforce.run(tasks.nap, [0.1] * 8)
        done = [next(results)]
        time.sleep(1.0)
        done.extend(results)
    assert done == [0.1] * 8


def test_a_stopped_worker_is_taken_for_hanging_and_its_item_done_by_another() -> None:
    with open_workforce(WorkerLimits(workers=1, step_timeout_s=0.5)) as workforce:
        results = workforce.run(Poisoned({}, pause_s=0.01), [Shard(n, tuple("abc")) for n in range(20)])
        first = next(results)
        os.kill(workers_of()[0], signal.SIGSTOP)
        outcomes = [first, *results]
    check_only_skipped(outcomes, {}, each=3)


def test_signs_of_life_keep_the_watchdog_quiet() -> None:
    shard = Shard(0, tuple(f"{number}" for number in range(12)))
    outcomes = list(run_local(Poisoned({}, pause_s=0.1), [shard], limits=WorkerLimits(workers=1, step_timeout_s=0.5)))
    check_only_skipped(outcomes, {}, each=12)


def test_no_process_is_left_after_all_this() -> None:
    list(run_local(Poisoned({"1/a": "segfault", "2/b": "loop"}), SHARDS, limits=SMALL))
    assert wait_until(lambda: not children(), 1.0), children()


def check_only_skipped(outcomes: list[Outcome], expected: dict[str, tuple[str, str]], each: int = 5) -> None:
    skipped = {
        name: (failure.code, failure.message) for outcome in outcomes for name, failure in outcome.skipped.items()
    }
    assert skipped == expected
    assert sum(len(outcome.done) for outcome in outcomes) == len(outcomes) * each - len(expected)


def direct_children() -> list[int]:
    grandchildren = {grandchild for child in children() for grandchild in children(child)}
    return [pid for pid in children() if pid not in grandchildren]


def kill_zygote(_: object = None) -> None:
    if pids := direct_children():
        os.kill(pids[0], signal.SIGKILL)


def workers_of() -> list[int]:
    return [pid for child in direct_children() for pid, state in children(child).items() if state != "Z"]
