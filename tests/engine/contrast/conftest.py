"""Contrasts without worker processes, and sentences and figures to make up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nfold.contrast.model import Contrast, Inference, ModeFigures
from nfold.testing.inline import InlineWorkforce


@pytest.fixture(autouse=True)
def without_worker_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nfold.contrast.modes.begin_workers", lambda **_: InlineWorkforce())


@pytest.fixture
def run(make_folder: Callable[..., Path]) -> Callable[..., Contrast]:
    """The contrast of three pictures in two classes: two copies, three epochs, batches of two."""
    from nfold.contrast.comparing import compare

    def run_it(**options: Any) -> Contrast:
        source = make_folder({"cat/a.png": 1, "cat/b.png": 2, "dog/c.png": 3})
        return compare(source, **{"copies": 2, "epochs": 3, "batch": 2, **options})

    return run_it


def figures(mode: str = "on-the-fly", **changes: Any) -> ModeFigures:
    """Of three images and two epochs, each image new."""
    known: dict[str, Any] = {
        "mode": mode,
        "title": mode,
        "says": "",
        "files_added": 0,
        "bytes_added": 0,
        "images_per_epoch": 3,
        "steps_per_epoch": 2,
        "distinct_after": (3, 6),
        "originals_seen": (0, 0),
        "repeats": 0,
        "once_s": 0.0,
        "epoch_s": (3.0, 3.0),
        "augmentation_s": (2.0, 2.0),
        "images_per_s": 1.0,
        "inference": Inference(images=3, identical=3, example="a", original_hash="00", served_hash="00"),
    }
    return ModeFigures(**{**known, **changes})
