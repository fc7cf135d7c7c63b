"""Shards: ranges of the order of sources, a few hundred files each.

A shard is a prefix of the bits of a source's key. Sources that come or go move no other source's files,
and a range that grows too large is halved by one more bit.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from nfold.plan.table import KEY_BITS, PlannedSource, SourceTable

FILES_PER_SHARD = 256
FEWEST_SHARDS = 16
"""A small job is cut finer than the size asks for, so that every core has work."""

_BUCKET_BITS = 18
_LABELS_LIKE_A_FILE = 16_384
"""Letters of labels that count as a file: they travel with a shard, and a few shards are always on their way."""


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
    """One unit of work.

    Attributes:
        range: The keys that it covers.
        sources: The sources with such keys.
        former_parts: The parts of the manifest that it replaces.
        former_lists: What earlier runs intended or let go of in this range.
    """

    range: KeyRange
    sources: tuple[PlannedSource, ...]
    former_parts: tuple[str, ...]
    former_lists: tuple[str, ...] = ()

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
    weight = f"1 + copies + coalesce(length(labels), 0) / {_LABELS_LIKE_A_FILE}"
    rows = table.connection.execute(f"select key >> {shift}, sum({weight}) from sources group by 1 order by 1")
    counts = dict(rows.fetchall())
    return counts, list(counts)


def make_shards(
    table: SourceTable,
    ranges: list[KeyRange],
    parts: Mapping[str, str],
    lists: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
) -> Iterator[Shard]:
    """The shards of a plan, one at a time; ranges with neither sources nor former parts are left out.

    Args:
        table: The sources.
        ranges: Disjoint ranges that cover every key.
        parts: Files of the manifest by the bits of the range that each covers.
        lists: What earlier runs intended or let go of, likewise.
    """
    parts_in_order, lists_in_order = sorted(parts), sorted(lists)
    for wanted in ranges:
        sources = tuple(table.between(wanted.first, wanted.end))
        former = tuple(parts[bits] for bits in _overlapping(wanted.bits, parts_in_order))
        known = tuple(name for bits in _overlapping(wanted.bits, lists_in_order) for name in lists[bits])
        if sources or former or known:
            yield Shard(range=wanted, sources=sources, former_parts=former, former_lists=known)


def _overlapping(bits: str, in_order: list[str]) -> Iterator[str]:
    """Of sorted ranges, those that hold this one or lie in it."""
    for length in range(len(bits)):
        place = bisect.bisect_left(in_order, bits[:length])
        if place < len(in_order) and in_order[place] == bits[:length]:
            yield bits[:length]
    yield from in_order[bisect.bisect_left(in_order, bits) : bisect.bisect_left(in_order, bits + "2")]
