from __future__ import annotations

import numpy as np
import pytest

from nfold.geometry.inverse import Field
from nfold.geometry.polygons import area, bounds
from nfold.geometry.tracing import traced

SQUARE = np.array([(10.0, 10), (50, 10), (50, 50), (10, 50)])
COLUMNS, ROWS = np.meshgrid(np.arange(100) + 0.5, np.arange(80) + 0.5)


def field(x: np.ndarray, y: np.ndarray) -> Field:
    return Field(source=np.stack([x, y], axis=2), size_in_wh=(100, 80), is_whole=True)


def test_where_nothing_moves_the_outline_stays() -> None:
    (ring,) = traced([SQUARE], field(COLUMNS, ROWS))
    assert bounds([ring]) == pytest.approx((10, 10, 50, 50), abs=0.2)
    assert area(ring) == pytest.approx(1600, rel=0.01)


def test_what_is_shown_twice_has_two_outlines_and_what_is_not_shown_has_none() -> None:
    assert len(traced([SQUARE], field(100 - 2 * np.abs(COLUMNS - 50), ROWS))) == 2
    assert traced([SQUARE], field(COLUMNS * 0.1 + 80, ROWS)) == []
    assert traced([], field(COLUMNS, ROWS)) == []


def test_a_hole_is_cut_out_of_the_outline() -> None:
    distance = np.hypot(COLUMNS - 50, ROWS - 40)
    # Around the middle the picture shows another place, outside the square.
    x = np.where(distance < 8, 90, COLUMNS * 0.8 - 10)
    (ring,) = traced([SQUARE], field(x, ROWS * 0.5 + 10))
    assert area(ring) == pytest.approx(50 * 80 - np.pi * 64, rel=0.02)
