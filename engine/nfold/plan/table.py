"""The table of sources that a plan works on: on disk when it is large, never all in memory."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from nfold.errors import InputError
from nfold.formats import Source
from nfold.randomness import source_digest

KEY_BITS = 56
"""How much of SHA-256(source id) orders the sources: enough to tell a billion apart, and a positive integer in SQLite."""

_SCHEMA = """
create table sources (
    key integer not null, id blob not null, path blob, size integer not null, mtime_ns integer not null,
    split text, category blob, copies integer not null default 0, target blob,
    refused text,
    primary key (key, id)
) without rowid;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedSource:
    """One source and what is to become of it.

    Attributes:
        id: The address of the source.
        path: Where it lies below the source folder, as on disk.
        size: Bytes, when it was scanned.
        mtime_ns: Time of its last change, when it was scanned.
        split: Split in the output, None when there are none.
        category: Class, None without labels.
        copies: How many copies it gets.
        target: Name of the original in the output.
        refused: Why it can be in no split, None when it can.
    """

    id: str
    path: str
    size: int
    mtime_ns: int
    split: str | None
    category: str | None
    copies: int
    target: str
    refused: str | None = None


def source_key(source_id: str) -> int:
    """The place of a source in the order of shards: the first 56 bits of SHA-256 of its id."""
    return int.from_bytes(source_digest(source_id)[: KEY_BITS // 8], "big")


def to_blob(text: str) -> bytes:
    """File names may hold bytes that are no UTF-8; SQLite takes them as they are."""
    return text.encode("utf-8", "surrogateescape")


def from_blob(data: bytes) -> str:
    """The name that `to_blob` stored."""
    return data.decode("utf-8", "surrogateescape")


class SourceTable:
    """Sources in the order of their keys, in a temporary SQLite database of this process's own."""

    def __init__(self) -> None:
        # "" is a database that SQLite keeps in memory until it outgrows the cache, and removes by itself.
        self.connection = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self.connection.executescript(
            "pragma journal_mode=off; pragma synchronous=off; pragma cache_size=-65536;" + _SCHEMA
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.connection.close()

    def add(self, sources: Iterable[Source]) -> int:
        """Fill the table; says how many there are.

        Raises:
            InputError: Two files have one id once their names are in Unicode NFC.
        """
        insert = "insert into sources (key, id, path, size, mtime_ns, split, category, target) values (?, ?, ?, ?, ?, ?, ?, ?)"
        count = 0
        self.connection.execute("begin")
        for source in sources:
            blob = to_blob(source.id)
            key = source_key(source.id)
            path = None if source.id == source.file.path else to_blob(source.file.path)
            row = (
                key,
                blob,
                path,
                source.file.size,
                source.file.mtime_ns,
                source.label.split,
                None if source.label.category is None else to_blob(source.label.category),
                blob,
            )
            try:
                self.connection.execute(insert, row)
            except sqlite3.IntegrityError as error:
                other = self.path_of(source.id)
                raise InputError(
                    f"Two files have the same name once spelt in Unicode NFC: {other!r} and {source.file.path!r}.",
                    hint="Rename one of them, or leave it out with --exclude.",
                    code="input.same_name",
                ) from error
            count += 1
        self.connection.execute("commit")
        return count

    def path_of(self, source_id: str) -> str | None:
        """Where a source lies, None when the table does not have it."""
        row = self.connection.execute(
            "select coalesce(path, id) from sources where key = ? and id = ?",
            (source_key(source_id), to_blob(source_id)),
        ).fetchone()
        return from_blob(row[0]) if row else None

    def between(self, first_key: int, end_key: int) -> Iterator[PlannedSource]:
        """The sources of a range of keys, in order."""
        columns = "id, coalesce(path, id), size, mtime_ns, split, category, copies, target, refused"
        rows = self.connection.execute(
            f"select {columns} from sources where key >= ? and key < ? order by key, id", (first_key, end_key)
        )
        for identity, path, size, mtime_ns, split, category, copies, target, refused in rows:
            yield PlannedSource(
                id=from_blob(identity),
                path=from_blob(path),
                size=size,
                mtime_ns=mtime_ns,
                split=split,
                category=None if category is None else from_blob(category),
                copies=copies,
                target=from_blob(target),
                refused=refused,
            )

    def all(self) -> Iterator[PlannedSource]:
        """Every source, in the order of keys."""
        return self.between(0, 1 << KEY_BITS)
