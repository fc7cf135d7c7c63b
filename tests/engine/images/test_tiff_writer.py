from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image as PillowImage

from nfold.images import Density, Image, encode_image
from nfold.images.exif import read_directory

Noise = Callable[..., Any]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_fields_are_those_of_a_baseline_tiff(channels: int, dtype: type, noise: Noise, srgb_profile: bytes) -> None:
    pixels = np.squeeze(noise(300, 500, channels, dtype=dtype))
    profile = srgb_profile if channels == 3 else None
    image = Image(pixels=pixels, file_format="tiff", density=Density(x=300, y=72.5), colour_profile=profile)
    data = encode_image(image)
    tags = PillowImage.open(io.BytesIO(data)).tag_v2
    bits = np.dtype(dtype).itemsize * 8
    assert tags[258] == ((bits,) * channels if channels > 1 else (bits,))
    assert (tags[256], tags[257], tags[259], tags[262], tags[277], tags[317]) == (
        500,
        300,
        8,
        1 if channels == 1 else 2,
        channels,
        2,
    )
    assert (float(tags[282]), float(tags[283]), tags[296]) == (300, 72.5, 2)
    assert tags.get(34675) == profile
    assert list(read_directory(data).entries) == sorted(tags)
    assert len(tags[273]) == len(tags[279]) == -(-300 // tags[278])
    assert data[tags[273][0]] == 0x78


def test_alpha_is_declared_as_not_multiplied_in(noise: Noise) -> None:
    image = Image(pixels=noise(4, 5, 3), alpha=noise(4, 5), file_format="tiff")
    assert PillowImage.open(io.BytesIO(encode_image(image))).tag_v2[338] == (2,)
