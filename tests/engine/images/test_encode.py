from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image as PillowImage

from nfold.errors import ImageError, UsageError
from nfold.images import DecodeLimits, Density, Image, decode_image, encode_image, writes_exact_pixels
from nfold.images.kinds import FileFormat

Noise = Callable[..., Any]
HELD = {
    ("png", 8): ("grey", "rgb", "grey+alpha", "rgb+alpha"),
    ("png", 16): ("grey", "rgb", "grey+alpha", "rgb+alpha"),
    ("tiff", 8): ("grey", "rgb", "grey+alpha", "rgb+alpha"),
    ("tiff", 16): ("grey", "rgb", "rgb+alpha"),
    ("bmp", 8): ("grey", "rgb", "rgb+alpha"),
    ("webp", 8): ("rgb", "rgb+alpha"),
    ("jpeg", 8): ("grey", "rgb"),
}
KINDS = ("grey", "rgb", "grey+alpha", "rgb+alpha")
FORMATS = ("jpeg", "png", "webp", "bmp", "tiff")
ALL = [(f, bits, kind) for f in FORMATS for bits in (8, 16) for kind in KINDS]
EXACT = [(f, bits, kind) for f, bits, kind in ALL if kind in HELD.get((f, bits), ()) and f != "jpeg"]
REFUSED = [(f, bits, kind) for f, bits, kind in ALL if kind not in HELD.get((f, bits), ())]
SIZES = [(23, 17), (1, 9), (9, 1), (1, 1), (5, 4)]


def _image(noise: Noise, bits: int, kind: str, size: tuple[int, int] = (23, 17), **more: Any) -> Image:
    dtype = np.uint8 if bits == 8 else np.uint16
    pixels = noise(*size, *((3,) if kind.startswith("rgb") else ()), dtype=dtype)
    alpha = noise(*size, dtype=dtype, seed=8) if kind.endswith("alpha") else None
    return Image(pixels=pixels, alpha=alpha, **{"file_format": "png", **more})


def _assert_same(actual: Image, expected: Image) -> None:
    np.testing.assert_array_equal(actual.pixels, expected.pixels)
    assert actual.pixels.dtype == expected.pixels.dtype
    assert (actual.alpha is None) == (expected.alpha is None)
    if expected.alpha is not None:
        np.testing.assert_array_equal(actual.alpha, expected.alpha)
        assert actual.alpha.flags.c_contiguous
    assert actual.pixels.flags.c_contiguous


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("file_format", "bits", "kind"), EXACT)
def test_a_lossless_round_trip_is_exact(
    file_format: FileFormat, bits: int, kind: str, size: tuple[int, int], noise: Noise, limits: DecodeLimits
) -> None:
    image = _image(noise, bits, kind, size)
    assert writes_exact_pixels(image, file_format)
    decoded = decode_image(encode_image(image, file_format=file_format), limits)
    _assert_same(decoded, image)
    assert decoded.file_format == file_format
    assert decoded.conversions == ()


@pytest.mark.parametrize(("file_format", "bits", "kind"), [case for case in EXACT if case[1] == 8])
def test_pillow_reads_the_pixels_that_were_written(file_format: FileFormat, bits: int, kind: str, noise: Noise) -> None:
    image = _image(noise, bits, kind)
    picture = PillowImage.open(io.BytesIO(encode_image(image, file_format=file_format)))
    expected = image.pixels if image.alpha is None else np.dstack((image.pixels, image.alpha))
    assert picture.mode == {"grey": "L", "rgb": "RGB", "grey+alpha": "LA", "rgb+alpha": "RGBA"}[kind]
    np.testing.assert_array_equal(np.asarray(picture), expected)


@pytest.mark.parametrize(
    ("file_format", "kind"), [("png", "rgb"), ("png", "rgb+alpha"), ("png", "grey"), ("tiff", "rgb")]
)
def test_opencv_reads_the_16_bit_pixels_that_were_written(file_format: FileFormat, kind: str, noise: Noise) -> None:
    image = _image(noise, 16, kind)
    read = cv2.imdecode(np.frombuffer(encode_image(image, file_format=file_format), np.uint8), cv2.IMREAD_UNCHANGED)
    expected = image.pixels if image.pixels.ndim == 2 else image.pixels[:, :, ::-1]
    np.testing.assert_array_equal(read if read.ndim == 2 else read[:, :, :3], expected)
    if image.alpha is not None:
        np.testing.assert_array_equal(read[:, :, 3], image.alpha)


