"""From a received archive to a data set that is known: unpacked and looked at by a worker, with its progress told."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

from nfold_service.context import Context
from nfold_service.landing import sync_folder
from nfold_service.store import shelves
from nfold_service.work.catalogue import opened
from nfold_service.work.crew import Worker, WorkerDiedError
from nfold_service.work.members import ArchiveLimits
from nfold_service.work.names import NameLimits
from nfold_service.work.protocol import Order

_CRASHED = {
    "code": "worker.crashed",
    "message": "The process that looked at this data set died again and again.",
    "hint": "See the logs of the service; a file may be made to crash its reader.",
    "status": 422,
}


async def prepare(context: Context, dataset: str, idle: list[Worker]) -> dict[str, Any]:
    """Unpack the archive of a data set, if there is one, and look at its files; how the data set is then.

    Workers are taken from `idle` and put back there. One that dies is begun anew, as often as a job is. Cut off at any moment, all of it can be done again.
    """
    found: dict[str, Any] | None = None
    problem: dict[str, Any] = {}
    for _ in range(context.settings.job_attempts):
        worker = idle.pop() if idle else await Worker.begin(context.settings, is_limited=True, preloads=False)
        is_clean = False
        try:
            found, problem = await _attempt(context, dataset, worker)
            is_clean = True
            break
        except WorkerDiedError:
            found, problem = None, _CRASHED
        finally:
            if is_clean and worker.is_alive:
                idle.append(worker)
            else:
                await asyncio.shield(worker.kill())
    return {"state": "broken" if problem else "ready", "found": found, "problem": problem or None}


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
    return NameLimits(depth=context.settings.max_archive_depth, bytes=context.settings.max_name_length)


async def _attempt(context: Context, dataset: str, worker: Worker) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """What was found, or the problem."""
    places, store = context.places, context.store
    archive, staging = places.archive(dataset), places.staging / f"{dataset}.unpacked"
    unpacked: dict[str, Any] = {}
    counts: dict[str, Any]
    if await asyncio.to_thread(archive.exists):
        order: dict[str, Any] = {
            "archive": str(archive),
            "staging": str(staging),
            "limits": asdict(archive_limits(context)),
        }
        unpacked, problem = await _follow(context, dataset, worker, Order(work="unpack", arguments=order))
        if problem:
            await asyncio.to_thread(clear, places.dataset_home(dataset))
            counts = {"files": 0, "bytes": 0}
            await store.run(shelves.change_dataset, dataset, counts)
            return None, problem
        await asyncio.to_thread(_publish, staging, places.dataset_home(dataset))
        counts = {name: unpacked[name] for name in ("files", "bytes")}
        await store.run(shelves.change_dataset, dataset, counts)
    row = await store.run(shelves.dataset_of, dataset, None)
    arguments = {
        "source": str(places.dataset(dataset)),
        "read_as": row.read_as if row is not None else None,
        "max_pixels": context.settings.max_image_pixels,
    }
    found, problem = await _follow(context, dataset, worker, Order(work="inspect", arguments=arguments))
    if problem:
        return None, problem
    return {**found, "unpacked": unpacked or await asyncio.to_thread(_counted, places.catalogue(dataset))}, {}


async def _follow(
    context: Context, dataset: str, worker: Worker, order: Order
) -> tuple[dict[str, Any], dict[str, Any]]:
    async with contextlib.aclosing(worker.messages(order)) as messages:
        async for message in messages:
            if message.kind == "done":
                return message.data, {}
            if message.kind == "failed":
                words = {name: message.data.get(name) for name in ("code", "message", "hint")}
                if choices := message.data.get("choices"):
                    hint = f"Choose one, as in POST /v1/datasets/{dataset}/inspect?format={choices[0]}."
                    words |= {"choices": choices, "hint": hint}
                return {}, {**words, "status": 507 if str(words["code"]).startswith("disk") else 422}
            counts: dict[str, Any] = {name: message.data[name] for name in ("files", "bytes") if name in message.data}
            await context.store.run(shelves.change_dataset, dataset, counts)
    raise WorkerDiedError


def _publish(staging: Path, home: Path) -> None:
    clear(home)
    (staging / "catalogue.db").replace(home / "catalogue.db")
    (staging / "files").replace(home / "files")
    sync_folder(home)
    shutil.rmtree(staging)


def _counted(path: Path) -> dict[str, Any]:
    with opened(path) as catalogue:
        files, size = catalogue.totals()
        return {"files": files, "bytes": size, "passed_over": catalogue.passed_over(), "top_folder": None}


def clear(home: Path) -> None:
    """Remove the files of a data set and their list."""
    shutil.rmtree(home / "files", ignore_errors=True)
    (home / "catalogue.db").unlink(missing_ok=True)
