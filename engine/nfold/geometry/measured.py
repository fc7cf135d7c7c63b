"""What a transform does to a picture, found by running its own mask function on a picture of coordinates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from nfold.geometry.inverse import Field, affine_fit
from nfold.geometry.stages import Linear

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_LINEAR: Final = 1
_CONSTANT: Final = 0
_WHOLLY_INSIDE: Final = 0.999
_TINY: Final = 0.02
"""Pixels: a field that no point misses by more is a matrix; OpenCV interpolates coordinates to about a hundredth."""


def measured_warp(transform: Any, params: Mapping[str, Any], size_in_wh: tuple[int, int]) -> Linear | Field:
    """Find how a transform moves points, whatever it is: a matrix where one fits, else a field."""
    field = Field(source=coordinate_field(transform, params, size_in_wh), size_in_wh=size_in_wh)
    return simplified(field)


def coordinate_field(transform: Any, params: Mapping[str, Any], size_in_wh: tuple[int, int]) -> NDArray[np.float32]:
    """For each pixel of the picture after, where it came from, edges at integers; not a number where from outside."""
    import numpy as np

    width, height = size_in_wh
    columns, rows = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    picture = np.stack([columns + 0.5, rows + 0.5, np.ones_like(rows)], axis=2)
    rules = {"mask_interpolation": _LINEAR, "fill_mask": 0, "border_mode": _CONSTANT, "area_for_downscale": None}
    kept = {name: getattr(transform, name) for name in rules if hasattr(transform, name)}
    options = {**params, "fill_mask": 0} if "fill_mask" in params else dict(params)
    try:
        for name in kept:
            setattr(transform, name, rules[name])
        moved = transform.apply_to_mask(picture, **options)
    finally:
        for name, value in kept.items():
            setattr(transform, name, value)
    field = np.array(moved[..., :2], dtype=np.float32)
    field[moved[..., 2] < _WHOLLY_INSIDE] = np.nan
    return field


def simplified(field: Field) -> Linear | Field:
    """The matrix that is as good as the field, or the field."""
    import numpy as np

    known = ~np.isnan(field.source[..., 0])
    if known.sum() < 4:
        return field
    rows, columns = np.nonzero(known)
    after = np.stack([columns + 0.5, rows + 0.5], axis=1)
    before = field.source[rows, columns].astype(np.float64)
    linear, offset = affine_fit(field.source, field.size_in_wh)
    if abs(np.linalg.det(linear)) > 1e-9 and np.abs(after @ linear.T + offset - before).max() <= _TINY:
        backward = np.vstack([np.column_stack([linear, offset]), (0, 0, 1)])
        return Linear(matrix=np.linalg.inv(backward))
    homography = _homography(after, before)
    if homography is not None and np.abs(Linear(matrix=homography).forward(after) - before).max() <= _TINY:
        forward = np.linalg.inv(homography)
        return Linear(matrix=forward / forward[2, 2])
    return field


def _homography(after: NDArray[np.float64], before: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """The homography that fits best, by the direct linear transform over some hundred points."""
    import numpy as np

    some = np.linspace(0, len(after) - 1, min(len(after), 600)).astype(np.intp)
    scale = max(1.0, float(np.abs(after).max()), float(np.abs(before).max()))
    (x, y), (u, v) = (after[some] / scale).T, (before[some] / scale).T
    zero, one = np.zeros_like(x), np.ones_like(x)
    first = np.stack([x, y, one, zero, zero, zero, -u * x, -u * y, -u], axis=1)
    second = np.stack([zero, zero, zero, x, y, one, -v * x, -v * y, -v], axis=1)
    vector = np.linalg.svd(np.concatenate([first, second]), full_matrices=False)[2][-1]
    if abs(vector[8]) < 1e-9:
        return None
    unit = np.diag([scale, scale, 1.0])
    matrix: NDArray[np.float64] = unit @ (vector / vector[8]).reshape(3, 3) @ np.linalg.inv(unit)
    return matrix
