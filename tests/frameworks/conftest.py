"""Tests against the frameworks themselves, which are no part of the ordinary environment: see scripts/test-frameworks."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import write_picture
from tests.engine.data_sets import MAKERS

# Worker processes import what these tests hand them by name.
sys.path.insert(0, str(Path(__file__).parent))

os.environ.setdefault("KERAS_BACKEND", "torch")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Seventeen pictures of two classes: no number of workers or batches divides them evenly."""
    for number in range(17):
        write_picture(tmp_path / f"photos/{'cat' if number % 3 else 'dog'}/{number:02}.png", number)
    return tmp_path / "photos"


@pytest.fixture
def make_set(tmp_path: Path) -> Callable[[str], Path]:
    """A small data set of a format."""

    def make(name: str) -> Path:
        root = tmp_path / f"data-{name}"
        MAKERS[name](root)
        return root

    return make
