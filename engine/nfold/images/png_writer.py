"""Writing PNG: OpenCV for speed, our own code for grey with alpha, which OpenCV would write as RGBA."""

from __future__ import annotations

import functools
import struct
import zlib
from typing import cast

from nfold.images import failures
from nfold.images.kinds import Density, Image, Pixels
from nfold.images.png import METRES_PER_INCH, SIGNATURE, packed_chunk

_HEADER_END = 33
_GREY_ALPHA = 4


def encode(image: Image, jpeg_quality: int) -> bytes:
    """Encode grey, RGB, grey + alpha or RGBA of 8 or 16 bits, with profile and density."""
    encoded = _encoded_grey_alpha(image) if image.pixels.ndim == 2 and image.alpha is not None else _encoded(image)
    if image.colour_profile is None and image.density is None:
        return bytes(encoded)
    profile = _profile_chunk(image.colour_profile) if image.colour_profile else b""
    density = _density_chunk(image.density) if image.density else b""
    return b"".join((encoded[:_HEADER_END], profile, density, encoded[_HEADER_END:]))


def _encoded(image: Image) -> memoryview:
    import cv2

    pixels = image.pixels
    if image.alpha is not None:
        pixels = cast(Pixels, cv2.cvtColor(cv2.merge([*cv2.split(pixels), image.alpha]), cv2.COLOR_RGBA2BGRA))
    elif pixels.ndim == 3:
        pixels = cast(Pixels, cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    # run lengths after the Paeth filter: on photographs 4 % larger than deflate's matches in 60 % of the time
    options = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE]
    options += [cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_PAETH]
    done, encoded = cv2.imencode(".png", pixels, options)
    if not done:
        raise failures.corrupt("OpenCV cannot write these pixels as PNG")
    return encoded.data


def _encoded_grey_alpha(image: Image) -> memoryview:
    # OpenCV would write it as RGBA
    import numpy as np

    assert image.alpha is not None
    height_px, width_px = image.pixels.shape
    item_bytes = image.pixels.dtype.itemsize
    interleaved = np.stack((image.pixels, image.alpha), axis=2).astype(f">u{item_bytes}")
    rows = interleaved.view(np.uint8).reshape(height_px, width_px * 2 * item_bytes)
    filtered = np.empty((height_px, rows.shape[1] + 1), np.uint8)
    filtered[:, 0] = 1
    filtered[:, 1:] = rows
    filtered[:, 1 + 2 * item_bytes :] -= rows[:, : -2 * item_bytes]
    header = struct.pack(">IIBBBBB", width_px, height_px, item_bytes * 8, _GREY_ALPHA, 0, 0, 0)
    stream = zlib.compress(filtered.tobytes(), 6)
    return memoryview(
        b"".join((SIGNATURE, packed_chunk(b"IHDR", header), packed_chunk(b"IDAT", stream), packed_chunk(b"IEND", b"")))
    )


@functools.lru_cache(maxsize=8)
def _profile_chunk(profile: bytes) -> bytes:
    return packed_chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(profile, 9))


def _density_chunk(density: Density) -> bytes:
    per_metre = [min(max(round(value / METRES_PER_INCH), 1), 2**31 - 1) for value in (density.x, density.y)]
    return packed_chunk(b"pHYs", struct.pack(">IIB", *per_metre, 1))
