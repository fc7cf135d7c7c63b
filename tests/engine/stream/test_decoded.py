"""What is kept in memory stays within its bound."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nfold.images import Image
from nfold.stream.decoded import DecodedPictures
from nfold.variation import Sample


def sample_of(side: int) -> Sample:
    image = Image(pixels=np.zeros((side, side, 3), np.uint8), file_format="png")
    return Sample(source=f"{side}.png", image=image)


@given(sides=st.lists(st.integers(1, 40), max_size=40), bound=st.integers(0, 20_000))
def test_the_bound_is_never_exceeded_and_what_is_kept_is_never_let_go(sides: list[int], bound: int) -> None:
    decoded = DecodedPictures(bound)
    kept: dict[int, Sample] = {}
    for position, side in enumerate(sides):
        decoded.offer(position, sample_of(side))
        found = decoded.get(position)
        if found is not None:
            kept[position] = found
        assert decoded.bytes == sum(sample.image.pixels.nbytes for sample in kept.values()) <= bound
    assert all(decoded.get(position) is sample for position, sample in kept.items())


def test_alpha_and_mask_weigh_too() -> None:
    sample = sample_of(10)
    image = replace(sample.image, alpha=np.zeros((10, 10), np.uint8))
    heavy = replace(sample, image=image, mask=np.zeros((10, 10), np.uint16))
    decoded = DecodedPictures(1000)
    decoded.offer(0, heavy)
    assert decoded.bytes == 300 + 100 + 200


@pytest.mark.parametrize("bound", [0, 5_000])
def test_many_threads_keep_within_the_bound(bound: int) -> None:
    decoded = DecodedPictures(bound)
    samples = {position: sample_of(10) for position in range(60)}

    def offer_all() -> None:
        for position, sample in samples.items():
            decoded.offer(position, sample)

    threads = [threading.Thread(target=offer_all) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert decoded.bytes == bound // 300 * 300
