from __future__ import annotations

import numpy as np
import pytest

from nfold.geometry.inverse import Field
from nfold.geometry.journey import (
    inside_frame,
    move_outlines,
    move_points,
    share_left,
    share_of_points,
    start_outline,
    under_holes,
)
from nfold.geometry.known import moved, scaled
from nfold.geometry.polygons import bounds, total_area
from nfold.geometry.stages import Linear, Stage, Warp

SQUARE = np.array([(10.0, 10), (50, 10), (50, 50), (10, 50)])


def stage(warp: Warp | None, size_in: tuple[int, int] = (100, 80), size_out: tuple[int, int] = (100, 80)) -> Stage:
    return Stage(name="A", size_in_wh=size_in, size_out_wh=size_out, warp=warp)


def shift(x: float, y: float) -> Stage:
    return stage(Linear(matrix=moved(x, y)))


def test_what_left_the_picture_in_one_stage_does_not_come_back_in_the_next() -> None:
    outline = start_outline([SQUARE], (100, 80))
    stages = [shift(-30, 0), shift(30, 0)]
    for step in stages:
        move_outlines([outline], step)
    assert bounds(outline.rings) == (30, 10, 50, 50)
    assert share_left(outline, stages) == pytest.approx(0.5)


def test_the_share_is_measured_in_the_source_whatever_the_zoom() -> None:
    for zoom in (0.1, 3.0):
        outline = start_outline([SQUARE], (100, 80))
        stages = [
            shift(-20, 0),
            stage(Linear(matrix=scaled(zoom, zoom)), size_out=(round(100 * zoom), round(80 * zoom))),
        ]
        for step in stages:
            move_outlines([outline], step)
        assert share_left(outline, stages) == pytest.approx(0.75)


def test_the_share_under_a_perspective_is_that_of_the_source() -> None:
    outline = start_outline([SQUARE], (100, 80))
    stages = [stage(Linear(matrix=np.array([(1, 0, -20), (0, 1, 0), (0.01, 0, 1.0)])))]
    move_outlines([outline], stages[0])
    assert share_left(outline, stages) == pytest.approx(30 / 40)


def test_several_cuts_are_not_each_measured_against_the_last() -> None:
    outline = start_outline([SQUARE], (100, 80))
    stages = [shift(-20, 0), shift(-10, 0), shift(-10, 0)]
    shares = []
    for count, step in enumerate(stages, 1):
        move_outlines([outline], step)
        shares.append(share_left(outline, stages[:count]))
    assert shares == pytest.approx([0.75, 0.5, 0.25])


def bent(width: int = 100, height: int = 80, amplitude: float = 4) -> Field:
    columns, rows = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    source = np.stack([columns + amplitude * np.sin(rows / 9), rows], axis=2)
    return Field(source=source, size_in_wh=(width, height), is_whole=True)


def test_straight_sides_are_bent_with_the_picture() -> None:
    outline = start_outline([SQUARE], (100, 80))
    move_outlines([outline], stage(bent()))
    ring = outline.rings[0]
    assert 12 < len(ring) < 80
    assert total_area([ring]) == pytest.approx(1600, rel=0.01)
    left = ring[np.abs(ring[:, 0] - 10) < 5]
    assert np.abs(left[:, 0] - (10 - 4 * np.sin(left[:, 1] / 9))).max() < 0.2


def test_an_outline_that_the_picture_shows_folded_is_traced_and_measured_by_points() -> None:
    columns, rows = np.meshgrid(np.arange(100) + 0.5, np.arange(80) + 0.5)
    twice = Field(source=np.stack([100 - 2 * np.abs(columns - 50), rows], axis=2), size_in_wh=(100, 80), is_whole=True)
    assert twice.folds
    outline = start_outline([SQUARE], (100, 80))
    stages = [stage(twice)]
    move_outlines([outline], stages[0])
    assert sorted(bounds([ring])[0] for ring in outline.rings) == pytest.approx([5, 75], abs=0.3)
    assert share_left(outline, stages) > 0.98


def test_an_outline_that_keeps_what_is_outside_stays_whole() -> None:
    outline = start_outline([SQUARE - (20, 0)], (100, 80), keeps_out=True)
    move_outlines([outline], shift(-5, 0))
    assert bounds(outline.rings) == (-15, 10, 25, 50)


def test_what_would_lie_behind_the_horizon_is_cut_off_before() -> None:
    outline = start_outline([SQUARE], (100, 80))
    move_outlines([outline], stage(Linear(matrix=np.array([(1, 0, 0), (0, 1, 0), (-1 / 40, 0, 1.0)]))))
    assert all(np.isfinite(ring).all() for ring in outline.rings)
    assert bounds(outline.rings)[2] == 100


def test_points_are_lost_where_they_leave_and_stay_lost() -> None:
    points, is_there = np.array([(5.0, 5), (60, 60)]), np.array([True, True])
    for step in (shift(-10, 0), shift(10, 0)):
        points, is_there = move_points(points, is_there, step)
    assert is_there.tolist() == [False, True]
    assert points[1].tolist() == [60, 60]
    assert share_of_points(np.array([(5.0, 5), (60, 60)]), [shift(-10, 0)]) == 0.5
    assert share_of_points(np.empty((0, 2)), []) == 0


def test_the_edges_belong_to_the_picture_and_nowhere_does_not() -> None:
    points = np.array([(0.0, 0), (100, 80), (100.1, 4), (np.nan, 4)])
    assert inside_frame(points, (100, 80)).tolist() == [True, True, False, False]


def test_holes_cover_what_is_in_them() -> None:
    holes = np.array([[0, 0, 10, 10], [50, 50, 60, 60]])
    assert under_holes(np.array([(0.0, 0), (10, 5), (55, 55), (20, 20)]), holes).tolist() == [True, False, True, False]
