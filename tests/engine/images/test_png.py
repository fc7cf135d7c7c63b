from __future__ import annotations

import io
import struct
import time
import tracemalloc
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image as PillowImage

from nfold.errors import ImageError
from nfold.images import DecodeLimits, decode_image, read_header

Noise = Callable[..., Any]
GREY, RGB, PALETTE, GREY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6
CHANNELS = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGB_ALPHA: 4}
DEPTHS = [(GREY, b) for b in (1, 2, 4, 8, 16)] + [(PALETTE, b) for b in (1, 2, 4, 8)]
DEPTHS += [(colour, bits) for colour in (RGB, GREY_ALPHA, RGB_ALPHA) for bits in (8, 16)]
COLOURS = bytes(range(256)) * 3


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _png(
    colour_type: int = GREY,
    bits: int = 8,
    size: tuple[int, int] = (9, 6),
    *,
    before: bytes = b"",
    after: bytes = b"",
    rows: bytes | None = None,
    end: bytes = _chunk(b"IEND", b""),
) -> bytes:
    """A PNG written by hand: unfiltered, of seeded noise."""
    width, height = size
    row_bytes = (width * bits * CHANNELS[colour_type] + 7) // 8
    noise = np.random.default_rng(3).integers(0, 256, (height, row_bytes), np.uint8)
    stored = b"".join(b"\0" + row.tobytes() for row in noise) if rows is None else rows
    palette = _chunk(b"PLTE", COLOURS[: 3 * 2**bits]) if colour_type == PALETTE else b""
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0))
    body = _chunk(b"IDAT", zlib.compress(stored))
    return b"\x89PNG\r\n\x1a\n" + header + palette + before + body + after + end


def _code(data: bytes, **more: Any) -> str:
    with pytest.raises(ImageError) as caught:
        decode_image(data, DecodeLimits(), **more)
    return caught.value.stable_code


def _as_16_bit(data: bytes, channels: int, size: tuple[int, int] = (9, 6)) -> Any:
    stored = zlib.decompress(data[data.index(b"IDAT") + 4 :])
    rows = np.frombuffer(stored, np.uint8).reshape(size[1], -1)[:, 1:]
    return np.ascontiguousarray(rows).view(">u2").reshape(size[1], size[0], channels).astype(np.uint16)


@pytest.mark.parametrize(("colour_type", "bits"), DEPTHS)
def test_every_colour_type_and_depth_reads_as_it_is_stored(colour_type: int, bits: int, limits: DecodeLimits) -> None:
    data = _png(colour_type, bits)
    image = decode_image(data, limits)
    actual = image.pixels if image.alpha is None else np.dstack((image.pixels, image.alpha))
    if bits == 16:
        expected = np.squeeze(_as_16_bit(data, CHANNELS[colour_type]))
    else:
        mode = {GREY: "L", RGB: "RGB", PALETTE: "RGB", GREY_ALPHA: "LA", RGB_ALPHA: "RGBA"}[colour_type]
        expected = np.asarray(PillowImage.open(io.BytesIO(data)).convert(mode))
    np.testing.assert_array_equal(actual, expected)
    header = read_header(data, limits)
    assert (header.bits, header.channels) == (bits, 1 if actual.ndim == 2 else actual.shape[2])


def test_a_palette_and_few_bits_are_said(limits: DecodeLimits) -> None:
    assert decode_image(_png(PALETTE, 4), limits).conversions == ("palette expanded to RGB",)
    assert decode_image(_png(GREY, 1), limits).conversions == ("1-bit widened to 8-bit grey",)
    assert decode_image(_png(GREY, 8), limits).conversions == ()


@pytest.mark.parametrize("entries", [1, 7, 256])
def test_transparency_of_a_palette_becomes_alpha(entries: int, limits: DecodeLimits) -> None:
    data = _png(PALETTE, 8, before=_chunk(b"tRNS", bytes(range(entries))))
    image = decode_image(data, limits)
    expected = np.asarray(PillowImage.open(io.BytesIO(data)).convert("RGBA"))
    np.testing.assert_array_equal(np.dstack((image.pixels, image.alpha)), expected)


