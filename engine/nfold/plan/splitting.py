"""Split into train, validation and test before expanding, so that no relative of a test image is trained on."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from itertools import groupby, pairwise
from typing import Any, TypeAlias

from nfold import faults
from nfold.formats import SourceProblem
from nfold.manifest import all_records
from nfold.plan.families import Families, Likeness, join_alike
from nfold.plan.survey import Surveyed
from nfold.plan.table import KEY_BITS, PlannedSource, SourceTable, from_blob, source_key, to_blob
from nfold.request import SPLIT_NAMES
from nfold.storage import PRIVATE, LocalStorage

SPLIT_RECORD = f"{PRIVATE}/split.jsonl"

_RELATIONS = ("sha256", "pixels", "kin")

_SCHEMA = """
create table splits (
    source blob primary key, key integer, size integer, mtime_ns integer, sha256 text, pixels text, dhash text, kin text,
    split text, late integer not null default 0
) without rowid;
"""

_INSERT = (
    "insert into splits (source, key, size, mtime_ns, sha256, pixels, dhash, split, late) "
    "values (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)

_Component: TypeAlias = list[tuple[bytes, int, str | None, str | None, int]]
"""Related sources, each as (source, key, class, split, whether its bytes changed after it got its split)."""


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

    def unknown(self, *, looks: bool = False) -> Iterator[PlannedSource]:
        """Sources that were never surveyed, or have changed since.

        Args:
            looks: Those, too, of which nobody has said what they look like, though they can be decoded.
        """
        for source in self.table.all():
            row = self.connection.execute(
                "select size, mtime_ns, pixels is not null and dhash is null from splits where source = ?",
                (to_blob(source.id),),
            ).fetchone()
            if row is None or row[:2] != (source.size, source.mtime_ns) or (looks and row[2]):
                yield source

    def enter(self, rows: Iterable[Surveyed]) -> None:
        """Take in what a survey found; a known source keeps its split, and one that has other bytes now is marked."""
        upsert = _INSERT + (
            " on conflict (source) do update set size = excluded.size, mtime_ns = excluded.mtime_ns, "
            "sha256 = excluded.sha256, pixels = excluded.pixels, dhash = excluded.dhash, "
            "late = late or sha256 is not excluded.sha256"
        )
        self.connection.execute("begin")
        self.connection.executemany(upsert, (_values(row, None, late=False) for row in rows))
        self.connection.execute("commit")

    def assign(self, shares: Sequence[int], group: str | None, similar: int | None = None) -> Likeness:
        """Give every source without a split one, and write all splits into the table of sources.

        Equal bytes, equal pixels, equal matches of `group` and, within a class, fingerprints that differ in at most
        `similar` bits keep sources together. The first time, each class is divided by the shares as exactly as its
        groups allow; later, newcomers follow their relatives, else the hash of their id. One that is related to two
        splits is refused, and so is a known one that other bytes have made related to another split.

        Raises:
            UsageError: Too many sources look alike to be divided.
        """
        self._mark_kin(group)
        families, likeness = self._related(similar)
        members = self._components(families)
        if self.is_first:
            choose = _by_shares(shares)
        else:
            choose = _by_hash(shares)
        self.connection.execute("begin")
        for component in members:
            recorded = {split for _, _, _, split, _ in component if split is not None}
            if len(recorded) > 1:
                self._refuse(component, recorded)
                continue
            split = recorded.pop() if recorded else choose(component)
            self.connection.executemany(
                "update splits set split = ?, late = 0 where source = ?",
                [(split, source) for source, _, _, known, late in component if known is None or late],
            )
        self.connection.execute("commit")
        self._carry_over()
        self._record()
        return likeness

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
            split, late = row.pop("split"), row.pop("late", False)
            self.connection.execute(_INSERT, _values(Surveyed(**row), split, late=late))
        self.connection.execute("commit")
        return True

    def _recover(self, storage: LocalStorage) -> bool:
        """Read the splits back from the manifest, when their own record is lost."""
        found = False
        self.connection.execute("begin")
        for source, record in all_records(storage):
            row = record.source
            if row is not None and row.split is not None:
                found = True
                seen = Surveyed(
                    source=source, size=row.size, mtime_ns=row.mtime_ns, sha256=row.sha256, pixels=row.pixels
                )
                self.connection.execute(_INSERT, _values(seen, row.split, late=False))
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

    def _related(self, similar: int | None) -> tuple[Families, Likeness]:
        """Number the sources in the order of their keys, and join those that are related."""
        present = "select splits.*, sources.category from splits join sources on sources.key = splits.key and sources.id = splits.source"
        self.connection.execute("drop table if exists ranked")
        self.connection.execute(
            f"create temp table ranked as select row_number() over (order by key, source) - 1 as rank, * from ({present})"
        )
        families = Families(self.connection.execute("select count(*) from ranked").fetchone()[0])
        for column in _RELATIONS:
            rows = self.connection.execute(
                f"select {column}, rank from ranked where {column} is not null order by 1, 2"
            )
            for (value, rank), (next_value, next_rank) in pairwise(rows):
                if value == next_value:
                    families.join(rank, next_rank)
        if similar is None:
            return families, Likeness()
        self.connection.execute("create unique index temp.by_rank on ranked (rank)")

        def name_of(rank: int) -> str:
            row = self.connection.execute("select source from ranked where rank = ?", (rank,)).fetchone()
            return from_blob(row[0])

        hashed = "select category, dhash, rank from ranked where dhash is not null order by 1, 2, 3"
        return families, join_alike(families, lambda: self.connection.execute(hashed), similar, name_of)

    def _components(self, families: Families) -> Iterator[_Component]:
        """Related sources together, in the order of their smallest keys."""
        self.connection.execute("create temp table if not exists roots (rank integer primary key, root integer)")
        self.connection.execute("delete from roots")
        self.connection.executemany(
            "insert into roots values (?, ?)", ((rank, families.root(rank)) for rank in range(len(families)))
        )
        rows = self.connection.execute(
            "select root, source, key, category, split, late from ranked join roots using (rank) order by root, rank"
        )
        for _, component in groupby(rows, key=lambda row: row[0]):
            yield [row[1:] for row in component]

    def _refuse(self, component: _Component, recorded: set[str]) -> None:
        """Leave out what cannot be in any split: newcomers, and known sources that became related by other bytes."""
        problem = SourceProblem(
            code="split.bridge",
            message="It is related (equal bytes, equal pixels, the same group or a like picture) to images in "
            f"{' and in '.join(sorted(recorded))}.",
            hint="Move it to where its relatives are, or remove it.",
        )
        for source, key, _, split, late in component:
            if split is None or late:
                self.connection.execute(
                    "update sources set problem = ?, split = 'train' where key = ? and id = ?",
                    (json.dumps(asdict(problem)), key, source),
                )

    def _carry_over(self) -> None:
        """Into the table of sources: the split, and the name below its folder."""
        self.connection.execute(
            "update sources set split = known.split, grp = known.kin, target = cast(known.split || '/' || sources.id as blob) from splits as known "
            "where known.key = sources.key and known.source = sources.id and known.split is not null"
        )

    def _record(self) -> None:
        if self.storage is None or not self.records:
            return
        rows = self.connection.execute(
            "select source, size, mtime_ns, sha256, pixels, dhash, split, late from splits where split is not null "
            "order by key, source"
        )
        with self.storage.lines(SPLIT_RECORD) as write:
            for row in rows:
                write(_line(*row))
        faults.hit("split.recorded")


def _values(row: Surveyed, split: str | None, *, late: bool) -> tuple[object, ...]:
    identity = (to_blob(row.source), source_key(row.source))
    return (*identity, row.size, row.mtime_ns, row.sha256, row.pixels, row.dhash, split, late)


def _line(
    source: bytes,
    size: int,
    mtime_ns: int,
    sha256: str | None,
    pixels: str | None,
    dhash: str | None,
    split: str,
    late: int,
) -> str:
    surveyed = Surveyed(
        source=from_blob(source), size=size, mtime_ns=mtime_ns, sha256=sha256, pixels=pixels, dhash=dhash
    )
    row = {**asdict(surveyed), "split": split}
    if dhash is None:
        del row["dhash"]
    return json.dumps({**row, "late": True} if late else row)


def _by_shares(shares: Sequence[int]) -> Callable[[_Component], str]:
    """The split that lags furthest behind its share of the class so far."""
    names = SPLIT_NAMES[: len(shares)]
    given: defaultdict[str | None, Counter[str]] = defaultdict(Counter)

    def choose(component: _Component) -> str:
        counts = given[component[0][2]]
        after = sum(counts.values()) + len(component)
        lag = {name: share * after - 100 * counts[name] for name, share in zip(names, shares, strict=True) if share}
        split = max(lag, key=lambda name: lag[name])
        counts[split] += len(component)
        return split

    return choose


def _by_hash(shares: Sequence[int]) -> Callable[[_Component], str]:
    names = SPLIT_NAMES[: len(shares)]

    def choose(component: _Component) -> str:
        place = component[0][1] * 100 >> KEY_BITS
        for name, share in zip(names, shares, strict=True):
            if place < share:
                return name
            place -= share
        return names[-1]

    return choose
