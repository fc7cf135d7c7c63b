"""Shards: ranges of the order of sources, a few hundred files each.

A shard is a prefix of the bits of a source's key. Sources that come or go move no other source's files,
and a range that grows too large is halved by one more bit.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from nfold.plan.table import KEY_BITS, PlannedSource, SourceTable

FILES_PER_SHARD = 256
FEWEST_SHARDS = 16
"""A small job is cut finer than the size asks for, so that every core has work."""

_BUCKET_BITS = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRange:
    """All keys that begin with the same bits.

    Attributes:
        bits: The prefix as text of 0s and 1s, "" for everything.
    """

    bits: str

    @property
    def first(self) -> int:
        """The smallest key in the range."""
        return int(self.bits.ljust(KEY_BITS, "0"), 2)

    @property
    def end(self) -> int:
        """One above the largest key in the range."""
        return int(self.bits.ljust(KEY_BITS, "1"), 2) + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """One unit of work: the sources of a range, and the parts of the manifest that it replaces."""

    range: KeyRange
    sources: tuple[PlannedSource, ...]
    former_parts: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.sources)


def cut_ranges(table: SourceTable) -> list[KeyRange]:
    """Halve the key space until no range holds too many files."""
    counts, keys = _files_by_bucket(table)
    total = sum(counts.values())
    largest = max(1, min(FILES_PER_SHARD, total // FEWEST_SHARDS))
    ranges: list[KeyRange] = []
    pending = [("", 0, len(keys))]
    while pending:
        bits, start, end = pending.pop()
        files = sum(counts[key] for key in keys[start:end])
        if files <= largest or end - start <= 1 or len(bits) == _BUCKET_BITS:
            ranges.append(KeyRange(bits=bits))
            continue
        middle = int((bits + "1").ljust(_BUCKET_BITS, "0"), 2)
        cut = bisect.bisect_left(keys, middle, start, end)
        pending.append((bits + "1", cut, end))
        pending.append((bits + "0", start, cut))
    return ranges


def _files_by_bucket(table: SourceTable) -> tuple[dict[int, int], list[int]]:
    shift = KEY_BITS - _BUCKET_BITS
    rows = table.connection.execute(f"select key >> {shift}, sum(1 + copies) from sources group by 1 order by 1")
    counts = dict(rows.fetchall())
    return counts, list(counts)


def make_shards(table: SourceTable, ranges: list[KeyRange], parts: Mapping[str, str]) -> Iterator[Shard]:
    """The shards of a plan, one at a time; ranges with neither sources nor former parts are left out.

    Args:
        table: The sources.
        ranges: Disjoint ranges that cover every key.
        parts: Files of the manifest by the bits of the range that each covers.
    """
    in_order = sorted(parts)
    for wanted in ranges:
        sources = tuple(table.between(wanted.first, wanted.end))
        above = [wanted.bits[:length] for length in range(len(wanted.bits))]
        start = bisect.bisect_left(in_order, wanted.bits)
        end = bisect.bisect_left(in_order, wanted.bits + "2")
        former = tuple(parts[bits] for bits in (*above, *in_order[start:end]) if bits in parts)
        if sources or former:
            yield Shard(range=wanted, sources=sources, former_parts=former)
