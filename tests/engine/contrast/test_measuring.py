from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nfold.contrast.comparing import compare
from nfold.contrast.model import Contrast
from nfold.contrast.modes import MODES, NoAugmentation
from nfold.events import Event, Progressed, StageBegan


def test_every_mode_of_the_registry_is_run(run: Callable[..., Contrast], monkeypatch: pytest.MonkeyPatch) -> None:
    class Another(NoAugmentation):
        name = "another"
        title = "another"

    monkeypatch.setitem(MODES, "another", Another)
    found = run(epochs=1)
    assert found.mode("another").images_per_epoch == 3
    assert all("another" in cells for grid in found.grid for _, cells in grid.rows)


def test_progress_is_told_in_epochs_of_modes(run: Callable[..., Contrast]) -> None:
    events: list[Event] = []
    found = run(observe=events.append)
    assert events[0] == StageBegan(stage="compare")
    total = 3 * len(found.modes)
    assert events[1:] == [Progressed(done=done, total=total) for done in range(1, total + 1)]


def test_epochs_of_other_sizes_are_noted(run: Callable[..., Contrast], monkeypatch: pytest.MonkeyPatch) -> None:
    whole = NoAugmentation.epoch

    def shrinking(mode: NoAugmentation, epoch: int) -> Iterator[Any]:
        for number, served in enumerate(whole(mode, epoch)):
            if number < 4 - epoch:
                yield served

    monkeypatch.setattr(NoAugmentation, "epoch", shrinking)
    assert any("Not every epoch of 'no augmentation' served as many images" in note for note in run().notes)


def test_a_file_that_vanishes_on_the_way_is_named(run: Callable[..., Contrast], tmp_path: Path) -> None:
    def vanish(event: Event) -> None:
        if isinstance(event, StageBegan):
            (tmp_path / "photos/dog/c.png").unlink()

    found = run(observe=vanish)
    assert "gone now" in found.skipped["dog/c.png"]
    assert [mode.images_per_epoch for mode in found.modes[:4]] == [2, 6, 2, 6]


def test_more_copies_than_are_shown_are_noted(make_folder: Callable[..., Path]) -> None:
    found = compare(make_folder(1), copies=22, epochs=1)
    assert any("show the first 20 copies" in note for note in found.notes)
    (_, cells), *_ = found.grid[0].rows
    assert len(cells["offline"]) == 21
    assert found.mode("offline").images_per_epoch == 23


def test_the_machine_and_the_versions_are_named(run: Callable[..., Contrast]) -> None:
    found = run(epochs=1)
    assert {"nfold", "Python", "albumentations", "numpy"} <= set(found.versions)
    assert found.machine.endswith(("core", "cores"))
