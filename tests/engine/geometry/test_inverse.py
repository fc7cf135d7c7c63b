from __future__ import annotations

import numpy as np
import pytest

from nfold.geometry.inverse import Field, affine_fit
from tests.engine.geometry.moving import build, run


@pytest.mark.parametrize(
    ("name", "found"),
    [("ElasticTransform", 1.0), ("GridDistortion", 1.0), ("OpticalDistortion", 1.0), ("GridElasticDeform", 0.99)],
)
def test_a_point_goes_to_where_the_field_says_it_came_from(name: str, found: float) -> None:
    generator = np.random.default_rng(0)
    for seed in range(3):
        _, stages, _ = run(build(name), np.zeros((240, 320, 3), dtype=np.uint8), seed)
        warp = stages[0].warp
        assert isinstance(warp, Field)
        points = generator.uniform(25, (295, 215), (400, 2))
        missed = np.abs(warp.backward(warp.forward(points)) - points).max(axis=1)
        assert (missed < 0.05).mean() >= found


def test_beyond_the_frame_a_field_goes_on_as_its_affine_fit() -> None:
    columns, rows = np.meshgrid(np.arange(40) + 0.5, np.arange(30) + 0.5)
    field = Field(source=np.stack([columns * 2 + 3, rows * 0.5 - 1], axis=2), size_in_wh=(83, 15))
    points = np.array([(-20.0, 4.0), (200.0, -3.0), (10.0, 10.0)])
    assert np.allclose(field.backward(points), points * (2, 0.5) + (3, -1))
    assert np.allclose(field.forward(field.backward(points)), points, atol=1e-2)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (7, 1), (2, 2)])
def test_fields_of_one_row_or_column_are_no_trouble(shape: tuple[int, int]) -> None:
    height, width = shape
    columns, rows = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    field = Field(source=np.stack([columns, rows], axis=2), size_in_wh=(width, height), is_whole=True)
    points = np.array([(0.25, 0.75), (0.5, 0.5)])
    assert np.allclose(field.forward(points), points, atol=1e-2)
    assert not field.folds


def test_a_mirrored_field_is_known_for_one() -> None:
    columns, rows = np.meshgrid(np.arange(40) + 0.5, np.arange(30) + 0.5)
    assert Field(source=np.stack([40 - columns, rows], axis=2), size_in_wh=(40, 30)).is_mirror
    assert not Field(source=np.stack([columns, rows], axis=2), size_in_wh=(40, 30)).is_mirror


def test_a_field_that_folds_is_known_for_one_and_a_point_it_hides_is_not_shown() -> None:
    columns, rows = np.meshgrid(np.arange(80) + 0.5, np.arange(60) + 0.5)
    bent = Field(
        source=np.stack([columns + 25 * np.sin(columns / 8), rows], axis=2), size_in_wh=(80, 60), is_whole=True
    )
    assert bent.folds
    hidden = Field(source=np.stack([columns * 0.5, rows], axis=2), size_in_wh=(80, 60), is_whole=True)
    points = np.array([(20.0, 30.0)])
    assert not hidden.folds
    assert hidden.shows(points, hidden.forward(points)).all()
    assert not hidden.shows(points, np.array([(10.0, 30.0)])).any()


def test_what_came_from_outside_does_not_count_for_the_fit() -> None:
    columns, rows = np.meshgrid(np.arange(40) + 0.5, np.arange(30) + 0.5)
    source = np.stack([columns + 5, rows - 2], axis=2)
    source[:, 30:] = np.nan
    linear, offset = affine_fit(source, (40, 30))
    assert np.allclose(linear, np.eye(2))
    assert np.allclose(offset, (5, -2))