@pytest.mark.parametrize(("bits", "value"), [(1, 1), (2, 2), (4, 9), (8, 137), (16, 0x8080)])
def test_the_transparent_grey_becomes_alpha(bits: int, value: int, limits: DecodeLimits) -> None:
    levels = 2**bits - 1
    rows = bytes([0, *struct.pack(">2H", value, value ^ 1)]) if bits == 16 else bytes([0, value << (8 - bits)])
    width = 2 if bits == 16 else 1
    data = _png(GREY, bits, (width, 1), before=_chunk(b"tRNS", struct.pack(">H", value)), rows=rows)
    image = decode_image(data, limits)
    assert image.alpha.dtype == image.pixels.dtype
    assert image.alpha[0, 0] == 0
    assert image.pixels[0, 0] == (value if bits == 16 else value * 255 // levels)
    if bits == 16:
        assert image.alpha[0, 1] == 65535
    assert "transparent colour turned into an alpha channel" in image.conversions


@pytest.mark.parametrize("bits", [8, 16])
def test_the_transparent_colour_becomes_alpha_only_where_all_channels_match(bits: int, limits: DecodeLimits) -> None:
    form = f">3{'B' if bits == 8 else 'H'}"
    rows = b"\0" + struct.pack(form, 1, 2, 3) + struct.pack(form, 1, 2, 4)
    data = _png(RGB, bits, (2, 1), before=_chunk(b"tRNS", struct.pack(">3H", 1, 2, 3)), rows=rows)
    assert decode_image(data, limits).alpha.tolist() == [[0, 255 if bits == 8 else 65535]]


def test_an_interlaced_file_reads_like_a_plain_one(noise: Noise, limits: DecodeLimits) -> None:
    import cv2

    pixels = noise(13, 21, 3)
    data = _interlaced(pixels)
    np.testing.assert_array_equal(decode_image(data, limits).pixels, pixels)
    np.testing.assert_array_equal(cv2.imdecode(np.frombuffer(data, np.uint8), 1)[:, :, ::-1], pixels)


def _interlaced(pixels: Any) -> bytes:
    steps = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
    rows = b""
    for left, top, x, y in steps:
        rows += b"".join(b"\0" + row.tobytes() for row in pixels[top::y, left::x] if row.size)
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", pixels.shape[1], pixels.shape[0], 8, RGB, 0, 0, 1))
    return b"\x89PNG\r\n\x1a\n" + header + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")


def test_an_interlaced_file_that_is_cut_off_keeps_its_first_passes(noise: Noise, limits: DecodeLimits) -> None:
    pixels = noise(64, 64, 3)
    data = _interlaced(pixels)
    kept = decode_image(data[: len(data) // 2], limits, damaged="keep")
    np.testing.assert_array_equal(kept.pixels[::8, ::8], pixels[::8, ::8])


@pytest.mark.parametrize("kind", [b"IHDR", b"IDAT", b"tEXt", b"IEND"])
def test_a_wrong_checksum_of_any_chunk_is_corrupt(kind: bytes) -> None:
    data = bytearray(_png(before=_chunk(b"tEXt", b"a\0b")))
    at = data.index(kind)
    end = at + 4 + int.from_bytes(data[at - 4 : at], "big")
    data[end] ^= 1
    assert _code(bytes(data)) == "image.corrupt"


def test_a_file_that_ends_early_is_truncated() -> None:
    data = _png()
    for end in (9, 30, 40, len(data) - 20, len(data) - 12, len(data) - 1):
        assert _code(data[:end]) == "image.truncated"


def test_bytes_after_the_end_do_no_harm(limits: DecodeLimits) -> None:
    assert decode_image(_png() + b"anything", limits).pixels.shape == (6, 9)


def test_an_image_stream_that_is_too_short_is_corrupt() -> None:
    assert _code(_png(rows=b"\0" + bytes(9))) == "image.corrupt"


def test_a_filter_that_does_not_exist_is_corrupt_but_can_be_kept(limits: DecodeLimits) -> None:
    rows = b"".join(bytes([9 if row == 3 else 0]) + bytes([row] * 9) for row in range(6))
    assert _code(_png(rows=rows)) == "image.corrupt"
    kept = decode_image(_png(rows=rows), limits, damaged="keep")
    assert kept.pixels[:, 0].tolist() == list(range(6))


def test_nothing_is_kept_where_nothing_inflates() -> None:
    data = _png()
    at = data.index(b"IDAT") + 4
    assert _code(data[:at] + bytes(20), damaged="keep") == "image.corrupt"


@pytest.mark.parametrize(("colour_type", "bits"), [(GREY, 3), (RGB, 4), (PALETTE, 16), (5, 8)])
def test_an_impossible_header_is_corrupt(colour_type: int, bits: int) -> None:
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 4, bits, colour_type, 0, 0, 0))
    assert _code(b"\x89PNG\r\n\x1a\n" + header + _chunk(b"IDAT", b"") + _chunk(b"IEND", b"")) == "image.corrupt"


def test_an_animation_is_refused_but_a_single_frame_is_not(limits: DecodeLimits) -> None:
    assert _code(_png(before=_chunk(b"acTL", struct.pack(">II", 2, 0)))) == "image.animated"
    assert decode_image(_png(before=_chunk(b"acTL", struct.pack(">II", 1, 0))), limits).pixels.shape == (6, 9)


def test_apples_variant_is_refused_by_name() -> None:
    data = _png()
    with pytest.raises(ImageError, match="CgBI"):
        decode_image(data[:8] + _chunk(b"CgBI", bytes(4)) + data[8:], DecodeLimits())


def test_exif_after_the_image_data_counts(limits: DecodeLimits) -> None:
    exif = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    image = decode_image(_png(after=_chunk(b"eXIf", exif)), limits)
    assert image.pixels.shape == (9, 6)
    assert image.conversions == ("EXIF orientation 6 applied",)


def test_gamma_that_a_copy_loses_is_said(limits: DecodeLimits) -> None:
    linear, default = (_chunk(b"gAMA", struct.pack(">I", value)) for value in (100_000, 45_455))
    assert decode_image(_png(before=linear), limits).conversions == ("gamma dropped",)
    assert decode_image(_png(before=default), limits).conversions == ()
    assert decode_image(_png(before=linear + _chunk(b"sRGB", b"\0")), limits).conversions == ()
    assert decode_image(_png(before=_chunk(b"cICP", bytes(4))), limits).conversions == ("colour coding (cICP) dropped",)


def test_other_chunks_change_no_pixel(limits: DecodeLimits) -> None:
    plain = decode_image(_png(RGB), limits).pixels
    noisy = _png(
        RGB, before=_chunk(b"gAMA", struct.pack(">I", 10_000)) + _chunk(b"tEXt", b"k\0v") + _chunk(b"sBIT", b"\3\3\3")
    )
    np.testing.assert_array_equal(decode_image(noisy, limits).pixels, plain)


def _bomb(name: str) -> bytes:
    if name == "texts":
        return _png(RGB, before=_chunk(b"tEXt", b"k\0v") * 30_000)
    kind = b"iCCP" if name == "a profile" else b"zTXt"
    return _png(RGB, before=_chunk(kind, b"p\0\0" + zlib.compress(bytes(64 << 20), 9)))


@pytest.mark.parametrize("name", ["a profile", "a text", "texts"])
def test_chunks_that_inflate_to_much_cost_nothing(name: str, limits: DecodeLimits) -> None:
    data = _bomb(name)
    started = time.perf_counter()
    image = decode_image(data, limits)
    assert time.perf_counter() - started < 2
    assert image.pixels.shape == (6, 9, 3)
    assert image.colour_profile is None
    if name == "texts":
        return
    tracemalloc.start()
    decode_image(data, limits)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 32 << 20


def test_a_flood_of_chunks_is_refused() -> None:
    assert _code(_png(before=_chunk(b"tEXt", b"k\0v") * 70_000)) == "image.corrupt"


def test_a_huge_size_is_refused_before_anything_is_decoded() -> None:
    for size in ((60_000, 60_000), (2**31 - 1, 1), (50_000_001, 1)):
        header = _chunk(b"IHDR", struct.pack(">IIBBBBB", *size, 8, RGB, 0, 0, 0))
        assert _code(b"\x89PNG\r\n\x1a\n" + header + _chunk(b"IDAT", b"") + _chunk(b"IEND", b"")) == "image.too_large"


def test_an_image_stream_that_inflates_to_much_stays_within_its_size(limits: DecodeLimits) -> None:
    data = _png(rows=bytes(128 << 20), end=b"")
    tracemalloc.start()
    image = decode_image(data, limits, damaged="keep")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert image.pixels.shape == (6, 9)
    assert peak < 16 << 20
