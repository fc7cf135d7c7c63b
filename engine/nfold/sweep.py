"""Remove files of ours that are no longer asked for: listed first, then removed, never one that was changed."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass

from nfold import faults
from nfold.assembly import RECORD, is_as_assembled, read_assembled
from nfold.ledger import lists_by_bits, read_list
from nfold.manifest import FileRow, all_records, list_parts, parse_row
from nfold.placing import is_unmodified
from nfold.plan.table import from_blob, to_blob
from nfold.storage import LocalStorage


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepReport:
    """What a sweep did.

    Attributes:
        removed: How many files went.
        kept: Files that were changed since nfold wrote them, and were left in place.
    """

    removed: int
    kept: tuple[str, ...]


def sweep_surplus(storage: LocalStorage, announce: Callable[[int, list[str]], None]) -> SweepReport:
    """Remove what shards let go of, and what a run that was killed had written and nothing claims by now.

    A file that any part of the manifest claims stays, whichever source it belongs to, and so does one that was
    assembled from many.

    Args:
        storage: The output.
        announce: Told how many files will go and the first of their names, before any is removed.
    """
    lists = [name for names in lists_by_bits(storage).values() for name in names]
    if not lists:
        return SweepReport(removed=0, kept=())
    with closing(sqlite3.connect("", isolation_level=None)) as connection:
        _gather_unclaimed(connection, storage, lists)
        count = connection.execute("select count(*) from candidates").fetchone()[0]
        if count:
            first = connection.execute("select file from candidates order by file limit 10").fetchall()
            announce(count, [from_blob(file) for (file,) in first])
        faults.hit("sweep.listed")
        removed = 0
        kept: list[str] = []
        for file, row in _candidates(connection):
            if _is_ours(storage, file, row):
                storage.remove(file)
                storage.remove_empty_folders_above(file)
                removed += 1
                faults.hit("sweep.between_files")
            else:
                kept.append(file)
    for name in lists:
        storage.remove(name)
    return SweepReport(removed=removed, kept=tuple(kept))


def remove_build(storage: LocalStorage) -> tuple[str, ...]:
    """Remove every file of a former build, then its manifest; files that were changed are set aside.

    Returns:
        Where those are kept.
    """
    kept = []
    lists = [name for names in lists_by_bits(storage).values() for name in names]
    for file, row in _all_of_ours(storage, lists):
        if not storage.exists(file):
            continue
        if _is_ours(storage, file, row):
            storage.remove(file)
            storage.remove_empty_folders_above(file)
            faults.hit("rebuild.between_files")
        else:
            kept.append(storage.set_aside(file))
    for entry in read_assembled(storage).values():
        if not storage.exists(entry.file):
            continue
        if is_as_assembled(storage, entry):
            storage.remove(entry.file)
            storage.remove_empty_folders_above(entry.file)
        else:
            kept.append(storage.set_aside(entry.file))
    for name in (*list_parts(storage).values(), *lists, RECORD):
        storage.remove(name)
    return tuple(kept)


def _all_of_ours(storage: LocalStorage, lists: list[str]) -> Iterator[tuple[str, FileRow | None]]:
    for _, record in all_records(storage):
        yield from ((row.file, row) for row in record.files)
    for name in lists:
        yield from read_list(storage, name)


def _gather_unclaimed(connection: sqlite3.Connection, storage: LocalStorage, lists: list[str]) -> None:
    """Fill a temporary table, on disk when it is large, with what is listed, there, and not claimed."""
    connection.execute("create table candidates (file blob primary key, row text) without rowid")
    connection.execute("begin")
    for name in lists:
        for file, row in read_list(storage, name):
            if storage.exists(file):
                text = None if row is None else json.dumps(row.to_json())
                # Of a file that was intended and later let go of, the row says more.
                connection.execute(
                    "insert into candidates values (?, ?) on conflict do update set row = coalesce(excluded.row, row)",
                    (to_blob(file), text),
                )
    if connection.execute("select 1 from candidates limit 1").fetchone():
        for _, record in all_records(storage):
            connection.executemany("delete from candidates where file = ?", [(to_blob(r.file),) for r in record.files])
        # What a killed run meant to be a picture's may be about many by now.
        connection.executemany(
            "delete from candidates where file = ?", [(to_blob(name),) for name in read_assembled(storage)]
        )
    connection.execute("commit")


def _candidates(connection: sqlite3.Connection) -> Iterator[tuple[str, FileRow | None]]:
    for file, text in connection.execute("select file, row from candidates order by file"):
        row = None if text is None else parse_row(text)
        yield from_blob(file), row if isinstance(row, FileRow) else None


def _is_ours(storage: LocalStorage, file: str, row: FileRow | None) -> bool:
    """What was merely intended is a leftover of a killed run; what had a row must still be as it says."""
    if row is None:
        return True
    facts = storage.facts(file)
    return facts is not None and is_unmodified(storage, row, facts)
