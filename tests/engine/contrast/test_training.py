"""What needs no Keras; the rest is in tests/frameworks/test_training.py."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from nfold.contrast.training import run_seed, train_arms
from nfold.errors import MissingExtraError


def test_runs_have_seeds_of_their_own() -> None:
    seeds = {run_seed(seed, number) for seed in range(20) for number in range(20)}
    assert len(seeds) == 400
    assert all(0 <= seed < 2**32 for seed in seeds)
    assert run_seed(7, 1) == run_seed(7, 1)


@pytest.mark.skipif(importlib.util.find_spec("keras") is not None, reason="Keras is installed")
def test_without_keras_the_extra_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingExtraError) as missing:
        train_arms(tmp_path, copies=1, epochs=1)
    assert missing.value.hint == "pip install 'nfold[keras]'"
