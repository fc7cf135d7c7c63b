from __future__ import annotations

import numpy as np
import pytest

from nfold.geometry.stages import Linear

TURN = np.array([(0.8, -0.6, 3), (0.6, 0.8, -2), (0, 0, 1.0)])


@pytest.mark.parametrize(
    ("matrix", "is_mirror", "keeps_shape", "keeps_axes"),
    [
        (np.eye(3), False, True, True),
        (TURN, False, True, False),
        (np.diag([-1.0, 1, 1]), True, True, True),
        (np.array([(0, 1.0, 0), (1, 0, 0), (0, 0, 1)]), True, True, True),
        (np.diag([2.0, 1, 1]), False, False, True),
        (np.diag([-3.0, -3, 1]), False, True, True),
        (np.array([(1, 0.3, 0), (0, 1, 0), (0, 0, 1.0)]), False, False, False),
        (np.array([(1, 0, 0), (0, 1, 0), (1e-3, 0, 1.0)]), False, False, False),
    ],
)
def test_a_matrix_is_known_for_what_it_keeps(
    matrix: np.ndarray, is_mirror: bool, keeps_shape: bool, keeps_axes: bool
) -> None:
    warp = Linear(matrix=matrix)
    assert (warp.is_mirror, warp.keeps_shape, warp.keeps_axes) == (is_mirror, keeps_shape, keeps_axes)
    assert warp.keeps_lines
    assert not warp.folds


def test_points_go_there_and_back() -> None:
    warp = Linear(matrix=np.array([(1.1, 0.2, -5), (0.1, 0.9, 3), (1e-3, -5e-4, 1)]))
    points = np.random.default_rng(0).uniform(0, 200, (40, 2))
    assert np.allclose(warp.backward(warp.forward(points)), points)
    assert warp.shows(points, warp.forward(points)).all()


def test_points_behind_the_horizon_are_nowhere() -> None:
    warp = Linear(matrix=np.array([(1, 0, 0), (0, 1, 0), (-0.01, 0, 1.0)]))
    moved = warp.forward(np.array([(50.0, 1.0), (150.0, 1.0)]))
    assert moved[0].tolist() == [100, 2]
    assert np.isnan(moved[1]).all()
