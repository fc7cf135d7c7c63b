"""Events of a job over HTTP: resumed exactly, bounded in number and memory, told of the end."""

from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace
from typing import Any

import pytest

from nfold_service import events
from nfold_service.context import Context, new_id
from nfold_service.store import queue

Event = dict[str, str]


def read(client: Any, job: str, last: int | None = None) -> list[Event]:
    """All events of a job that has ended, in order."""
    headers = {} if last is None else {"Last-Event-ID": str(last)}
    answer = client.get(f"/v1/expansions/{job}/events", headers=headers)
    assert answer.status_code == 200, answer.text
    found = []
    for block in answer.text.replace("\r\n", "\n").split("\n\n"):
        pairs = [line.partition(": ") for line in block.splitlines() if not line.startswith(":")]
        if pairs:
            found.append({name: value for name, _, value in pairs})
    return found


def add_job(context: Context, *, progress: int = 5, state: str | None = "succeeded") -> str:
    identity = new_id("job")

    def fill(connection: Any) -> None:
        queue.add_job(connection, identity=identity, owner="default", kind="expansion", dataset="ds", request={})
        queue.claim_job(connection, most_per_owner=9)
        for done in range(progress):
            queue.report_progress(connection, identity, 1, {"done": done})
        if state is not None:
            queue.enter_state(connection, identity, 1, state)

    context.store.run_now(fill)
    return identity


@pytest.fixture
def context(client: Any) -> Context:
    found: Context = client.app.state.context
    return found


def test_a_stream_goes_on_exactly_where_it_was_cut(client: Any, context: Context) -> None:
    job = add_job(context)
    every = read(client, job)
    assert [one["id"] for one in every] == [str(number) for number in range(1, 9)]
    assert [one["event"] for one in every] == ["state", "state", *["progress"] * 5, "state"]
    for last in range(9):
        assert read(client, job, last) == every[last:]


def test_a_stream_of_more_events_than_are_read_at_once_is_whole(client: Any, context: Context) -> None:
    job = add_job(context, progress=1_234)
    every = read(client, job)
    assert [int(one["id"]) for one in every] == list(range(1, 1_238))
    assert every[-1]["data"] == '{"state": "succeeded"}'


def test_it_goes_on_across_a_restart(make_client: Any) -> None:
    first = make_client()
    job = add_job(first.app.state.context, state="cancelled")
    every = read(first, job)
    first.__exit__(None, None, None)
    second = make_client()
    assert read(second, job, 3) == every[3:]


@pytest.mark.parametrize("last", ["x", "-1", "1" * 13, "1.5"])
def test_an_id_that_is_none_is_refused(client: Any, context: Context, last: str) -> None:
    answer = client.get(f"/v1/expansions/{add_job(context)}/events", headers={"Last-Event-ID": last})
    assert (answer.status_code, answer.json()["code"]) == (400, "request.last_event_id")


def test_an_id_from_the_future_gives_nothing(client: Any, context: Context) -> None:
    assert read(client, add_job(context), 999_999_999_999) == []


def test_a_job_that_is_deleted_ends_its_stream(client: Any, context: Context) -> None:
    job = add_job(context)
    assert client.delete(f"/v1/expansions/{job}").status_code == 204
    assert client.get(f"/v1/expansions/{job}/events").status_code == 404


def test_more_streams_than_allowed_are_refused(make_client: Any) -> None:
    client = make_client(max_streams_at_once=1)
    context = client.app.state.context
    job = add_job(context)
    context.streams = 1
    answer = client.get(f"/v1/expansions/{job}/events")
    assert (answer.status_code, answer.json()["code"]) == (429, "streams.too_many")
    context.streams = 0
    assert read(client, job)
    assert context.streams == 0


class FakeStore:
    """Gives as many events as there are, five hundred at a time, and counts how many were asked for."""

    def __init__(self, there: int, state: str = "running") -> None:
        self.there, self.given, self.asked, self.state = there, 0, 0, state

    async def run(self, function: Any, job: str, number: int) -> Any:
        assert function is queue.news
        self.asked += 1
        found = range(number + 1, min(self.there, number + 500) + 1)
        self.given += len(found)
        row = SimpleNamespace(is_final=self.state == "succeeded")
        return row, [SimpleNamespace(number=one, kind="progress", data={"done": one}) for one in found]


def watched(store: FakeStore) -> Any:
    return SimpleNamespace(
        store=store,
        changes={},
        streams=0,
        ending=asyncio.Event(),
        job_changed=asyncio.Condition(),
        settings=SimpleNamespace(max_streams_at_once=9),
    )


def test_for_a_slow_reader_nothing_is_read_ahead() -> None:
    """What it has not taken stays in the store, not in memory."""

    async def whole() -> None:
        store = FakeStore(100_000)
        stream = events._events(watched(store), "job", 0)
        for _ in range(3):
            await anext(stream)
        assert store.given == 500
        await stream.aclose()

    asyncio.run(whole())


def test_what_happens_to_other_jobs_costs_a_stream_no_look_into_the_store() -> None:
    async def whole() -> None:
        store = FakeStore(1)
        context = watched(store)
        stream = events._events(context, "job", 0)
        await anext(stream)
        waiting = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0.05)
        before = store.asked
        for number in range(50):
            await Context.tell(context, f"other_{number}")
            await asyncio.sleep(0)
        assert store.asked == before
        store.there = 2
        began = time.monotonic()
        await Context.tell(context, "job")
        assert (await waiting).id == "2"
        assert time.monotonic() - began < 1
        await stream.aclose()
        assert context.streams == 0

    asyncio.run(whole())


def test_when_the_service_ends_its_streams_are_told(client: Any) -> None:
    async def whole() -> None:
        context = watched(FakeStore(1))
        stream = events._events(context, "job", 0)
        assert (await anext(stream)).id == "1"
        waiting = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0.05)
        context.ending.set()
        async with context.job_changed:
            context.job_changed.notify_all()
        last = await waiting
        assert (last.event, last.retry) == ("shutdown", 2_000)
        with pytest.raises(StopAsyncIteration):
            await anext(stream)

    asyncio.run(whole())


def test_a_job_that_failed_is_asked_again_and_its_stream_goes_on(client: Any, context: Context) -> None:
    from nfold_service.store import shelves

    context.store.run_now(shelves.add_dataset, identity="ds", owner="default", name="x")
    job = add_job(context, state="failed")
    assert client.post(f"/v1/expansions/{job}/retry").status_code == 202
    for _ in range(200):
        if client.get(f"/v1/expansions/{job}").json()["state"] == "failed":
            break
        time.sleep(0.1)
    later = read(client, job, 8)
    assert [one["data"] for one in later if one["event"] == "state"][:2] == [
        '{"state": "queued"}',
        '{"state": "running"}',
    ]
    done = add_job(context)
    answer = client.post(f"/v1/expansions/{done}/retry")
    assert (answer.status_code, answer.json()["code"]) == (409, "job.state")
