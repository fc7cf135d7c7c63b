from __future__ import annotations

import io
import struct
import time
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image as PillowImage
from PIL import ImageOps

from nfold.errors import ImageError
from nfold.images import DecodeLimits, decode_image, read_header

Noise = Callable[..., Any]
SHORT, LONG = 3, 4
WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, OFFSETS, ORIENTATION, SAMPLES = 256, 257, 258, 259, 262, 273, 274, 277
ROWS, BYTES, PLANAR, EXTRA, FORMAT = 278, 279, 284, 338, 339


def _tiff(
    samples: Any,
    *,
    photometric: int | None = None,
    order: str = "<",
    planar: int = 1,
    extra: int | None = None,
    fields: dict[int, int] | None = None,
    next_offset: int = 0,
    deflate: bool = False,
    tile: int = 0,
) -> bytes:
    """A TIFF written by hand; `samples` is (h, w, channels). Deflate comes with horizontal differences."""
    height, width, channels = samples.shape
    blocks = [samples] if planar == 1 else [samples[:, :, k : k + 1] for k in range(channels)]
    if tile:
        padded = np.pad(samples, ((0, -height % tile), (0, -width % tile), (0, 0)))
        tops, lefts = range(0, padded.shape[0], tile), range(0, padded.shape[1], tile)
        blocks = [padded[top : top + tile, left : left + tile] for top in tops for left in lefts]
    if deflate:
        blocks = [np.concatenate((block[:, :1], np.diff(block, axis=1)), axis=1) for block in blocks]
    planes = [block.astype(samples.dtype.newbyteorder(order)).tobytes() for block in blocks]
    planes = [zlib.compress(plane) for plane in planes] if deflate else planes
    values: dict[int, tuple[int, list[int]]] = {
        WIDTH: (LONG, [width]),
        HEIGHT: (LONG, [height]),
        BITS: (SHORT, [samples.dtype.itemsize * 8] * channels),
        COMPRESSION: (SHORT, [8 if deflate else 1]),
        PHOTOMETRIC: (SHORT, [(1 if channels < 3 else 2) if photometric is None else photometric]),
        (324 if tile else OFFSETS): (LONG, [8 + sum(len(plane) for plane in planes[:k]) for k in range(len(planes))]),
        SAMPLES: (SHORT, [channels]),
        **({322: (SHORT, [tile]), 323: (SHORT, [tile])} if tile else {ROWS: (LONG, [height])}),
        **({317: (SHORT, [2])} if deflate else {}),
        (325 if tile else BYTES): (LONG, [len(plane) for plane in planes]),
        PLANAR: (SHORT, [planar]),
        **({} if extra is None else {EXTRA: (SHORT, [extra])}),
        **{tag: (SHORT, [value]) for tag, value in (fields or {}).items()},
    }
    body = b"".join(planes)
    at = 8 + len(body) + len(body) % 2
    tail_at = at + 2 + 12 * len(values) + 4
    entries = tail = b""
    for tag, (kind, numbers) in sorted(values.items()):
        packed = struct.pack(f"{order}{len(numbers)}{'H' if kind == SHORT else 'I'}", *numbers)
        if len(packed) > 4:
            entries += struct.pack(order + "HHII", tag, kind, len(numbers), tail_at + len(tail))
            tail += packed
        else:
            entries += struct.pack(order + "HHI", tag, kind, len(numbers)) + packed.ljust(4, b"\0")
    start = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, at)
    directory = struct.pack(order + "H", len(values)) + entries + struct.pack(order + "I", next_offset)
    return start + body.ljust(at - 8, b"\0") + directory + tail


def _saved(picture: PillowImage.Image, **options: Any) -> bytes:
    target = io.BytesIO()
    picture.save(target, "TIFF", **options)
    return target.getvalue()


def _code(data: bytes) -> str:
    with pytest.raises(ImageError) as caught:
        decode_image(data, DecodeLimits())
    return caught.value.stable_code


def _joined(data: bytes, limits: DecodeLimits) -> Any:
    image = decode_image(data, limits)
    return image.pixels if image.alpha is None else np.dstack((image.pixels, image.alpha))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_both_byte_orders_and_depths_are_exact(
    channels: int, dtype: type, order: str, noise: Noise, limits: DecodeLimits
) -> None:
    samples = noise(7, 11, channels, dtype=dtype)
    data = _tiff(samples, order=order, extra=2 if channels == 4 else None)
    np.testing.assert_array_equal(_joined(data, limits), np.squeeze(samples))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize(("deflate", "tile"), [(True, 0), (False, 16), (True, 16)])
