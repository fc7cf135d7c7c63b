from __future__ import annotations

import io
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import simplejpeg
from PIL import Image as PillowImage

from nfold.errors import ImageError
from nfold.images import DecodeLimits, decode_image, read_header

Noise = Callable[..., Any]


def _jpeg(array: Any, mode: str | None = None, **options: Any) -> bytes:
    target = io.BytesIO()
    PillowImage.fromarray(array, mode).save(target, "JPEG", **options)
    return target.getvalue()


def _segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def _with_segment(data: bytes, marker: int, content: bytes) -> bytes:
    return data[:2] + _segment(marker, content) + data[2:]


def _code(data: bytes, **more: Any) -> str:
    with pytest.raises(ImageError) as caught:
        decode_image(data, DecodeLimits(), **more)
    return caught.value.stable_code


def _frame_at(data: bytes) -> int:
    return next(at for at in (data.find(bytes((0xFF, marker))) for marker in (0xC0, 0xC1, 0xC2)) if at > 0)


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_are_those_of_pillow(channels: int, progressive: bool, noise: Noise, limits: DecodeLimits) -> None:
    data = _jpeg(np.squeeze(noise(37, 29, channels)), progressive=progressive)
    image = decode_image(data, limits)
    np.testing.assert_array_equal(image.pixels, np.asarray(PillowImage.open(io.BytesIO(data))))
    assert image.conversions == ()


def test_a_jpeg_stored_as_rgb_keeps_its_colours(noise: Noise, limits: DecodeLimits) -> None:
    data = _jpeg(noise(16, 16, 3), keep_rgb=True)
    np.testing.assert_array_equal(decode_image(data, limits).pixels, np.asarray(PillowImage.open(io.BytesIO(data))))


@pytest.mark.parametrize("has_adobe_marker", [True, False])
def test_cmyk_is_converted_as_pillow_does(has_adobe_marker: bool, noise: Noise, limits: DecodeLimits) -> None:
    data = _jpeg(noise(24, 31, 4), "CMYK", quality=95)
    if not has_adobe_marker:
        at = data.index(b"\xff\xee")
        data = data[:at] + data[at + 2 + int.from_bytes(data[at + 2 : at + 4], "big") :]
    image = decode_image(data, limits)
    np.testing.assert_array_equal(image.pixels, np.asarray(PillowImage.open(io.BytesIO(data)).convert("RGB")))
    assert image.conversions == ("CMYK converted to RGB",)


@pytest.mark.parametrize("subsampling", ["444", "422", "420", "440", "411"])
def test_the_header_names_the_subsampling(subsampling: str, noise: Noise, limits: DecodeLimits) -> None:
    data = simplejpeg.encode_jpeg(noise(32, 32, 3), 90, "RGB", subsampling)
    assert read_header(data, limits).jpeg_subsampling == subsampling
    assert read_header(_jpeg(noise(8, 8)), limits).jpeg_subsampling is None


def test_12_bits_are_refused(noise: Noise) -> None:
    data = bytearray(_jpeg(noise(8, 8)))
    data[_frame_at(bytes(data)) + 4] = 12
    with pytest.raises(ImageError, match="12-bit JPEG") as caught:
        decode_image(bytes(data), DecodeLimits())
    assert caught.value.stable_code == "image.unsupported_format"


@pytest.mark.parametrize("marker", [0xC3, 0xC5, 0xC7, 0xCB, 0xCF])
def test_lossless_and_hierarchical_frames_are_refused(marker: int, noise: Noise) -> None:
    data = bytearray(_jpeg(noise(8, 8)))
    data[_frame_at(bytes(data)) + 1] = marker
    assert _code(bytes(data)) == "image.unsupported_format"


def test_a_file_of_too_many_scans_is_refused_at_once(noise: Noise) -> None:
    data = _jpeg(noise(64, 64, 3), progressive=True)
    last = data.rindex(b"\xff\xda")
    bomb = data[:-2] + data[last:-2] * 5_000 + data[-2:]
    started = time.perf_counter()
    assert _code(bomb) == "image.too_many_scans"
    assert time.perf_counter() - started < 0.2
    allowing = DecodeLimits(max_jpeg_scans=20)
    assert decode_image(data, allowing).pixels.shape == (64, 64, 3)


def test_scans_are_counted_and_a_thumbnail_is_not(noise: Noise, limits: DecodeLimits) -> None:
    data = _jpeg(noise(64, 64, 3), progressive=True)
    scans = data.count(b"\xff\xda")
    assert read_header(data, limits).jpeg_scans == scans > 1
    assert read_header(_with_segment(data, 0xE1, b"\xff\xda" * 500), limits).jpeg_scans == scans
    assert read_header(_jpeg(noise(64, 64, 3)), limits).jpeg_scans == 1


@pytest.mark.parametrize("missing", [1, 2, 300])
def test_a_file_without_its_end_is_truncated(missing: int, noise: Noise) -> None:
    data = _jpeg(noise(64, 64, 3))
    assert _code(data[:-missing]) == "image.truncated"


def test_a_file_that_ends_in_its_headers_is_truncated_at_every_byte(noise: Noise) -> None:
    data = _jpeg(noise(8, 8, 3))
    for end in range(3, data.index(b"\xff\xda") + 4):
        assert _code(data[:end]) == "image.truncated"


