"""Jobs in the store: begun once, moved on by their holder alone, told of without gaps."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from nfold_service.store import JobRow, Store, queue
from nfold_service.store.schema import events
from tests.service.conftest import ROOT


def add(store: Store, name: str = "job_1", *, owner: str = "a") -> JobRow:
    return store.run_now(
        queue.add_job, identity=name, owner=owner, kind="expansion", dataset="ds", request={"copies": 2}
    )


def claim(store: Store, *, most: int = 2) -> JobRow | None:
    return store.run_now(queue.claim_job, most_per_owner=most)


def found(store: Store, name: str = "job_1") -> JobRow:
    row = store.run_now(queue.job_of, name, None)
    assert row is not None
    return row


def told(store: Store, name: str = "job_1", after: int = 0) -> list[tuple[int, str, dict[str, Any]]]:
    return [(one.number, one.kind, one.data) for one in store.run_now(queue.events_after, name, after)]


def test_a_job_is_begun_once_with_a_higher_lease_each_time(store: Store) -> None:
    add(store)
    row = claim(store)
    assert row is not None
    assert (row.state, row.lease, row.attempts) == ("running", 1, 1)
    assert claim(store) is None
    assert store.run_now(queue.give_back, row.id, 1, counts=True)
    again = claim(store)
    assert again is not None
    assert (again.lease, again.attempts, again.started_at) == (2, 2, row.started_at)


def test_the_oldest_goes_first_and_one_owner_does_not_hold_up_the_others(store: Store) -> None:
    for number, owner in enumerate("aaab"):
        add(store, f"job_{number}", owner=owner)
    begun = [claim(store, most=2) for _ in range(4)]
    assert [row.id if row else None for row in begun] == ["job_0", "job_1", "job_3", None]


def test_who_holds_an_older_lease_has_nothing_to_say(store: Store) -> None:
    add(store)
    first = claim(store)
    assert first is not None
    store.run_now(queue.give_back, first.id, 1, counts=False)
    claim(store)
    assert not store.run_now(queue.report_progress, first.id, 1, {"done": 9})
    assert not store.run_now(queue.begin_publishing, first.id, 1)
    assert not store.run_now(queue.enter_state, first.id, 1, "failed")
    assert not store.run_now(queue.give_back, first.id, 1, counts=True)
    assert found(store).state == "running"


def test_a_last_state_is_the_last(store: Store) -> None:
    add(store)
    claim(store)
    assert store.run_now(queue.enter_state, "job_1", 1, "succeeded", {"result": {"bytes": 1}})
    assert not store.run_now(queue.enter_state, "job_1", 1, "failed")
    assert not store.run_now(queue.give_back, "job_1", 1, counts=True)
    assert store.run_now(queue.ask_to_cancel, "job_1") == "succeeded"
    assert found(store).finished_at is not None


def test_a_waiting_job_is_cancelled_at_once_and_a_running_one_asked(store: Store) -> None:
    add(store, "job_1")
    add(store, "job_2")
    claim(store)
    assert store.run_now(queue.ask_to_cancel, "job_2") == "cancelled"
    assert store.run_now(queue.ask_to_cancel, "job_1") == "running"
    assert not store.run_now(queue.report_progress, "job_1", 1, {"done": 1})
    assert not store.run_now(queue.begin_publishing, "job_1", 1)


def test_a_job_that_is_to_be_cancelled_does_not_wait_again(store: Store) -> None:
    """The service ended between the wish and the end of the process."""
    add(store)
    claim(store)
    store.run_now(queue.ask_to_cancel, "job_1")
    assert store.run_now(queue.give_back, "job_1", 1, counts=False)
    assert found(store).state == "cancelled"
    assert claim(store) is None


def test_an_end_in_good_order_is_no_attempt(store: Store) -> None:
    add(store)
    claim(store)
    store.run_now(queue.give_back, "job_1", 1, counts=False)
    assert found(store).attempts == 0


def test_a_job_that_failed_or_was_cancelled_waits_again_when_asked(store: Store) -> None:
    add(store)
    claim(store)
    assert not store.run_now(queue.begin_anew, "job_1")
    store.run_now(queue.enter_state, "job_1", 1, "failed", {"problem": {"code": "disk.full"}})
    assert store.run_now(queue.begin_anew, "job_1")
    row = found(store)
    assert (row.state, row.attempts, row.problem, row.cancel, row.finished_at) == ("queued", 0, None, False, None)
    again = claim(store)
    assert again is not None
    assert again.lease == 2


def test_packing_is_a_state_of_its_own_and_is_entered_once(store: Store) -> None:
    add(store)
    claim(store)
    assert store.run_now(queue.begin_publishing, "job_1", 1)
    assert store.run_now(queue.begin_publishing, "job_1", 1)
    assert [data["state"] for _, kind, data in told(store) if kind == "state"] == ["queued", "running", "publishing"]
    assert store.run_now(queue.interrupted)[0].id == "job_1"


def test_events_are_numbered_without_gaps_and_read_from_anywhere(store: Store) -> None:
    add(store)
    claim(store)
    for done in range(5):
        store.run_now(queue.report_progress, "job_1", 1, {"done": done})
    every = told(store)
    assert [number for number, _, _ in every] == list(range(1, 8))
    for number in range(8):
        assert told(store, after=number) == every[number:]


def test_of_old_progress_every_second_goes_and_no_state_does(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job of days tells of its progress to the end, and its events stay few."""
    monkeypatch.setattr(queue, "MOST_EVENTS", 40)
    monkeypatch.setattr(queue, "_THINNED_EVERY", 10)
    add(store)
    claim(store)
    for done in range(500):
        store.run_now(queue.report_progress, "job_1", 1, {"done": done})
    store.run_now(queue.enter_state, "job_1", 1, "succeeded")
    every = told(store)
    assert len(every) <= 40
    assert [data["state"] for _, kind, data in every if kind == "state"] == ["queued", "running", "succeeded"]
    numbers = [number for number, _, _ in every]
    assert numbers == sorted(set(numbers))
    assert every[-2][2] == {"done": 499}
    assert numbers[-10:] == list(range(494, 504)), "the latest are all there"


