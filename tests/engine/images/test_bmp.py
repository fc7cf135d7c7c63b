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
GREYS = b"".join(bytes((k, k, k, 0)) for k in range(256))
COLOURS = b"".join(bytes((k, 255 - k, k // 2, 0)) for k in range(256))


def _bmp(
    bits: int,
    pixels: bytes,
    size: tuple[int, int],
    *,
    compression: int = 0,
    palette: bytes = b"",
    masks: tuple[int, ...] = (),
    header_bytes: int = 40,
) -> bytes:
    fields = (header_bytes, *size, 1, bits, compression, len(pixels), 2835, 2835, len(palette) // 4, 0)
    header = struct.pack("<IiiHHIIiiII", *fields) + struct.pack(f"<{len(masks)}I", *masks)
    header = header.ljust(header_bytes, b"\0")
    start = 14 + len(header) + len(palette)
    return struct.pack("<2sIHHI", b"BM", start + len(pixels), 0, 0, start) + header + palette + pixels


def _rows(bits: int, width: int, height: int) -> bytes:
    generator = np.random.default_rng(2)
    return generator.integers(0, 256, (height, (width * bits + 31) // 32 * 4), np.uint8).tobytes()


def _joined(data: bytes) -> Any:
    image = decode_image(data, DecodeLimits())
    return image.pixels if image.alpha is None else np.dstack((image.pixels, image.alpha))


def _by_pillow(data: bytes, mode: str) -> Any:
    return np.asarray(PillowImage.open(io.BytesIO(data)).convert(mode))


def _code(data: bytes, **more: Any) -> str:
    with pytest.raises(ImageError) as caught:
        decode_image(data, DecodeLimits(), **more)
    return caught.value.stable_code


@pytest.mark.parametrize("size", [(1, 1), (7, 5), (8, 3), (33, -4)])
@pytest.mark.parametrize("bits", [1, 4, 8])
def test_a_palette_of_colours_expands_as_pillow_does(bits: int, size: tuple[int, int]) -> None:
    data = _bmp(
        bits, _rows(bits, size[0], abs(size[1])), size, palette=COLOURS[8 : 8 + 4 * 2**bits].ljust(4 * 2**bits, b"\7")
    )
    np.testing.assert_array_equal(_joined(data), _by_pillow(data, "RGB"))
    assert decode_image(data, DecodeLimits()).conversions == ("palette expanded to RGB",)


def test_a_palette_of_greys_gives_grey(limits: DecodeLimits) -> None:
    data = _bmp(8, _rows(8, 7, 5), (7, 5), palette=GREYS)
    image = decode_image(data, limits)
    assert image.conversions == ()
    np.testing.assert_array_equal(image.pixels, _by_pillow(data, "L"))
    inverted = _bmp(8, _rows(8, 7, 5), (7, 5), palette=b"".join(bytes((255 - k,) * 3) + b"\0" for k in range(256)))
    np.testing.assert_array_equal(_joined(inverted), 255 - image.pixels)
    few = _bmp(1, _rows(1, 7, 5), (7, 5), palette=bytes(4) + b"\xff\xff\xff\0")
    np.testing.assert_array_equal(_joined(few), _by_pillow(few, "L"))
    assert decode_image(few, limits).conversions == ("1-bit widened to 8-bit grey",)


@pytest.mark.parametrize("bits", [16, 24, 32])
@pytest.mark.parametrize("size", [(1, 1), (7, 5), (5, -3)])
def test_plain_colours_read_as_pillow_reads_them(bits: int, size: tuple[int, int]) -> None:
    data = _bmp(bits, _rows(bits, size[0], abs(size[1])), size)
    np.testing.assert_array_equal(_joined(data), _by_pillow(data, "RGB"))


@pytest.mark.parametrize(
    ("bits", "masks", "header_bytes"),
    [
        (16, (0xF800, 0x7E0, 0x1F), 40),
        (16, (0x7C00, 0x3E0, 0x1F), 40),
        (32, (0xFF0000, 0xFF00, 0xFF), 40),
        (32, (0xFF000000, 0xFF0000, 0xFF00), 40),
        (32, (0xFF0000, 0xFF00, 0xFF, 0xFF000000), 108),
        (32, (0xFF, 0xFF00, 0xFF0000, 0xFF000000), 124),
        (32, (0xFF000000, 0xFF0000, 0xFF00, 0xFF), 56),
    ],
)
def test_colour_masks_read_as_pillow_reads_them(bits: int, masks: tuple[int, ...], header_bytes: int) -> None:
    extra = masks if header_bytes == 40 else (*masks, *([0] * (4 - len(masks))))
    data = _bmp(bits, _rows(bits, 7, 5), (7, 5), compression=3, masks=extra, header_bytes=header_bytes)
    has_alpha = len(masks) == 4
    np.testing.assert_array_equal(_joined(data), _by_pillow(data, "RGBA" if has_alpha else "RGB"))
    assert read_header(data, DecodeLimits()).has_alpha == has_alpha


@pytest.mark.parametrize("masks", [(0xFF, 0xFF00, 0), (0x3FF00000, 0xFFC00, 0x3FF), (0xA0, 0xFF00, 0xFF0000)])
def test_unusual_masks_are_refused(masks: tuple[int, ...]) -> None:
    assert _code(_bmp(32, _rows(32, 2, 2), (2, 2), compression=3, masks=masks)) == "image.unsupported_format"


def _run_lengths(indices: Any) -> bytes:
    body = b""
    for row in indices[::-1]:
        body += b"".join(bytes((1, int(value))) for value in row[:4])
        rest = row[4:].tobytes()
        body += bytes((0, len(rest))) + rest + bytes(len(rest) % 2) + b"\0\0"
    return body + b"\0\1"


@pytest.mark.parametrize("palette", [COLOURS, GREYS])
def test_run_lengths_of_8_bits_read_as_they_were_written(palette: bytes, noise: Noise) -> None:
    indices = noise(6, 13)
    data = _bmp(8, _run_lengths(indices), (13, 6), compression=1, palette=palette)
    table = np.frombuffer(palette, np.uint8).reshape(-1, 4)[:, 2::-1]
    expected = table[indices]
    np.testing.assert_array_equal(_joined(data), expected if palette == COLOURS else expected[:, :, 0])


@pytest.mark.parametrize(("bits", "compression"), [(4, 2), (8, 1)])
def test_run_lengths_with_jumps_read_as_pillow_reads_them(bits: int, compression: int) -> None:
    mixed = (5, 0x12, 0, 4, 0x34, 0x56, *(() if bits == 4 else (0x78, 0x9A)), 0, 0)
    jump = (0, 2, 2, 0, 7, 0x77, 0, 0)
    body = bytes((*mixed, *jump, 9, 0x11, 0, 0, 9, 0x22, 0, 0, 9, 0x33, 0, 0, 0, 1))
    data = _bmp(bits, body, (9, 5), compression=compression, palette=COLOURS[: 4 << bits])
    np.testing.assert_array_equal(_joined(data), _by_pillow(data, "RGB"))


def test_the_oldest_header_is_read() -> None:
    header = struct.pack("<IHHHH", 12, 7, 5, 1, 24)
    data = struct.pack("<2sIHHI", b"BM", 0, 0, 0, 26) + header + _rows(24, 7, 5)
    np.testing.assert_array_equal(_joined(data), _by_pillow(data, "RGB"))


def test_a_file_that_ends_early_is_truncated_or_kept(noise: Noise, limits: DecodeLimits) -> None:
    data = _bmp(24, _rows(24, 7, 6), (7, 6))
    whole = _joined(data)
    assert _code(data[:-40]) == "image.truncated"
    assert _code(data[:30]) == "image.truncated"
    kept = decode_image(data[:-48], limits, damaged="keep")
    np.testing.assert_array_equal(kept.pixels[2:], whole[2:])
    assert not kept.pixels[:2].any()
    assert kept.conversions == ("damaged file, decoded as far as possible",)
    assert _code(data[:54], damaged="keep") == "image.truncated"


def test_missing_padding_after_the_last_row_is_no_damage() -> None:
    data = _bmp(24, _rows(24, 7, 6), (7, 6))
    np.testing.assert_array_equal(_joined(data[:-3]), _joined(data))


def test_density_is_read(limits: DecodeLimits) -> None:
    assert read_header(_bmp(24, _rows(24, 1, 1), (1, 1)), limits).density.x == pytest.approx(72, abs=0.01)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (_bmp(24, b"", (0, 5)), "image.corrupt"),
        (_bmp(24, b"", (5, 0)), "image.corrupt"),
        (_bmp(24, b"", (-5, 5)), "image.corrupt"),
        (_bmp(40, b"", (5, 5)), "image.unsupported_format"),
        (_bmp(24, b"", (5, 5), compression=4), "image.unsupported_format"),
        (_bmp(8, b"\0\1", (5, -5), compression=1, palette=COLOURS), "image.corrupt"),
        (_bmp(24, b"", (2**31 - 1, 2**31 - 1)), "image.too_large"),
        (_bmp(24, b"", (1, -(2**31))), "image.too_large"),
        (b"BA" + bytes(30), "image.unsupported_format"),
    ],
)
def test_what_cannot_be_read_has_its_code(data: bytes, code: str) -> None:
    assert _code(data) == code
