from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nfold.geometry.polygons import area, clip_to_frame
from nfold.geometry.rectangles import in_order_of, rectangle_inside, smallest_rectangle

points_of = st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100)), min_size=5, max_size=30)


@given(points_of)
def test_the_smallest_rectangle_is_that_of_opencv(points: list[tuple[float, float]]) -> None:
    array = np.round(np.array(points), 1)
    ours = smallest_rectangle(array)
    theirs = cv2.boxPoints(cv2.minAreaRect(array.astype(np.float32)))
    assert area(ours) <= area(theirs.astype(np.float64)) * 1.001 + 0.5


def turned(angle: float, width: float, height: float, x: float, y: float) -> np.ndarray:
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * (width / 2, height / 2)
    cosine, sine = np.cos(angle), np.sin(angle)
    return corners @ np.array([(cosine, sine), (-sine, cosine)]) + (x, y)


@given(st.floats(0, 3.14), st.floats(5, 90), st.floats(5, 90), st.floats(-10, 110), st.floats(-10, 90))
def test_a_cut_rectangle_gets_corners_inside_the_picture(
    angle: float, width: float, height: float, x: float, y: float
) -> None:
    parts, _ = clip_to_frame(turned(angle, width, height, x, y), 100, 80)
    if not parts:
        return
    found = rectangle_inside(parts[0], 100, 80)
    assert (found >= 0).all()
    assert (found <= (100, 80)).all()
    sides = np.roll(found, -1, axis=0) - found
    assert sides[0] @ sides[1] == pytest.approx(0, abs=0.02 * (1 + np.abs(sides).max()))


def test_a_long_thin_rectangle_that_is_cut_keeps_its_direction() -> None:
    outline, _ = clip_to_frame(turned(0.7, 100, 8, 80, 40), 100, 80)
    assert area(rectangle_inside(outline[0], 100, 80)) < 1.1 * area(outline[0])


def test_corners_begin_and_go_round_as_those_they_come_from() -> None:
    corners = turned(0.3, 30, 10, 50, 40)
    for shuffled in (np.roll(corners, 2, axis=0), corners[::-1], np.roll(corners[::-1], 1, axis=0)):
        assert np.allclose(in_order_of(shuffled, corners), corners)
