from __future__ import annotations

import numpy as np
import pytest

from nfold.drawing.canvas import Canvas
from nfold.drawing.palette import DARK, LIGHT
from tests.engine.drawing.conftest import changed, grey

ORANGE, NAVY = (230, 159, 0), (40, 40, 160)


def test_nothing_drawn_gives_the_picture_and_the_one_given_is_never_written_to() -> None:
    picture = grey(30, 20)
    canvas = Canvas(picture)
    assert np.array_equal(canvas.finished(), picture)
    canvas.frame((2, 2, 20, 18), ORANGE, 2)
    canvas.dot(10, 10, 3, NAVY)
    canvas.fill(np.array([[1.0, 1], [20, 1], [9, 18]]), ORANGE)
    assert changed(picture, canvas.finished()).any()
    assert (picture == 128).all()


def test_a_frame_lies_inside_its_edges_with_its_casing_around() -> None:
    picture = grey(60, 40)
    canvas = Canvas(picture)
    canvas.frame((10, 10, 50, 30), ORANGE, 2, casing=1)
    result = canvas.finished()
    coloured = (result == ORANGE).all(axis=2)
    expected = np.zeros((40, 60), bool)
    expected[10:30, 10:50] = True
    expected[12:28, 12:48] = False
    assert np.array_equal(coloured, expected)
    around = np.zeros((40, 60), bool)
    around[9:31, 9:51] = True
    around[13:27, 13:47] = False
    assert np.array_equal(changed(picture, result), around)
    assert tuple(result[9, 20]) == DARK


def test_a_frame_round_the_whole_picture_is_seen() -> None:
    canvas = Canvas(grey(30, 20))
    canvas.frame((0, 0, 30, 20), ORANGE, 1)
    result = canvas.finished()
    for edge in (result[0], result[-1], result[:, 0], result[:, -1]):
        assert (edge == ORANGE).all()


def test_a_frame_that_sticks_out_is_open_on_that_side() -> None:
    canvas = Canvas(grey(30, 20))
    canvas.frame((-10, 5, 15, 400), ORANGE, 1)
    coloured = (canvas.finished() == ORANGE).all(axis=2)
    assert coloured[5, :15].all()
    assert coloured[5:, 14].all()
    assert not coloured[6:, 0].any()


@pytest.mark.parametrize("box", [(-50, -50, -10, -10), (40, 2, 90, 9), (3, 60, 9, 90), (-1e9, -1e9, -1e8, 1e9)])
def test_a_frame_outside_is_not_seen(box: tuple[float, float, float, float]) -> None:
    canvas = Canvas(grey(30, 20))
    canvas.frame(box, ORANGE, 2)
    assert np.array_equal(canvas.finished(), grey(30, 20))


def test_a_frame_without_extent_is_a_point() -> None:
    canvas = Canvas(grey(30, 20))
    canvas.frame((10, 10, 10, 10), ORANGE, 3)
    assert (canvas.finished()[10, 10] == ORANGE).all()


def test_dark_colours_have_a_light_casing() -> None:
    canvas = Canvas(grey(40, 30))
    canvas.frame((10, 10, 30, 20), NAVY, 1, casing=1)
    assert tuple(canvas.finished()[9, 20]) == LIGHT


def test_a_fill_lets_the_picture_through_and_stripes_cover_part_of_it() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    ring = np.array([[20.0, 20], [180, 20], [180, 180], [20, 180]])
    plain, striped = Canvas(picture), Canvas(picture)
    plain.fill(ring, ORANGE)
    striped.fill(ring, ORANGE, is_hatched=True)
    inside = np.s_[30:170, 30:170]
    distance = [np.abs(canvas.finished()[inside].astype(int) - ORANGE).mean() for canvas in (plain, striped)]
    before = np.abs(picture[inside].astype(int) - ORANGE).mean()
    assert distance[0] == pytest.approx(before * 0.8, rel=0.02)
    cover = np.abs(striped.finished()[inside].astype(int) - picture[inside]).mean(axis=2)
    assert cover.std() > 2 * np.abs(plain.finished()[inside].astype(int) - picture[inside]).mean(axis=2).std()
    assert not changed(picture, plain.finished())[:18].any()


def test_no_line_is_cut_by_the_casing_of_another() -> None:
    canvas = Canvas(grey(60, 60))
    canvas.line(np.array([[0.0, 30], [60, 30]]), ORANGE, 2)
    canvas.line(np.array([[0.0, 33], [60, 33]]), ORANGE, 2)
    result = canvas.finished()
    assert (np.abs(result[29:31, 5:55].astype(int) - ORANGE).max(axis=2) < 90).all()


def test_a_hollow_dot_is_dark_within_and_a_filled_one_is_not() -> None:
    canvas = Canvas(grey(40, 20))
    canvas.dot(10, 10, 5, ORANGE)
    canvas.dot(30, 10, 5, ORANGE, is_hollow=True)
    result = canvas.finished()
    assert tuple(result[10, 10]) == ORANGE
    assert tuple(result[10, 30]) == DARK
    assert np.abs(result[10, 34].astype(int) - ORANGE).max() < 100


def test_dots_lines_and_fills_outside_are_not_seen() -> None:
    canvas = Canvas(grey(20, 20))
    canvas.dot(-100, 5, 4, ORANGE)
    canvas.dot(1e11, 1e11, 4, ORANGE)
    canvas.line(np.array([[-50.0, -50], [-20, -40]]), ORANGE, 3)
    canvas.fill(np.array([[100.0, 100], [120, 100], [110, 140]]), ORANGE)
    assert np.array_equal(canvas.finished(), grey(20, 20))


def test_a_mask_is_filled_where_it_is() -> None:
    canvas = Canvas(grey(20, 20))
    canvas.fill_mask(np.full((4, 5), 255, np.uint8), 3, 7, ORANGE)
    expected = np.zeros((20, 20), bool)
    expected[7:11, 3:8] = True
    assert np.array_equal(changed(grey(20, 20), canvas.finished()), expected)
