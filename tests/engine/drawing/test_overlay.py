from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nfold.annotations import Annotation, Category
from nfold.drawing import draw_labels
from nfold.drawing.tiles import resized
from tests.engine.drawing.conftest import BODY, annotations, changed, grey, shape_mask

CATEGORIES = [BODY, Category(name="日本 🚢"), Category(name="x" * 300)]


@given(st.lists(annotations(48, 36), max_size=5), st.one_of(st.none(), st.integers(1, 300)), st.booleans())
def test_nothing_that_is_marked_makes_it_fail(found: list[Annotation], side: int | None, has_tags: bool) -> None:
    picture = grey(48, 36)
    result = draw_labels(picture, found, CATEGORIES, side_px=side, has_tags=has_tags)
    assert result.dtype == np.uint8
    assert max(result.shape[:2]) == (side or 48)
    assert (picture == 128).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (28, 28), (2500, 2), (1600, 1200)])
@pytest.mark.parametrize("side", [None, 1, 200])
def test_any_size_of_picture_can_be_drawn_on(size: tuple[int, int], side: int | None) -> None:
    width, height = size
    found = [
        Annotation(
            category=0, box=(0, 0, width, height), points=((0, 0, 2), (width / 2, height / 2, 1), (0, height, 2))
        ),
        Annotation(
            category=1, rings=((0, 0, width, 0, width, height),), corners=(0, 0, width, 0, width, height, 0, height)
        ),
        Annotation(category=2, mask=shape_mask(width, height, (0, 0, width, max(1, height // 2))), crowd=True),
    ]
    result = draw_labels(grey(width, height), found, CATEGORIES, mask=np.ones((height, width), np.uint8), side_px=side)
    assert max(result.shape[:2]) == (side or max(size))


def test_without_annotations_the_picture_is_only_scaled() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    assert np.array_equal(draw_labels(picture, [], []), picture)
    assert np.array_equal(draw_labels(picture, [], [], side_px=200), resized(picture, (200, 150)))
    nowhere = [Annotation(category=0), Annotation(box=(float("nan"), 0, 1, 1)), Annotation(box=(500, 500, 600, 600))]
    assert np.array_equal(draw_labels(picture, nowhere, CATEGORIES), picture)


def test_a_mask_is_laid_below_the_objects() -> None:
    mask = np.zeros((300, 400), np.uint8)
    mask[100:200] = 5
    tinted = changed(grey(400, 300), draw_labels(grey(400, 300), [], [], mask=mask))
    assert tinted[100:200].all()
    assert not tinted[:100].any()
    both = draw_labels(grey(400, 300), [Annotation(category=0, box=(50, 50, 350, 250))], [], mask=mask)
    assert tuple(both[150, 50]) == (230, 159, 0)


def test_equal_calls_give_equal_pictures() -> None:
    found = [Annotation(category=1, box=(2, 3, 30, 20)), Annotation(category=0, rings=((1, 1, 40, 5, 20, 30),))]
    once, again = (draw_labels(grey(48, 36), found, CATEGORIES, side_px=400) for _ in range(2))
    assert np.array_equal(once, again)


@pytest.mark.parametrize("background", [0, 60, 128, 200, 255])
@pytest.mark.parametrize("category", range(14))
def test_an_outline_stands_out_on_any_background(background: int, category: int) -> None:
    picture = grey(400, 300, background)
    result = draw_labels(picture, [Annotation(category=category, box=(100, 80, 300, 220))], [])
    across = np.abs(result[150, 90:112].astype(int) - background).max(axis=1)
    assert across.max() > 80


@pytest.mark.parametrize("side", [200, 400, 1000])
def test_what_is_drawn_lies_near_the_outline_at_every_scale(side: int) -> None:
    scale = side / 400
    result = draw_labels(
        grey(400, 400), [Annotation(category=0, box=(100, 200, 300, 350))], [], side_px=side, has_tags=False
    )
    difference = changed(grey(side, side), result)
    rows, columns = np.nonzero(difference)
    assert np.abs([rows.min() - 200 * scale, rows.max() - 350 * scale]).max() <= 2
    assert np.abs([columns.min() - 100 * scale, columns.max() - 300 * scale]).max() <= 2
    assert not difference[round(215 * scale) : round(335 * scale), round(115 * scale) : round(285 * scale)].any()


def test_three_hundred_boxes_leave_the_picture_to_be_seen() -> None:
    generator = np.random.default_rng(1)
    corners = generator.uniform(0, 380, (300, 2))
    found = [Annotation(category=0, box=(x, y, x + 20, y + 20)) for x, y in corners]
    picture = generator.integers(0, 256, (400, 400, 3), dtype=np.uint8)
    result = draw_labels(picture, found, [Category(name="Tree")], side_px=800)
    untouched = ~changed(resized(picture, (800, 800)), result)
    assert untouched.mean() > 0.4
    assert (result == (230, 159, 0)).all(axis=2).mean() > 0.02


def test_twelve_megapixels_with_many_boxes_are_drawn_in_seconds() -> None:
    found = [Annotation(category=n % 3, box=(n * 9, n * 7, n * 9 + 300, n * 7 + 200)) for n in range(300)]
    started = time.monotonic()
    draw_labels(grey(4000, 3000), found, CATEGORIES)
    assert time.monotonic() - started < 20


def test_names_are_written_where_there_is_room_unless_not_wanted() -> None:
    found = [Annotation(category=0, box=(100, 100, 300, 250))]
    with_name, without = (draw_labels(grey(400, 300), found, CATEGORIES, has_tags=has) for has in (True, False))
    assert changed(with_name, without)[80:100, 100:140].any()
