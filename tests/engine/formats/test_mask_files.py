from __future__ import annotations

import contextlib
import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow

from nfold.errors import ImageError
from nfold.formats.mask_files import MaskImage, encode_mask, flatness_of, read_mask
from nfold.images import DecodeLimits

PALETTE = bytes(np.random.default_rng(1).integers(0, 256, 768, dtype=np.uint8))


def numbers(highest: int, *, seed: int = 0, shape: tuple[int, ...] = (13, 17)) -> Any:
    return np.random.default_rng(seed).integers(0, highest + 1, shape).astype(np.uint8 if highest < 256 else np.uint16)


def by_pillow(pixels: Any, mode: str, file_format: str = "PNG", **options: Any) -> bytes:
    picture = Pillow.fromarray(pixels)
    if mode == "P":
        picture.putpalette(PALETTE)
    assert picture.mode == mode
    written = io.BytesIO()
    picture.save(written, file_format, **options)
    return written.getvalue()


KINDS: dict[str, tuple[bytes, int]] = {
    "palette": (by_pillow(numbers(255), "P"), 8),
    "palette of 4 bits": (by_pillow(numbers(15), "P", bits=4), 4),
    "palette of 2 bits": (by_pillow(numbers(3), "P", bits=2), 2),
    "palette of 1 bit": (by_pillow(numbers(1), "P", bits=1), 1),
    "palette with transparent colours": (by_pillow(numbers(15), "P", transparency=b"\0\xff\x80"), 8),
    "grey": (by_pillow(numbers(255), "L"), 8),
    "grey with a transparent number": (by_pillow(numbers(255), "L", transparency=7), 8),
    "16 bits": (by_pillow(numbers(65535), "I;16"), 16),
    "1 bit": (by_pillow(numbers(1).astype(bool), "1"), 1),
    "colours": (by_pillow(numbers(255, shape=(5, 7, 3)), "RGB"), 8),
    "colours with alpha": (
        by_pillow(np.dstack((numbers(255, shape=(5, 7, 3)), np.full((5, 7), 255, np.uint8))), "RGBA"),
        8,
    ),
    "TIFF": (by_pillow(numbers(255), "L", "TIFF"), 8),
    "TIFF of 16 bits": (by_pillow(numbers(65535), "I;16", "TIFF", compression="tiff_lzw"), 16),
    "TIFF with a palette": (by_pillow(numbers(255), "P", "TIFF"), 8),
    "TIFF of 1 bit": (by_pillow(numbers(1).astype(bool), "1", "TIFF"), 1),
    "TIFF of colours": (by_pillow(numbers(255, shape=(5, 7, 3)), "RGB", "TIFF"), 8),
    "BMP": (by_pillow(numbers(255), "L", "BMP"), 8),
    "BMP with a palette": (by_pillow(numbers(255), "P", "BMP"), 8),
    "BMP of colours": (by_pillow(numbers(255, shape=(5, 7, 3)), "RGB", "BMP"), 8),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_mask_is_read_and_written_as_pillow_sees_it(kind: str) -> None:
    stored, bits = KINDS[kind]
    mask = read_mask(stored)
    assert mask.bits == bits
    before, after = Pillow.open(io.BytesIO(stored)), Pillow.open(io.BytesIO(encode_mask(mask)))
    assert (after.mode, after.format) == (before.mode, before.format)
    assert (np.array(after) == np.array(before)).all()
    assert after.getpalette() == before.getpalette()
    assert after.info.get("transparency") == before.info.get("transparency")
    if before.mode in ("P", "L", "I;16"):
        assert (mask.pixels == np.array(before)).all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_turned_mask_keeps_its_kind(kind: str) -> None:
    from dataclasses import replace

    mask = read_mask(KINDS[kind][0])
    turned = read_mask(encode_mask(replace(mask, pixels=np.rot90(mask.pixels))))
    assert (turned.pixels == np.rot90(mask.pixels)).all()
    assert (turned.colour, turned.bits, turned.palette, turned.alpha) == (
        mask.colour,
        mask.bits,
        mask.palette,
        mask.alpha,
    )


@given(
    st.sampled_from([1, 2, 4, 8, 16]), st.integers(1, 40), st.integers(1, 9), st.integers(0, 2**32 - 1), st.booleans()
)
def test_every_number_of_every_depth_survives(bits: int, width: int, height: int, seed: int, has_palette: bool) -> None:
    pixels = numbers((1 << bits) - 1, seed=seed, shape=(height, width))
    has_palette = has_palette and bits < 16
    mask = MaskImage(
        pixels=pixels,
        colour="palette" if has_palette else "index",
        file_format="png",
        bits=bits,
        palette=PALETTE[: 3 << bits] if has_palette else None,
    )
    again = read_mask(encode_mask(mask))
    assert (again.pixels == pixels).all()
    assert (again.bits, again.colour, again.palette) == (bits, mask.colour, mask.palette)


def test_2_and_4_bit_grey_are_numbers_not_levels() -> None:
    row = zlib.compress(b"\0\x1b")
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", 4, 1, 2, 0, 0, 0, 0)), (b"IDAT", row), (b"IEND", b"")]
    stored = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks
    )
    mask = read_mask(stored)
    assert mask.pixels.tolist() == [[0, 1, 2, 3]]
    again = Pillow.open(io.BytesIO(encode_mask(mask)))
    assert np.array(again).tolist() == np.array(Pillow.open(io.BytesIO(stored))).tolist()


