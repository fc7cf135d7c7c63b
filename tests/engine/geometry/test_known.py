"""The matrices that are known agree with those that are measured on a picture of coordinates."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nfold.geometry.inverse import Field
from nfold.geometry.journey import inside_frame
from nfold.geometry.known import KNOWN, matrix_of
from nfold.geometry.measured import coordinate_field, measured_warp
from nfold.geometry.stages import Linear, transformed
from tests.engine.geometry.moving import MOVING, VARIANTS, build, run

CASES: list[tuple[str, dict[str, Any] | None]] = [(name, None) for name in MOVING if name in KNOWN] + [*VARIANTS]


@pytest.mark.parametrize(("name", "arguments"), CASES, ids=str)
@pytest.mark.parametrize("size_wh", [(320, 240), (251, 303)])
def test_a_known_matrix_says_where_each_pixel_came_from(
    name: str, arguments: dict[str, Any] | None, size_wh: tuple[int, int]
) -> None:
    width, height = size_wh
    for seed in range(4):
        after, _, transform = run(build(name, arguments), np.zeros((height, width, 3), dtype=np.uint8), seed)
        size_out = after.shape[1], after.shape[0]
        matrix = matrix_of(transform, transform.params, size_wh, size_out)
        assert matrix is not None
        field = coordinate_field(transform, transform.params, size_wh)
        rows, columns = np.nonzero(~np.isnan(field[..., 0]))
        told = transformed(np.stack([columns + 0.5, rows + 0.5], axis=1), np.linalg.inv(matrix))
        # A change of size repeats the outermost pixels instead of going on.
        inner = ((told > 1) & (told < np.array(size_wh) - 1)).all(axis=1)
        inner &= (rows > 2) & (rows < size_out[1] - 3) & (columns > 2) & (columns < size_out[0] - 3)
        assert inner.sum() > 0.3 * len(inner)
        assert np.abs(told - field[rows, columns])[inner].max() < 0.05


@pytest.mark.parametrize("name", [name for name in MOVING if name in KNOWN])
def test_what_is_measured_is_told_as_a_matrix_where_it_is_one(name: str) -> None:
    after, _, transform = run(build(name), np.zeros((240, 320, 3), dtype=np.uint8), 1)
    size_out = after.shape[1], after.shape[0]
    known = matrix_of(transform, transform.params, (320, 240), size_out)
    measured = measured_warp(transform, transform.params, (320, 240))
    assert known is not None
    places = np.random.default_rng(0).uniform(20, 220, (50, 2))
    places = places[inside_frame(transformed(places, known) / (0.9, 0.9) - 10, size_out)]
    if isinstance(measured, Field):  # a change of size repeats the outermost pixels, which no matrix does
        assert np.abs(measured.forward(places) - transformed(places, known)).max() < 0.05
    else:
        assert isinstance(measured, Linear)
        assert np.abs(measured.forward(places) - transformed(places, known)).max() < 0.05


def test_everything_that_moves_is_known_or_measured_and_the_list_of_the_known_is_right() -> None:
    others = {"ElasticTransform", "GridDistortion", "GridElasticDeform", "OpticalDistortion", "PiecewiseAffine"}
    assert set(MOVING) - KNOWN == others | {"RandomGridShuffle", "ThinPlateSpline"}
    assert KNOWN - set(MOVING) == {"MotionBlur"}
