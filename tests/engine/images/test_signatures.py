from __future__ import annotations

import pytest

from nfold.errors import ImageError
from nfold.images.signatures import file_format_of

NAMED = {
    b"GIF89a": "GIF",
    b"\0\0\0\x1cftypavif": "AVIF",
    b"\0\0\0\x1cftypheic": "HEIC",
    b"\0\0\0\x1cftypmif1": "HEIF",
    b"\0\0\0\x1cftypisom": "MP4",
    b"\0\0\0\x0cjP  \r\n\x87\n": "JPEG 2000",
    b"\0\0\0\x0cJXL \r\n\x87\n": "JPEG XL",
    b"P5\n3 3\n255\n": "PGM",
    b"P6 3 3 255 ": "PPM",
    b"P1\n1 1\n1": "PBM",
    b"\0\0\x01\0\x01\0": "ICO",
    b"8BPS\0\1": "Photoshop",
    b"\0\0\x02" + bytes(9) + b"\x04\0\x04\0\x18\x20": "TGA",
    b"<?xml version='1.0'?><svg xmlns=''/>": "SVG",
    b"%PDF-1.7": "PDF",
    b"\x93NUMPY\1\0": "NumPy",
    b"qoif\0\0": "QOI",
    b"FUJIFILMCCD-RAW 0201": "RAF",
    bytes(128) + b"DICM": "DICOM",
}


@pytest.mark.parametrize(("start", "name"), NAMED.items())
def test_an_image_of_another_format_is_refused_by_its_name(start: bytes, name: str) -> None:
    with pytest.raises(ImageError, match=name) as caught:
        file_format_of(start)
    assert caught.value.stable_code == "image.unsupported_format"
    assert caught.value.hint


@pytest.mark.parametrize(
    "data", [b"x", b"hello world, this is text", bytes(200), b"\xff\xd8", b"RIFF0000WAVE", b"BMW is a car maker"]
)
def test_bytes_of_no_format_are_unknown(data: bytes) -> None:
    with pytest.raises(ImageError) as caught:
        file_format_of(data)
    assert caught.value.stable_code == "image.unknown_format"


def test_no_bytes_are_an_empty_file() -> None:
    with pytest.raises(ImageError) as caught:
        file_format_of(b"")
    assert caught.value.stable_code == "image.empty"
