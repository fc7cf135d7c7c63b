"""Shares of an epoch: equal, and together everything."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nfold.adapters.shares import check_rank, share_of
from nfold.errors import UsageError


@given(items=st.integers(1, 60), replicas=st.integers(1, 9))
def test_shares_are_equal_and_miss_or_repeat_less_than_one_for_each_rank(items: int, replicas: int) -> None:
    for drop_last in (False, True):
        shares = [share_of(range(items), replicas, rank, drop_last=drop_last) for rank in range(replicas)]
        assert len({len(share) for share in shares}) == 1
        counts = Counter(place for share in shares for place in share)
        if drop_last:
            assert set(counts.values()) <= {1}
            assert items - len(counts) < replicas
        else:
            assert len(counts) == items
            assert sum(counts.values()) - items < replicas


@pytest.mark.parametrize(("rank", "replicas"), [(-1, 2), (2, 2), (0, 0)])
def test_there_is_no_rank_beyond_the_last(rank: int, replicas: int) -> None:
    with pytest.raises(UsageError, match="rank"):
        check_rank(rank, replicas)
