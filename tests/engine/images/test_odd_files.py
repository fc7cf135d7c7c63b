from __future__ import annotations

import io
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage
from PIL import ImageOps

from nfold.errors import ImageError
from nfold.images import DecodeLimits, decode_image

VERDICTS = {
    "16bit.cropped.tif": "tiff 64x64 uint16 grey",
    "16bit.png": "png 100x100 uint16 rgb",
    "1bit.png": "png 691x212 uint8 rgb: palette expanded to RGB",
    "1x1.png": "png 1x1 uint8 rgb",
    "940x2.png": "png 940x2 uint8 rgb",
    "BlueSquare_truncated.jpg": "image.truncated",
    "L_10__29x100.heif": "image.unsupported_format",
    "RGB_8__128x128.heif": "image.unsupported_format",
    "animated.gif": "image.unsupported_format",
    "bad_huffman.jpg": "image.corrupt",
    "bomb_16383x16383.png": "image.too_large",
    "broken-exif-tag.jpg": "jpeg 1x1 uint8 rgb",
    "broken_data_stream.png": "image.corrupt",
    "cmyk.jpg": "jpeg 100x100 uint8 rgb: CMYK converted to RGB",
    "cmyk_pytorch.jpg": "jpeg 100x100 uint8 rgb: CMYK converted to RGB",
    "corrupt.jpg": "image.corrupt",
    "corrupted.heic": "image.unsupported_format",
    "dispose_bgnd.gif": "image.unsupported_format",
    "gradient_lsb_16bperchannel.tif": "tiff 100x100 uint16 rgb",
    "gradient_msb_16bperchannel.tif": "tiff 100x100 uint16 rgb",
    "grayalpha_pytorch.png": "png 100x100 uint8 grey+alpha",
    "grayscale-icc.jpg": "jpeg 50x50 uint8 grey",
    "hopper.avif": "image.unsupported_format",
    "hopper.jpg": "jpeg 128x128 uint8 rgb",
    "hopper.webp": "webp 128x128 uint8 rgb",
    "hopper_16bit.pgm": "image.unsupported_format",
    "hopper_gray.jpg": "jpeg 128x128 uint8 grey",
    **{
        f"hopper_orientation_{k}.jpg": f"jpeg 128x128 uint8 rgb: EXIF orientation {k} applied"
        for k in (2, 3, 4, 5, 6, 7, 8)
    },
    "hopper_orientation_6.webp": "webp 128x128 uint8 rgb: EXIF orientation 6 applied",
    "i_trns.png": "png 64x64 uint16 grey+alpha: transparent colour turned into an alpha channel",
    "image.avif": "image.unsupported_format",
    "image.heic": "image.unsupported_format",
    "image_invalid.jpg": "image.unknown_format",
    "invalid_quantization.jpg": "jpeg 300x400 uint8 rgb",
    "l_trns.png": "png 64x64 uint8 grey+alpha: transparent colour turned into an alpha channel",
    "la.tga": "image.unsupported_format",
    "maracujá.jpg": "jpeg 300x400 uint8 rgb",
    "mode_grayscale_alpha.png": "image.animated",
    "multipage.tiff": "image.multipage",
    "paletted-transparent.png": "png 300x225 uint8 rgb+alpha: palette expanded to RGB",
    "pil123p.png": "png 162x150 uint8 rgb+alpha: palette expanded to RGB, gamma dropped",
    "pil123rgba.png": "png 162x150 uint8 rgb+alpha: gamma dropped",
    "pil_sample_cmyk.jpg": "jpeg 100x100 uint8 rgb: CMYK converted to RGB",
    "rgbalpha_pytorch16.png": "png 100x100 uint16 rgb+alpha",
    "truncated.heic": "image.unsupported_format",
    "truncated_image.png": "image.truncated",
}
KEPT = ("BlueSquare_truncated.jpg", "bad_huffman.jpg", "broken_data_stream.png", "corrupt.jpg", "truncated_image.png")


def _verdict(data: bytes) -> str:
    try:
        image = decode_image(data, DecodeLimits())
    except ImageError as error:
        return error.stable_code
    height, width = image.pixels.shape[:2]
    channels = ("grey" if image.pixels.ndim == 2 else "rgb") + ("" if image.alpha is None else "+alpha")
    said = ": " + ", ".join(image.conversions) if image.conversions else ""
    return f"{image.file_format} {width}x{height} {image.pixels.dtype} {channels}{said}"


def test_every_odd_file_is_in_the_table(data_folder: Path) -> None:
    assert sorted(path.name for path in (data_folder / "odd").iterdir()) == sorted(VERDICTS)


@pytest.mark.parametrize("name", VERDICTS)
def test_an_odd_file_has_the_verdict_of_the_table(name: str, data_folder: Path) -> None:
    assert _verdict((data_folder / "odd" / name).read_bytes()) == VERDICTS[name]


@pytest.mark.parametrize("name", [name for name, verdict in VERDICTS.items() if "uint8" in verdict])
def test_eight_bit_pixels_are_those_of_pillow(name: str, data_folder: Path, limits: DecodeLimits) -> None:
    data = (data_folder / "odd" / name).read_bytes()
    image = decode_image(data, limits)
    picture = ImageOps.exif_transpose(PillowImage.open(io.BytesIO(data)))
    mode = ("L" if image.pixels.ndim == 2 else "RGB") + ("" if image.alpha is None else "A")
    expected = np.asarray(picture.convert("RGBA").convert(mode) if mode == "LA" else picture.convert(mode))
    actual = image.pixels if image.alpha is None else np.dstack((image.pixels, image.alpha))
    np.testing.assert_array_equal(actual, expected)


@pytest.mark.parametrize("name", KEPT)
def test_a_damaged_file_can_be_kept_as_far_as_it_decodes(name: str, data_folder: Path, limits: DecodeLimits) -> None:
    data = (data_folder / "odd" / name).read_bytes()
    first, second = (decode_image(data, limits, damaged="keep") for _ in range(2))
    assert first.conversions[-1] == "damaged file, decoded as far as possible"
    assert first.pixels.any()
    np.testing.assert_array_equal(first.pixels, second.pixels)


def test_a_bomb_is_refused_by_its_header(data_folder: Path) -> None:
    data = (data_folder / "odd" / "bomb_16383x16383.png").read_bytes()
    started = time.perf_counter()
    assert _verdict(data) == "image.too_large"
    assert time.perf_counter() - started < 0.1
