from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nfold.annotations import Annotation, Ring
from nfold.annotations.rle import encode_rle
from nfold.formats.yolo.outline import join_rings, mask_rings, outline_of, simplified


def painted(ring: Ring, height: int, width: int) -> Any:
    """Pixels whose centre an outline encloses by the even-odd rule: an oracle without OpenCV's half pixels."""
    inside = np.zeros((height, width), bool)
    corners = np.asarray(ring).reshape(-1, 2)
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if y0 == y1:
            continue
        crosses = (y0 <= y) != (y1 <= y)
        inside ^= crosses & (x < x0 + (y - y0) * (x1 - x0) / (y1 - y0))
    return inside


def area(ring: Ring) -> float:
    """Positive when it runs clockwise as seen."""
    corners = np.asarray(ring).reshape(-1, 2)
    after = np.roll(corners, -1, axis=0)
    return float((corners[:, 0] * after[:, 1] - after[:, 0] * corners[:, 1]).sum() / 2)


masks = (
    st.integers(1, 8)
    .flatmap(lambda width: st.lists(st.lists(st.booleans(), min_size=width, max_size=width), min_size=1, max_size=8))
    .map(lambda rows: np.array(rows, bool))
)


@given(masks)
@settings(max_examples=300)
def test_the_outline_of_pixels_encloses_exactly_these(mask: Any) -> None:
    rings = mask_rings(mask)
    assert sum(area(ring) for ring in rings) == mask.sum()
    if rings:
        assert (painted(join_rings(rings), *mask.shape) == mask).all()
    else:
        assert not mask.any()


def test_a_hole_is_a_ring_of_its_own_that_runs_the_other_way() -> None:
    mask = np.ones((5, 5), bool)
    mask[2, 2] = False
    assert sorted(area(ring) for ring in mask_rings(mask)) == [-1, 25]


def test_pixels_that_touch_at_a_corner_alone_are_two_rings() -> None:
    assert [area(ring) for ring in mask_rings(np.eye(2, dtype=bool))] == [1, 1]


def test_a_checkerboard_of_nothing_but_crossings_is_traced() -> None:
    mask = np.indices((6, 6)).sum(axis=0) % 2 == 0
    rings = mask_rings(mask)
    assert len(rings) == 18
    assert all(area(ring) == 1 for ring in rings)


def test_parts_are_joined_over_bridges_without_width() -> None:
    squares: list[Ring] = [(0, 0, 2, 0, 2, 2, 0, 2), (8, 0, 9, 0, 9, 9, 8, 9), (4, 0, 6, 0, 6, 2, 4, 2)]
    joined = join_rings(squares)
    assert area(joined) == pytest.approx(4 + 9 + 4)
    assert (painted(joined, 10, 10) == sum(painted(square, 10, 10) for square in squares)).all()


def test_an_outline_comes_from_rings_before_pixels_and_from_neither_where_there_is_none() -> None:
    mask = encode_rle(np.ones((4, 4), bool))
    ring: Ring = (0, 0, 3, 0, 0, 3)
    assert outline_of(Annotation(rings=(ring,), mask=mask)) == ring
    assert area(outline_of(Annotation(mask=mask)) or ()) == 16
    assert outline_of(Annotation(box=(0, 0, 1, 1))) is None
    assert outline_of(Annotation(mask=encode_rle(np.zeros((4, 4), bool)))) is None


def test_a_long_outline_is_thinned_as_little_as_it_takes() -> None:
    angles = np.linspace(0, 2 * np.pi, 20_000, endpoint=False)
    ring = tuple(np.stack([500 + 400 * np.cos(angles), 500 + 400 * np.sin(angles)], axis=1).reshape(-1).tolist())
    thinner = simplified(ring, 500)
    assert len(thinner) <= 1_000
    assert abs(area(thinner)) == pytest.approx(abs(area(ring)), rel=0.01)