def test_a_number_beyond_the_palette_gets_black_and_the_bits_that_it_needs() -> None:
    from dataclasses import replace

    mask = read_mask(by_pillow(numbers(3), "P", bits=2))
    pixels = mask.pixels.copy()
    pixels[0, 0] = 255
    again = Pillow.open(io.BytesIO(encode_mask(replace(mask, pixels=pixels))))
    assert again.mode == "P"
    assert (np.array(again) == pixels).all()
    assert (again.getpalette() or [])[:12] == list(PALETTE[:12])
    assert (again.getpalette() or [])[765:] == [0, 0, 0]


def test_a_number_that_does_not_fit_is_refused() -> None:
    mask = MaskImage(pixels=numbers(3), colour="index", file_format="png", bits=1)
    with pytest.raises(ImageError, match="and 1 bits") as caught:
        encode_mask(mask)
    assert caught.value.stable_code == "image.unsupported"


def test_a_mask_can_be_written_as_another_kind_of_file() -> None:
    mask = read_mask(KINDS["TIFF of 16 bits"][0])
    again = Pillow.open(io.BytesIO(encode_mask(mask, file_format="png")))
    assert (again.format, again.mode) == ("PNG", "I;16")
    assert (np.array(again) == mask.pixels).all()


def test_limits_hold_before_anything_is_decoded() -> None:
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 1, 0, 0, 0, 0)
    stored = (
        b"\x89PNG\r\n\x1a\n"
        + struct.pack(">I", 13)
        + b"IHDR"
        + header
        + struct.pack(">I", zlib.crc32(b"IHDR" + header))
    )
    with pytest.raises(ImageError) as caught:
        read_mask(stored)
    assert caught.value.stable_code == "image.too_large"
    with pytest.raises(ImageError) as caught:
        read_mask(KINDS["palette"][0], DecodeLimits(max_pixels=10))
    assert caught.value.stable_code == "image.too_large"


@pytest.mark.parametrize("file_format", ["JPEG", "WEBP"])
def test_a_format_that_changes_numbers_is_refused(file_format: str) -> None:
    with pytest.raises(ImageError, match="changes numbers"):
        read_mask(by_pillow(numbers(255, shape=(8, 8, 3)), "RGB", file_format))


def test_alpha_that_differs_from_pixel_to_pixel_is_refused() -> None:
    with pytest.raises(ImageError, match="alpha channel"):
        read_mask(by_pillow(numbers(255, shape=(5, 7, 4)), "RGBA"))


@given(st.sampled_from(sorted(KINDS)), st.data())
def test_damage_is_an_error_or_harmless_never_a_traceback(kind: str, data: st.DataObject) -> None:
    stored = bytearray(KINDS[kind][0])
    for _ in range(data.draw(st.integers(1, 4))):
        stored[data.draw(st.integers(0, len(stored) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(stored)))
    for damaged in (bytes(stored), bytes(stored[:cut])):
        try:
            mask = read_mask(damaged, DecodeLimits(max_pixels=100_000))
        except ImageError:
            continue
        with contextlib.suppress(ImageError):
            encode_mask(mask)


@given(st.binary(max_size=80))
def test_any_bytes_are_a_mask_or_refused(stored: bytes) -> None:
    for data in (stored, b"\x89PNG\r\n\x1a\n" + stored, b"II*\0" + stored, b"BM" + stored):
        with pytest.raises(ImageError):
            read_mask(data)


def test_flatness_tells_masks_from_photographs(tmp_path: Path, example_photos: Path) -> None:
    flat = np.zeros((40, 40), np.uint8)
    flat[10:20, 10:30] = 3
    (tmp_path / "mask.png").write_bytes(by_pillow(flat, "L"))
    assert flatness_of(tmp_path / "mask.png") > 0.9
    photos = sorted(example_photos.rglob("*.jpg"))
    assert photos
    assert max(flatness_of(path) for path in photos) < 0.6


def test_real_masks_come_back_value_for_value(real_data: Path) -> None:
    for path in [
        *sorted((real_data / "nuclei" / "labels").iterdir()),
        real_data / "segmentation" / "nuclei_labels.png",
    ]:
        mask = read_mask(path)
        again = Pillow.open(io.BytesIO(encode_mask(mask)))
        with Pillow.open(path) as original:
            assert again.mode == original.mode
            assert (np.array(again) == np.array(original)).all()
