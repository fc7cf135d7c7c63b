from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nfold.images.kinds import Density
from nfold.images.raster import Raster, upright, upright_density

Noise = Callable[..., Any]
# by the definition of the tag: where the stored first row and first column are shown
BY_DEFINITION: dict[int, Callable[[Any], Any]] = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: a.swapaxes(0, 1)[:, ::-1],
    7: lambda a: a.swapaxes(0, 1)[::-1, ::-1],
    8: lambda a: a.swapaxes(0, 1)[::-1],
}


@pytest.mark.parametrize("orientation", BY_DEFINITION)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("shape", [(3, 5), (3, 5, 3), (1, 4), (4, 1, 3), (1, 1)])
def test_upright_pixels_follow_the_definition(
    shape: tuple[int, ...], dtype: type, orientation: int, noise: Noise
) -> None:
    pixels = noise(*shape, dtype=dtype)
    turned = upright(Raster(pixels=pixels, alpha=pixels[..., 0] if pixels.ndim == 3 else pixels), orientation)
    np.testing.assert_array_equal(turned.pixels, BY_DEFINITION[orientation](pixels))
    assert turned.pixels.dtype == dtype
    assert turned.alpha.shape == turned.pixels.shape[:2]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_density_changes_places_with_the_axes(orientation: int) -> None:
    turned = upright_density(Density(x=300, y=150), orientation)
    assert turned == (Density(x=150, y=300) if orientation >= 5 else Density(x=300, y=150))
    assert upright_density(None, orientation) is None
