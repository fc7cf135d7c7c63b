"""What every test may use: small pictures made on the spot, real data where it is there, runs without processes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nfold.testing.inline import InlineWorkforce


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real images that NFOLD_TEST_DATA names."""
    folder = os.environ.get("NFOLD_TEST_DATA")
    if not folder:
        pytest.skip("NFOLD_TEST_DATA is not set: it names the folder of larger real data sets")
    return Path(folder)


@pytest.fixture(scope="session")
def example_photos() -> Path:
    """The photographs that come with the project."""
    return Path(__file__).parent.parent / "examples" / "photos"


def paint(seed: int, *, width: int = 48, height: int = 36, channels: int = 3) -> Any:
    """A smooth picture that no flip and no rotation maps to itself; another one for each seed."""
    import cv2
    import numpy as np

    generator = np.random.default_rng([seed, 20261123])
    coarse = generator.integers(0, 256, (6, 8, channels), dtype=np.uint8)
    picture = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return picture if channels > 1 else picture.reshape(height, width)


def write_picture(path: Path, seed: int, **options: Any) -> Path:
    """Paint a picture into a file; the ending tells the format."""
    import cv2

    path.parent.mkdir(parents=True, exist_ok=True)
    picture = paint(seed, **options)
    encoded = cv2.imencode(path.suffix, picture)[1]
    path.write_bytes(encoded.tobytes())
    return path


@pytest.fixture
def make_folder(tmp_path: Path) -> Callable[..., Path]:
    """A folder of painted pictures: names to seeds, or a count."""

    def make(names: dict[str, int] | int = 6, *, folder: str = "photos") -> Path:
        table = {f"picture{number}.png": number for number in range(names)} if isinstance(names, int) else names
        root = tmp_path / folder
        root.mkdir(parents=True, exist_ok=True)
        for name, seed in table.items():
            write_picture(root / name, seed)
        return root

    return make


@pytest.fixture
def expand_inline() -> Callable[..., Any]:
    """`nfold.expand` without worker processes."""
    from nfold.expansion import run_expansion
    from nfold.request import make_request

    def expand(source: Path, target: Path, **options: Any) -> Any:
        return run_expansion(make_request(source=source, target=target, **options), workforce=InlineWorkforce())

    return expand


def tree(root: Path) -> dict[str, str]:
    """Every file of an output, but for the private ones, with its SHA-256: the oracle for 'the same tree'."""
    found = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.is_file() and name != "nfold.json" and not name.startswith(".nfold/"):
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def tree_digest(root: Path) -> str:
    """The tree digest from the files alone, as docs/output.md defines it."""
    total = 0
    for name, sha256 in tree(root).items():
        total += int.from_bytes(hashlib.sha256(os.fsencode(name) + b"\0" + sha256.encode()).digest(), "big")
    return f"{total % 2**256:064x}"
