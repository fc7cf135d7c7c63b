"""Axes: round ticks that hold all the figures."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nfold.contrast.report.axes import Axis, height_at, number, plain, ticks

FIGURES = st.floats(0, 1e9)


@given(FIGURES, FIGURES, st.integers(2, 8))
def test_ticks_hold_the_figures_rise_and_are_few(one: float, other: float, most: int) -> None:
    lowest, highest = sorted((one, other))
    found = ticks(lowest, highest, most=most)
    slack = 1e-6 * max(1.0, highest)
    assert found[0] <= lowest + slack
    assert found[-1] >= highest - slack
    assert list(found) == sorted(set(found))
    assert 2 <= len(found) <= 2 * most + 2


@pytest.mark.parametrize(
    ("lowest", "highest", "whole", "expected"),
    [(0, 90, True, (0, 25, 50, 75, 100)), (0, 3, True, (0, 1, 2, 3)), (0, 0, True, (0, 1)), (0.3, 0.78, False, (0.2, 0.4, 0.6, 0.8)),
     (0, 0.9, False, (0, 0.25, 0.5, 0.75, 1.0))],
)  # fmt: skip
def test_ticks_are_round(lowest: float, highest: float, whole: bool, expected: tuple[float, ...]) -> None:
    assert ticks(lowest, highest, whole=whole) == expected


@given(st.integers(0, 1000), st.integers(0, 1000))
def test_where_things_are_counted_there_is_no_half(one: int, other: int) -> None:
    assert all(tick == int(tick) for tick in ticks(min(one, other), max(one, other), whole=True))


def test_a_figure_has_its_place_and_upward_is_less() -> None:
    upward = Axis(lowest=0, highest=10, start=200, end=20)
    assert [upward.place(figure) for figure in (0, 5, 10)] == [200, 110, 20]
    assert Axis(lowest=1, highest=1, start=3, end=9).place(1) == 3


def test_a_line_has_a_height_between_its_points() -> None:
    line = [(0.0, 1.0), (10.0, 2.0), (20.0, 6.0)]
    assert [height_at(line, x) for x in (0, 5, 15, 20, 99)] == [1, 1.5, 4, 6, 6]


def test_figures_are_written_without_needless_zeros() -> None:
    assert [number(place) for place in (-0.001, 3.0, 2.126, 10.5)] == ["0", "3", "2.13", "10.5"]
    assert [plain(tick) for tick in (0.0, 1500.0, 0.25)] == ["0", "1,500", "0.25"]
