"""Who serves which part of an epoch, where several processes train side by side."""

from __future__ import annotations

from collections.abc import Sequence

from nfold.errors import UsageError
from nfold.stream import Stream


def order_of(stream: Stream, epoch: int, *, shuffle: bool) -> list[int]:
    """Places in the order in which an epoch serves them."""
    return stream.order(epoch) if shuffle else list(range(len(stream)))


def share_of(order: Sequence[int], replicas: int, rank: int, *, drop_last: bool) -> list[int]:
    """Every so-manieth, as many for each rank: made up by the first ones again, or without the last ones."""
    each = len(order) // replicas if drop_last else -(-len(order) // replicas)
    return [order[number % len(order)] for number in range(rank, each * replicas, replicas)]


def check_rank(rank: int, replicas: int) -> None:
    """See that there is such a rank.

    Raises:
        UsageError: There is not.
    """
    if not 0 <= rank < replicas:
        raise UsageError(f"rank is {rank} of num_replicas {replicas}; ranks are counted from 0.")
