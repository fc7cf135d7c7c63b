"""What the tests of images share: seeded pixels, a profile, and the folder of real files."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import ImageCms

from nfold.images import DecodeLimits

MakePixels = Callable[..., NDArray[np.uint8]]


@pytest.fixture
def limits() -> DecodeLimits:
    return DecodeLimits()


@pytest.fixture
def noise() -> MakePixels:
    def make(*shape: int, dtype: type = np.uint8, seed: int = 7) -> NDArray[np.uint8]:
        return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)

    return make


@pytest.fixture(scope="session")
def srgb_profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.fixture(scope="session")
def data_folder() -> Path:
    folder = os.environ.get("NFOLD_TEST_DATA")
    if not folder:
        pytest.skip("NFOLD_TEST_DATA is not set: it names the folder of real images")
    return Path(folder)
