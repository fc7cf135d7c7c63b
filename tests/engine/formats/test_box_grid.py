from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nfold.annotations import Annotation
from nfold.formats.box_grid import box_around, box_fault, on_grid, sticks_out, text, value


@pytest.mark.parametrize(
    ("box", "words"),
    [
        ((0, 0, 10, 10), None),
        ((-5, -5, 10, 10), None),
        ((0, 0, 0, 10), "has no area"),
        ((5, 5, 1, 9), "has no area: -4 wide"),
        ((math.nan, 0, 1, 1), "not a finite"),
        ((0, 0, math.inf, 1), "not a finite"),
        ((-1.7e308, 0, 1.7e308, 1), "not a finite"),
        ((0, 0, 1e308, 10), "beyond the 10,000,000 pixels"),
        ((-2e7, 0, 5, 10), "beyond the 10,000,000 pixels"),
        ((100, 0, 110, 10), "wholly outside"),
        ((-9, -9, 0, 5), "wholly outside"),
    ],
)
def test_a_box_that_cannot_be_is_told(box: tuple[float, float, float, float], words: str | None) -> None:
    fault = box_fault(box, (100, 80))
    assert fault is None if words is None else words in str(fault)


def test_a_box_beyond_the_edge_is_one_only_where_the_size_is_known() -> None:
    assert sticks_out((-1, 0, 5, 5), (100, 80))
    assert sticks_out((0, 0, 5, 81), (100, 80))
    assert not sticks_out((-1e-9, 0, 100, 80), (100, 80))
    assert not sticks_out((-1, 0, 5, 500), None)


@given(
    st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)),
    st.tuples(st.integers(1, 5000), st.integers(1, 5000)),
    st.integers(0, 6),
)
def test_on_the_grid_every_box_is_one_within_the_picture(
    box: tuple[float, float, float, float], size: tuple[int, int], decimals: int
) -> None:
    steps = on_grid(box, size, decimals)
    written = tuple(float(text(number, decimals)) for number in steps)
    assert written == tuple(value(number, decimals) for number in steps)
    assert 0 <= written[0] < written[2] <= size[0]
    assert 0 <= written[1] < written[3] <= size[1]


@given(st.floats(0, 60), st.floats(0, 60), st.floats(1, 19), st.floats(1, 19), st.integers(0, 4))
def test_a_box_within_the_picture_moves_by_half_a_step_at_most(
    x: float, y: float, width: float, height: float, decimals: int
) -> None:
    box = (x, y, x + width, y + height)
    for before, after in zip(box, on_grid(box, (100, 80), decimals), strict=True):
        assert abs(value(after, decimals) - before) <= 0.5 / 10**decimals + 1e-9


@pytest.mark.parametrize(
    ("steps", "decimals", "expected"),
    [(12, 0, "12"), (1200, 2, "12.0"), (1235, 2, "12.35"), (1, 6, "0.000001"), (0, 6, "0.0"), (1_000_000, 6, "1.0")],
)
def test_numbers_are_written_without_needless_digits(steps: int, decimals: int, expected: str) -> None:
    assert text(steps, decimals) == expected


def test_an_outline_without_a_box_gets_the_one_around_it() -> None:
    assert box_around(Annotation(box=(1, 2, 3, 4), rings=((0, 0, 9, 9, 9, 0),))) == (1, 2, 3, 4)
    assert box_around(Annotation(rings=((5, 1, 9, 9, 7, 3), (0, 2, 1, 3, 2, 2)))) == (0, 1, 9, 9)
    assert box_around(Annotation(corners=(5, 0, 10, 5, 5, 10, 0, 5))) == (0, 0, 10, 10)
    assert box_around(Annotation(points=((1, 1, 2),))) is None