def test_a_job_is_removed_with_its_events(store: Store) -> None:
    add(store)
    store.run_now(queue.remove_job, "job_1")
    assert store.run_now(queue.job_of, "job_1", None) is None
    assert store.run_now(lambda connection: connection.execute(events.select()).all()) == []


CLAIM_ALL = """
import sys
from nfold_service.store import Store, queue
store = Store(sys.argv[1])
while (row := store.run_now(queue.claim_job, most_per_owner=10**6)) is not None:
    print(row.id)
store.close()
"""


@pytest.mark.slow
def test_eight_processes_never_begin_a_job_twice(store: Store, database: str) -> None:
    """Nothing that the service does; but what the store promises holds whoever opens it."""
    jobs = 1000

    def fill(connection: Any) -> None:
        for number in range(jobs):
            queue.add_job(connection, identity=f"job_{number}", owner="a", kind="expansion", dataset="ds", request={})

    store.run_now(fill)
    command = [sys.executable, "-c", CLAIM_ALL, database]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, text=True) for _ in range(8)]
    claimed = [line for process in running for line in process.communicate(timeout=250)[0].split()]
    assert [process.returncode for process in running] == [0] * 8
    assert len(claimed) == jobs
    assert len(set(claimed)) == jobs


def test_eight_threads_never_begin_a_job_twice(store: Store) -> None:
    jobs = 500

    def fill(connection: Any) -> None:
        for number in range(jobs):
            queue.add_job(connection, identity=f"job_{number}", owner="a", kind="expansion", dataset="ds", request={})

    store.run_now(fill)

    def claim_all(_: int) -> list[str]:
        mine = []
        while (row := claim(store, most=10**6)) is not None:
            mine.append(row.id)
        return mine

    with ThreadPoolExecutor(8) as threads:
        claimed = [one for mine in threads.map(claim_all, range(8)) for one in mine]
    assert len(claimed) == len(set(claimed)) == jobs
