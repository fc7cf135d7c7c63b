from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nfold import workers
from nfold.executors import WorkerLimits
from nfold.workers import begin_workers, worker_count


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> list[WorkerLimits]:
    """What a workforce would have been opened with; none is."""
    asked: list[WorkerLimits] = []
    monkeypatch.setattr(workers, "open_workforce", asked.append)
    return asked


def test_there_are_as_many_as_asked_for_or_as_this_machine_or_container_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    assert worker_count(3) == 3
    monkeypatch.setattr(workers, "usable_workers", lambda: 7)
    assert worker_count(None) == 7


@pytest.mark.parametrize(
    ("card", "copies", "varies"),
    [
        (None, 5, True),
        ({"state": "complete", "request": {"copies": 5}}, 5, False),
        ({"state": "complete", "request": {"copies": 5}}, "5", False),
        ({"state": "complete", "request": {"copies": 5}}, 8, True),
        ({"state": "running", "request": {"copies": 5}}, 5, True),
        ({"state": "complete"}, 5, True),
        ([], 5, True),
        ("no card", 5, True),
    ],
)
def test_albumentations_is_loaded_early_unless_most_likely_nothing_is_to_be_varied(
    card: Any, copies: object, varies: bool, limits: list[WorkerLimits], tmp_path: Path
) -> None:
    if card is not None:
        (tmp_path / "nfold.json").write_text(card if isinstance(card, str) else json.dumps(card))
    begin_workers(target=tmp_path, copies=copies, workers=2)
    assert ("albumentations" in limits[0].preload) == varies
    assert limits[0].workers == 2
