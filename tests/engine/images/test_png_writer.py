from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nfold.images import Density, Image, encode_image

Noise = Callable[..., Any]


def _chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    chunks, position = [], 8
    while position < len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        content = data[position + 8 : position + 8 + length]
        assert struct.unpack_from(">I", data, position + 8 + length)[0] == zlib.crc32(kind + content)
        chunks.append((kind, content))
        position += 12 + length
    return chunks


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize(("channels", "colour_type"), [(1, 0), (3, 2), (2, 4), (4, 6)])
def test_colour_type_and_depth_are_those_of_the_pixels(
    channels: int, colour_type: int, dtype: type, noise: Noise
) -> None:
    pixels = noise(5, 7, 3, dtype=dtype) if channels > 2 else noise(5, 7, dtype=dtype)
    alpha = noise(5, 7, dtype=dtype) if channels in (2, 4) else None
    kind, header = _chunks(encode_image(Image(pixels=pixels, alpha=alpha, file_format="png")))[0]
    assert kind == b"IHDR"
    assert struct.unpack(">IIBBBBB", header) == (7, 5, np.dtype(dtype).itemsize * 8, colour_type, 0, 0, 0)


def test_metadata_stand_between_header_and_pixels(noise: Noise, srgb_profile: bytes) -> None:
    image = Image(pixels=noise(5, 7, 3), file_format="png", colour_profile=srgb_profile, density=Density(x=300, y=300))
    chunks = _chunks(encode_image(image))
    assert [kind for kind, _ in chunks] == [b"IHDR", b"iCCP", b"pHYs", b"IDAT", b"IEND"]
    assert chunks[2][1] == struct.pack(">IIB", 11811, 11811, 1)
    plain = [chunk for chunk in chunks if chunk[0] not in (b"iCCP", b"pHYs")]
    assert plain == _chunks(encode_image(Image(pixels=image.pixels, file_format="png")))


def test_noise_and_flat_pixels_are_both_small_enough(noise: Noise) -> None:
    flat = encode_image(Image(pixels=np.full((256, 256, 3), 9, np.uint8), file_format="png"))
    assert len(flat) < 3_000
    assert len(encode_image(Image(pixels=noise(256, 256, 3), file_format="png"))) < 256 * 256 * 3 * 1.03
