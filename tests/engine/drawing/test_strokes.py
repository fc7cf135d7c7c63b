from __future__ import annotations

import math

import numpy as np
import pytest

from nfold.drawing.strokes import disc_in_place, fixed_point, stroke_in_place


@pytest.mark.parametrize("width", [1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize("offset", [0.0, 0.25, 0.5, 0.9])
def test_a_line_is_as_wide_as_asked_for(width: int, offset: float) -> None:
    layer = np.zeros((60, 60), np.uint8)
    stroke_in_place(layer, np.array([[-20.0, 30 + offset], [90, 30 + offset]]), 255, width)
    assert layer[:, 30].sum() / 255 == pytest.approx(width, abs=0.5)
    rows = np.arange(60) + 0.5
    assert (layer[:, 30] * rows).sum() / layer[:, 30].sum() == pytest.approx(30 + offset, abs=0.25)


@pytest.mark.parametrize("width", [2, 4])
def test_a_slanting_line_is_as_wide(width: int) -> None:
    layer = np.zeros((80, 80), np.uint8)
    stroke_in_place(layer, np.array([[0.0, 0.0], [80, 40]]), 255, width)
    across = layer[:, 40].sum() / 255 * math.cos(math.atan2(1, 2))
    assert across == pytest.approx(width, abs=0.5)


@pytest.mark.parametrize("radius", [1.6, 2.6, 4.0, 7.5])
def test_a_disc_has_the_area_of_one(radius: float) -> None:
    layer = np.zeros((40, 40), np.uint8)
    disc_in_place(layer, 20.3, 19.6, radius, 255)
    assert layer.sum() / 255 == pytest.approx(math.pi * radius**2, rel=0.25)


def test_a_closed_line_comes_back_and_an_open_one_does_not() -> None:
    corners = np.array([[5.0, 5.0], [25, 5], [25, 25], [5, 25]])
    for width in (1, 3):
        opened, closed = np.zeros((30, 30), np.uint8), np.zeros((30, 30), np.uint8)
        stroke_in_place(opened, corners, 255, width)
        stroke_in_place(closed, corners, 255, width, is_closed=True)
        assert not opened[15, 4:6].any()
        assert closed[15, 4:6].any()


@pytest.mark.parametrize("width", [1, 2, 5])
def test_a_line_of_one_point_or_to_very_far_away_is_drawn_without_complaint(width: int) -> None:
    layer = np.zeros((20, 20, 3), np.uint8)
    stroke_in_place(layer, np.array([[10.0, 10.0]]), (9, 8, 7), width, is_closed=True)
    stroke_in_place(layer, np.array([[10.0, 10.0], [10.0, 10.0]]), (9, 8, 7), width)
    stroke_in_place(layer, np.array([[-1e11, 10.0], [1e11, 10.0]]), (9, 8, 7), width)
    assert layer.any()


def test_far_coordinates_are_brought_into_the_range_of_integers() -> None:
    assert np.abs(fixed_point(np.array([[1e300, -1e300]])).astype(np.int64)).max() < 2**31 - 1
    assert fixed_point(np.array([[0.5, 1.5]])).tolist() == [[0, 16]]