def test_a_flipped_bit_that_the_decoder_notices_is_corrupt(noise: Noise) -> None:
    data = bytearray(_jpeg(noise(64, 64, 3)))
    at = data.index(b"\xff\xda") + 300
    data[at : at + 4] = b"\xff\xae\xff\x01"
    assert _code(bytes(data)) == "image.corrupt"


def test_a_file_cut_off_is_kept_with_what_there_is(noise: Noise, limits: DecodeLimits) -> None:
    data = _jpeg(noise(64, 64, 3), subsampling=0)
    kept = decode_image(data[: len(data) * 2 // 3], limits, damaged="keep")
    np.testing.assert_array_equal(kept.pixels[:24], decode_image(data, limits).pixels[:24])
    assert kept.conversions == ("damaged file, decoded as far as possible",)


def test_nothing_of_another_image_shows_in_a_kept_one(noise: Noise, limits: DecodeLimits) -> None:
    data = _jpeg(noise(64, 64, 3))
    cut = data[: len(data) // 2]
    first = decode_image(cut, limits, damaged="keep").pixels
    decode_image(_jpeg(np.full((64, 64, 3), 200, np.uint8)), limits)
    np.testing.assert_array_equal(decode_image(cut, limits, damaged="keep").pixels, first)


def test_bytes_after_the_end_do_no_harm(noise: Noise, limits: DecodeLimits) -> None:
    data = _jpeg(noise(16, 16, 3))
    for tail in (b"\0" * 100, data):
        assert decode_image(data + tail, limits).pixels.shape == (16, 16, 3)


def test_a_size_that_the_header_does_not_give_is_corrupt(noise: Noise) -> None:
    data = bytearray(_jpeg(noise(8, 8)))
    at = _frame_at(bytes(data))
    data[at + 5 : at + 7] = b"\0\0"
    assert _code(bytes(data)) == "image.corrupt"


def test_the_largest_size_is_refused_from_the_header(noise: Noise) -> None:
    data = bytearray(_jpeg(noise(8, 8)))
    at = _frame_at(bytes(data))
    data[at + 5 : at + 9] = b"\xff\xff\xff\xff"
    assert _code(bytes(data)) == "image.too_large"


def test_an_end_or_a_flood_before_the_image_data_is_corrupt(noise: Noise) -> None:
    data = _jpeg(noise(8, 8))
    assert _code(data[:2] + b"\xff\xd9" + data[2:]) == "image.corrupt"
    assert _code(data[:2] + _segment(0xFE, b"") * 5_000 + data[2:]) == "image.corrupt"


def test_a_profile_with_a_missing_part_is_dropped_and_said(
    noise: Noise, limits: DecodeLimits, srgb_profile: bytes
) -> None:
    part = b"ICC_PROFILE\0" + bytes((1, 2)) + srgb_profile
    image = decode_image(_with_segment(_jpeg(noise(8, 8, 3)), 0xE2, part), limits)
    assert image.colour_profile is None
    assert image.conversions == ("broken or unusual colour profile dropped",)


def test_density_comes_from_jfif_in_either_unit_else_from_exif(noise: Noise, limits: DecodeLimits) -> None:
    inch = _jpeg(noise(8, 8), dpi=(300, 200))
    assert (read_header(inch, limits).density.x, read_header(inch, limits).density.y) == (300, 200)
    at = inch.index(b"JFIF") + 7
    metric = inch[:at] + b"\x02" + inch[at + 1 :]
    assert read_header(metric, limits).density.x == pytest.approx(762)
    ratio = inch[:at] + b"\x00" + inch[at + 1 :]
    assert read_header(ratio, limits).density is None
    exif = PillowImage.Exif()
    exif[0x011A], exif[0x011B], exif[0x0128] = 240.0, 120.0, 2
    assert read_header(_jpeg(noise(8, 8), exif=exif), limits).density.y == 120


def test_flipped_bits_are_noticed_far_more_often_than_by_a_lenient_decoder(
    data_folder: Path, limits: DecodeLimits
) -> None:
    data = (data_folder / "odd" / "hopper.jpg").read_bytes()
    generator = np.random.default_rng(5)
    refused = refused_by_pillow = 0
    for _ in range(400):
        flipped = bytearray(data)
        flipped[generator.integers(data.index(b"\xff\xda") + 20, len(data) - 2)] ^= 1 << int(generator.integers(8))
        try:
            decode_image(bytes(flipped), limits)
        except ImageError:
            refused += 1
        try:
            PillowImage.open(io.BytesIO(flipped)).load()
        except OSError:
            refused_by_pillow += 1
    assert refused > 3 * refused_by_pillow


def test_a_damaged_file_without_its_end_counts_as_truncated(noise: Noise) -> None:
    data = bytearray(_jpeg(noise(64, 64, 3)))
    at = data.index(b"\xff\xda") + 300
    data[at : at + 4] = b"\xff\xae\xff\x01"
    assert _code(bytes(data[:-2])) == "image.truncated"


def test_the_first_of_two_exif_segments_counts(noise: Noise, limits: DecodeLimits) -> None:
    first, second = PillowImage.Exif(), PillowImage.Exif()
    first[0x0112], second[0x0112] = 3, 6
    data = _with_segment(_jpeg(noise(8, 8)), 0xE1, second.tobytes())
    data = _with_segment(data, 0xE1, first.tobytes())
    assert read_header(data, limits).orientation == 3
