"""Split into train, validation and test before expanding, so that no relative of a test image is trained on."""

from __future__ import annotations

import json
import re
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from itertools import groupby, pairwise
from typing import Any

from nfold import faults
from nfold.manifest import all_records
from nfold.plan.survey import Surveyed
from nfold.plan.table import KEY_BITS, PlannedSource, SourceTable, from_blob, source_key, to_blob
from nfold.request import SPLIT_NAMES
from nfold.storage import PRIVATE, LocalStorage

SPLIT_RECORD = f"{PRIVATE}/split.jsonl"

_RELATIONS = ("sha256", "pixels", "kin")

_SCHEMA = """
create table splits (source blob primary key, key integer, size integer, mtime_ns integer, sha256 text, pixels text, kin text, split text) without rowid;
"""


class SplitBook:
    """Which source is in which split, and what tells that two are related; kept in `.nfold/split.jsonl`.

    Written before the first shard starts, so that a run that was killed goes on with the same split.
    """

    def __init__(self, table: SourceTable, storage: LocalStorage | None, *, records: bool = True) -> None:
        self.table = table
        self.records = records
        self.connection = table.connection
        self.storage = storage
        self.connection.executescript(_SCHEMA)
        self.is_first = not self._load()

    def unknown(self) -> Iterator[PlannedSource]:
        """Sources that were never surveyed, or have changed since."""
        for source in self.table.all():
            row = self.connection.execute(
                "select size, mtime_ns from splits where source = ?", (to_blob(source.id),)
            ).fetchone()
            if row != (source.size, source.mtime_ns):
                yield source

    def enter(self, rows: Iterable[Surveyed]) -> None:
        """Take in what a survey found; a known source keeps its split."""
        upsert = (
            "insert into splits (source, key, size, mtime_ns, sha256, pixels) values (?, ?, ?, ?, ?, ?) on conflict (source) do update "
            "set size = excluded.size, mtime_ns = excluded.mtime_ns, sha256 = excluded.sha256, pixels = excluded.pixels"
        )
        self.connection.execute("begin")
        for row in rows:
            self.connection.execute(
                upsert, (to_blob(row.source), source_key(row.source), row.size, row.mtime_ns, row.sha256, row.pixels)
            )
        self.connection.execute("commit")

    def assign(self, shares: Sequence[int], group: str | None) -> None:
        """Give every source without a split one, and write all splits into the table of sources.

        Equal bytes, equal pixels and equal matches of `group` keep sources together. The first time,
        each class is divided by the shares as exactly as its groups allow; later, newcomers follow
        their relatives, else the hash of their id. One that is related to two splits is refused.
        """
        self._mark_kin(group)
        members = self._components()
        if self.is_first:
            choose = _by_shares(shares)
        else:
            choose = _by_hash(shares)
        self.connection.execute("begin")
        for component in members:
            recorded = {split for _, _, _, split in component if split is not None}
            if len(recorded) > 1:
                self._refuse(component, recorded)
                continue
            split = recorded.pop() if recorded else choose(component)
            self.connection.executemany(
                "update splits set split = ? where source = ?",
                [(split, source) for source, _, _, known in component if known is None],
            )
        self.connection.execute("commit")
        self._carry_over()
        self._record()

    def _load(self) -> bool:
        if self.storage is None:
            return False
        try:
            lines = self.storage.read(SPLIT_RECORD).splitlines()
        except FileNotFoundError:
            return self._recover(self.storage)
        self.connection.execute("begin")
        for line in lines:
            row: dict[str, Any] = json.loads(line)
            values = (
                to_blob(row["source"]),
                source_key(row["source"]),
                row["size"],
                row["mtime_ns"],
                row.get("sha256"),
                row.get("pixels"),
                row["split"],
            )
            self.connection.execute(
                "insert into splits (source, key, size, mtime_ns, sha256, pixels, split) values (?, ?, ?, ?, ?, ?, ?)",
                values,
            )
        self.connection.execute("commit")
        return True

    def _recover(self, storage: LocalStorage) -> bool:
        """Read the splits back from the manifest, when their own record is lost."""
        insert = "insert into splits (source, key, size, mtime_ns, sha256, pixels, split) values (?, ?, ?, ?, ?, ?, ?)"
        found = False
        self.connection.execute("begin")
        for source, record in all_records(storage):
            row = record.source
            if row is not None and row.split is not None:
                found = True
                values = (
                    to_blob(source),
                    source_key(source),
                    row.size,
                    row.mtime_ns,
                    row.sha256,
                    row.pixels,
                    row.split,
                )
                self.connection.execute(insert, values)
        self.connection.execute("commit")
        return found

    def _mark_kin(self, group: str | None) -> None:
        if group is None:
            return
        expression = re.compile(group)
        self.connection.execute("begin")
        for source in self.table.all():
            found = expression.search(source.id)
            # A group that took no part in the match says nothing of kinship.
            if found and (not found.groups() or any(found.groups())):
                kin = json.dumps(found.groups() or found.group())
                self.connection.execute("update splits set kin = ? where source = ?", (kin, to_blob(source.id)))
        self.connection.execute("commit")

    def _components(self) -> Iterator[list[tuple[bytes, int, str | None, str | None]]]:
        """Related sources together, as (source, key, class, split), in the order of their smallest keys."""
        present = "select splits.*, sources.category from splits join sources on sources.key = splits.key and sources.id = splits.source"
        self.connection.execute("drop table if exists ranked")
        self.connection.execute(
            f"create temp table ranked as select row_number() over (order by key, source) - 1 as rank, * from ({present})"
        )
        count = self.connection.execute("select count(*) from ranked").fetchone()[0]
        parents = array("q", range(count))
        for column in _RELATIONS:
            rows = self.connection.execute(
                f"select {column}, rank from ranked where {column} is not null order by 1, 2"
            )
            for (value, rank), (next_value, next_rank) in pairwise(rows):
                if value == next_value:
                    _join(parents, rank, next_rank)
        self.connection.execute("create temp table if not exists roots (rank integer primary key, root integer)")
        self.connection.execute("delete from roots")
        self.connection.executemany(
            "insert into roots values (?, ?)", ((rank, _root(parents, rank)) for rank in range(count))
        )
        rows = self.connection.execute(
            "select root, source, key, category, split from ranked join roots using (rank) order by root, rank"
        )
        for _, component in groupby(rows, key=lambda row: row[0]):
            yield [(source, key, category, split) for _, source, key, category, split in component]

    def _refuse(self, component: list[tuple[bytes, int, str | None, str | None]], recorded: set[str]) -> None:
        message = f"It is related (equal bytes, equal pixels or the same group) to images in {' and in '.join(sorted(recorded))}."
        for source, key, _, split in component:
            if split is None:
                self.connection.execute(
                    "update sources set refused = ?, split = 'train' where key = ? and id = ?", (message, key, source)
                )

    def _carry_over(self) -> None:
        """Into the table of sources: the split, and the name below its folder."""
        self.connection.execute(
            "update sources set split = known.split, target = cast(known.split || '/' || sources.id as blob) from splits as known "
            "where known.key = sources.key and known.source = sources.id and known.split is not null"
        )

    def _record(self) -> None:
        if self.storage is None or not self.records:
            return
        rows = self.connection.execute(
            "select source, size, mtime_ns, sha256, pixels, split from splits where split is not null order by key, source"
        )
        with self.storage.lines(SPLIT_RECORD) as write:
            for row in rows:
                write(_line(*row))
        faults.hit("split.recorded")


