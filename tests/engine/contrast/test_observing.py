from __future__ import annotations

import time
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

from nfold.contrast.modes import Mode, Prepared, Served
from nfold.contrast.observing import ModeObserver
from nfold.contrast.pictures import ModeGrid
from nfold.images import Image
from nfold.variation import pixel_hash


def picture(value: int) -> Image:
    import numpy as np

    pixels: Any = np.full((4, 4, 3), value, np.uint8)
    return Image(pixels=pixels, file_format="png")


ORIGINALS = {name: bytes.fromhex(pixel_hash(picture(value))) for name, value in (("a", 0), ("b", 1))}


class Scripted(Mode):
    """Serves what the test says: for each epoch a list of (source, value)."""

    name = "scripted"
    title = "scripted"

    def __init__(self, epochs: list[list[tuple[str, int]]], *, pause: float = 0.0) -> None:
        self.epochs, self.pause, self.spent = epochs, pause, 0.0
        self.skipped = {}

    @property
    def augmentation_s(self) -> float:
        return self.spent

    def prepare(self) -> Prepared:
        return Prepared(once_s=1.5, files=2, bytes=20)

    def epoch(self, epoch: int) -> Iterator[Served]:
        for source, value in self.epochs[epoch - 1]:
            time.sleep(self.pause)
            self.spent += 1.0
            yield Served(source=source, copy=0, picture=picture(value))


def run(epochs: list[list[tuple[str, int]]], *, batch: int = 2, pause: float = 0.0) -> Any:
    grid = ModeGrid(sources=frozenset(["a"]), counts_copies=False, epochs=len(epochs))
    observer = ModeObserver(mode=Scripted(epochs, pause=pause), batch=batch, originals=ORIGINALS, grid=grid)
    return observer.run(len(epochs), lambda: None)[0], observer, grid


@pytest.mark.parametrize(("batch", "steps"), [(1, 3), (2, 2), (3, 1), (32, 1)])
def test_steps_are_the_batches_that_came(batch: int, steps: int) -> None:
    figures, _, _ = run([[("a", 5), ("b", 6), ("b", 7)]], batch=batch)
    assert (figures.images_per_epoch, figures.steps_per_epoch) == (3, steps)


def test_distinct_repeated_and_untouched_images_are_known_by_their_pixels() -> None:
    figures, _, grid = run([[("a", 0), ("b", 6)], [("a", 7), ("b", 6)], [("a", 7), ("b", 1)]])
    assert figures.distinct_after == (2, 3, 4)
    assert figures.repeats == 2
    # The value 1 is b's own and 0 is a's own.
    assert figures.originals_seen == (1, 0, 1)
    assert [grid.cells("a", epoch)[0].is_new for epoch in (1, 2, 3)] == [True, True, False]
    assert [grid.cells("a", epoch)[0].caption for epoch in (1, 2, 3)] == ["original", "epoch 2", "epoch 3"]


def test_one_that_comes_twice_in_an_epoch_is_a_repeat_and_yet_new_to_that_epoch() -> None:
    figures, _, grid = run([[("a", 5), ("a", 5)]])
    assert (figures.distinct_after, figures.repeats) == ((1,), 1)
    assert [cell.is_new for cell in grid.cells("a", 1)] == [True, True]


def test_the_original_of_another_source_is_no_original() -> None:
    figures, _, _ = run([[("a", 1), ("b", 0)]])
    assert figures.originals_seen == (0,)


def test_times_are_those_of_the_loader_and_not_of_the_counting(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow_hash(image: Image) -> str:
        time.sleep(0.2)
        return pixel_hash(image)

    monkeypatch.setattr("nfold.contrast.observing.pixel_hash", slow_hash)
    figures, _, _ = run([[("a", 5), ("b", 6)], [("a", 7)]], pause=0.05)
    assert 0.1 <= figures.epoch_s[0] < 0.2
    assert 0.05 <= figures.epoch_s[1] < 0.15
    assert figures.augmentation_s == (2.0, 1.0)
    assert figures.images_per_s == pytest.approx(3 / sum(figures.epoch_s))
    assert (figures.once_s, figures.files_added, figures.bytes_added) == (1.5, 2, 20)


def test_epochs_of_other_sizes_are_told_and_a_mode_without_inference_has_none() -> None:
    figures, observer, _ = run([[("a", 5), ("b", 6)], [("a", 7)]])
    assert observer.counts_differ
    assert figures.inference is None
    assert not run([[("a", 5)], [("a", 7)]])[1].counts_differ


def test_no_pixels_are_kept_though_a_batch_holds_many() -> None:
    most = 0

    class Watched(Scripted):
        def epoch(self, epoch: int) -> Iterator[Served]:
            nonlocal most
            for source, value in self.epochs[epoch - 1]:
                made = picture(value)
                alive.append(weakref.ref(made.pixels))
                yield Served(source=source, copy=0, picture=made)
                del made
                most = max(most, sum(pixels() is not None for pixels in alive))

    alive: list[weakref.ref[Any]] = []
    observer = ModeObserver(
        mode=Watched([[("a", value) for value in range(9)]]),
        batch=32,
        originals=ORIGINALS,
        grid=ModeGrid(sources=frozenset(), counts_copies=False, epochs=1),
    )
    observer.run(1, lambda: None)
    assert len(alive) == 9
    assert most <= 1
