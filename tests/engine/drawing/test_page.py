from __future__ import annotations

import io

import numpy as np
import PIL.Image
import pytest

from nfold.annotations import Annotation, Category
from nfold.drawing import draw_one
from nfold.images import DecodeLimits, Image, decode_image
from tests.conftest import paint

CATEGORIES = [Category(name="tree")]
LINES = ["a_aug1.jpg", "source  a.jpg", "copy 1, seed 0", "applied  Rotate: turned 12 degrees clockwise"]


def image_of(width: int, height: int, *, channels: int = 3) -> Image:
    import cv2

    picture = paint(3, width=width, height=height, channels=channels)
    return decode_image(cv2.imencode(".png", picture)[1].tobytes(), DecodeLimits())


def page_of(*arguments: object) -> np.ndarray:
    with PIL.Image.open(io.BytesIO(draw_one(*arguments))) as page:  # type: ignore[arg-type]
        assert page.format == "PNG"
        return np.asarray(page.convert("RGB"))


@pytest.mark.parametrize(("width", "height"), [(1, 1), (28, 28), (400, 300), (2400, 1800), (5, 1500)])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_picture_of_any_size_is_shown_within_1600_px(width: int, height: int, channels: int) -> None:
    page = page_of(image_of(width, height, channels=channels), [], CATEGORIES, None, LINES)
    assert 480 <= page.shape[1] <= 1640
    assert 800 <= max(page.shape[:2]) <= 1900


def test_a_legend_is_added_for_what_is_marked_and_only_then() -> None:
    image = image_of(100, 80)
    bare = page_of(image, [], CATEGORIES, None, LINES)
    boxed = page_of(image, [Annotation(category=0, box=(10, 10, 60, 60))], CATEGORIES, None, LINES)
    masked = page_of(image, [], CATEGORIES, np.ones((80, 100), np.uint8), LINES)
    assert boxed.shape[0] > bare.shape[0]
    assert masked.shape == boxed.shape
    assert (boxed[bare.shape[0] - 20 :] == (230, 159, 0)).all(axis=2).any()


def test_long_lines_are_wrapped_and_every_one_makes_the_page_taller() -> None:
    image = image_of(100, 80)
    heights = [
        page_of(image, [], CATEGORIES, None, lines).shape[0]
        for lines in ([], LINES[:1], LINES[:2], [*LINES[:2], "word " * 300], ["x"] * 5000)
    ]
    assert heights == sorted(heights)
    assert len(set(heights)) == 5
    assert heights[-1] < 2000


def test_lines_of_any_text_are_shown() -> None:
    odd = ["\udcff日本\n.png", "سفينة", "\x00", "🚢" * 2000]
    page_of(image_of(20, 20), [], [Category(name="\ud800")], None, odd)


def test_equal_calls_give_equal_bytes() -> None:
    once, again = (
        draw_one(image_of(60, 40), [Annotation(category=0, box=(1, 1, 9, 9))], CATEGORIES, None, LINES)
        for _ in range(2)
    )
    assert once == again
