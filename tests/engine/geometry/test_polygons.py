from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nfold.geometry.polygons import area, bounds, clip_to_frame, densified, simplified, total_area

SQUARE = np.array([(1.0, 1), (5, 1), (5, 5), (1, 5)])
COMB = np.array([(-5.0, 0), (20, 0), (20, 4), (-5, 4), (-5, 6), (20, 6), (20, 10), (-5, 10), (-8, 10), (-8, 0)])
"""Two teeth, joined outside the frame on the left."""


def painted(rings: list[np.ndarray], size: int = 40) -> np.ndarray:
    canvas = np.zeros((size * 16, size * 16), dtype=np.uint8)
    corners = [np.round((ring * 16 - 0.5) * 256).astype(np.int32)[:, None] for ring in rings]
    cv2.fillPoly(canvas, corners, 1, shift=8)
    return canvas


def test_area_and_bounds_do_not_ask_which_way_round() -> None:
    assert area(SQUARE) == area(SQUARE[::-1]) == 16
    assert bounds([SQUARE, SQUARE + 10]) == (1, 1, 15, 15)
    assert total_area([SQUARE, SQUARE + 10]) == 32
    many = densified(SQUARE, 0.1)
    assert len(many) > 100
    assert area(many) == pytest.approx(16)
    assert bounds([many]) == pytest.approx((1, 1, 5, 5))
    assert area(SQUARE[:2]) == area(SQUARE[:0]) == 0


def test_what_is_inside_is_left_alone() -> None:
    parts, was_cut = clip_to_frame(SQUARE, 10, 10)
    assert parts[0] is SQUARE
    assert not was_cut
    assert clip_to_frame(SQUARE + 20, 10, 10) == ([], True)


def test_an_outline_that_leaves_and_comes_back_falls_into_parts() -> None:
    parts, was_cut = clip_to_frame(COMB, 30, 30)
    assert was_cut
    assert sorted(bounds([part]) for part in parts) == [(0, 0, 20, 4), (0, 6, 20, 10)]
    assert total_area(parts) == pytest.approx(160)


def test_what_rounding_lets_stand_out_is_not_cut() -> None:
    parts, was_cut = clip_to_frame(SQUARE + np.array([5 + 1e-9, 0]), 10, 10)
    assert not was_cut
    assert bounds(parts)[2] == 10


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(-15, 50), st.integers(-15, 50)), min_size=3, max_size=14))
def test_any_outline_even_one_that_crosses_itself_is_cut_as_it_is_painted(corners: list[tuple[int, int]]) -> None:
    ring = np.array(corners, dtype=np.float64) + 0.25
    parts, _ = clip_to_frame(ring, 30, 24)
    whole = np.pad(painted([ring + 20], 80), 0)[20 * 16 : 44 * 16, 20 * 16 : 50 * 16]
    cut = painted(parts)[: 24 * 16, : 30 * 16] if parts else np.zeros_like(whole)
    assert all((part >= 0).all() and (part <= (30, 24)).all() for part in parts)
    # Lines are painted, too, one fine pixel wide.
    inner = cv2.erode((whole != cut).astype(np.uint8), np.ones((5, 5), dtype=np.uint8), borderValue=0)
    assert not inner.any()


def test_fewer_corners_stay_near_and_more_corners_stay_on() -> None:
    angles = np.arange(400) * 2 * np.pi / 400
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1) * 50 + 100
    few = simplified(circle, 0.1)
    assert len(few) < 80
    assert area(few) / area(circle) > 0.995
    dense = densified(SQUARE, 1.5)
    assert {tuple(corner) for corner in SQUARE} <= {tuple(corner) for corner in dense}
    assert np.hypot(*(np.roll(dense, -1, axis=0) - dense).T).max() <= 1.5