def _line(source: bytes, size: int, mtime_ns: int, sha256: str | None, pixels: str | None, split: str) -> str:
    surveyed = Surveyed(source=from_blob(source), size=size, mtime_ns=mtime_ns, sha256=sha256, pixels=pixels)
    return json.dumps({**asdict(surveyed), "split": split})


def _by_shares(shares: Sequence[int]) -> Callable[[list[tuple[bytes, int, str | None, str | None]]], str]:
    """The split that lags furthest behind its share of the class so far."""
    names = SPLIT_NAMES[: len(shares)]
    given: defaultdict[str | None, Counter[str]] = defaultdict(Counter)

    def choose(component: list[tuple[bytes, int, str | None, str | None]]) -> str:
        counts = given[component[0][2]]
        after = sum(counts.values()) + len(component)
        lag = {name: share * after - 100 * counts[name] for name, share in zip(names, shares, strict=True) if share}
        split = max(lag, key=lambda name: lag[name])
        counts[split] += len(component)
        return split

    return choose


def _by_hash(shares: Sequence[int]) -> Callable[[list[tuple[bytes, int, str | None, str | None]]], str]:
    names = SPLIT_NAMES[: len(shares)]

    def choose(component: list[tuple[bytes, int, str | None, str | None]]) -> str:
        place = component[0][1] * 100 >> KEY_BITS
        for name, share in zip(names, shares, strict=True):
            if place < share:
                return name
            place -= share
        return names[-1]

    return choose


def _root(parents: array[int], rank: int) -> int:
    while parents[rank] != rank:
        parents[rank] = parents[parents[rank]]
        rank = parents[rank]
    return rank


def _join(parents: array[int], first: int, second: int) -> None:
    one, other = _root(parents, first), _root(parents, second)
    parents[max(one, other)] = min(one, other)
