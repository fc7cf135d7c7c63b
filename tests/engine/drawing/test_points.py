from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from nfold.annotations import Annotation, Category
from nfold.drawing.canvas import Canvas
from nfold.drawing.palette import DARK, LEFT, MIDDLE, RIGHT, class_colour
from nfold.drawing.points import draw_points, has_sides, sides_of, skeleton_of
from nfold.drawing.shapes import Frame
from tests.engine.drawing.conftest import BODY, changed, grey

FRAME = Frame(size_wh=(200, 100), canvas_wh=(200, 100))


def drawn(annotation: Annotation, category: Category | None) -> np.ndarray:
    canvas = Canvas(grey(200, 100))
    draw_points(canvas, annotation, category, FRAME)
    return canvas.finished()


@pytest.mark.parametrize(
    ("names", "flips", "expected"),
    [
        (("nose", "left_eye", "right_eye"), (0, 2, 1), ("middle", "left", "right")),
        (("nose", "left_eye", "right_eye"), None, ("middle", "left", "right")),
        (("eyeL", "eyeR", "legL1", "legR1"), (1, 0, 3, 2), ("left", "right", "left", "right")),
        (("legL1", "legR1", "shoulder", "leftover"), None, ("left", "right", "middle", "middle")),
        (("l_hip", "r_hip", "RHip", "kneeR"), None, ("left", "right", "right", "right")),
        (("a", "b"), (1, 0), ("middle", "middle")),
        (("c0", "c1"), None, ("middle", "middle")),
        (("left",), (7,), ("left",)),
        (("roll_l", "roll_r"), (1, 0), ("left", "right")),
        ((), None, ()),
    ],
)
def test_names_tell_the_side(names: tuple[str, ...], flips: tuple[int, ...] | None, expected: tuple[str, ...]) -> None:
    assert sides_of(names, flips) == expected


def test_left_right_and_middle_have_their_hues() -> None:
    result = drawn(Annotation(category=0, points=((40, 30, 2), (100, 60, 2), (160, 60, 2))), BODY)
    assert tuple(result[30, 40]) == MIDDLE
    assert tuple(result[60, 100]) == LEFT
    assert tuple(result[60, 160]) == RIGHT


def test_without_sides_points_have_the_colour_of_their_class_and_the_first_is_marked() -> None:
    points = ((40, 50, 2), (100, 50, 2), (160, 50, 2))
    result = drawn(Annotation(category=4, points=points), Category(name="board", point_names=("a", "b", "c")))
    assert all(tuple(result[50, column]) == class_colour(4) for column in (40, 100, 160))
    difference = changed(grey(200, 100), result)
    assert difference[40:60, 30:50].sum() > difference[40:60, 90:110].sum()


def test_hidden_points_are_hollow_and_absent_ones_are_not_drawn() -> None:
    category = Category(name="x")
    result = drawn(Annotation(category=0, points=((160, 80, 2), (40, 50, 1), (100, 50, 0), (20, 20, 7))), category)
    assert tuple(result[50, 40]) == DARK
    assert np.abs(result[46:55, 36:45].astype(int) - class_colour(0)).max(axis=2).min() < 60
    assert not changed(grey(200, 100), result)[:, 70:130].any()
    assert not changed(grey(200, 100), result)[:30, :30].any()


def test_the_skeleton_joins_points_that_are_labelled() -> None:
    both = drawn(Annotation(category=0, points=((40, 50, 2), (160, 50, 2), (0, 0, 0))), BODY)
    one = drawn(Annotation(category=0, points=((40, 50, 2), (160, 50, 0), (0, 0, 0))), BODY)
    assert changed(grey(200, 100), both)[49:52, 100].any()
    assert not changed(grey(200, 100), one)[:, 60:].any()


@pytest.mark.parametrize("raw", [None, {}, {"skeleton": None}, {"skeleton": "12"}, {"skeleton": [[1], 5]}, [1, 2], "x"])
def test_a_skeleton_that_is_none_joins_nothing(raw: object) -> None:
    assert skeleton_of(Category(name="x", raw=raw)) == ()
    assert skeleton_of(None) == ()


def test_points_that_are_close_get_smaller_dots() -> None:
    def size(step: float) -> float:
        points = tuple((20 + step * number, 50.0, 2) for number in range(20))
        return float(changed(grey(200, 100), drawn(Annotation(points=points), None))[:, 30:60].sum(axis=0).max())

    assert size(4) <= size(9)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e300, -1e12])
def test_points_that_are_nowhere_are_left_out(value: float) -> None:
    result = drawn(Annotation(points=((value, 5, 2), (5, value, 1))), BODY)
    assert np.array_equal(result, grey(200, 100))


def test_more_points_than_names_are_drawn_too() -> None:
    assert has_sides(BODY)
    points = tuple((20.0 + 20 * number, 50.0, 2) for number in range(8))
    assert changed(grey(200, 100), drawn(Annotation(category=0, points=points), BODY))[50, 160]


def test_thousands_of_points_take_no_table_of_distances() -> None:
    points = tuple((number % 200 + 0.5, number // 200 + 0.5, 2) for number in range(5000))
    tracemalloc.start()
    try:
        assert changed(grey(200, 100), drawn(Annotation(points=points), None)).any()
        assert tracemalloc.get_traced_memory()[1] < 100e6
    finally:
        tracemalloc.stop()
