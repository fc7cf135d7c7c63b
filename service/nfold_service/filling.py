"""Data sets that are filled file by file."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

from nfold_service.arrivals import name_limits
from nfold_service.context import Context
from nfold_service.landing import Landing, refuse_wrong_digest, sync_folder
from nfold_service.problems import ServiceError
from nfold_service.store import DatasetRow, shelves
from nfold_service.work.catalogue import opened
from nfold_service.work.names import checked_name, ending_of, kind_of, shown


def checked_path(context: Context, text: str) -> str:
    """Where a file goes within its data set.

    Raises:
        InputError: The name is refused, `archive.name` or `archive.depth`.
        ServiceError: 415 when it is neither an image nor a label file.
    """
    path = checked_name(text, name_limits(context))
    if not path or kind_of(path) is None:
        raise ServiceError(
            415,
            "dataset.file_kind",
            f"'{shown(text)}' is neither an image nor a label file by its ending '{ending_of(path)}', or is hidden.",
            hint="See docs/formats.md.",
        )
    return path


def most_bytes(context: Context, path: str) -> int:
    """How large a file may be, by its kind."""
    settings = context.settings
    return settings.max_image_bytes if kind_of(path) == "image" else settings.max_label_bytes


async def store_file(
    context: Context, row: DatasetRow, path: str, chunks: AsyncIterator[bytes], wanted: str | None
) -> bool:
    """Receive a file and put it in its place, within `Arrivals.receiving`; True when there was none of that name before.

    Raises:
        InputError: A twin of it is there.
        ServiceError: 409, 413, 422, 507.
    """
    home = context.places.dataset_home(row.id)
    staged = context.places.staging / f"{row.id}.{secrets.token_hex(8)}.file"
    await asyncio.to_thread(_check, home, path)
    with Landing(context, staged, most=most_bytes(context, path), what=f"'{shown(path)}'") as landing:
        async for chunk in chunks:
            await landing.write(chunk)
        received = await landing.finish()
    try:
        refuse_wrong_digest(wanted, received)
        is_new, files, size = await asyncio.to_thread(_place, context, home, path, staged, received.bytes)
    finally:
        staged.unlink(missing_ok=True)
    await context.store.run(shelves.change_dataset, row.id, {"files": files, "bytes": size}, only_from=("receiving",))
    return is_new


async def drop_file(context: Context, row: DatasetRow, path: str) -> bool:
    """Take a file out, within `Arrivals.receiving`; False when there is none."""
    home = context.places.dataset_home(row.id)
    if not await asyncio.to_thread(context.places.catalogue(row.id).exists):
        return False
    is_done, files, size = await asyncio.to_thread(_drop, home, path)
    await context.store.run(shelves.change_dataset, row.id, {"files": files, "bytes": size}, only_from=("receiving",))
    return is_done


def count_passed_over(home: Path, endings: dict[str, int]) -> None:
    """Note files that were sent along and not kept."""
    home.mkdir(parents=True, exist_ok=True)
    with opened(home / "catalogue.db") as catalogue, catalogue.change():
        for ending, count in endings.items():
            catalogue.pass_over(ending, count)


def _check(home: Path, path: str) -> None:
    """A taken name is refused before the body comes, not after."""
    if (home / "catalogue.db").exists():
        with opened(home / "catalogue.db") as catalogue:
            catalogue.check(path, replace=True)


def _place(context: Context, home: Path, path: str, staged: Path, size: int) -> tuple[bool, int, int]:
    target = home / "files" / path
    home.mkdir(parents=True, exist_ok=True)
    with opened(home / "catalogue.db") as catalogue:
        with catalogue.change():
            before, _ = catalogue.totals()
            catalogue.add(path, size, replace=True)
            files, total = catalogue.totals()
            if files > context.settings.max_archive_files or total > context.settings.max_unpacked_bytes:
                raise ServiceError(
                    413,
                    "dataset.too_large",
                    f"With this file the data set has {files:,} files and {total:,} bytes, which is too much.",
                    hint="See /v1/limits.",
                )
            target.parent.mkdir(parents=True, exist_ok=True)
            staged.replace(target)
            sync_folder(target.parent)
        return files > before, files, total


def _drop(home: Path, path: str) -> tuple[bool, int, int]:
    with opened(home / "catalogue.db") as catalogue:
        with catalogue.change():
            is_done = catalogue.remove(path)
            if is_done:
                (home / "files" / path).unlink(missing_ok=True)
        return is_done, *catalogue.totals()
