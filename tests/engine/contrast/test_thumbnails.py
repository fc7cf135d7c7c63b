from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nfold.contrast.thumbnails import Thumbnails, thumbnail
from nfold.images import Image


@pytest.mark.parametrize(
    "pixels",
    [
        np.full((90, 40, 3), 200, np.uint8),
        np.full((10, 12), 200, np.uint8),
        np.full((90, 40), 200 * 257, np.uint16),
        np.full((32, 32, 3), 200 * 257, np.uint16),
    ],
)
def test_every_picture_becomes_a_square_of_three_channels_of_eight_bits(pixels: Any) -> None:
    small = thumbnail(Image(pixels=pixels, file_format="png"), 32)
    assert (small.shape, small.dtype) == ((32, 32, 3), np.uint8)
    assert (small == 200).all()


def test_pictures_come_back_with_their_classes(tmp_path: Path) -> None:
    stored = Thumbnails(tmp_path, "x", 3, 8)
    for place in range(3):
        stored.put(place, Image(pixels=np.full((8, 8), place * 10, np.uint8), file_format="png"), place)
    pixels, labels = stored.batch([2, 0])
    assert pixels[:, 0, 0, 0].tolist() == [20, 0]
    assert labels.tolist() == [2, 0]
    assert len(stored) == 3
