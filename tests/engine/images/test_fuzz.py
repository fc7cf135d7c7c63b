"""Damage of every kind done to files of every kind: each ends as an image within the limits, or as an ImageError."""

from __future__ import annotations

import io
import random
import struct
import time
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as PillowImage

from nfold.errors import ImageError
from nfold.images import DecodeLimits, Image, decode_image, encode_image, read_header
from nfold.images.failures import IMAGE_ERROR_CODES

LIMITS = DecodeLimits(max_pixels=4_000_000)
ROUNDS = 800


def _seeds() -> dict[str, bytes]:
    smooth = np.add.outer(np.arange(40), np.arange(60)).astype(np.uint8)
    colours = np.dstack((smooth, smooth[:, ::-1], smooth // 2))
    alpha = np.ascontiguousarray(smooth[::-1])
    deep = smooth.astype(np.uint16) * 250
    exif = PillowImage.Exif()
    exif[0x0112] = 6
    return {
        "jpeg": _saved(colours, "JPEG", exif=exif),
        "jpeg progressive": _saved(colours, "JPEG", progressive=True),
        "jpeg grey": _saved(smooth, "JPEG"),
        "jpeg cmyk": _saved(PillowImage.fromarray(colours).convert("CMYK"), "JPEG"),
        "png": _saved(colours, "PNG", exif=exif, dpi=(72, 72)),
        "png palette": _saved(PillowImage.fromarray(colours).quantize(32), "PNG", transparency=3),
        "png 1 bit": _saved(smooth > 40, "PNG"),
        "png 16": encode_image(Image(pixels=deep, alpha=deep, file_format="png")),
        "webp": _saved(colours, "WEBP"),
        "webp lossless": _saved(np.dstack((colours, alpha)), "WEBP", lossless=True),
        "webp alpha": _saved(np.dstack((colours, alpha)), "WEBP", exif=exif),
        "bmp": _saved(colours, "BMP"),
        "bmp palette": _saved(PillowImage.fromarray(colours).quantize(32), "BMP"),
        "bmp alpha": encode_image(Image(pixels=colours, alpha=alpha, file_format="bmp")),
        "bmp runs": _run_lengths(smooth),
        "tiff": _saved(colours, "TIFF"),
        "tiff lzw": _saved(colours, "TIFF", compression="tiff_lzw"),
        "tiff jpeg": _saved(colours, "TIFF", compression="jpeg"),
        "tiff fax": _saved(smooth > 40, "TIFF", compression="group4"),
        "tiff 16": encode_image(Image(pixels=np.dstack((deep, deep, deep)), file_format="tiff")),
    }


def _saved(picture: Any, file_format: str, **options: Any) -> bytes:
    target = io.BytesIO()
    picture = picture if isinstance(picture, PillowImage.Image) else PillowImage.fromarray(picture)
    picture.save(target, file_format, **options)
    return target.getvalue()


def _run_lengths(indices: Any) -> bytes:
    palette = b"".join(bytes((k, 255 - k, k // 2, 0)) for k in range(256))
    body = b"".join(b"".join(bytes((2, int(v))) for v in row[::2]) + b"\0\0" for row in indices) + b"\0\1"
    header = struct.pack("<IiiHHIIiiII", 40, 60, 40, 1, 8, 1, len(body), 0, 0, 256, 0)
    return struct.pack("<2sIHHI", b"BM", 1078 + len(body), 0, 0, 1078) + header + palette + body


def _damaged(data: bytes, generator: random.Random) -> bytes:
    damaged = bytearray(data)
    kind = generator.choice(("cut", "bits", "bits", "header", "header", "lost", "doubled"))
    if kind == "cut":
        return data[: generator.randrange(len(data))]
    for _ in range(generator.choice((1, 1, 2, 5))):
        if kind == "bits":
            damaged[generator.randrange(len(damaged))] ^= 1 << generator.randrange(8)
        elif kind == "header":
            end = min(len(damaged), generator.choice((40, 120, 400)))
            damaged[generator.randrange(end)] = generator.choice((0, 1, 255, generator.randrange(256)))
    at = generator.randrange(len(damaged))
    if kind == "lost":
        del damaged[at : at + generator.randrange(1, 64)]
    if kind == "doubled":
        damaged[at:at] = damaged[at : at + generator.randrange(1, 64)]
    return _with_checksums(bytes(damaged)) if generator.random() < 0.7 else bytes(damaged)


def _with_checksums(data: bytes) -> bytes:
    """A PNG whose checksums hold again, so that the damage goes deeper; anything else as it is."""
    if not data.startswith(b"\x89PNG"):
        return data
    repaired, position = bytearray(data), 8
    while position + 12 <= len(data):
        end = position + 8 + int.from_bytes(data[position : position + 4], "big")
        if end + 4 > len(data):
            break
        repaired[end : end + 4] = zlib.crc32(data[position + 4 : end]).to_bytes(4, "big")
        position = end + 4
    return bytes(repaired)


def _check(data: bytes, damaged: Any) -> bool:
    """Whether it decodes; fails on anything but an image within limits or an ImageError."""
    started = time.perf_counter()
    try:
        image = decode_image(data, LIMITS, damaged=damaged)
    except ImageError as error:
        is_said = error.stable_code in IMAGE_ERROR_CODES and bool(error.hint)
        image = None
    finally:
        assert time.perf_counter() - started < 5
    if image is None:
        assert is_said
        return False
    height, width = image.pixels.shape[:2]
    assert width * height <= LIMITS.max_pixels
    assert image.pixels.dtype in (np.uint8, np.uint16)
    assert image.pixels.flags.c_contiguous
    assert image.alpha is None or (image.alpha.shape == (height, width) and image.alpha.dtype == image.pixels.dtype)
    header = read_header(data, LIMITS)
    assert (header.displayed_width_px, header.displayed_height_px) == (width, height)
    assert header.channels == (1 if image.pixels.ndim == 2 else 3) + (image.alpha is not None)
    again = decode_image(data, LIMITS, damaged=damaged)
    np.testing.assert_array_equal(image.pixels, again.pixels)
    assert image.conversions == again.conversions
    return True


@pytest.mark.parametrize("name", _seeds())
def test_a_whole_file_decodes(name: str) -> None:
    assert _check(_seeds()[name], "skip")


@pytest.mark.parametrize("seed", range(6))
def test_a_damaged_file_is_an_image_or_an_image_error(seed: int) -> None:
    generator = random.Random(seed)
    files = list(_seeds().values())
    for _ in range(ROUNDS):
        data = _damaged(generator.choice(files), generator)
        strictly = _check(data, "skip")
        leniently = _check(data, "keep")
        assert leniently or not strictly


@given(st.sampled_from(sorted(_seeds())), st.binary(max_size=40), st.integers(0, 200))
def test_any_bytes_anywhere_are_an_image_or_an_image_error(name: str, inserted: bytes, position: int) -> None:
    data = _seeds()[name]
    _check(data[:position] + inserted + data[position + len(inserted) :], "keep")


@given(st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF", b"BM", b"II*\0", b"MM\0*"]), st.binary())
def test_any_bytes_at_all_are_an_image_or_an_image_error(start: bytes, rest: bytes) -> None:
    _check(start + rest, "keep")
