from __future__ import annotations

import pytest

from nfold.contrast.model import ArmResult
from nfold.contrast.verdict import difference, verdict


def arm(mode: str, *accuracies: float) -> ArmResult:
    return ArmResult(
        mode=mode, title=mode, accuracies=accuracies, curve=(), steps=100, seconds=1.0, once_s=0.0, bytes_added=0
    )


def test_the_spread_is_that_of_the_paired_differences() -> None:
    found = difference((0.8, 0.9, 0.85), (0.7, 0.8, 0.78), held_out=1000)
    # differences 0.10, 0.10, 0.07: s = 0.01732, t(2) = 4.303
    assert found.mean == pytest.approx(0.09)
    assert found.spread == pytest.approx(4.303 * 0.017321 / 3**0.5, abs=1e-5)
    assert found.is_real


def test_equal_runs_differ_by_less_than_one_image() -> None:
    found = difference((0.8, 0.8), (0.8, 0.8), held_out=50)
    assert (found.mean, found.spread, found.is_real) == (0.0, 0.02, False)


def test_ten_seeds_and_more_have_a_factor_too() -> None:
    assert difference([0.5, 0.6] * 6, [0.4, 0.4] * 6, held_out=100).is_real


def test_a_difference_within_the_spread_is_no_gain() -> None:
    told = verdict([arm("none", 0.70, 0.74, 0.66), arm("offline", 0.72, 0.70, 0.71)], held_out=200)
    assert told.startswith("After 100 gradient steps each, over 3 seeds and 200 held-out images: no gain")
    assert "better than" not in told


def test_a_difference_beyond_the_spread_is_told_with_its_direction() -> None:
    arms = [arm("none", 0.70, 0.71, 0.70), arm("offline", 0.60, 0.61, 0.60), arm("fresh", 0.70, 0.71, 0.705)]
    told = verdict(arms, held_out=1000)
    assert "none is better than offline by 10.0 points" in told
    assert "fresh is better than offline" in told
    assert "no difference larger than the spread between fresh and none" in told


def test_one_seed_gives_no_verdict() -> None:
    assert verdict([arm("none", 0.1), arm("offline", 0.9)], held_out=9).startswith("One seed tells nothing")
    with pytest.raises(ValueError, match="one seed"):
        difference((0.9,), (0.1,), held_out=9)
