"""Epoch e serves variation e of every source once, from any process, without end."""

from __future__ import annotations

import itertools
import multiprocessing
import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import stream_data
from stream_data import TILT, told

import nfold
from nfold.errors import UsageError
from nfold.randomness import LARGEST_COPY
from nfold.stream.streaming import cache_bytes

ADDRESSES = [(epoch, place) for epoch in (1, 2, 30) for place in range(9)]


class TestEpochs:
    @pytest.mark.parametrize("workers", [0, 1, 3])
    @pytest.mark.parametrize("shuffle", [True, False])
    def test_an_epoch_serves_every_source_once(self, stream: nfold.Stream, workers: int, shuffle: bool) -> None:
        items = list(stream.epoch(4, shuffle=shuffle, workers=workers))
        names = list(stream.sources)
        order = stream.order(4) if shuffle else range(9)
        assert [item.source for item in items] == [names[place] for place in order]
        assert [told(item) for item in items] == [told(stream[4, place]) for place in order]
        assert {item.copy for item in items} == {4}

    def test_epochs_differ_in_pictures_and_order_and_another_seed_does_too(
        self, stream: nfold.Stream, photos: Path
    ) -> None:
        other = nfold.Stream(photos, recipe=TILT, seed=6)
        pictures = {each[epoch, 0].image.tobytes() for each in (stream, other) for epoch in (1, 2, 3)}
        assert len(pictures) == 6
        assert len({tuple(each.order(epoch)) for each in (stream, other) for epoch in (1, 2, 3)}) == 6

    def test_there_is_no_end(self, stream: nfold.Stream) -> None:
        epochs = [one_pass.epoch for one_pass in itertools.islice(stream, 4)]
        assert epochs == [1, 2, 3, 4]
        assert [one_pass.epoch for one_pass in stream.epochs(3, 5)] == [3, 4, 5]
        assert stream[LARGEST_COPY, 0].copy == LARGEST_COPY

    @pytest.mark.parametrize("epoch", [0, -1, LARGEST_COPY + 1])
    def test_there_is_no_epoch_0(self, stream: nfold.Stream, epoch: int) -> None:
        for ask in (lambda: stream[epoch, 0], lambda: stream.epoch(epoch), lambda: stream.order(epoch)):
            with pytest.raises(UsageError) as caught:
                ask()
            assert caught.value.stable_code == "stream.epoch"

    def test_there_is_no_source_beyond_the_last(self, stream: nfold.Stream) -> None:
        with pytest.raises(IndexError):
            stream[1, 9]

    def test_more_sources_leave_the_others_as_they_were(self, stream: nfold.Stream, photos: Path) -> None:
        from tests.conftest import write_picture

        before = {item.source: item.image.tobytes() for item in stream.epoch(2)}
        write_picture(photos / "ant/0.png", 77)
        after = {item.source: item.image.tobytes() for item in nfold.Stream(photos, recipe=TILT, seed=5).epoch(2)}
        assert {source: after[source] for source in before} == before


class TestProcesses:
    @pytest.mark.slow
    def test_four_spawned_processes_serve_the_same_items(self, stream: nfold.Stream) -> None:
        wanted = [told(stream[address]) for address in ADDRESSES]
        shares = [ADDRESSES[number::4] for number in range(4)]
        with multiprocessing.get_context("spawn").Pool(4) as pool:
            served = pool.starmap(stream_data.served_by, [(stream, share) for share in shares])
            pool.close()
            pool.join()
        assert served == [wanted[number::4] for number in range(4)]

    def test_a_clone_is_the_same_stream(self, stream: nfold.Stream) -> None:
        clone = pickle.loads(pickle.dumps(stream))
        assert stream_data.served_by(clone, ADDRESSES[:4]) == stream_data.served_by(stream, ADDRESSES[:4])
        assert clone.order(3) == stream.order(3)
        assert len(list(clone.resume(stream.epoch(2).state()))) == 9
        assert len(pickle.dumps(stream)) < 20_000


class TestInference:
    def test_pictures_come_as_they_are_whatever_the_epoch(self, stream: nfold.Stream, photos: Path) -> None:
        import cv2

        inference = stream.inference()
        for place, source in enumerate(stream.sources):
            stored = cv2.cvtColor(cv2.imread(str(photos / source)), cv2.COLOR_BGR2RGB)
            for epoch in (1, 2):
                item = inference[epoch, place]
                assert np.array_equal(item.image, stored)
                assert (item.copy, item.applied) == (0, ())
        assert stream.training
        assert told(stream[1, 0])[1] == 1

    def test_classes_are_numbered_as_they_are_sorted(self, stream: nfold.Stream) -> None:
        assert stream.classes == ("cat", "dog")
        for item in stream.epoch(1):
            assert item.label == item.source.split("/")[0] == stream.classes[item.class_index or 0]

    def test_no_warning_and_no_global_state(self, photos: Path) -> None:
        import random

        before = random.getstate()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            list(nfold.Stream(photos).epoch(1))
        assert random.getstate() == before


@pytest.mark.parametrize(
    ("given", "wanted"), [(0, 0), ("0", 0), (1500, 1500), ("512M", 512 * 10**6), ("2G", 2 * 10**9)]
)
def test_a_cache_is_a_number_of_bytes(given: Any, wanted: int) -> None:
    assert cache_bytes(given) == wanted


@pytest.mark.parametrize("given", [-1, "many", "2X", 1.5, None])
def test_what_is_no_size_is_refused(given: Any) -> None:
    with pytest.raises(UsageError, match="cache"):
        cache_bytes(given)


def test_numbers_of_numpy_are_addresses_like_any_other(photos: Path) -> None:
    stream, frozen = nfold.Stream(photos, seed=7), nfold.FrozenDataset(photos, copies=2, seed=7)
    order = np.random.default_rng(1).permutation(len(stream))
    assert [stream[np.int64(1), place].source for place in order] == [stream[1, int(place)].source for place in order]
    assert frozen[np.int64(1), np.uint8(2)].copy == 2
    assert frozen[np.int32(4)].source == frozen[4].source


@pytest.mark.parametrize("address", [3, (1.0, 0), (1, 0, 0), "x", None, (1, "0")])
def test_what_is_no_address_is_refused_in_words(photos: Path, address: Any) -> None:
    with pytest.raises(UsageError) as refused:
        nfold.Stream(photos)[address]
    assert refused.value.stable_code == "stream.address"


def test_epochs_that_end_before_they_begin_are_refused_at_once(photos: Path) -> None:
    with pytest.raises(UsageError, match="the last comes before the first"):
        nfold.Stream(photos).epochs(3, 2)
