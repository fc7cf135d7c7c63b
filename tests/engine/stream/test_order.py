"""The order of an epoch is a permutation, and a function of seed and epoch."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nfold.randomness import LARGEST_COPY, LARGEST_SEED, variation_generators
from nfold.stream.order import epoch_order


@given(seed=st.integers(0, LARGEST_SEED), epoch=st.integers(1, LARGEST_COPY), items=st.integers(0, 300))
def test_it_is_a_permutation_and_the_same_each_time(seed: int, epoch: int, items: int) -> None:
    order = epoch_order(seed=seed, epoch=epoch, items=items)
    assert sorted(order.tolist()) == list(range(items))
    assert np.array_equal(order, epoch_order(seed=seed, epoch=epoch, items=items))


def test_epochs_and_seeds_differ() -> None:
    orders = {
        tuple(epoch_order(seed=seed, epoch=epoch, items=30).tolist())
        for seed in (0, 1, 2, LARGEST_SEED)
        for epoch in (1, 2, 3, LARGEST_COPY)
    }
    assert len(orders) == 16


def test_every_place_is_as_likely_as_any_other() -> None:
    firsts = np.array([epoch_order(seed=1, epoch=epoch, items=10)[0] for epoch in range(1, 2001)])
    counts = np.bincount(firsts, minlength=10)
    # Chi-square of 9 degrees of freedom: 27.9 is one in a thousand.
    assert ((counts - 200) ** 2 / 200).sum() < 27.9


def test_another_process_says_the_same() -> None:
    code = "from nfold.stream.order import epoch_order; print(epoch_order(seed=7, epoch=3, items=20).tolist())"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told.strip() == str(epoch_order(seed=7, epoch=3, items=20).tolist())


def test_it_neither_reads_nor_moves_other_generators() -> None:
    before = variation_generators(seed=7, source_id="a.png", copy=1)
    epoch_order(seed=7, epoch=1, items=100)
    after = variation_generators(seed=7, source_id="a.png", copy=1)
    assert before.numpy.random() == after.numpy.random()