def test_deflate_with_differences_and_tiles_are_exact(
    deflate: bool, tile: int, channels: int, dtype: type, order: str, noise: Noise, limits: DecodeLimits
) -> None:
    samples = noise(19, 37, channels, dtype=dtype)
    data = _tiff(samples, order=order, deflate=deflate, tile=tile, extra=2 if channels == 4 else None)
    np.testing.assert_array_equal(_joined(data, limits), np.squeeze(samples))


@pytest.mark.parametrize("channels", [3, 4])
def test_channels_stored_plane_by_plane_are_exact_or_refused(channels: int, noise: Noise, limits: DecodeLimits) -> None:
    samples = noise(7, 11, channels)
    data = _tiff(samples, planar=2, extra=2 if channels == 4 else None)
    np.testing.assert_array_equal(_joined(data, limits), samples)
    # OpenCV mixes up the planes of 16 bits without a word
    assert _code(_tiff(samples.astype(np.uint16), planar=2)) == "image.unsupported_format"


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_white_as_zero_is_turned_over(dtype: type, noise: Noise, limits: DecodeLimits) -> None:
    samples = noise(7, 11, 1, dtype=dtype)
    np.testing.assert_array_equal(_joined(_tiff(samples, photometric=0), limits), ~samples[:, :, 0])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_once_at_each_depth(
    orientation: int, dtype: type, noise: Noise, limits: DecodeLimits
) -> None:
    samples = noise(4, 6, 3, dtype=dtype)
    exif = PillowImage.Exif()
    exif[0x0112] = orientation
    low = PillowImage.fromarray((samples & 0xFF).astype(np.uint8))
    low.getexif()[0x0112] = orientation
    expected = np.asarray(ImageOps.exif_transpose(low))
    actual = _joined(_tiff(samples, fields={ORIENTATION: orientation}), limits)
    np.testing.assert_array_equal((actual & 0xFF).astype(np.uint8), expected)


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "packbits"])
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "P", "CMYK"])
def test_eight_bits_read_as_pillow_reads_them(mode: str, compression: str, noise: Noise, limits: DecodeLimits) -> None:
    channels = {"L": 1, "P": 3, "LA": 2, "RGB": 3, "RGBA": 4, "CMYK": 4}[mode]
    array = np.squeeze(noise(33, 21, channels))
    picture = PillowImage.fromarray(array).quantize(16) if mode == "P" else PillowImage.fromarray(array, mode)
    data = _saved(picture, compression=compression)
    target = "RGB" if mode in ("P", "CMYK") else mode
    np.testing.assert_array_equal(_joined(data, limits), np.asarray(PillowImage.open(io.BytesIO(data)).convert(target)))
    said = {"P": ("palette expanded to RGB",), "CMYK": ("CMYK converted to RGB",)}.get(mode, ())
    assert decode_image(data, limits).conversions == said


@pytest.mark.parametrize("compression", ["raw", "group3", "group4", "tiff_ccitt"])
def test_one_bit_is_widened(compression: str, noise: Noise, limits: DecodeLimits) -> None:
    picture = PillowImage.fromarray(noise(33, 21) > 99)
    data = _saved(picture, compression=compression)
    np.testing.assert_array_equal(_joined(data, limits), np.asarray(picture.convert("L")))
    assert decode_image(data, limits).conversions == ("1-bit widened to 8-bit grey",)


def test_jpeg_inside_tiff_reads_as_pillow_reads_it(noise: Noise, limits: DecodeLimits) -> None:
    data = _saved(PillowImage.fromarray(noise(33, 21, 3)), compression="jpeg")
    np.testing.assert_array_equal(_joined(data, limits), np.asarray(PillowImage.open(io.BytesIO(data)).convert("RGB")))


@pytest.mark.parametrize("mode", ["LZW", "deflate"])
def test_16_bits_compressed_by_opencv_are_exact(mode: str, noise: Noise, limits: DecodeLimits) -> None:
    import cv2

    samples = noise(33, 21, 3, dtype=np.uint16)
    done, data = cv2.imencode(".tiff", samples[:, :, ::-1], [cv2.IMWRITE_TIFF_COMPRESSION, 5 if mode == "LZW" else 8])
    assert done
    np.testing.assert_array_equal(_joined(data.tobytes(), limits), samples)


