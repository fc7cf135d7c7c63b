"""Jobs: begun in their turn, watched, given back when the service ends, taken up again when it starts."""

from __future__ import annotations

import asyncio
import contextlib
import time
from functools import partial
from typing import Any

import structlog

from nfold_service.context import Context
from nfold_service.store import JobRow, queue
from nfold_service.work.crew import Worker, WorkerDiedError
from nfold_service.work.protocol import Message, Order

_PROGRESS_S = 0.25
"""At most four writes a second for each job."""

_LOOK_S = 1.0


class Supervisor:
    """Runs jobs, each in a process of its own with workers of its own.

    The engine commits shard by shard, so a job that was cut off goes on where it stood when its process is begun again.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._running: dict[str, asyncio.Task[None]] = {}
        self._workers: dict[str, Worker] = {}
        self._wake = asyncio.Event()
        self._loop: asyncio.Task[None] | None = None
        self._log = structlog.get_logger("nfold.jobs")

    async def begin(self) -> None:
        """Take up what a former process left at work, then look for waiting jobs."""
        for row in await self._context.store.run(queue.interrupted):
            self._log.info("taken up again", job=row.id)
            await self._context.store.run(queue.give_back, row.id, row.lease, counts=False)
        self._loop = asyncio.create_task(self._look_for_jobs())

    def wake(self) -> None:
        """There is something to do."""
        self._wake.set()

    async def cancel(self, identity: str) -> None:
        """End the process of a job; its state follows."""
        worker = self._workers.get(identity)
        if worker is not None:
            await worker.kill()

    async def end(self) -> None:
        """Stop all processes and give their jobs back: what is committed stays, the rest goes on after the next start."""
        if self._loop is not None:
            self._loop.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._loop
        for task in list(self._running.values()):
            task.cancel()
        for worker in list(self._workers.values()):
            await worker.kill()
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    @property
    def at_work(self) -> int:
        """Jobs that are running."""
        return len(self._running)

    async def _look_for_jobs(self) -> None:
        settings = self._context.settings
        while True:
            while len(self._running) < settings.jobs_at_once:
                row = await self._context.store.run(queue.claim_job, most_per_owner=settings.max_jobs_per_owner)
                if row is None:
                    break
                task = asyncio.create_task(self._carry_out(row))
                self._running[row.id] = task
                task.add_done_callback(partial(self._is_over, row.id))
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), _LOOK_S)

    def _is_over(self, identity: str, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            self._log.error("a job could not be watched", job=identity, exc_info=task.exception())
        self._running.pop(identity, None)
        self._workers.pop(identity, None)
        self._wake.set()

    async def _carry_out(self, row: JobRow) -> None:
        log = self._log.bind(job=row.id, kind=row.kind, attempt=row.attempts)
        log.info("job begins")
        try:
            worker = await Worker.begin(self._context.settings, is_limited=False, preloads=False)
            self._workers[row.id] = worker
            try:
                await self._tell()
                async with contextlib.aclosing(worker.messages(_order_of(row, self._context))) as messages:
                    await self._follow(row, messages)
            finally:
                await worker.kill()
        except WorkerDiedError:
            await self._after_death(row)
        except asyncio.CancelledError:
            await asyncio.shield(self._context.store.run(queue.give_back, row.id, row.lease, counts=False))
            raise
        finally:
            await self._tell()
            log.info("job ends")

    async def _follow(self, row: JobRow, messages: Any) -> None:
        store = self._context.store
        metrics = self._context.metrics
        began = time.monotonic()
        told = 0.0
        latest: dict[str, Any] = {}
        async for message in messages:
            assert isinstance(message, Message)
            if message.kind == "progress":
                latest = {**latest, **message.data}
                if time.monotonic() - told >= _PROGRESS_S:
                    told = time.monotonic()
                    if not await store.run(queue.report_progress, row.id, row.lease, latest):
                        await self._stop(row)
                        return
                    await self._tell()
            elif message.kind == "done":
                await store.run(queue.report_progress, row.id, row.lease, latest)
                state = "succeeded" if message.data.get("is_whole", True) else "succeeded_with_errors"
                images = int(message.data.get("images_after") or 0)
                await store.run(queue.enter_state, row.id, row.lease, state, {"result": message.data})
                metrics.observe_job(row.kind, state, time.monotonic() - began, images)
            else:
                await store.run(queue.enter_state, row.id, row.lease, "failed", {"problem": message.data})
                metrics.observe_job(row.kind, "failed", time.monotonic() - began, 0)

    async def _stop(self, row: JobRow) -> None:
        """Somebody cancelled it, or holds it by now."""
        found = await self._context.store.run(queue.job_of, row.id, None)
        if found is not None and found.cancel and found.lease == row.lease:
            await self._context.store.run(queue.enter_state, row.id, row.lease, "cancelled")

    async def _after_death(self, row: JobRow) -> None:
        store = self._context.store
        found = await store.run(queue.job_of, row.id, None)
        if found is None or found.lease != row.lease or found.is_final:
            return
        if found.cancel:
            await store.run(queue.enter_state, row.id, row.lease, "cancelled")
            return
        self._context.metrics.worker_deaths.inc()
        if found.attempts >= self._context.settings.job_attempts:
            problem = {
                "code": "worker.crashed",
                "message": f"The process of this job died {found.attempts} times.",
                "hint": "See the logs of the service; the machine may be short of memory.",
            }
            await store.run(queue.enter_state, row.id, row.lease, "failed", {"problem": problem})
        else:
            await store.run(queue.give_back, row.id, row.lease, counts=True)

    async def _tell(self) -> None:
        async with self._context.job_changed:
            self._context.job_changed.notify_all()


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
