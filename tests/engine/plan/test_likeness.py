from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nfold.images import Image
from nfold.plan.likeness import BITS, _among_all, _bands, _by_bands, difference_hash, near_pairs
from tests.conftest import paint


def image(pixels: Any, alpha: Any = None) -> Image:
    return Image(pixels=np.ascontiguousarray(pixels), alpha=alpha, file_format="png")


def bits_apart(one: Image, other: Image) -> int:
    return (int(difference_hash(one), 16) ^ int(difference_hash(other), 16)).bit_count()


class TestFingerprint:
    def test_each_bit_says_whether_it_gets_brighter_to_the_right(self) -> None:
        steps = np.zeros((8, 9), np.uint8)
        steps[3, 5:] = 200  # brighter from column 4 to 5, in row 3
        steps[6, :2] = 90  # darker from column 1 to 2
        assert int(difference_hash(image(steps)), 16) == 1 << (63 - (3 * 8 + 4))
        larger = cv2.resize(steps, (90, 160), interpolation=cv2.INTER_NEAREST)
        assert difference_hash(image(larger)) == difference_hash(image(steps))

    @pytest.mark.parametrize("seed", range(8))
    def test_another_size_depth_or_compression_leaves_most_bits(self, seed: int) -> None:
        photo = paint(seed, width=480, height=360)
        like = [
            image(cv2.resize(photo, (200, 150), interpolation=cv2.INTER_AREA)),
            image(cv2.imdecode(cv2.imencode(".jpg", photo, [cv2.IMWRITE_JPEG_QUALITY, 40])[1], cv2.IMREAD_COLOR)),
            image(photo.astype(np.uint16) * 257),
            image(photo.astype(np.uint16) * 16),  # 12 of 16 bits
            image(cv2.convertScaleAbs(photo, alpha=0.9, beta=5)),
        ]
        assert all(bits_apart(image(photo), other) <= 4 for other in like)
        assert bits_apart(image(photo), image(paint(seed + 100, width=480, height=360))) > 12

    def test_what_is_transparent_counts_as_white(self) -> None:
        shape = np.zeros((80, 90), np.uint8)
        shape[20:60, 30:70] = 255
        drawn = image(np.zeros((80, 90, 3), np.uint8), alpha=shape)
        seen = image(255 - shape)
        assert difference_hash(drawn) == difference_hash(seen) != "0" * 16
        deep = image(np.zeros((80, 90), np.uint16), alpha=shape.astype(np.uint16) * 257)
        assert difference_hash(deep) == difference_hash(seen)

    @pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (2, 2, 3), (8, 9), (5, 7, 3)])
    def test_no_size_is_too_small(self, shape: tuple[int, ...]) -> None:
        assert len(difference_hash(image(np.full(shape, 7, np.uint8)))) == 16


def pairs_of(batches: Any) -> dict[tuple[int, int], int]:
    found = {}
    for ones, others, apart in batches:
        for one, other, distance in zip(ones.tolist(), others.tolist(), apart.tolist(), strict=True):
            assert one != other
            found[min(one, other), max(one, other)] = distance
    return found


def all_pairs(hashes: list[int], most: int) -> dict[tuple[int, int], int]:
    """The oracle: every pair."""
    return {
        (one, other): (hashes[one] ^ hashes[other]).bit_count()
        for other in range(len(hashes))
        for one in range(other)
        if (hashes[one] ^ hashes[other]).bit_count() <= most
    }


NEAR = st.builds(
    lambda base, flips: base ^ sum(1 << flip for flip in flips),
    st.sampled_from([0, 2**64 - 1, 0x00FF00FF12345678]),
    st.sets(st.integers(0, BITS - 1), max_size=12),
)


@settings(deadline=None)
@given(hashes=st.sets(NEAR | st.integers(0, 2**64 - 1), max_size=40).map(sorted), most=st.integers(0, 16))
def test_every_near_pair_is_found_and_no_other(hashes: list[int], most: int) -> None:
    array = np.array(hashes, np.uint64)
    expected = all_pairs(hashes, most)
    assert pairs_of(_among_all(array, most)) == expected
    assert pairs_of(near_pairs(array, most)) == expected


@settings(deadline=None, max_examples=30)
@given(hashes=st.sets(NEAR, max_size=40).map(sorted), most=st.integers(0, 11))
def test_bands_find_what_comparing_all_finds(hashes: list[int], most: int) -> None:
    assert pairs_of(_by_bands(np.array(hashes, np.uint64), most)) == all_pairs(hashes, most)


@pytest.mark.parametrize("chunk", [1, 7, 1000])
@pytest.mark.parametrize("most", [3, 7, 16])
def test_chunks_lose_nothing(chunk: int, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nfold.plan.likeness._CHUNK", chunk)
    generator = np.random.default_rng(5)
    hashes = sorted({int(value) for value in generator.integers(0, 2**12, 60)})
    array = np.array(hashes, np.uint64)
    expected = all_pairs(hashes, most)
    assert pairs_of(_among_all(array, most)) == expected
    if most < 16:
        assert pairs_of(_by_bands(array, most)) == expected


def test_a_large_set_goes_by_bands_and_finds_the_same() -> None:
    generator = np.random.default_rng(1)
    centres = generator.integers(0, 2**64, 900, dtype=np.uint64)
    flips = np.uint64(1) << generator.integers(0, 64, (900, 3), dtype=np.uint64)
    hashes = np.unique(np.concatenate([centres, centres ^ flips[:, 0], centres ^ flips[:, 1] ^ flips[:, 2]]))
    assert len(hashes) > 1024, "enough for bands"
    found = pairs_of(near_pairs(hashes, 3))
    assert found == pairs_of(_among_all(hashes, 3))
    assert len(found) >= 2600


def test_each_band_takes_bits_from_all_over_the_picture() -> None:
    for row in range(8):
        margins = np.array([0xFF << (8 * row)], np.uint64)
        assert all(values[0] != 0 for values in _bands(margins)), "one row of the picture is in every band"


def test_no_fingerprints_are_no_pairs() -> None:
    assert pairs_of(near_pairs(np.array([], np.uint64), 5)) == {}
