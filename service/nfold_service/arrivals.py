"""Data sets between the first byte and `ready`: who is sending, what is being unpacked, what to do after a restart.

States: empty -> receiving -> unpacking -> ready | broken. An archive stays on disk until its data set is ready or broken,
so that unpacking begins anew whenever it was cut off.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import structlog

from nfold_service.context import Context
from nfold_service.landing import sync_folder
from nfold_service.problems import ServiceError
from nfold_service.store import DatasetRow, shelves
from nfold_service.work.crew import Worker, WorkerDiedError
from nfold_service.work.members import ArchiveLimits
from nfold_service.work.names import NameLimits
from nfold_service.work.protocol import Order

Way = Literal["archive", "files", "uploads"]

_WORDS: dict[Way, str] = {"archive": "as an archive", "files": "file by file", "uploads": "by a resumable upload"}

INTERRUPTED = {
    "code": "upload.interrupted",
    "message": "The upload was cut off.",
    "hint": "Upload it again; a resumable upload goes on where it was cut.",
}


class Arrivals:
    """Watches over data sets that are not ready yet."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._coming: dict[str, tuple[Way, int]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._turns = asyncio.Semaphore(context.settings.small_at_once)
        self._log = structlog.get_logger("nfold.datasets")

    @contextlib.contextmanager
    def coming(self, dataset: str, way: Way) -> Iterator[None]:
        """Count a body that comes for a data set; one archive alone, or files beside files, or uploads beside uploads.

        Raises:
            ServiceError: 409 when something else is coming.
        """
        other, count = self._coming.get(dataset, (way, 0))
        if count and (other != way or way == "archive"):
            raise busy(f"The data set is just being filled {_WORDS[other]}.")
        self._coming[dataset] = (way, count + 1)
        try:
            yield
        finally:
            _, count = self._coming[dataset]
            if count == 1:
                del self._coming[dataset]
            else:
                self._coming[dataset] = (way, count - 1)

    def is_coming(self, dataset: str) -> bool:
        """Whether a body for it is on its way."""
        return dataset in self._coming

    async def open_for(self, row: DatasetRow, way: Way) -> None:
        """Move a data set to `receiving`, if it may be filled that way.

        Raises:
            ServiceError: 409 when it is ready, at work, or half filled in another way.
        """
        if row.state == "receiving" and (begun := await self._begun(row)) not in (None, way):
            assert begun is not None
            raise busy(
                f"The data set is being filled {_WORDS[begun]}.",
                hint="Go on that way, or make another data set.",
            )
        values = {"state": "receiving", "problem": None, **({"files": 0, "bytes": 0} if way != "files" else {})}
        if not await self._context.store.run(
            shelves.change_dataset, row.id, values, only_from=("empty", "receiving", "broken")
        ):
            raise busy(
                f"The data set is {row.state}, and takes no more files.", hint="Make another one: POST /v1/datasets."
            )

    async def give_up(self, dataset: str) -> None:
        """An archive did not come whole: back to `empty`."""
        values = {"state": "empty", "problem": INTERRUPTED}
        await self._context.store.run(shelves.change_dataset, dataset, values, only_from=("receiving",))

    async def accept_archive(self, dataset: str, received: Path) -> None:
        """An archive is whole: keep it, and unpack it.

        Raises:
            ServiceError: 409 when the data set is gone, or has moved on.
        """
        home = self._context.places.dataset_home(dataset)
        await asyncio.to_thread(_move, received, self._context.places.archive(dataset))
        if not await self._context.store.run(
            shelves.change_dataset, dataset, {"state": "unpacking"}, only_from=("receiving",)
        ):
            await asyncio.to_thread(self._context.places.archive(dataset).unlink, missing_ok=True)
            if await self._context.store.run(shelves.dataset_of, dataset, None) is None:
                await asyncio.to_thread(shutil.rmtree, home, ignore_errors=True)
            raise busy("The data set has changed in the meantime.")
        self.start(dataset)

    def start(self, dataset: str) -> None:
        """Unpack (if there is an archive) and look at a data set in state `unpacking`."""
        if dataset not in self._tasks:
            task = asyncio.create_task(self._prepare(dataset))
            self._tasks[dataset] = task
            task.add_done_callback(lambda done: self._is_over(dataset, done))

    async def stop(self, dataset: str) -> None:
        """Stop work on a data set that is going to be deleted."""
        task = self._tasks.get(dataset)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def begin(self) -> None:
        """Bring every data set that a former process left in the middle to where it can go on."""
        store, places = self._context.store, self._context.places
        for row in await store.run(shelves.datasets_in, "receiving"):
            if await self._begun(row) is None:
                await self.give_up(row.id)
        working = await store.run(shelves.datasets_in, "unpacking")
        for row in working:
            self._log.info("taken up again", dataset=row.id)
            self.start(row.id)
        known = {row.id for row in await store.run(shelves.datasets_in)}
        await asyncio.to_thread(_sweep, places.root / "datasets", known, {row.id for row in working})

    async def end(self) -> None:
        """Stop all work; it begins anew after the next start."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _begun(self, row: DatasetRow) -> Way | None:
        """How a data set that is `receiving` was filled so far."""
        if any(upload.state == "open" for upload in await self._context.store.run(shelves.uploads_of, row.id)):
            return "uploads"
        if row.files or self.is_coming(row.id):
            return self._coming.get(row.id, ("files", 0))[0]
        return None

    def _is_over(self, dataset: str, task: asyncio.Task[None]) -> None:
        self._tasks.pop(dataset, None)
        if not task.cancelled() and task.exception() is not None:
            self._log.error("a data set could not be prepared", dataset=dataset, exc_info=task.exception())

    async def _prepare(self, dataset: str) -> None:
        store, settings = self._context.store, self._context.settings
        async with self._turns:
            problem: dict[str, Any] = {}
            for _ in range(settings.job_attempts):
                worker = await Worker.begin(settings, is_limited=True, preloads=False)
                try:
                    found, problem = await self._attempt(dataset, worker)
                    break
                except WorkerDiedError:
                    found, problem = None, _CRASHED
                finally:
                    await asyncio.shield(worker.kill())
        values = {"state": "broken" if problem else "ready", "found": found, "problem": problem or None}
        await store.run(shelves.change_dataset, dataset, values, only_from=("unpacking",))
        await asyncio.to_thread(self._context.places.archive(dataset).unlink, missing_ok=True)
        self._log.info("data set prepared", dataset=dataset, state=values["state"], code=problem.get("code"))

    async def _attempt(self, dataset: str, worker: Worker) -> tuple[dict[str, Any] | None, dict[str, Any]]:
        """What was found, or the problem."""
        places, store = self._context.places, self._context.store
        archive, staging = places.archive(dataset), places.staging / f"{dataset}.unpacked"
        unpacked: dict[str, Any] = {}
        if await asyncio.to_thread(archive.exists):
            arguments = {
                "archive": str(archive),
                "staging": str(staging),
                "limits": asdict(archive_limits(self._context)),
            }
            unpacked, problem = await self._follow(dataset, worker, Order(work="unpack", arguments=arguments))
            if problem:
                await asyncio.to_thread(_clear, places.dataset_home(dataset))
                await store.run(shelves.change_dataset, dataset, {"files": 0, "bytes": 0})
                return None, problem
            await asyncio.to_thread(_publish, staging, places.dataset_home(dataset))
            counts = {name: unpacked[name] for name in ("files", "bytes")}
            await store.run(shelves.change_dataset, dataset, counts)
        arguments = {"source": str(places.dataset(dataset)), "max_pixels": self._context.settings.max_image_pixels}
        found, problem = await self._follow(dataset, worker, Order(work="inspect", arguments=arguments))
        return (None, problem) if problem else ({**found, "unpacked": unpacked}, {})

    async def _follow(self, dataset: str, worker: Worker, order: Order) -> tuple[dict[str, Any], dict[str, Any]]:
        async with contextlib.aclosing(worker.messages(order)) as messages:
            async for message in messages:
                if message.kind == "done":
                    return message.data, {}
                if message.kind == "failed":
                    words = {name: message.data.get(name) for name in ("code", "message", "hint")}
                    return {}, {**words, "status": 507 if str(words["code"]).startswith("disk") else 422}
                counts = {name: message.data[name] for name in ("files", "bytes") if name in message.data}
                await self._context.store.run(shelves.change_dataset, dataset, counts)
        raise WorkerDiedError


_CRASHED = {
    "code": "worker.crashed",
    "message": "The process that looked at this data set died again and again.",
    "hint": "See the logs of the service; a file may be made to crash its reader.",
    "status": 422,
}


def archive_limits(context: Context) -> ArchiveLimits:
    """The limits of the settings."""
    settings = context.settings
    return ArchiveLimits(
        files=settings.max_archive_files,
        unpacked_bytes=settings.max_unpacked_bytes,
        image_bytes=settings.max_image_bytes,
        label_bytes=settings.max_label_bytes,
        ratio=settings.max_archive_ratio,
        names=name_limits(context),
    )


def name_limits(context: Context) -> NameLimits:
    """How long and deep names may be."""
    return NameLimits(depth=context.settings.max_archive_depth, bytes=context.settings.max_name_bytes)


def busy(message: str, *, hint: str = "Wait until it is ready.") -> ServiceError:
    """409 for a data set in another state."""
    return ServiceError(409, "dataset.state", message, hint=hint)


def _move(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    source.replace(target)
    sync_folder(target.parent)


def _publish(staging: Path, home: Path) -> None:
    _clear(home)
    (staging / "catalogue.db").replace(home / "catalogue.db")
    (staging / "files").replace(home / "files")
    sync_folder(home)
    shutil.rmtree(staging)


def _clear(home: Path) -> None:
    shutil.rmtree(home / "files", ignore_errors=True)
    (home / "catalogue.db").unlink(missing_ok=True)


def _sweep(folder: Path, known: set[str], working: set[str]) -> None:
    """Remove what belongs to no data set, and archives that nobody unpacks any more."""
    for home in folder.iterdir():
        if home.name not in known:
            shutil.rmtree(home, ignore_errors=True)
        elif home.name not in working:
            (home / "archive").unlink(missing_ok=True)
