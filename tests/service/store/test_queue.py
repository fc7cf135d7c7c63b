from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nfold_service.context import new_id
from nfold_service.store import Store, queue
from nfold_service.store.rows import JobRow


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(f"sqlite:///{tmp_path / 'nfold.db'}")
    yield store
    store.close()


def add(store: Store, owner: str) -> JobRow:
    return store.run_now(
        queue.add_job, identity=new_id("job"), owner=owner, kind="expansion", dataset="ds", request={"copies": 1}
    )


def test_the_oldest_goes_first_and_no_owner_has_more_than_may(store: Store) -> None:
    first, _, of_ben = add(store, "anna"), add(store, "anna"), add(store, "ben")
    claimed = [store.run_now(queue.claim_job, most_per_owner=1) for _ in range(3)]
    assert [row and row.id for row in claimed] == [first.id, of_ben.id, None]


def test_only_the_holder_of_a_job_changes_it(store: Store) -> None:
    add(store, "anna")
    held = store.run_now(queue.claim_job, most_per_owner=1)
    assert held is not None
    assert store.run_now(queue.report_progress, held.id, held.lease, {"done": 1})
    store.run_now(queue.give_back, held.id, held.lease, counts=True)
    again = store.run_now(queue.claim_job, most_per_owner=1)
    assert again is not None
    assert (again.id, again.attempts > held.attempts) == (held.id, True)
    assert not store.run_now(queue.report_progress, held.id, held.lease, {"done": 2})
    store.run_now(queue.enter_state, held.id, held.lease, "failed")
    found = store.run_now(queue.job_of, held.id, "anna")
    assert found is not None
    assert found.state == "running"
    assert store.run_now(queue.job_of, held.id, "ben") is None


def test_a_finished_job_is_added_once(store: Store) -> None:
    identity = new_id("job")
    for _ in range(2):
        row = store.run_now(
            queue.add_finished_job, identity=identity, owner="anna", kind="expansion", request={}, result={"n": 1}
        )
        assert (row.id, row.state) == (identity, "succeeded")
    assert len(store.run_now(queue.jobs_of, "anna", most=10, kind="expansion")) == 1
