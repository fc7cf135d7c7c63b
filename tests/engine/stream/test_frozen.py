"""The data set that `expand` would write, without writing it."""

from __future__ import annotations

import multiprocessing
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import stream_data
from stream_data import TILT, told

import nfold
from nfold.errors import ImageError, ShortfallError, UsageError

FEW = {"name": "few", "augment": [{"HorizontalFlip": {"p": 0.5}}, {"VerticalFlip": {"p": 0.5}}]}


@pytest.fixture
def frozen(photos: Path) -> nfold.FrozenDataset:
    return nfold.FrozenDataset(photos, copies=2, recipe=FEW, seed=5)


def test_items_are_counted_source_by_source(frozen: nfold.FrozenDataset) -> None:
    assert len(frozen) == 27
    for number in (0, 1, 5, 26):
        assert told(frozen[number]) == told(frozen[number // 3, number % 3])
    assert told(frozen[-1]) == told(frozen[8, 2]) == told(frozen[-1, 2])
    assert frozen[7].copy == 1


@pytest.mark.parametrize("address", [27, -28, (0, 3), (0, -1), (9, 0), (9, 1)])
def test_there_is_nothing_beyond_the_last(frozen: nfold.FrozenDataset, address: Any) -> None:
    with pytest.raises(IndexError):
        frozen[address]


def test_every_item_differs_from_its_source_and_its_siblings(frozen: nfold.FrozenDataset) -> None:
    for place in range(9):
        assert len({frozen[place, copy].image.tobytes() for copy in range(3)}) == 3


def test_it_does_not_matter_which_copy_is_asked_for_first(frozen: nfold.FrozenDataset, photos: Path) -> None:
    other = nfold.FrozenDataset(photos, copies=2, recipe=FEW, seed=5)
    backwards = {number: told(other[number]) for number in reversed(range(27))}
    assert backwards == {number: told(frozen[number]) for number in range(27)}


def test_more_copies_leave_the_first_ones_as_they_are(frozen: nfold.FrozenDataset, photos: Path) -> None:
    more = nfold.FrozenDataset(photos, copies=3, recipe=FEW, seed=5)
    assert all(told(more[place, copy]) == told(frozen[place, copy]) for place in range(9) for copy in range(3))


@pytest.mark.parametrize("workers", [0, 2])
def test_an_epoch_holds_all_items_once_and_each_epoch_the_same(frozen: nfold.FrozenDataset, workers: int) -> None:
    orders = []
    for epoch in (1, 2):
        items = [told(item) for item in frozen.epoch(epoch, workers=workers)]
        assert sorted(items, key=repr) == sorted((told(frozen[number]) for number in range(27)), key=repr)
        orders.append([item[:2] for item in items])
    assert orders[0] != orders[1]
    assert [item.copy for item in frozen.epoch(1, shuffle=False)] == [0, 1, 2] * 9


def test_threads_give_the_same_as_none(frozen: nfold.FrozenDataset, photos: Path) -> None:
    other = nfold.FrozenDataset(photos, copies=2, recipe=FEW, seed=5)
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda number: told(other[number]), range(27))) == [told(frozen[n]) for n in range(27)]


@pytest.mark.slow
def test_four_spawned_processes_hold_the_same_items(frozen: nfold.FrozenDataset) -> None:
    wanted = [told(frozen[number]) for number in range(27)]
    shares = [list(range(27))[number::4] for number in range(4)]
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        held = pool.starmap(stream_data.held_by, [(frozen, share) for share in shares])
        pool.close()
        pool.join()
    assert held == [wanted[number::4] for number in range(4)]


class TestSettle:
    @pytest.mark.parametrize("workers", [0, 2])
    def test_a_clone_need_not_draw_again(
        self, frozen: nfold.FrozenDataset, workers: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        frozen.settle(workers=workers)
        clone = pickle.loads(pickle.dumps(frozen))
        monkeypatch.setattr(type(clone.reader), "draws", lambda *_: pytest.fail("it draws again"))
        assert [told(clone[number]) for number in range(27)] == [told(frozen[number]) for number in range(27)]

    def test_a_shortfall_shows_before_any_training(self, photos: Path) -> None:
        recipe = {"name": "mirror", "augment": [{"HorizontalFlip": {"p": 1}}]}
        with pytest.raises(ShortfallError):
            nfold.FrozenDataset(photos, copies=2, recipe=recipe).settle()

    def test_without_copies_there_is_nothing_to_draw(self, broken: Path, photos: Path) -> None:
        frozen = nfold.FrozenDataset(photos, copies=0)
        frozen.settle()
        assert len(frozen) == 9
        with pytest.raises(ImageError):
            list(frozen.epoch(1))


@pytest.mark.parametrize("copies", [-1, 1001])
def test_so_many_copies_are_refused(photos: Path, copies: int) -> None:
    with pytest.raises(UsageError, match="copies"):
        nfold.FrozenDataset(photos, copies=copies)


def test_the_cache_changes_nothing(frozen: nfold.FrozenDataset, photos: Path) -> None:
    kept = nfold.FrozenDataset(photos, copies=2, recipe=FEW, seed=5, cache="1G")
    for _ in range(2):
        for number in range(27):
            item = kept[number]
            assert told(item) == told(frozen[number])
            item.image[:] = 0
    assert kept.reader.decoded.hits


def test_the_original_is_the_source(frozen: nfold.FrozenDataset, photos: Path) -> None:
    inference = nfold.Stream(photos, training=False)
    assert all(np.array_equal(frozen[place, 0].image, inference[1, place].image) for place in range(9))
    assert nfold.FrozenDataset(photos, copies=1, recipe=TILT).classes == ("cat", "dog")
