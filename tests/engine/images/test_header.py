from __future__ import annotations

import io
import time
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image as PillowImage

from nfold.errors import ImageError
from nfold.images import DecodeLimits, Image, encode_image, read_header
from nfold.images.kinds import FileFormat

Noise = Callable[..., Any]
FORMATS = ("jpeg", "png", "webp", "bmp", "tiff")


@pytest.fixture(params=FORMATS)
def file_format(request: pytest.FixtureRequest) -> FileFormat:
    return request.param


def _data(noise: Noise, file_format: FileFormat, height: int = 30, width: int = 50) -> bytes:
    return encode_image(Image(pixels=noise(height, width, 3), file_format="png"), file_format=file_format)


def _refusal(data: bytes, limits: DecodeLimits) -> ImageError:
    with pytest.raises(ImageError) as caught:
        read_header(data, limits)
    return caught.value


def test_the_header_gives_format_and_size(file_format: FileFormat, noise: Noise, limits: DecodeLimits) -> None:
    header = read_header(_data(noise, file_format), limits)
    assert (header.file_format, header.width_px, header.height_px) == (file_format, 50, 30)
    assert (header.bits, header.channels, header.colour, header.orientation) == (8, 3, "rgb", 1)


def test_reading_a_header_takes_less_than_a_millisecond(
    file_format: FileFormat, noise: Noise, limits: DecodeLimits
) -> None:
    data = _data(noise, file_format, 600, 800)
    times = []
    for _ in range(20):
        started = time.perf_counter()
        read_header(data, limits)
        times.append(time.perf_counter() - started)
    assert min(times) < 0.001


def test_pixels_over_the_limit_are_refused_with_both_numbers(file_format: FileFormat, noise: Noise) -> None:
    error = _refusal(_data(noise, file_format), DecodeLimits(max_pixels=1_499))
    assert error.stable_code == "image.too_large"
    assert "50 x 30" in error.message
    assert "1,499" in error.message
    assert "--max-pixels" in error.hint
    read_header(_data(noise, file_format), DecodeLimits(max_pixels=1_500))


def test_a_side_over_the_limit_is_refused(file_format: FileFormat, noise: Noise) -> None:
    error = _refusal(_data(noise, file_format), DecodeLimits(max_side_px=49))
    assert (error.stable_code, "50 x 30" in error.message) == ("image.too_large", True)
    read_header(_data(noise, file_format), DecodeLimits(max_side_px=50))


def test_bytes_over_the_limit_are_refused(file_format: FileFormat, noise: Noise) -> None:
    data = _data(noise, file_format)
    assert _refusal(data, DecodeLimits(max_bytes=len(data) - 1)).stable_code == "image.too_large"
    read_header(data, DecodeLimits(max_bytes=len(data)))


def test_fifty_megapixels_is_the_limit_that_governs(limits: DecodeLimits) -> None:
    target = io.BytesIO()
    PillowImage.new("1", (10_000, 5_001)).save(target, "PNG")
    assert "50,010,000 pixels" in _refusal(target.getvalue(), limits).message
