"""Data sets between the first byte and `ready`: who is sending, what is being unpacked, what to do after a restart.

States: empty -> receiving -> unpacking -> ready | broken. An archive stays on disk until its data set is ready or broken,
so that unpacking begins anew whenever it was cut off.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Literal

import structlog

from nfold_service.context import Context
from nfold_service.landing import sync_folder
from nfold_service.preparing import clear, prepare
from nfold_service.problems import ServiceError
from nfold_service.store import DatasetRow, UploadRow, shelves
from nfold_service.work.catalogue import rebuild
from nfold_service.work.crew import Worker
from nfold_service.work.names import NameLimits

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
        self._idle: list[Worker] = []
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

    @contextlib.asynccontextmanager
    async def receiving(self, row: DatasetRow, way: Way) -> AsyncIterator[None]:
        """Receive something for a data set; if nothing of it came whole, it is `empty` again.

        Raises:
            ServiceError: 409 when it takes nothing that way.
        """
        try:
            with self.coming(row.id, way):
                await self.open_for(row, way)
                yield
        finally:
            await asyncio.shield(self.settle(row.id))

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
        values: dict[str, Any] = {"state": "receiving", "problem": None, "found": None}
        if way != "files":
            values |= {"files": 0, "bytes": 0}
        if not await self._context.store.run(
            shelves.change_dataset, row.id, values, only_from=("empty", "receiving", "broken")
        ):
            raise busy(
                f"The data set is {row.state}, and takes no more files.", hint="Make another one: POST /v1/datasets."
            )

        if way != "files":
            await asyncio.to_thread(clear, self._context.places.dataset_home(row.id))

    async def settle(self, dataset: str) -> None:
        """After an upload that did not come whole: back to `empty`, unless something came before."""
        row = await self._context.store.run(shelves.dataset_of, dataset, None)
        if row is None or row.state != "receiving" or await self._begun(row) is not None:
            return
        if self.is_coming(dataset):
            return  # looked at last, so that whoever comes later finds its own state
        values = {"state": "empty", "problem": INTERRUPTED}
        await self._context.store.run(shelves.change_dataset, dataset, values, only_from=("receiving",))

    async def inspect(self, row: DatasetRow, read_as: str | None = None) -> None:
        """A data set that was filled file by file is complete, or is to be read in another way: look at it.

        Args:
            row: The data set.
            read_as: The format to read it in; None has it recognised.

        Raises:
            ServiceError: 409 when there is nothing to look at, or files are still coming.
        """
        if self.is_coming(row.id):
            raise busy("Files for this data set are still coming in.", hint="Wait for them, then ask again.")
        has_files = await asyncio.to_thread(self._context.places.catalogue(row.id).exists)
        values = {"state": "unpacking", "found": {"read_as": read_as} if read_as else None, "problem": None}
        from_states = ("receiving", "broken", "ready") if read_as else ("receiving", "broken")
        if not has_files or not await self._context.store.run(
            shelves.change_dataset, row.id, values, only_from=from_states
        ):
            raise busy(
                f"The data set is {row.state}, and there is nothing new to look at.",
                hint="Upload files first; an archive is looked at by itself.",
            )
        self.start(row.id)

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

    async def accept_upload(self, upload: UploadRow) -> None:
        """A resumable upload is whole: its file is the archive now.

        Raises:
            ServiceError: 409 when the data set has moved on.
        """
        if not await self._context.store.run(shelves.finish_upload, upload):
            raise busy("The data set has changed in the meantime.", hint="Delete this upload.")
        places = self._context.places
        await asyncio.to_thread(_move, places.upload(upload.id), places.archive(upload.dataset))
        self.start(upload.dataset)

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
            way = await self._begun(row)
            if way is None:
                await self.settle(row.id)
            elif way == "files":
                files, size = await asyncio.to_thread(rebuild, places.dataset_home(row.id))
                await store.run(shelves.change_dataset, row.id, {"files": files, "bytes": size})
            for upload in await store.run(shelves.uploads_of, row.id):
                if upload.state == "open" and upload.received == upload.length:
                    await self.accept_upload(upload)
        working = await store.run(shelves.datasets_in, "unpacking")
        for row in working:
            self._log.info("taken up again", dataset=row.id)
            for upload in await store.run(shelves.uploads_of, row.id):
                received = places.upload(upload.id)
                if upload.state == "finished" and await asyncio.to_thread(received.exists):
                    await asyncio.to_thread(_move, received, places.archive(row.id))
            self.start(row.id)
        known = {row.id for row in await store.run(shelves.datasets_in)}
        await asyncio.to_thread(_sweep, places.root / "datasets", known, {row.id for row in working})

    async def end(self) -> None:
        """Stop all work; it begins anew after the next start."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        for worker in self._idle:
            await worker.kill()

    async def _begun(self, row: DatasetRow) -> Way | None:
        """How a data set that is `receiving` was filled so far."""
        if any(upload.state == "open" for upload in await self._context.store.run(shelves.uploads_of, row.id)):
            return "uploads"
        if await asyncio.to_thread(self._context.places.catalogue(row.id).exists):
            return "files"
        return None

    def _is_over(self, dataset: str, task: asyncio.Task[None]) -> None:
        self._tasks.pop(dataset, None)
        if not task.cancelled() and task.exception() is not None:
            self._log.error("a data set could not be prepared", dataset=dataset, exc_info=task.exception())

    async def _prepare(self, dataset: str) -> None:
        async with self._turns:
            values = await prepare(self._context, dataset, self._idle)
        await self._context.store.run(shelves.change_dataset, dataset, values, only_from=("unpacking",))
        await asyncio.to_thread(self._context.places.archive(dataset).unlink, missing_ok=True)
        self._log.info("data set prepared", dataset=dataset, state=values["state"])


def name_limits(context: Context) -> NameLimits:
    """How long and deep names may be."""
    return NameLimits(depth=context.settings.max_archive_depth, bytes=context.settings.max_name_length)


def busy(message: str, *, hint: str = "Wait until it is ready.") -> ServiceError:
    """409 for a data set in another state."""
    return ServiceError(409, "dataset.state", message, hint=hint)


def _move(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    source.replace(target)
    sync_folder(target.parent)


def _sweep(folder: Path, known: set[str], working: set[str]) -> None:
    """Remove what belongs to no data set, and archives that nobody unpacks any more."""
    for home in folder.iterdir():
        if home.name not in known:
            shutil.rmtree(home, ignore_errors=True)
        elif home.name not in working:
            (home / "archive").unlink(missing_ok=True)
