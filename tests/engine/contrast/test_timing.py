from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from nfold.contrast.timing import TimedReader
from nfold.loading import load_image
from nfold.stream.opening import open_data_set
from nfold.stream.reading import ItemReader
from nfold.variation import pixel_hash, vary


@pytest.fixture
def reader(make_folder: Callable[..., Path]) -> TimedReader:
    return TimedReader(open_data_set(make_folder(1), "flip-rotate", seed=0, split=None, varies=True))


def test_it_gives_what_any_reader_gives(reader: TimedReader) -> None:
    plain = ItemReader(reader.opened, cache_bytes=0)
    assert pixel_hash(reader.variation(0, 3).picture) == pixel_hash(plain.variation(0, 3).picture)
    assert pixel_hash(reader.original(0).picture) == pixel_hash(plain.original(0).picture)
    assert reader.draws(0, 4) == plain.draws(0, 4)


def test_reading_is_no_augmentation(reader: TimedReader, monkeypatch: pytest.MonkeyPatch) -> None:
    reader.variation(0, 1)
    monkeypatch.setattr(
        "nfold.stream.reading.load_image", lambda *arguments: (time.sleep(1.0), load_image(*arguments))[1]
    )
    before = reader.augmentation_s
    reader.original(0)
    assert reader.augmentation_s == before
    reader.variation(0, 1)
    reader.draws(0, 1)
    assert 0 < reader.augmentation_s - before < 1.0


def test_varying_is(reader: TimedReader, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = lambda *arguments: (time.sleep(0.1), vary(*arguments))[1]  # noqa: E731 - used for both
    monkeypatch.setattr("nfold.stream.reading.vary", slow)
    monkeypatch.setattr("nfold.distinct.vary", slow)
    began = time.perf_counter()
    reader.variation(0, 1)
    # No more than went by: what is counted twice shows, however busy the machine.
    assert 0.1 < reader.augmentation_s <= time.perf_counter() - began
    reader.draws(0, 2)
    assert reader.augmentation_s > 0.3
