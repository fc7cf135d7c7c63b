"""The examples of the guide train, word for word as they stand there."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_docs import FRAMEWORK_FENCES, PAGES, Block, blocks, workplace

__all__ = ["workplace"]

EXAMPLES = [block for page in PAGES for block in blocks(page) if block.fence in FRAMEWORK_FENCES]
NEEDS = {"torch": ("torch",), "keras": ("keras", "torch"), "tensorflow": ("tensorflow",)}


@pytest.fixture
def example_photos() -> Path:
    return Path(__file__).parent.parent.parent / "examples" / "photos"


@pytest.mark.parametrize("block", EXAMPLES, ids=str)
def test_every_example_trains(block: Block, workplace: Path) -> None:
    for name in NEEDS[block.fence.split()[1]]:
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed here: run scripts/test-frameworks")
    (workplace / "snippet.py").write_text(block.text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "snippet.py"],
        cwd=workplace,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "NO_COLOR": "1"},
    )
    assert done.returncode == 0, f"{block}\n{done.stdout}{done.stderr}"
    assert "nan" not in done.stdout
