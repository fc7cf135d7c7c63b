"""Jobs: begun in their turn, watched, given back when the service ends, taken up again when it starts."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog

from nfold.errors import DiskError
from nfold_service.context import Context
from nfold_service.problems import ServiceError
from nfold_service.store import JobRow, queue, shelves
from nfold_service.work.crew import Worker, WorkerDiedError
from nfold_service.work.protocol import PUBLISH, Message, Order

_PROGRESS_S = 0.25
"""At most four writes a second for each job."""

_LOOK_S = 1.0
_STRAYS_S = 10.0
_AGAIN_S = 2.0
_CANCEL_S = 10.0
_TROUBLE = (DiskError, ServiceError)
"""The store does not take something now: its disk is full, or its server is away."""


@dataclass(slots=True, eq=False)
class _Run:
    """A job that was begun here."""

    row: JobRow
    task: asyncio.Task[None] | None = None
    worker: Worker | None = None
    is_cancelled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """How a job ended."""

    state: str
    values: dict[str, Any]


class Supervisor:
    """Runs jobs, each in a process of its own with workers of its own.

    The engine commits shard by shard, so a job that was cut off goes on where it stood when its process is begun again.
    A job's last state is written when its processes are gone, so that nothing of an older attempt writes beside a newer.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._running: dict[str, _Run] = {}
        self._wake = asyncio.Event()
        self._loop: asyncio.Task[None] | None = None
        self._looked_for_strays = time.monotonic()
        self._log = structlog.get_logger("nfold.jobs")

    async def begin(self) -> None:
        """Take up what a former process left at work, then look for waiting jobs."""
        await self._give_all_back("taken up again")
        self._loop = asyncio.create_task(self._look_for_jobs())

    def wake(self) -> None:
        """There is something to do."""
        self._wake.set()

    async def cancel(self, identity: str) -> None:
        """End the processes of a job that the store says is to be cancelled, and wait until its state says so."""
        run = self._running.get(identity)
        if run is None or run.task is None:
            return
        run.is_cancelled = True
        if run.worker is not None:
            await run.worker.kill()
        await asyncio.wait([run.task], timeout=_CANCEL_S)

    async def end(self) -> None:
        """Stop all processes and give their jobs back: what is committed stays, the rest goes on after the next start.

        May be called more than once.
        """
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)
        tasks = [run.task for run in self._running.values() if run.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        try:
            # Of a claim that was on its way to the store just now, nobody took the answer.
            await self._give_all_back("given back")
        except _TROUBLE as error:
            self._log.warning("jobs are given back at the next start", reason=str(error))

    @property
    def at_work(self) -> int:
        """Jobs that are running."""
        return len(self._running)

    async def _give_all_back(self, words: str) -> None:
        for row in await self._context.store.run(queue.interrupted):
            await self._context.store.run(queue.give_back, row.id, row.lease, counts=False)
            self._log.info(words, job=row.id)

    async def _look_for_jobs(self) -> None:
        while True:
            try:
                await self._begin_jobs()
                if time.monotonic() - self._looked_for_strays >= _STRAYS_S:
                    self._looked_for_strays = time.monotonic()
                    await self._fetch_strays()
            except _TROUBLE as error:
                self._log.warning("no job can be begun now", reason=str(error))
            except Exception:  # noqa: BLE001 - it is logged, and the next look may go well
                # Whatever it was, jobs that come later must not wait for ever because of it.
                self._log.exception("looking for jobs failed")
            self._wake.clear()
            # Not wait_for: before Python 3.12 it swallows a cancellation that comes together with what it waits for.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_S):
                    await self._wake.wait()

    async def _begin_jobs(self) -> None:
        settings = self._context.settings
        while len(self._running) < settings.jobs_at_once and not self._context.ending.is_set():
            row = await self._context.store.run(queue.claim_job, most_per_owner=settings.max_jobs_per_owner)
            if row is None:
                return
            run = _Run(row)
            self._running[row.id] = run
            run.task = asyncio.create_task(self._carry_out(run))
            run.task.add_done_callback(partial(self._is_over, run))

    async def _fetch_strays(self) -> None:
        """Jobs that the store says are at work, and nobody works at: their claim or their end was lost on the way."""
        for row in await self._context.store.run(queue.interrupted):
            if row.id not in self._running:
                self._log.warning("nobody was at work on a job", job=row.id)
                await self._after_death(row)

    def _is_over(self, run: _Run, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            self._log.error("a job could not be watched", job=run.row.id, exc_info=task.exception())
            self._looked_for_strays = 0.0
        if self._running.get(run.row.id) is run:
            del self._running[run.row.id]
        self._context.changes.pop(run.row.id, None)
        self._wake.set()

    async def _carry_out(self, run: _Run) -> None:
        row = run.row
        log = self._log.bind(job=row.id, kind=row.kind, attempt=row.attempts)
        log.info("job begins")
        try:
            began = time.monotonic()
            outcome = await self._outcome(run)
            await self._until_taken(partial(self._write_down, row, outcome))
            if outcome is not None:
                images = int(outcome.values.get("result", {}).get("images_after") or 0)
                self._context.metrics.observe_job(row.kind, outcome.state, time.monotonic() - began, images)
        except asyncio.CancelledError:
            await asyncio.shield(self._let_go(row))
            raise
        finally:
            await self._context.tell(row.id)
            log.info("job ends")

    async def _outcome(self, run: _Run) -> _Outcome | None:
        """Begin a job's process and listen until it has ended; None when it ended without a word, or was told to."""
        row = run.row
        if await self._context.store.run(shelves.dataset_of, row.dataset, None) is None:
            return _failed("dataset.missing", "The data set of this job is gone.", "Upload it again, and ask again.")
        try:
            run.worker = worker = await Worker.begin(self._context.settings, is_limited=False, preloads=False)
            try:
                if run.is_cancelled:
                    return None
                await self._context.tell(row.id)
                async with contextlib.aclosing(worker.messages(_order_of(row, self._context))) as messages:
                    return await self._follow(row, messages)
            finally:
                await worker.kill()
        except WorkerDiedError:
            return None
        except DiskError as error:
            data = {"code": error.stable_code, "message": error.message, "hint": error.hint}
            return _Outcome(state="failed", values={"problem": _for_callers(data, row, self._context)})
        except (OSError, ValueError) as error:
            self._log.error("a process could not be started, or made no sense", job=row.id, exc_info=error)
            return None

    async def _follow(self, row: JobRow, messages: AsyncIterator[Message]) -> _Outcome | None:
        told = 0.0
        latest: dict[str, Any] = {}
        async for message in messages:
            if message.kind == "progress":
                latest = {**latest, **message.data}
                begins_to_pack = message.data.get("stage") == PUBLISH
                if not begins_to_pack and time.monotonic() - told < _PROGRESS_S:
                    continue
                told = time.monotonic()
                if not await self._note(row, latest, begins_to_pack=begins_to_pack):
                    return None  # it is to be cancelled, or somebody else holds it by now
                await self._context.tell(row.id)
            elif message.kind == "done":
                await self._note(row, latest)
                is_whole = message.data.get("is_whole", True)
                return _Outcome(
                    state="succeeded" if is_whole else "succeeded_with_errors", values={"result": message.data}
                )
            else:
                return _Outcome(state="failed", values={"problem": _for_callers(message.data, row, self._context)})
        return None

    async def _note(self, row: JobRow, progress: dict[str, Any], *, begins_to_pack: bool = False) -> bool:
        """Write down how far a job is; False when it is to stop. A full disk keeps no job from its work."""
        try:
            if begins_to_pack and not await self._context.store.run(queue.begin_publishing, row.id, row.lease):
                return False
            return await self._context.store.run(queue.report_progress, row.id, row.lease, progress)
        except _TROUBLE as error:
            self._log.warning("progress is not written down", job=row.id, reason=str(error))
            return True

    async def _write_down(self, row: JobRow, outcome: _Outcome | None) -> None:
        if outcome is None:
            await self._after_death(row)
        else:
            await self._context.store.run(queue.enter_state, row.id, row.lease, outcome.state, outcome.values)

    async def _until_taken(self, write: Callable[[], Awaitable[None]]) -> None:
        """A last state must not get lost: try until the store takes it. If the service ends before, the job goes on later."""
        while True:
            try:
                await write()
            except _TROUBLE as error:
                self._log.warning("the end of a job cannot be written down yet", reason=str(error))
                await asyncio.sleep(_AGAIN_S)
            else:
                return

    async def _let_go(self, row: JobRow) -> None:
        try:
            await self._context.store.run(queue.give_back, row.id, row.lease, counts=False)
        except _TROUBLE as error:
            self._log.warning("a job is given back at the next start", job=row.id, reason=str(error))

    async def _after_death(self, row: JobRow) -> None:
        """What becomes of a job whose process is gone and said nothing: cancelled, begun again, or failed."""
        store = self._context.store
        found = await store.run(queue.job_of, row.id, None)
        if found is None or found.lease != row.lease or found.is_final:
            return
        if not found.cancel:
            self._context.metrics.worker_deaths.inc()
        if not found.cancel and found.attempts >= self._context.settings.job_attempts:
            failed = _failed(
                "worker.crashed",
                f"The process of this job died {found.attempts} times.",
                "See the logs of the service; the machine may be short of memory.",
            )
            await store.run(queue.enter_state, row.id, row.lease, failed.state, failed.values)
        else:
            await store.run(queue.give_back, row.id, row.lease, counts=True)


def _failed(code: str, message: str, hint: str) -> _Outcome:
    return _Outcome(state="failed", values={"problem": {"code": code, "message": message, "hint": hint}})


def _for_callers(data: dict[str, Any], row: JobRow, context: Context) -> dict[str, Any]:
    """An error without our own paths in it."""
    problem = {name: data.get(name) for name in ("code", "message", "hint")}
    for path, words in (
        (context.places.dataset(row.dataset), "the data set"),
        (context.places.output(row.id), "the output"),
        (context.places.job_home(row.id), "the job"),
    ):
        problem = {name: value and value.replace(str(path), words) for name, value in problem.items()}
    if data.get("code") == "disk.full":
        problem["hint"] = "When there is room again, POST .../retry: it goes on where it stopped."
    return problem


def _order_of(row: JobRow, context: Context) -> Order:
    places, settings = context.places, context.settings
    common = {
        "source": str(places.dataset(row.dataset)),
        "home": str(places.job_home(row.id)),
        "request": row.request,
        "workers": settings.workers,
        "max_pixels": settings.max_image_pixels,
    }
    work = {"expansion": "expand", "comparison": "compare"}[row.kind]
    return Order(work=work, arguments=common)
