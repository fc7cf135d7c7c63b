from __future__ import annotations

import sys
from pathlib import Path

import pytest

import nfold
from tests.conftest import write_picture

# Worker processes import what these tests hand them by name.
sys.path.insert(0, str(Path(__file__).parent))

from stream_data import TILT


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Nine pictures of two classes."""
    for number in range(9):
        write_picture(tmp_path / f"photos/{'cat' if number % 3 else 'dog'}/{number}.png", number)
    return tmp_path / "photos"


@pytest.fixture
def stream(photos: Path) -> nfold.Stream:
    return nfold.Stream(photos, recipe=TILT, seed=5)


@pytest.fixture
def broken(photos: Path) -> Path:
    """The same, with one picture that is cut off; its name."""
    path = photos / "cat/4.png"
    path.write_bytes(path.read_bytes()[:300])
    return path
