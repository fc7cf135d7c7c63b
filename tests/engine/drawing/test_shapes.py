from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nfold.annotations import Annotation, RleMask
from nfold.drawing.canvas import Canvas
from nfold.drawing.shapes import Frame, PlacedObject, Style, draw_object, place, style_of
from tests.engine.drawing.conftest import annotations, changed, grey, shape_mask

FRAME = Frame(size_wh=(50, 40), canvas_wh=(100, 80))


def drawn(annotation: Annotation, *, style: Style | None = None) -> np.ndarray:
    """The canvas of FRAME with one object on it."""
    canvas = Canvas(grey(100, 80))
    placed = place(annotation, FRAME)
    assert placed is not None
    draw_object(canvas, placed, style or Style(width=2, has_second_boxes=True))
    return canvas.finished()


def placed_of(annotation: Annotation) -> PlacedObject:
    placed = place(annotation, FRAME)
    assert placed is not None
    return placed


@pytest.mark.parametrize(
    "annotation",
    [
        Annotation(box=(10, 5, 30, 20)),
        Annotation(rings=((10, 5, 30, 5, 30, 20, 10, 20),)),
        Annotation(corners=(10, 5, 30, 5, 30, 20, 10, 20)),
        Annotation(mask=shape_mask(50, 40, (10, 5, 30, 20))),
    ],
    ids=["box", "polygon", "oriented", "mask"],
)
def test_each_kind_of_shape_is_drawn_at_its_edges_and_nowhere_else(annotation: Annotation) -> None:
    assert placed_of(annotation).extent == pytest.approx((20, 10, 60, 40))
    difference = changed(grey(100, 80), drawn(replace(annotation, category=0)))
    for row, column in [(25, 20), (25, 59), (10, 40), (39, 40)]:
        assert difference[max(0, row - 1) : row + 2, max(0, column - 1) : column + 2].any()
    # The dot at the first corner of an oriented box goes further.
    reach = 8 if annotation.corners else 4
    rows, columns = np.nonzero(difference)
    assert 10 - reach <= rows.min() <= 11
    assert 39 <= rows.max() < 40 + reach
    assert 20 - reach <= columns.min() <= 21
    assert 59 <= columns.max() < 60 + reach
    inside = difference[13:37, 23:57]
    assert inside.any() == (annotation.box is None), "only closer shapes are filled"


def test_the_front_of_an_oriented_box_is_thick_and_its_first_corner_is_marked() -> None:
    result = drawn(Annotation(category=0, corners=(10, 5, 40, 5, 40, 30, 10, 30)))
    difference = changed(grey(100, 80), result)
    picture = (np.abs(result.astype(int) - (230, 159, 0)).max(axis=2) < 60).astype(int)
    front, back = picture[4:18, 50].sum(), picture[54:66, 50].sum()
    assert front > back >= 1
    corner, next_corner = difference[0:20, 8:20].sum(), difference[0:20, 82:94].sum()
    assert corner > next_corner


def test_rings_are_joined_even_where_they_overlap() -> None:
    twice = Annotation(category=0, rings=((5, 5, 40, 5, 40, 35, 5, 35), (10, 10, 35, 10, 35, 30, 10, 30)))
    assert changed(grey(100, 80), drawn(twice))[40, 50], "the object is the union of its rings"


def test_a_mask_smaller_than_a_pixel_of_the_canvas_is_shown_none_the_less() -> None:
    frame = Frame(size_wh=(500, 400), canvas_wh=(50, 40))
    placed = place(Annotation(mask=shape_mask(500, 400, (203, 101, 205, 103))), frame)
    assert placed is not None
    assert placed.pixels is not None
    assert (placed.pixels.left, placed.pixels.top, placed.pixels.cover.max()) == (20, 10, 255)


@pytest.mark.parametrize(
    "mask",
    [
        RleMask(height=40, width=50, counts="damaged"),
        shape_mask(5, 4, (0, 0, 5, 4)),
        shape_mask(51, 40, (0, 0, 5, 4)),
        RleMask(height=2**16, width=2**16, counts=""),
        shape_mask(50, 40, (0, 0, 0, 0)),
    ],
)
def test_a_mask_without_a_place_leaves_the_box(mask: RleMask) -> None:
    assert place(Annotation(mask=mask), FRAME) is None
    placed = placed_of(Annotation(mask=mask, box=(1, 1, 9, 9)))
    assert placed.extent == (2, 2, 18, 18)
    assert not placed.has_closer_shape


def test_an_upright_box_beside_a_closer_shape_is_faint_and_only_where_there_is_room() -> None:
    ring = (25.0, 2.0, 48.0, 20.0, 25.0, 38.0, 2.0, 20.0)
    both = Annotation(category=0, rings=(ring,), box=(2, 2, 48, 38))
    few, many = (drawn(both, style=Style(width=2, has_second_boxes=shown)) for shown in (True, False))
    assert np.array_equal(many, drawn(replace(both, box=None)))
    assert changed(few, many)[4:6, 4:6].any()


def test_a_crowd_is_striped() -> None:
    plain = Annotation(category=0, box=(5, 5, 45, 35))
    difference = changed(drawn(plain), drawn(replace(plain, crowd=True)))
    assert difference[20:60, 20:80].mean() > 0.5
    assert not difference[:8].any()


@pytest.mark.parametrize(
    "broken", [(), (1.0,), (1.0, 2.0, 3.0), (float("nan"), 1.0), (1e300, 5.0), (float("inf"), 0.0)]
)
def test_what_is_no_ring_is_not_shown(broken: tuple[float, ...]) -> None:
    assert FRAME.points(broken) is None
    assert place(Annotation(rings=(broken,), corners=broken), FRAME) is None


@given(annotations(50, 40))
def test_any_annotation_is_placed_and_drawn_or_left_out(annotation: Annotation) -> None:
    placed = place(annotation, FRAME)
    if placed is not None:
        canvas = Canvas(grey(100, 80))
        draw_object(canvas, placed, Style(width=2, has_second_boxes=True))
        canvas.finished()
        assert np.isfinite(placed.extent).all()


@given(st.lists(st.floats(1, 500), max_size=30), st.integers(1, 5000))
def test_lines_are_no_thicker_than_pictures_and_objects_allow(sides: list[float], side_px: int) -> None:
    frame = Frame(size_wh=(1000, 1000), canvas_wh=(1000, 1000))
    objects = [placed for side in sides if (placed := place(Annotation(box=(0, 0, side, side)), frame)) is not None]
    style = style_of(objects, side_px)
    assert 1 <= style.width <= max(3, side_px / 600)
    if sides and max(sides) < 20:
        assert style.width == 1


def test_one_style_for_all_objects_of_a_picture() -> None:
    boxes = [placed_of(Annotation(box=(0, 0, side, side))) for side in (10, 30, 40)]
    assert style_of(boxes, 900) == Style(width=2, has_second_boxes=True)
    assert not style_of(boxes * 10, 900).has_second_boxes
    assert not style_of(boxes, 300).has_second_boxes
    assert not style_of([placed_of(Annotation(box=(0, 0, 10, 10)))], 900).has_second_boxes
