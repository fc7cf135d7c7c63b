from __future__ import annotations

import numpy as np
import pytest

from nfold.geometry.inverse import Field
from nfold.geometry.measured import coordinate_field, measured_warp, simplified
from nfold.geometry.stages import Linear, transformed
from tests.engine.geometry.moving import build, run


def field_of(matrix: np.ndarray, size_wh: tuple[int, int]) -> Field:
    width, height = size_wh
    places = np.stack(np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5), axis=-1).reshape(-1, 2)
    source = transformed(places, np.linalg.inv(matrix)).reshape(height, width, 2)
    return Field(source=source.astype(np.float32), size_in_wh=size_wh)


@pytest.mark.parametrize(
    "matrix",
    [
        [(0.9, 0.2, 5), (-0.3, 1.1, 7), (0, 0, 1)],
        [(-1, 0, 64), (0, 1, 0), (0, 0, 1)],
        [(1.1, 0.2, -5), (0.1, 0.9, 3), (5e-4, -3e-4, 1)],
    ],
)
def test_a_field_that_a_matrix_made_becomes_that_matrix_again(matrix: list[tuple[float, ...]]) -> None:
    warp = simplified(field_of(np.array(matrix, dtype=np.float64), (64, 48)))
    assert isinstance(warp, Linear)
    assert np.allclose(warp.matrix, matrix, atol=2e-3)


def test_a_bent_field_stays_one() -> None:
    field = field_of(np.eye(3), (64, 48))
    field.source[..., 0] += np.sin(np.arange(48) / 5)[:, None]
    assert simplified(field) is field


@pytest.mark.parametrize("name", ["ElasticTransform", "GridDistortion", "OpticalDistortion", "ThinPlateSpline"])
def test_the_maps_of_a_distortion_are_what_its_mask_function_does(name: str) -> None:
    _, stages, transform = run(build(name), np.zeros((120, 160, 3), dtype=np.uint8), 3)
    warp = stages[0].warp
    assert isinstance(warp, Field)
    seen = coordinate_field(transform, transform.params, (160, 120))
    known = ~np.isnan(seen[..., 0])
    assert known.sum() > 5000
    assert np.abs(seen - warp.source)[known].max() < 0.05


def test_measuring_leaves_the_transform_as_it_was() -> None:
    pipeline = build("Affine", {"rotate": 20, "border_mode": 4, "fill_mask": 7})
    _, _, transform = run(pipeline, np.zeros((60, 80, 3), dtype=np.uint8), 0)
    measured_warp(transform, transform.params, (80, 60))
    assert (transform.border_mode, transform.fill_mask, transform.mask_interpolation) == (4, 7, 0)
