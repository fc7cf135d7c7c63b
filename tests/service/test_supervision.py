"""Jobs and their processes, with processes that are scripted: every order of cancel, death, shutdown and a full disk."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from nfold.errors import DiskError
from nfold_service import supervision
from nfold_service.context import Context, Places
from nfold_service.settings import Settings
from nfold_service.store import JobRow, Store, queue, shelves
from nfold_service.supervision import Supervisor
from nfold_service.work.crew import Crew, WorkerDiedError
from nfold_service.work.protocol import Message, Order

Script = Callable[["FakeWorker"], AsyncIterator[Message]]


class FakeWorker:
    """Says what the script says, until it is killed."""

    begun: list[FakeWorker]
    script: Script
    starts_s = 0.0

    def __init__(self) -> None:
        self.killed = asyncio.Event()
        self.order: Order | None = None

    @classmethod
    async def begin(cls, settings: Settings, **options: Any) -> FakeWorker:
        await asyncio.sleep(cls.starts_s)
        worker = cls()
        cls.begun.append(worker)
        return worker

    async def messages(self, order: Order) -> AsyncIterator[Message]:
        self.order = order
        async for message in type(self).script(self):
            if self.killed.is_set():
                raise WorkerDiedError
            yield message

    async def kill(self) -> None:
        self.killed.set()


def progress(**data: Any) -> Message:
    return Message(kind="progress", data=data)


DONE = Message(kind="done", data={"is_whole": True, "bytes": 1})


async def works_for_ever(worker: FakeWorker) -> AsyncIterator[Message]:
    done = 0
    while not worker.killed.is_set():
        done += 1
        yield progress(done=done)
        await asyncio.sleep(0.005)
    raise WorkerDiedError


async def succeeds(worker: FakeWorker) -> AsyncIterator[Message]:
    yield progress(stage="expand", done=1)
    yield progress(stage="publish")
    yield DONE


async def dies(worker: FakeWorker) -> AsyncIterator[Message]:
    yield progress(done=1)
    raise WorkerDiedError


async def is_silent(worker: FakeWorker) -> AsyncIterator[Message]:
    await worker.killed.wait()
    raise WorkerDiedError
    yield progress()


class Bench:
    """A supervisor on a store, without a server."""

    def __init__(self, tmp_path: Path, database: str, **settings: Any) -> None:
        given = Settings(data=tmp_path / "data", database=database, disk_reserve_bytes=0, **settings)
        places = Places(given.data)
        places.prepare()
        self.store = Store(database)
        self.context = Context(
            settings=given,
            store=self.store,
            crew=Crew(settings=given),
            places=places,
            configured_key=None,
            is_open=True,
        )
        self.supervisor = Supervisor(self.context)
        self.store.run_now(shelves.add_dataset, identity="ds", owner="a", name="x")

    def add(self, name: str = "job", *, dataset: str = "ds") -> None:
        self.store.run_now(
            queue.add_job, identity=name, owner="a", kind="expansion", dataset=dataset, request={"copies": 1}
        )

    def row(self, name: str = "job") -> JobRow:
        row = self.store.run_now(queue.job_of, name, None)
        assert row is not None
        return row

    def states(self, name: str = "job") -> list[str]:
        return [one.data["state"] for one in self.store.run_now(queue.events_after, name, 0) if one.kind == "state"]

    async def until(self, *states: str, name: str = "job") -> JobRow:
        for _ in range(1000):
            if (row := await self.context.store.run(queue.job_of, name, None)) and row.state in states:
                return row
            await asyncio.sleep(0.01)
        raise AssertionError(self.row(name))

    async def cancel(self, name: str = "job") -> None:
        await self.context.store.run(queue.ask_to_cancel, name)
        await self.supervisor.cancel(name)


@pytest.fixture(autouse=True)
def fake(monkeypatch: pytest.MonkeyPatch) -> type[FakeWorker]:
    monkeypatch.setattr(supervision, "Worker", FakeWorker)
    monkeypatch.setattr(supervision, "_AGAIN_S", 0.01)
    monkeypatch.setattr(supervision, "_LOOK_S", 0.02)
    FakeWorker.begun, FakeWorker.script, FakeWorker.starts_s = [], succeeds, 0.0
    return FakeWorker


@pytest.fixture
def run(tmp_path: Path, database: str) -> Callable[..., None]:
    def run(work: Callable[[Bench], Coroutine[Any, Any, None]], **settings: Any) -> None:
        async def whole() -> None:
            bench = Bench(tmp_path, database, **settings)
            try:
                await work(bench)
            finally:
                await bench.supervisor.end()
                bench.store.close()

        asyncio.run(whole())

    return run


def test_a_job_runs_packs_and_succeeds(run: Callable[..., None]) -> None:
    async def work(bench: Bench) -> None:
        bench.add()
        await bench.supervisor.begin()
        row = await bench.until("succeeded")
        assert row.result == DONE.data
        assert bench.states() == ["queued", "running", "publishing", "succeeded"]
        await bench.supervisor.end()
        assert all(worker.killed.is_set() for worker in FakeWorker.begun)

    run(work)


def test_progress_is_written_four_times_a_second_at_most(run: Callable[..., None]) -> None:
    async def work(bench: Bench) -> None:
        FakeWorker.script = works_for_ever
        bench.add()
        await bench.supervisor.begin()
        await bench.until("running")
        began = time.monotonic()
        await asyncio.sleep(1.2)
        told = [one for one in bench.store.run_now(queue.events_after, "job", 0) if one.kind == "progress"]
        assert 2 <= len(told) <= 4 * (time.monotonic() - began) + 2

    run(work)


@pytest.mark.parametrize("script", [works_for_ever, is_silent])
def test_a_running_job_is_cancelled_at_once(run: Callable[..., None], script: Script) -> None:
    async def work(bench: Bench) -> None:
        FakeWorker.script = script
        bench.add()
        await bench.supervisor.begin()
        await bench.until("running")
        await asyncio.sleep(0.05)
        await bench.cancel()
        assert bench.row().state == "cancelled"
        assert bench.supervisor.at_work == 0
        assert len(FakeWorker.begun) == 1

    run(work)


def test_a_job_is_cancelled_while_its_process_is_being_started(run: Callable[..., None]) -> None:
    async def work(bench: Bench) -> None:
        FakeWorker.script, FakeWorker.starts_s = is_silent, 0.3
        bench.add()
        await bench.supervisor.begin()
        await bench.until("running")
        await bench.cancel()
        assert bench.row().state == "cancelled"
        assert all(worker.killed.is_set() for worker in FakeWorker.begun)

    run(work)


def test_a_last_state_is_written_when_the_processes_are_gone(run: Callable[..., None]) -> None:
    """Otherwise a retry could begin beside them."""
    order = []

    class SlowToDie(FakeWorker):
        async def kill(self) -> None:
            await asyncio.sleep(0.1)
            order.append(self.row().state)
            await super().kill()

    async def work(bench: Bench) -> None:
        SlowToDie.row = lambda self: bench.row()  # type: ignore[attr-defined]
        bench.add()
        await bench.supervisor.begin()
        await bench.until("succeeded")
        assert order == ["publishing"]

    supervision.Worker = SlowToDie  # type: ignore[misc, assignment]
    run(work)


def test_a_job_that_dies_is_begun_again_a_few_times_and_then_fails(run: Callable[..., None]) -> None:
    async def work(bench: Bench) -> None:
        FakeWorker.script = dies
        bench.add()
        await bench.supervisor.begin()
        row = await bench.until("failed")
        assert row.problem is not None
        assert row.problem["code"] == "worker.crashed"
        assert (row.attempts, len(FakeWorker.begun)) == (3, 3)

    run(work, job_attempts=3)


def test_what_a_worker_says_that_makes_no_sense_is_a_death(run: Callable[..., None]) -> None:
    async def nonsense(worker: FakeWorker) -> AsyncIterator[Message]:
        raise ValueError("no JSON")
        yield DONE

    async def work(bench: Bench) -> None:
        FakeWorker.script = nonsense
        bench.add()
        await bench.supervisor.begin()
        assert (await bench.until("failed")).attempts == 2

    run(work, job_attempts=2)


def test_a_job_whose_watcher_breaks_is_not_left_running_for_ever(
    run: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def breaks(worker: FakeWorker) -> AsyncIterator[Message]:
        FakeWorker.script = succeeds
        raise RuntimeError("a mistake of ours")
        yield DONE

    async def work(bench: Bench) -> None:
        FakeWorker.script = breaks
        bench.add()
        await bench.supervisor.begin()
        assert (await bench.until("succeeded")).attempts == 2

    run(work)


def test_at_the_end_jobs_are_given_back_and_go_on_without_a_failed_attempt(run: Callable[..., None]) -> None:
    async def work(bench: Bench) -> None:
        FakeWorker.script = works_for_ever
        bench.add("one")
        bench.add("two")
        await bench.supervisor.begin()
        await bench.until("running", name="two")
        await bench.supervisor.end()
        await bench.supervisor.end()
        assert [bench.row(name).state for name in ("one", "two")] == ["queued", "queued"]
        assert all(worker.killed.is_set() for worker in FakeWorker.begun)
        FakeWorker.script = succeeds
        again = bench.supervisor = Supervisor(bench.context)
        await again.begin()
        assert (await bench.until("succeeded", name="one")).attempts == 1

    run(work, jobs_at_once=2)


@pytest.mark.parametrize("wait", [0.0, 0.001, 0.005, 0.02, 0.05])
def test_whenever_the_service_ends_no_job_is_left_behind(run: Callable[..., None], wait: float) -> None:
    """A claim or an end that is on its way to the store just then, too."""

    async def work(bench: Bench) -> None:
        FakeWorker.starts_s = 0.01
        for number in range(3):
            bench.add(f"job_{number}")
        await bench.supervisor.begin()
        await asyncio.sleep(wait)
        bench.context.ending.set()
        await bench.supervisor.end()
        assert {bench.row(f"job_{number}").state for number in range(3)} <= {"queued", "succeeded"}
        assert all(worker.killed.is_set() for worker in FakeWorker.begun)

    run(work, jobs_at_once=2)


def test_nothing_is_begun_while_the_service_ends(run: Callable[..., None]) -> None:
    async def work(bench: Bench) -> None:
        bench.context.ending.set()
        bench.add()
        await bench.supervisor.begin()
        await asyncio.sleep(0.1)
        assert bench.row().state == "queued"

    run(work)


def test_what_a_killed_service_left_at_work_is_taken_up_again(run: Callable[..., None]) -> None:
    async def work(bench: Bench) -> None:
        bench.add("one")
        bench.add("two")
        bench.store.run_now(queue.claim_job, most_per_owner=9)
        bench.store.run_now(queue.claim_job, most_per_owner=9)
        bench.store.run_now(queue.ask_to_cancel, "two")
        await bench.supervisor.begin()
        row = await bench.until("succeeded", name="one")
        assert (row.lease, row.attempts) == (2, 1)
        assert bench.row("two").state == "cancelled"

    run(work)


def test_a_claim_whose_answer_was_lost_is_found(run: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervision, "_STRAYS_S", 0.05)

    async def work(bench: Bench) -> None:
        await bench.supervisor.begin()

        def behind_its_back(connection: Any) -> None:
            queue.add_job(connection, identity="job", owner="a", kind="expansion", dataset="ds", request={})
            queue.claim_job(connection, most_per_owner=9)

        bench.store.run_now(behind_its_back)
        await bench.until("succeeded")

    run(work)


def test_a_job_whose_data_set_is_gone_fails_and_says_so(run: Callable[..., None]) -> None:
    async def work(bench: Bench) -> None:
        bench.add(dataset="ds_gone")
        await bench.supervisor.begin()
        row = await bench.until("failed")
        assert row.problem is not None
        assert row.problem["code"] == "dataset.missing"
        assert FakeWorker.begun == []

    run(work)


def test_our_own_paths_are_not_in_what_a_caller_reads(run: Callable[..., None]) -> None:
    async def work(bench: Bench) -> None:
        source = bench.context.places.dataset("ds")
        data = {"kind": "InputError", "code": "input.no_images", "message": f"No images in {source}.", "hint": None}

        async def fails(worker: FakeWorker) -> AsyncIterator[Message]:
            yield Message(kind="failed", data=data)

        FakeWorker.script = fails
        bench.add()
        await bench.supervisor.begin()
        row = await bench.until("failed")
        assert row.problem == {"code": "input.no_images", "message": "No images in the data set.", "hint": None}

    run(work)


class TestWithAFullDisk:
    @staticmethod
    def refuse(monkeypatch: pytest.MonkeyPatch, name: str, times: int) -> list[int]:
        left = [times]
        ordinary = getattr(queue, name)

        def refusing(*arguments: Any, **options: Any) -> Any:
            if left[0]:
                left[0] -= 1
                raise DiskError("full", code="disk.full")
            return ordinary(*arguments, **options)

        monkeypatch.setattr(queue, name, refusing)
        return left

    @pytest.mark.parametrize("name", ["report_progress", "enter_state", "claim_job", "begin_publishing"])
    def test_a_store_that_does_not_take_it_now_takes_it_later(
        self, run: Callable[..., None], monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        async def work(bench: Bench) -> None:
            bench.add()
            left = self.refuse(monkeypatch, name, 1 if name == "begin_publishing" else 3)
            await bench.supervisor.begin()
            await bench.until("succeeded")
            assert left == [0] or name == "report_progress"

        run(work)
