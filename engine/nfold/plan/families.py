"""Sources that belong together: joined one relation after the other, and kept from growing over all by mere likeness."""

from __future__ import annotations

import heapq
from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import TypeAlias

from nfold.errors import UsageError
from nfold.plan.likeness import near_pairs

MOST_PAIRS = 1_000
"""So many pairs are listed; all are counted."""

LARGEST_SHARE = 5
"""Percent of the images that likeness may bring together in one group; two images may always be one."""

FOLLOWED_TO_THE_END = 50_000
"""Up to so many images, a refusal tells the size of the group and what would do; beyond, that would take minutes."""

Hashed: TypeAlias = tuple[bytes | None, str, int]
"""Class, fingerprint and rank of a source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimilarPair:
    """Two images that look alike and were therefore kept in one split.

    Attributes:
        one: Id of one.
        other: Id of the other.
        bits: In how many of 64 bits their fingerprints differ.
    """

    one: str
    other: str
    bits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """What `--group-similar` kept together.

    Attributes:
        pairs: Those that brought two groups together, nearest first, at most MOST_PAIRS: a group of n images that are
            related by nothing else has n - 1 of them.
        count: How many there are.
    """

    pairs: tuple[SimilarPair, ...] = ()
    count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Two sources that likeness brought together.

    Attributes:
        one: Rank of one.
        other: Rank of the other.
        bits: In how many bits their fingerprints differ.
    """

    one: int
    other: int
    bits: int


class Families:
    """Sets of ranks, 0 and up; the smallest rank of a set stands for it. Takes 24 bytes for each."""

    def __init__(self, count: int) -> None:
        self.parents = array("q", range(count))
        self.sizes = array("q", [1]) * count
        self.parts = array("q", [1]) * count
        """Size of the largest part that there would be without likeness."""

    def copy(self) -> Families:
        """The same sets, to go another way from here."""
        other = Families(0)
        other.parents, other.sizes, other.parts = self.parents[:], self.sizes[:], self.parts[:]
        return other

    def __len__(self) -> int:
        return len(self.parents)

    def root(self, rank: int) -> int:
        """What stands for the set of a rank."""
        parents = self.parents
        while parents[rank] != rank:
            parents[rank] = parents[parents[rank]]
            rank = parents[rank]
        return rank

    def join(self, one: int, other: int) -> bool:
        """Make two sets one; says whether they were two."""
        first, second = sorted((self.root(one), self.root(other)))
        if first == second:
            return False
        self.parents[second] = first
        self.sizes[first] += self.sizes[second]
        self.parts[first] = max(self.parts[first], self.parts[second])
        return True

    def settle(self) -> None:
        """From here on, what is joined is joined by likeness."""
        self.parts = self.sizes[:]

    def brought_together(self, rank: int, limit: int) -> int:
        """How many images likeness has made one group with this one.

        A group that is above the limit by bytes, pixels or --group already is meant so: only what came to it counts.
        """
        root = self.root(rank)
        return self.sizes[root] if self.parts[root] <= limit else self.sizes[root] - self.parts[root]


def join_alike(
    families: Families, read: Callable[[], Iterable[Hashed]], bits: int, name_of: Callable[[int], str]
) -> Likeness:
    """Join sources of one class whose fingerprints differ in few bits.

    Args:
        families: Joined by everything else; joined further.
        read: Sources with fingerprints, in the order of class, fingerprint and rank; asked for again in a refusal.
        bits: How many may differ.
        name_of: The id of a source.

    Raises:
        UsageError: Likeness brings more than LARGEST_SHARE percent of the images into one group; with its size.
    """
    families.settle()
    untouched = families.copy()
    limit = max(2, len(families) * LARGEST_SHARE // 100)
    nearest: list[tuple[int, int, int]] = []
    count = largest = 0
    culprit: Link | None = None
    for link in links(families, read(), bits):
        count += 1
        entry = (-link.bits, -link.one, -link.other)
        if count <= MOST_PAIRS:
            heapq.heappush(nearest, entry)
        else:
            heapq.heappushpop(nearest, entry)
        size = families.brought_together(link.one, limit)
        if size > limit:
            largest = max(largest, size)
            culprit = culprit or link
            if len(families) > FOLLOWED_TO_THE_END:
                break
    if culprit is not None:
        hint = "These look alike at any distance: leave it out, or say what belongs together with --group."
        if len(families) > FOLLOWED_TO_THE_END:
            hint = f"Try --group-similar {bits // 2}; or leave it out and use --group." if bits else hint
        elif (smaller := _largest_that_fits(untouched, read, bits, limit)) is not None:
            hint = f"With --group-similar {smaller} every group is small enough; or leave it out and use --group."
        raise _collapse(bits, largest, len(families), culprit, name_of, hint)
    pairs = tuple(
        SimilarPair(one=name_of(-one), other=name_of(-other), bits=-apart)
        for apart, one, other in sorted(nearest, reverse=True)
    )
    return Likeness(pairs=pairs, count=count)


def links(families: Families, rows: Iterable[Hashed], bits: int) -> Iterator[Link]:
    """Join what is alike; each link is told once it is made."""
    import numpy as np

    for _, members in groupby(rows, key=itemgetter(0)):
        hashes, ranks = array("Q"), array("q")
        for _, fingerprint, rank in members:
            number = int(fingerprint, 16)
            if hashes and hashes[-1] == number:
                if families.join(ranks[-1], rank):
                    yield _link(ranks[-1], rank, 0)
            else:
                hashes.append(number)
                ranks.append(rank)
        for ones, others, apart in near_pairs(np.frombuffer(hashes, np.uint64), bits):
            for one, other, distance in zip(ones.tolist(), others.tolist(), apart.tolist(), strict=True):
                if families.join(ranks[one], ranks[other]):
                    yield _link(ranks[one], ranks[other], distance)


def _link(one: int, other: int, bits: int) -> Link:
    return Link(one=min(one, other), other=max(one, other), bits=bits)


def _largest_that_fits(untouched: Families, read: Callable[[], Iterable[Hashed]], bits: int, limit: int) -> int | None:
    """The largest smaller number of bits that keeps all groups within the limit; None when there is none."""
    fits, too_many = -1, bits
    while too_many - fits > 1:
        tried = (fits + too_many) // 2
        families = untouched.copy()
        if any(families.brought_together(link.one, limit) > limit for link in links(families, read(), tried)):
            too_many = tried
        else:
            fits = tried
    return None if fits < 0 else fits


def _collapse(bits: int, size: int, count: int, example: Link, name_of: Callable[[int], str], hint: str) -> UsageError:
    at_least = "at least " if count > FOLLOWED_TO_THE_END else ""
    return UsageError(
        f"--group-similar {bits}: {at_least}{size:,} of {count:,} images ({100 * size / count:.1f} %) would be one group that "
        f"cannot be divided; {LARGEST_SHARE} % is the most. Two of them: {name_of(example.one)} and {name_of(example.other)} "
        f"({example.bits} of 64 bits apart).",
        hint=hint,
        code="split.all_alike",
    )
