"""The table of sources that a plan works on: on disk when it is large, never all in memory."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from nfold.annotations import ImageLabels
from nfold.annotations.codec import digest_of_labels, encode_labels
from nfold.errors import InputError
from nfold.formats import Source, SourceProblem
from nfold.randomness import source_digest

KEY_BITS = 56
"""How much of SHA-256(source id) orders the sources: enough to tell a billion apart, and a positive integer in SQLite."""

_SCHEMA = """
create table sources (
    key integer not null, id blob not null, path blob, size integer not null, mtime_ns integer not null,
    split text, category blob, copies integer not null default 0, target blob,
    rank integer not null, grp text, labels text, labels_digest text, label_target blob, mask_target blob, problem text,
    primary key (key, id)
) without rowid;
create table source_classes (
    key integer not null, id blob not null, category blob not null, objects integer not null,
    primary key (key, id, category)
) without rowid;
create table class_numbers (key integer not null, id blob not null, number integer not null, objects integer not null);
create table class_names (number integer primary key, name blob not null);
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
        rank: Its place in the data set, counted from 0.
        group: What --group found in its id; None when it says nothing of kinship.
        labels: What is marked in it, as `encode_labels` writes it; None in formats without annotations.
        labels_digest: Of what is marked in it, wherever it stands in its label file.
        label_target: Name of the original's label file in the output; None when it has none.
        mask_target: Name of the original's mask in the output, likewise.
        problem: Why it cannot be used, None when it can.
    """

    id: str
    path: str
    size: int
    mtime_ns: int
    split: str | None
    category: str | None
    copies: int
    target: str
    rank: int = 0
    group: str | None = None
    labels: str | None = None
    labels_digest: str | None = None
    label_target: str | None = None
    mask_target: str | None = None
    problem: SourceProblem | None = None


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
    """Sources in the order of their keys, in a temporary SQLite database of this process's own.

    Args:
        file: Where the database is to lie, for other processes to open; by itself it is nobody else's, and goes when done.
    """

    def __init__(self, file: Path | None = None) -> None:
        # "" is a database that SQLite keeps in memory until it outgrows the cache, and removes by itself.
        self.connection = sqlite3.connect(file or "", isolation_level=None, check_same_thread=False)
        self.count = 0
        self.connection.executescript(
            "pragma journal_mode=off; pragma synchronous=off; pragma cache_size=-65536;" + _SCHEMA
        )

    @classmethod
    def opened(cls, file: Path) -> Self:
        """The table of a file that is finished, to read from."""
        table = cls.__new__(cls)
        address = f"file:{quote(str(file))}?mode=ro&immutable=1"
        table.connection = sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False)
        return table

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.connection.close()

    def add(self, source: Source) -> None:
        """Put in one more source.

        Raises:
            InputError: Two files have one id once their names are in Unicode NFC.
        """
        blob = to_blob(source.id)
        key = source_key(source.id)
        labels = source.labels
        row = (
            key,
            blob,
            None if source.id == source.file.path else to_blob(source.file.path),
            source.file.size,
            source.file.mtime_ns,
            source.label.split,
            _optional_blob(source.label.category),
            blob,
            self.count,
            None if labels is None else encode_labels(labels),
            None if labels is None else digest_of_labels(labels),
            _optional_blob(labels.label_file if labels else None),
            _optional_blob(labels.mask_file if labels else None),
            None if source.problem is None else json.dumps(asdict(source.problem)),
        )
        try:
            self.connection.execute(
                "insert into sources (key, id, path, size, mtime_ns, split, category, target, rank, labels, "
                "labels_digest, label_target, mask_target, problem) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                row,
            )
        except sqlite3.IntegrityError as error:
            other = self.path_of(source.id)
            raise InputError(
                f"Two files have the same name once spelt in Unicode NFC: {other!r} and {source.file.path!r}.",
                hint="Rename one of them, or leave it out with --exclude.",
                code="input.same_name",
            ) from error
        self.count += 1
        if labels is not None and source.problem is None:
            self._add_classes(key, blob, labels)

    def name_classes(self, names: Sequence[str]) -> None:
        """Give the classes of objects, which are numbers until the data set is read, their names."""
        self.connection.execute("begin")
        self.connection.executemany(
            "insert into class_names values (?, ?)", [(number, to_blob(name)) for number, name in enumerate(names)]
        )
        # Two classes of one name are one class to whoever counts.
        self.connection.execute(
            "insert into source_classes select key, id, name, sum(objects) from class_numbers join class_names using (number) "
            "group by key, id, name"
        )
        self.connection.execute("delete from class_numbers")
        self.connection.execute("commit")

    def _add_classes(self, key: int, blob: bytes, labels: ImageLabels) -> None:
        counts = Counter(annotation.category for annotation in labels.annotations if annotation.category is not None)
        self.connection.executemany(
            "insert into class_numbers (key, id, number, objects) values (?, ?, ?, ?)",
            [(key, blob, number, objects) for number, objects in sorted(counts.items())],
        )

    def path_of(self, source_id: str) -> str | None:
        """Where a source lies, None when the table does not have it."""
        row = self.connection.execute(
            "select coalesce(path, id) from sources where key = ? and id = ?",
            (source_key(source_id), to_blob(source_id)),
        ).fetchone()
        return from_blob(row[0]) if row else None

    def between(self, first_key: int, end_key: int) -> Iterator[PlannedSource]:
        """The sources of a range of keys, in order."""
        yield from self.select("where key >= ? and key < ? order by key, id", (first_key, end_key))

    def get(self, source_id: str) -> PlannedSource | None:
        """One source, None when the table does not have it."""
        return next(self.select("where key = ? and id = ?", (source_key(source_id), to_blob(source_id))), None)

    def keep_only(self, source_ids: Iterable[str]) -> None:
        """Forget all other sources."""
        kept = [(source_key(source), to_blob(source)) for source in source_ids]
        self.connection.execute("create temp table kept (key integer, id blob, primary key (key, id)) without rowid")
        self.connection.executemany("insert into kept values (?, ?)", kept)
        for table in ("sources", "source_classes"):
            self.connection.execute(f"delete from {table} where (key, id) not in (select key, id from kept)")
        self.connection.execute("drop table kept")

    def select(self, condition: str, values: tuple[object, ...]) -> Iterator[PlannedSource]:
        """Sources by what follows `from sources` in SQL."""
        columns = (
            "id, coalesce(path, id), size, mtime_ns, split, category, copies, target, rank, grp, labels, labels_digest, "
            "label_target, mask_target, problem"
        )
        for row in self.connection.execute(f"select {columns} from sources {condition}", values):
            yield _planned(*row)

    def all(self) -> Iterator[PlannedSource]:
        """Every source, in the order of keys."""
        return self.between(0, 1 << KEY_BITS)


def _planned(
    identity: bytes,
    path: bytes,
    size: int,
    mtime_ns: int,
    split: str | None,
    category: bytes | None,
    copies: int,
    target: bytes,
    rank: int,
    group: str | None,
    labels: str | None,
    labels_digest: str | None,
    label_target: bytes | None,
    mask_target: bytes | None,
    problem: str | None,
) -> PlannedSource:
    return PlannedSource(
        id=from_blob(identity),
        path=from_blob(path),
        size=size,
        mtime_ns=mtime_ns,
        split=split,
        category=_optional_text(category),
        copies=copies,
        target=from_blob(target),
        rank=rank,
        group=group,
        labels=labels,
        labels_digest=labels_digest,
        label_target=_optional_text(label_target),
        mask_target=_optional_text(mask_target),
        problem=None if problem is None else SourceProblem(**json.loads(problem)),
    )


def _optional_blob(text: str | None) -> bytes | None:
    return None if text is None else to_blob(text)


def _optional_text(data: bytes | None) -> str | None:
    return None if data is None else from_blob(data)