def test_premultiplied_alpha_is_undone_and_said(limits: DecodeLimits) -> None:
    samples = np.array([[[50, 25, 0, 128], [0, 0, 0, 0]]], np.uint8)
    image = decode_image(_tiff(samples, extra=1), limits)
    assert image.conversions == ("colours divided by their alpha",)
    assert image.pixels[0, 0].tolist() == pytest.approx([99, 49, 0], abs=1)
    assert _code(_tiff(samples.astype(np.uint16), extra=1)) == "image.unsupported_format"


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_an_extra_channel_that_is_no_alpha_is_dropped_and_said(dtype: type, noise: Noise, limits: DecodeLimits) -> None:
    samples = noise(5, 4, 4, dtype=dtype)
    image = decode_image(_tiff(samples, extra=0), limits)
    assert image.alpha is None
    assert image.conversions == ("extra channel of unknown meaning dropped",)
    np.testing.assert_array_equal(image.pixels, samples[:, :, :3])


@pytest.mark.parametrize(
    "data",
    [
        _tiff(np.zeros((3, 3, 1), np.float32), fields={FORMAT: 3}),
        _tiff(np.zeros((3, 3, 1), np.uint32)),
        _tiff(np.zeros((3, 3, 1), np.uint8), fields={FORMAT: 2}),
        _tiff(np.zeros((3, 3, 5), np.uint8)),
        _tiff(np.zeros((3, 3, 2), np.uint16), extra=2),
        _tiff(np.zeros((3, 3, 3), np.uint8), photometric=8),
        _tiff(np.zeros((3, 3, 3), np.uint8), fields={COMPRESSION: 50_000}),
        _tiff(np.zeros((3, 3, 3), np.uint8), fields={50706: 1}),
        _tiff(np.zeros((3, 3, 3), np.uint8), fields={254: 1}),
        b"II+\0" + bytes(20),
    ],
)
def test_kinds_that_are_not_read_are_refused_by_name(data: bytes) -> None:
    assert _code(data) == "image.unsupported_format"


def test_several_pages_are_refused(noise: Noise) -> None:
    pictures = [PillowImage.fromarray(noise(4, 4)) for _ in range(2)]
    assert _code(_saved(pictures[0], save_all=True, append_images=pictures[1:])) == "image.multipage"


def test_a_loop_of_directories_is_a_file_of_several_pages() -> None:
    samples = np.zeros((4, 4, 1), np.uint8)
    assert _code(_tiff(samples, next_offset=8 + 16)) == "image.multipage"


def test_a_next_page_outside_the_file_is_none(limits: DecodeLimits) -> None:
    assert _joined(_tiff(np.zeros((4, 4, 1), np.uint8), next_offset=1 << 30), limits).shape == (4, 4)


def test_a_directory_outside_the_file_is_truncated(noise: Noise) -> None:
    data = _tiff(noise(9, 9, 3))
    assert _code(data[:200]) == "image.truncated"
    assert _code(data[:8]) == "image.truncated"


def test_pixels_outside_the_file_are_damage(noise: Noise) -> None:
    data = _tiff(noise(9, 9, 3))
    at = data.index(struct.pack("<HHI", OFFSETS, LONG, 1)) + 8
    assert _code(data[:at] + struct.pack("<I", len(data) - 5) + data[at + 4 :]) in ("image.truncated", "image.corrupt")


def test_a_flood_of_tags_is_refused_at_once() -> None:
    flood = b"".join(struct.pack("<HHII", 1000 + k % 60_000, LONG, 1, k) for k in range(65_535))
    data = b"II*\0\x08\0\0\0" + struct.pack("<H", 65_535) + flood + bytes(4)
    started = time.perf_counter()
    assert _code(data) == "image.corrupt"
    assert time.perf_counter() - started < 0.1


def test_a_tile_as_large_as_memory_is_refused(noise: Noise) -> None:
    pixels = noise(4, 4, 1)
    data = _tiff(pixels, fields={322: 65_520, 323: 65_520})
    assert _code(data) == "image.corrupt"


def test_a_huge_size_is_refused_from_the_header(noise: Noise) -> None:
    data = _tiff(noise(4, 4, 1))
    at = data.index(struct.pack("<HHI", WIDTH, LONG, 1)) + 8
    assert _code(data[:at] + struct.pack("<I", 2**31) + data[at + 4 :]) == "image.too_large"


def test_the_header_says_what_is_stored(limits: DecodeLimits) -> None:
    header = read_header(_tiff(np.zeros((4, 6, 4), np.uint16), extra=2, fields={ORIENTATION: 6}), limits)
    assert (header.width_px, header.height_px, header.displayed_width_px) == (6, 4, 4)
    assert (header.bits, header.colour, header.has_alpha, header.channels) == (16, "rgb", True, 4)
