"""What nobody uses any more expires, and what a killed process left behind is cleared away."""

from __future__ import annotations

import asyncio
import shutil
import time
from pathlib import Path

import structlog

from nfold.errors import DiskError
from nfold_service.context import Context
from nfold_service.problems import ServiceError
from nfold_service.store import expiry, shelves
from nfold_service.work.expanding import RESULT

_EVERY_S = 300.0
_DAY_S = 86_400.0
_TOLD_OF_DAYS = 90.0
"""For so long is told of a job whose results have expired."""

_LOST = {
    "code": "dataset.lost",
    "message": "The files of this data set are gone from the disk of the service.",
    "hint": "Upload it again.",
}


class Sweeper:
    """Sweeps at the start, and every few minutes.

    First the store forgets, then the files go: a folder that is left over because the process was killed in between is
    one that no row knows, and goes at the next start.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._loop: asyncio.Task[None] | None = None
        self._log = structlog.get_logger("nfold.sweeping")

    async def begin(self) -> None:
        """Before anything else begins: compare disk and store, let expire what is old; then again every few minutes."""
        await self.expire()
        await self._tell_of_the_lost()
        await self._remove_strangers()
        self._loop = asyncio.create_task(self._sweep_now_and_then())

    async def end(self) -> None:
        """Stop."""
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)

    async def expire(self) -> None:
        """Let go of results, data sets, uploads and answers that were not used for as long as the settings say."""
        store, places, settings = self._context.store, self._context.places, self._context.settings
        at = time.time()
        before = at - settings.result_days * _DAY_S
        jobs = await store.run(expiry.expire_jobs, before)
        uploads = await store.run(expiry.forget_uploads, before)
        datasets = await store.run(expiry.forget_datasets, before)
        await store.run(expiry.forget_answers, at - settings.idempotency_hours * 3_600)
        await store.run(expiry.forget_jobs, at - _TOLD_OF_DAYS * _DAY_S)
        gone = [places.job_home(one) for one in jobs]
        gone += [places.dataset_home(one) for one in datasets] + [places.upload(one) for one in uploads]
        await asyncio.to_thread(_remove, gone)
        if gone:
            self._log.info("expired", jobs=len(jobs), datasets=len(datasets), uploads=len(uploads))

    async def _sweep_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(_EVERY_S)
            try:
                await self.expire()
            except (DiskError, ServiceError) as error:
                self._log.warning("nothing can be swept now", reason=str(error))

    async def _tell_of_the_lost(self) -> None:
        store, places = self._context.store, self._context.places
        for job in await store.run(expiry.with_results):
            if not await asyncio.to_thread((places.job_home(job.id) / RESULT).exists):
                self._log.warning("the results of a job are gone from the disk", job=job.id)
                await store.run(expiry.expire_job, job.id)
        for dataset in await store.run(expiry.ready_datasets):
            if not await asyncio.to_thread(places.dataset(dataset.id).is_dir):
                self._log.warning("the files of a data set are gone from the disk", dataset=dataset.id)
                await store.run(shelves.change_dataset, dataset.id, {"state": "broken", "problem": _LOST})

    async def _remove_strangers(self) -> None:
        known = await self._context.store.run(expiry.known)
        root = self._context.places.root
        for kind, names in (("datasets", known.datasets), ("uploads", known.uploads), ("jobs", known.jobs)):
            strangers = await asyncio.to_thread(_strangers, root / kind, names)
            await asyncio.to_thread(_remove, strangers)
            if strangers:
                self._log.warning("removed what nothing is known of", kind=kind, count=len(strangers))


def _strangers(folder: Path, names: frozenset[str]) -> list[Path]:
    # An upload may have files of its own beside it, called after it.
    return [path for path in folder.iterdir() if path.name.partition(".")[0] not in names]


def _remove(paths: list[Path]) -> None:
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
