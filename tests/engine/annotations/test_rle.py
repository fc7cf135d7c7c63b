"""Run lengths: byte for byte what pycocotools makes, and no damage goes through."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask as oracle

from nfold.annotations import RleMask
from nfold.annotations.rle import decode_rle, encode_rle, rle_area, rle_box, rle_from_runs, rle_runs

masks = arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40)), elements=st.integers(0, 1), fill=st.just(0))


def of_oracle(rle: RleMask) -> dict[str, object]:
    return {"size": [rle.height, rle.width], "counts": rle.counts.encode()}


def blob(seed: int, height: int, width: int) -> np.ndarray:
    noise = np.random.default_rng(seed).random((height // 8 + 1, width // 8 + 1)) > 0.5
    return noise.repeat(8, axis=0).repeat(8, axis=1)[:height, :width]


@given(masks)
def test_packs_and_unpacks_as_pycocotools_does(mask: np.ndarray) -> None:
    rle = encode_rle(mask)
    assert rle.counts.encode() == oracle.encode(np.asfortranarray(mask))["counts"]
    assert np.array_equal(decode_rle(rle), mask == 1)
    assert decode_rle(rle).dtype == bool
    assert rle_area(rle) == oracle.area(of_oracle(rle)) == mask.sum()
    assert rle_from_runs(rle_runs(rle), height=rle.height, width=rle.width) == rle


@given(masks)
def test_the_box_is_the_smallest_round_the_object(mask: np.ndarray) -> None:
    rows, columns = np.nonzero(mask)
    box = rle_box(encode_rle(mask))
    if not rows.size:
        assert box is None
        return
    assert box == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    x, y, width, height = oracle.toBbox(of_oracle(encode_rle(mask)))
    assert box == (x, y, x + width, y + height)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of the oracle, with numpy 2
@pytest.mark.parametrize("seed", range(6))
def test_large_masks_agree_with_pycocotools(seed: int) -> None:
    mask = blob(seed, 700 + seed, 1100)
    rle = encode_rle(mask)
    assert rle.counts.encode() == oracle.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"]
    assert np.array_equal(oracle.decode(of_oracle(rle)) == 1, decode_rle(rle))


def test_very_long_runs_keep_their_length() -> None:
    runs = [4_000_000_000, 1, 200_000_000, 60_000_000, 5_000_000, 29_967_295 - 1]
    rle = rle_from_runs(runs, height=5, width=858_993_459)
    assert rle_runs(rle) == runs


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=30))
def test_uncompressed_runs_pack_as_pycocotools_packs_them(runs: list[int]) -> None:
    packed = rle_from_runs(runs, height=1, width=sum(runs))
    assert (
        packed.counts.encode() == oracle.frPyObjects({"size": [1, sum(runs)], "counts": runs}, 1, sum(runs))["counts"]
    )
    assert rle_runs(packed) == runs


@given(st.text(max_size=20) | st.text(alphabet=[chr(code) for code in range(46, 114)], max_size=40))
def test_damaged_counts_are_a_value_error_and_never_a_wrong_size(counts: str) -> None:
    rle = RleMask(height=7, width=9, counts=counts)
    try:
        mask = decode_rle(rle)
    except ValueError:
        return
    assert mask.shape == (7, 9)
    assert rle_area(rle) == mask.sum()


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ("o", "cut off"),
        ("é", "character"),
        ("p", "character"),
        ("oooooooo0", "too large"),
        ("OO0", "below 0"),
        ("4", r"add up to 4, not to 3 x 2"),
        ("", "add up to 0"),
    ],
)
def test_damage_is_named(counts: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        decode_rle(RleMask(height=2, width=3, counts=counts))


@pytest.mark.parametrize("runs", [[-1, 7], [2.0, 4], ["6"], [True, 5], [5], [2**40]])
def test_runs_that_are_no_counts_are_refused(runs: list[object]) -> None:
    with pytest.raises(ValueError, match="run lengths"):
        rle_from_runs(runs, height=2, width=3)  # type: ignore[arg-type]


def test_a_picture_beyond_what_can_be_counted_is_refused() -> None:
    with pytest.raises(ValueError, match="too large"):
        rle_from_runs([2**31], height=2**20, width=2**20)


def test_an_empty_picture_has_an_empty_mask() -> None:
    rle = encode_rle(np.zeros((0, 0), dtype=bool))
    assert decode_rle(rle).shape == (0, 0)
    assert rle_box(rle) is None
