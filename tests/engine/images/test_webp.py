from __future__ import annotations

import io
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image as PillowImage

from nfold.errors import ImageError
from nfold.images import DecodeLimits, decode_image, read_header

Noise = Callable[..., Any]


def _webp(array: Any, **options: Any) -> bytes:
    target = io.BytesIO()
    PillowImage.fromarray(array).save(target, "WEBP", **options)
    return target.getvalue()


def _code(data: bytes, **more: Any) -> str:
    with pytest.raises(ImageError) as caught:
        decode_image(data, DecodeLimits(), **more)
    return caught.value.stable_code


@pytest.mark.parametrize("lossless", [False, True])
@pytest.mark.parametrize("channels", [3, 4])
def test_pixels_are_those_of_pillow(channels: int, lossless: bool, noise: Noise, limits: DecodeLimits) -> None:
    data = _webp(noise(29, 37, channels), lossless=lossless, exact=True)
    image = decode_image(data, limits)
    actual = image.pixels if image.alpha is None else np.dstack((image.pixels, image.alpha))
    np.testing.assert_array_equal(actual, np.asarray(PillowImage.open(io.BytesIO(data))))
    assert image.webp_lossless == lossless
    header = read_header(data, limits)
    assert (header.width_px, header.height_px, header.channels) == (37, 29, channels)


def test_an_animation_is_refused(noise: Noise) -> None:
    frames = [PillowImage.fromarray(noise(8, 8, 3, seed=seed)) for seed in range(3)]
    target = io.BytesIO()
    frames[0].save(target, "WEBP", save_all=True, append_images=frames[1:])
    assert _code(target.getvalue()) == "image.animated"


@pytest.mark.parametrize("options", [{}, {"lossless": True}, {"icc_profile": b"x" * 200}])
def test_a_file_that_ends_early_is_truncated(options: dict[str, Any], noise: Noise) -> None:
    data = _webp(noise(16, 16, 3), **options)
    for end in range(12, len(data), 7):
        assert _code(data[:end]) == "image.truncated"
        assert _code(data[:end], damaged="keep") == "image.truncated"


def test_a_container_and_a_stream_of_two_sizes_is_corrupt(noise: Noise) -> None:
    data = bytearray(_webp(noise(16, 16, 4)))
    at = data.index(b"VP8X") + 12
    data[at] ^= 4
    assert _code(bytes(data)) == "image.corrupt"


def test_a_container_without_an_image_is_corrupt() -> None:
    assert _code(b"RIFF" + struct.pack("<I", 4) + b"WEBP") == "image.corrupt"
    chunk = b"VP8 " + struct.pack("<I", 10) + bytes(10)
    assert _code(b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk) == "image.corrupt"


def test_the_largest_canvas_is_refused_from_the_header() -> None:
    bits = 0x3FFF | 0x3FFF << 14
    chunk = b"VP8L" + struct.pack("<I", 6) + b"\x2f" + struct.pack("<I", bits) + b"\0"
    assert _code(b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk) == "image.too_large"


def test_a_profile_beyond_4_mib_is_dropped(noise: Noise, limits: DecodeLimits, srgb_profile: bytes) -> None:
    data = _webp(noise(8, 8, 3), icc_profile=srgb_profile.ljust(5 << 20, b"\0"))
    assert decode_image(data, limits).conversions == ("broken or unusual colour profile dropped",)
