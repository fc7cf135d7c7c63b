"""After a run, from its manifest alone: whether what is held out has a relative among what is trained on."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

from nfold.formats.base import SPLIT_SPELLINGS
from nfold.manifest import FileRow, SourceRecord, all_records
from nfold.report import MOST_LISTED, Leak, LeakKind
from nfold.storage import LocalStorage


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakCount:
    """What `find_leaks` found.

    Attributes:
        listed: The first MOST_LISTED of them.
        count: How many there are.
        made: How many of them were not so in the input.
    """

    listed: tuple[Leak, ...] = ()
    count: int = 0
    made: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mark:
    """Something that only relatives have in common, and a file that shows a source with it."""

    kind: LeakKind
    value: str
    file: str
    is_input: bool


def count_leaks(storage: LocalStorage, *, had_splits: bool) -> LeakCount:
    """All leaks of an output, as `find_leaks` tells them, in memory that does not grow with them."""
    listed: list[Leak] = []
    count = made = 0
    for leak in find_leaks(storage, had_splits=had_splits):
        count += 1
        made += not leak.from_input
        if len(listed) < MOST_LISTED:
            listed.append(leak)
    return LeakCount(listed=tuple(listed), count=count, made=made)


def find_leaks(storage: LocalStorage, *, had_splits: bool = True) -> Iterator[Leak]:
    """Files of train that have a relative in validation or test: same source, equal bytes, equal pixels, same group.

    Of several relations between two files the closest is told, and of several held-out relatives with one and the same
    mark the first. What marks held-out pictures is kept in a temporary database: memory does not grow.

    Args:
        storage: The output.
        had_splits: Whether the input had splits. Relatives that nfold itself put into two of them were not so in the input.
    """
    with closing(sqlite3.connect("", isolation_level=None)) as connection:
        connection.executescript("pragma journal_mode=off; pragma synchronous=off; pragma cache_size=-65536;")
        connection.execute(
            "create table held_out (kind text, value text, is_input integer, file text, primary key (kind, value, is_input)) without rowid"
        )
        if not _gather(connection, storage):
            return
        for _, record in all_records(storage):
            if _split_of(record) == "train":
                yield from _leaks_of(connection, record, had_splits=had_splits)


def _gather(connection: sqlite3.Connection, storage: LocalStorage) -> bool:
    """Put down what marks the held-out pictures; says whether there are any, in an output that has splits."""
    has_splits = False
    connection.execute("begin")
    for _, record in all_records(storage):
        has_splits = has_splits or (record.source is not None and record.source.split is not None)
        if _split_of(record) not in (None, "train"):
            connection.executemany(
                "insert or ignore into held_out values (?, ?, ?, ?)",
                [(mark.kind, mark.value, mark.is_input, mark.file) for mark in _marks(record)],
            )
    connection.execute("commit")
    return has_splits and connection.execute("select 1 from held_out limit 1").fetchone() is not None


def _leaks_of(connection: sqlite3.Connection, record: SourceRecord, *, had_splits: bool) -> Iterator[Leak]:
    told: set[tuple[str, str]] = set()
    for mark in _marks(record):
        for is_input, held_out in connection.execute(
            "select is_input, file from held_out where kind = ? and value = ? order by is_input desc",
            (mark.kind, mark.value),
        ):
            if (held_out, mark.file) not in told:
                told.add((held_out, mark.file))
                # One file cannot have been in two splits of the input.
                from_input = bool(had_splits and is_input and mark.is_input and mark.kind != "source")
                yield Leak(kind=mark.kind, held_out=held_out, trained_on=mark.file, from_input=from_input)


def _marks(record: SourceRecord) -> Iterator[_Mark]:
    """By which a source and its files are known; the closest relation first. None when it shows in no picture."""
    rows = sorted(_pictures(record), key=lambda row: row.copy)
    if not rows:
        return
    first = _printable(rows[0].file)
    source = record.source
    # Of what has gone from the input only retained files are left, without a row for the source.
    is_input = source is not None
    yield _Mark(kind="source", value=_printable(rows[0].source), file=first, is_input=is_input)
    yield _Mark(kind="bytes", value=source.sha256 if source else rows[0].source_sha256, file=first, is_input=is_input)
    if rows[0].copy != 0 and source is not None:
        yield _Mark(kind="pixels", value=source.pixels, file=first, is_input=is_input)
    for row in rows:
        yield _Mark(kind="pixels", value=row.pixels, file=_printable(row.file), is_input=is_input and row.copy == 0)
    if source is not None and source.group is not None:
        yield _Mark(kind="group", value=source.group, file=first, is_input=is_input)


def _pictures(record: SourceRecord) -> list[FileRow]:
    return [row for row in record.files if row.role is None]


def _split_of(record: SourceRecord) -> str | None:
    """Of a source; where the manifest does not say, since only files are left of it, of the folder they lie in."""
    if record.source is not None:
        return record.source.split
    for row in _pictures(record):
        for folder in row.file.split("/")[:-1]:
            if folder.casefold() in SPLIT_SPELLINGS:
                return SPLIT_SPELLINGS[folder.casefold()]
    return None


def _printable(name: str) -> str:
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