def test_pillow_reads_the_16_bit_grey_that_was_written(noise: Noise) -> None:
    image = _image(noise, 16, "grey")
    for file_format in ("png", "tiff"):
        picture = PillowImage.open(io.BytesIO(encode_image(image, file_format=file_format)))
        np.testing.assert_array_equal(np.asarray(picture).astype(np.uint16), image.pixels)


def test_a_tiff_of_several_strips_is_exact(noise: Noise, limits: DecodeLimits) -> None:
    image = _image(noise, 16, "rgb+alpha", (300, 301))
    _assert_same(decode_image(encode_image(image, file_format="tiff"), limits), image)


@pytest.mark.parametrize(("file_format", "bits", "kind"), REFUSED)
def test_a_format_that_cannot_hold_the_pixels_is_refused(
    file_format: FileFormat, bits: int, kind: str, noise: Noise
) -> None:
    with pytest.raises(ImageError) as caught:
        encode_image(_image(noise, bits, kind), file_format=file_format)
    assert caught.value.stable_code == "image.unsupported"
    assert caught.value.hint


@pytest.mark.parametrize("kind", ["grey", "rgb"])
def test_jpeg_is_close_and_keeps_its_channels(kind: str, limits: DecodeLimits) -> None:
    ramp = np.add.outer(np.arange(64), np.arange(48)).astype(np.uint8)
    pixels = ramp if kind == "grey" else np.dstack((ramp, ramp[:, ::-1], ramp // 2))
    decoded = decode_image(encode_image(Image(pixels=pixels, file_format="jpeg")), limits)
    assert decoded.pixels.shape == pixels.shape
    assert np.abs(decoded.pixels.astype(int) - pixels).max() <= 6


def test_a_lower_jpeg_quality_gives_fewer_bytes(noise: Noise) -> None:
    image = _image(noise, 8, "rgb", file_format="jpeg")
    assert len(encode_image(image, jpeg_quality=50)) < len(encode_image(image))


@pytest.mark.parametrize("quality", [0, 101])
def test_a_jpeg_quality_outside_1_to_100_is_a_usage_error(quality: int, noise: Noise) -> None:
    with pytest.raises(UsageError, match="1 to 100"):
        encode_image(_image(noise, 8, "rgb"), jpeg_quality=quality)


@pytest.mark.parametrize(
    "pixels", [np.zeros((4, 4), np.float32), np.zeros((4, 4, 2), np.uint8), np.zeros((0, 4), np.uint8)]
)
def test_arrays_that_are_no_image_are_refused(pixels: Any) -> None:
    with pytest.raises(ImageError, match="no image"):
        encode_image(Image(pixels=pixels, file_format="png"))


def test_alpha_of_another_shape_is_refused(noise: Noise) -> None:
    with pytest.raises(ImageError, match="does not fit"):
        encode_image(replace(_image(noise, 8, "rgb"), alpha=noise(3, 3)))


@pytest.mark.parametrize("file_format", FORMATS)
def test_the_bytes_depend_on_the_image_alone(file_format: FileFormat, noise: Noise, srgb_profile: bytes) -> None:
    image = _image(noise, 8, "rgb", colour_profile=srgb_profile, density=Density(x=300, y=150))
    other = _image(noise, 8, "rgb", (40, 40))
    first = encode_image(image, file_format=file_format)
    encode_image(other, file_format=file_format)
    assert encode_image(image, file_format=file_format) == first


@pytest.mark.parametrize("file_format", ["jpeg", "png", "webp", "tiff"])
def test_the_colour_profile_survives(
    file_format: FileFormat, noise: Noise, srgb_profile: bytes, limits: DecodeLimits
) -> None:
    data = encode_image(_image(noise, 8, "rgb", colour_profile=srgb_profile), file_format=file_format)
    assert decode_image(data, limits).colour_profile == srgb_profile
    assert PillowImage.open(io.BytesIO(data)).info["icc_profile"] == srgb_profile


def test_a_profile_longer_than_one_jpeg_segment_survives(
    noise: Noise, srgb_profile: bytes, limits: DecodeLimits
) -> None:
    profile = srgb_profile + noise(150_000).tobytes()
    data = encode_image(_image(noise, 8, "rgb", colour_profile=profile), file_format="jpeg")
    assert decode_image(data, limits).colour_profile == profile
    assert PillowImage.open(io.BytesIO(data)).info["icc_profile"] == profile


@pytest.mark.parametrize("file_format", ["jpeg", "png", "bmp", "tiff"])
def test_a_profile_of_other_pixels_is_not_written(
    file_format: FileFormat, noise: Noise, srgb_profile: bytes, limits: DecodeLimits
) -> None:
    data = encode_image(_image(noise, 8, "grey", colour_profile=srgb_profile), file_format=file_format)
    assert b"ICC" not in data
    assert srgb_profile[:64] not in data


@pytest.mark.parametrize("file_format", ["jpeg", "png", "bmp", "tiff"])
def test_the_density_survives(file_format: FileFormat, noise: Noise, limits: DecodeLimits) -> None:
    data = encode_image(_image(noise, 8, "rgb", density=Density(x=300, y=150)), file_format=file_format)
    density = decode_image(data, limits).density
    assert (density.x, density.y) == pytest.approx((300, 150), abs=0.02)
    assert PillowImage.open(io.BytesIO(data)).info["dpi"] == pytest.approx((300, 150), abs=0.02)


@pytest.mark.parametrize("subsampling", ["444", "422", "420", "440", "411"])
def test_jpeg_subsampling_is_that_of_the_source(subsampling: str, noise: Noise, limits: DecodeLimits) -> None:
    image = _image(noise, 8, "rgb", (32, 32), file_format="jpeg", jpeg_subsampling=subsampling)
    assert decode_image(encode_image(image), limits).jpeg_subsampling == subsampling


def test_jpeg_of_an_unnamed_subsampling_is_420(noise: Noise, limits: DecodeLimits) -> None:
    image = _image(noise, 8, "rgb", file_format="jpeg")
    assert decode_image(encode_image(image), limits).jpeg_subsampling == "420"
    assert decode_image(encode_image(replace(image, jpeg_subsampling="441")), limits).jpeg_subsampling == "444"


def test_webp_is_lossless_only_where_nothing_was_lost_before(noise: Noise, limits: DecodeLimits) -> None:
    image = _image(noise, 8, "rgb", file_format="webp")
    for source, lossless in (
        (image, False),
        (replace(image, webp_lossless=True), True),
        (replace(image, file_format="png"), True),
        (replace(image, file_format="jpeg"), False),
    ):
        decoded = decode_image(encode_image(source, file_format="webp"), limits)
        assert decoded.webp_lossless == lossless == writes_exact_pixels(source, "webp")
        assert np.array_equal(decoded.pixels, image.pixels) == lossless


def test_colours_under_full_transparency_survive_in_lossless_webp(noise: Noise, limits: DecodeLimits) -> None:
    image = replace(_image(noise, 8, "rgb+alpha"), alpha=np.zeros((23, 17), np.uint8))
    _assert_same(decode_image(encode_image(image, file_format="webp"), limits), image)


@pytest.mark.parametrize("file_format", FORMATS)
def test_pixels_that_are_views_are_written_alike(file_format: FileFormat, noise: Noise) -> None:
    wide = noise(20, 40, 3)
    view = Image(pixels=wide[:, ::2], file_format="png")
    packed = Image(pixels=np.ascontiguousarray(wide[:, ::2]), file_format="png")
    assert encode_image(view, file_format=file_format) == encode_image(packed, file_format=file_format)


@pytest.mark.parametrize("file_format", FORMATS)
def test_encoding_leaves_its_input_alone(file_format: FileFormat, noise: Noise) -> None:
    image = _image(noise, 8, "rgb")
    before = image.pixels.copy()
    encode_image(image, file_format=file_format)
    np.testing.assert_array_equal(image.pixels, before)


def test_a_side_that_the_format_cannot_hold_is_refused() -> None:
    image = Image(pixels=np.zeros((1, 16_384, 3), np.uint8), file_format="png")
    with pytest.raises(ImageError, match="16384 x 1"):
        encode_image(image, file_format="webp")
