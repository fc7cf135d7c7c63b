from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image as PillowImage
from PIL import ImageCms, ImageOps

from nfold.errors import ImageError
from nfold.images import DecodeLimits, decode_image, read_header
from nfold.images.kinds import FileFormat

Noise = Callable[..., Any]
WRITERS = {"jpeg": "JPEG", "png": "PNG", "webp": "WEBP", "tiff": "TIFF"}


def _written(array: Any, file_format: str, orientation: int = 1, **options: Any) -> bytes:
    target = io.BytesIO()
    picture = PillowImage.fromarray(array)
    if orientation != 1:
        exif = PillowImage.Exif()
        exif[0x0112] = orientation
        options["exif"] = exif
    if file_format == "webp":
        options |= {"lossless": True, "exact": True}
    if file_format == "jpeg":
        options |= {"subsampling": "4:4:4"}
    picture.save(target, WRITERS[file_format], **options)
    return target.getvalue()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("file_format", WRITERS)
def test_every_orientation_is_applied_as_pillow_does(
    file_format: FileFormat, orientation: int, noise: Noise, limits: DecodeLimits
) -> None:
    data = _written(noise(24, 40, 3), file_format, orientation, dpi=(300, 150))
    image = decode_image(data, limits)
    expected = np.asarray(ImageOps.exif_transpose(PillowImage.open(io.BytesIO(data))))
    np.testing.assert_array_equal(image.pixels, expected)
    assert image.pixels.flags.c_contiguous
    assert image.conversions == (() if orientation == 1 else (f"EXIF orientation {orientation} applied",))
    header = read_header(data, limits)
    assert (header.displayed_height_px, header.displayed_width_px) == image.pixels.shape[:2]
    assert (header.height_px, header.width_px) == (24, 40)
    if file_format != "webp":
        across = (150, 300) if orientation >= 5 else (300, 150)
        assert (image.density.x, image.density.y) == pytest.approx(across, abs=0.02)


@pytest.mark.parametrize("orientation", range(2, 9))
@pytest.mark.parametrize("file_format", ["png", "webp", "tiff"])
def test_alpha_turns_with_the_pixels(
    file_format: FileFormat, orientation: int, noise: Noise, limits: DecodeLimits
) -> None:
    data = _written(noise(6, 10, 4), file_format, orientation)
    image = decode_image(data, limits)
    expected = np.asarray(ImageOps.exif_transpose(PillowImage.open(io.BytesIO(data))))
    np.testing.assert_array_equal(np.dstack((image.pixels, image.alpha)), expected)


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_is_ignored(value: int, noise: Noise, limits: DecodeLimits) -> None:
    image = decode_image(_written(noise(6, 10, 3), "jpeg", value), limits)
    assert image.pixels.shape == (6, 10, 3)
    assert image.conversions == ()


@pytest.mark.parametrize("file_format", ["jpeg", "png"])
def test_a_profile_of_another_colour_space_is_dropped_and_said(
    file_format: FileFormat, noise: Noise, limits: DecodeLimits, srgb_profile: bytes
) -> None:
    array = noise(6, 10)
    image = decode_image(_written(array, "tiff", icc_profile=srgb_profile), limits)
    assert image.colour_profile is None
    assert image.conversions == ("colour profile dropped, since it describes rgb pixels",)


def test_a_cmyk_profile_is_dropped_with_the_conversion(noise: Noise, limits: DecodeLimits, srgb_profile: bytes) -> None:
    profile = srgb_profile[:16] + b"CMYK" + srgb_profile[20:]
    target = io.BytesIO()
    PillowImage.fromarray(noise(8, 8, 4), "CMYK").save(target, "JPEG", icc_profile=profile)
    image = decode_image(target.getvalue(), limits)
    assert image.colour_profile is None
    assert image.conversions == ("CMYK converted to RGB", "CMYK colour profile dropped")
    np.testing.assert_array_equal(image.pixels, np.asarray(PillowImage.open(target).convert("RGB")))


def test_a_broken_profile_is_dropped_and_said(noise: Noise, limits: DecodeLimits) -> None:
    image = decode_image(_written(noise(6, 10, 3), "jpeg", icc_profile=b"not a profile"), limits)
    assert image.colour_profile is None
    assert image.conversions == ("broken or unusual colour profile dropped",)


def test_a_lab_profile_describes_nothing_that_is_read(noise: Noise, limits: DecodeLimits) -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    assert decode_image(_written(noise(6, 10, 3), "png", icc_profile=lab), limits).colour_profile is None


@pytest.mark.parametrize("file_format", WRITERS)
def test_two_decodes_are_equal(file_format: FileFormat, noise: Noise, limits: DecodeLimits) -> None:
    data = _written(noise(30, 20, 3), file_format)
    first, second = decode_image(data, limits), decode_image(data, limits)
    np.testing.assert_array_equal(first.pixels, second.pixels)


@pytest.mark.parametrize("file_format", WRITERS)
def test_bytes_say_the_format_whatever_they_are_called(
    file_format: FileFormat, noise: Noise, limits: DecodeLimits
) -> None:
    assert decode_image(_written(noise(3, 4, 3), file_format), limits).file_format == file_format


def test_pixels_can_be_written_to(noise: Noise, limits: DecodeLimits) -> None:
    for file_format in WRITERS:
        decode_image(_written(noise(3, 4, 3), file_format), limits).pixels[0, 0] = 1


@pytest.mark.parametrize("file_format", ["jpeg", "png"])
def test_damage_can_be_skipped_or_kept(file_format: FileFormat, noise: Noise, limits: DecodeLimits) -> None:
    data = _written(noise(64, 48, 3), file_format)
    cut = data[: len(data) * 3 // 4]
    with pytest.raises(ImageError) as caught:
        decode_image(cut, limits)
    assert caught.value.stable_code == "image.truncated"
    kept = decode_image(cut, limits, damaged="keep")
    assert kept.conversions == ("damaged file, decoded as far as possible",)
    np.testing.assert_array_equal(kept.pixels[:16], decode_image(data, limits).pixels[:16])


def test_a_whole_file_is_not_called_damaged(noise: Noise, limits: DecodeLimits) -> None:
    for file_format in WRITERS:
        assert decode_image(_written(noise(9, 9, 3), file_format), limits, damaged="keep").conversions == ()
