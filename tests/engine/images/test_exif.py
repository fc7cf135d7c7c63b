from __future__ import annotations

import struct
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as PillowImage

from nfold.images.exif import read_exif
from nfold.images.kinds import Density


def _exif(**tags: object) -> bytes:
    exif = PillowImage.Exif()
    for name, value in tags.items():
        exif[{"orientation": 0x0112, "x": 0x011A, "y": 0x011B, "unit": 0x0128}[name]] = value
    return exif.tobytes().removeprefix(b"Exif\0\0")


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("order", ["<", ">"])
def test_orientation_is_read_in_either_byte_order(orientation: int, order: str) -> None:
    entry = struct.pack(order + "HHIHH", 0x0112, 3, 1, orientation, 0)
    start = (b"II" if order == "<" else b"MM") + struct.pack(order + "HIH", 42, 8, 1)
    assert read_exif(start + entry).orientation == orientation


def test_orientation_written_as_a_long_is_read() -> None:
    entry = struct.pack("<HHII", 0x0112, 4, 1, 6)
    assert read_exif(b"II" + struct.pack("<HIH", 42, 8, 1) + entry).orientation == 6


def test_density_is_read_in_inches_and_centimetres_but_not_without_a_unit() -> None:
    assert read_exif(_exif(x=300.0, y=150.0, unit=2)).density == Density(x=300, y=150)
    assert read_exif(_exif(x=100.0, y=50.0, unit=3)).density == Density(x=254, y=127)
    assert read_exif(_exif(x=300.0, y=150.0, unit=1)).density is None
    assert read_exif(_exif(x=0.0, y=150.0, unit=2)).density is None


@given(st.binary(max_size=300))
def test_any_bytes_give_facts(content: bytes) -> None:
    for start in (b"", b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08"):
        facts = read_exif(start + content)
        assert 1 <= facts.orientation <= 8


def test_a_directory_of_65535_entries_is_left_unread() -> None:
    started = time.perf_counter()
    assert read_exif(b"II*\0\x08\0\0\0\xff\xff" + bytes(12 * 65_535)).orientation == 1
    assert time.perf_counter() - started < 0.05
