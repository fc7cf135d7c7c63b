from __future__ import annotations

import numpy as np
import pytest

from nfold.drawing.tiles import comfortable_side, resized, rgb_of, size_within
from nfold.images import DecodeLimits, Image, decode_image
from tests.conftest import paint


def image_of(pixels: np.ndarray) -> Image:
    import cv2

    return decode_image(cv2.imencode(".png", pixels)[1].tobytes(), DecodeLimits())


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("bits", [8, 16])
def test_every_kind_of_pixels_becomes_8_bit_rgb(channels: int, bits: int) -> None:
    picture = paint(1, channels=channels).astype(np.uint16 if bits == 16 else np.uint8) * (257 if bits == 16 else 1)
    shown = rgb_of(image_of(picture))
    assert shown.shape == (36, 48, 3)
    assert shown.dtype == np.uint8


def test_colours_keep_their_order_and_grey_is_grey() -> None:
    red = np.zeros((4, 4, 3), np.uint8)
    red[..., 2] = 200
    assert tuple(rgb_of(image_of(red))[0, 0]) == (200, 0, 0)
    assert tuple(rgb_of(image_of(np.full((4, 4), 77, np.uint8)))[2, 2]) == (77, 77, 77)


def test_transparent_parts_are_a_chessboard_and_opaque_ones_as_they_are() -> None:
    picture = np.zeros((32, 32, 4), np.uint8)
    picture[:16, :, 3] = 255
    shown = rgb_of(image_of(picture))
    assert not shown[:16].any()
    assert set(np.unique(shown[16:])) == {205, 235}


@pytest.mark.parametrize(
    ("size", "side", "expected"),
    [((400, 300), 200, (200, 150)), ((3, 2), 30, (30, 20)), ((5000, 1), 200, (200, 1)), ((7, 9), None, (7, 9))],
)
def test_the_longest_side_is_told(size: tuple[int, int], side: int | None, expected: tuple[int, int]) -> None:
    assert size_within(*size, side) == expected


def test_enlarging_repeats_pixels_and_shrinking_takes_the_mean() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    assert np.array_equal(resized(picture, (32, 24)), picture.repeat(4, axis=0).repeat(4, axis=1))
    halves = picture.reshape(3, 2, 4, 2, 3).mean(axis=(1, 3))
    assert np.abs(resized(picture, (4, 3)) - halves).max() <= 1


def test_a_picture_of_the_right_size_is_copied() -> None:
    picture = np.zeros((3, 3, 3), np.uint8)
    shown = resized(picture, (3, 3))
    shown[:] = 9
    assert not picture.any()


@pytest.mark.parametrize("side", [1, 27, 28, 399, 400, 640, 799, 800, 1200, 1600, 4000])
def test_one_picture_is_shown_at_a_comfortable_size(side: int) -> None:
    shown = comfortable_side(side, 1)
    assert 800 <= shown <= 1600
    assert shown % side == 0 or side > 1600
