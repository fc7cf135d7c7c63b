"""One item at a time: the same from anywhere, with and without memory."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stream_data import TILT, told

import nfold
from nfold.errors import ShortfallError
from tests.conftest import write_picture
from tests.engine.data_sets import make_masks, make_yolo

ADDRESSES = [(epoch, place) for epoch in (1, 2, 7) for place in range(9)]
MIRROR = {"name": "mirror", "augment": [{"HorizontalFlip": {"p": 1}}]}


class TestCache:
    @pytest.mark.parametrize("cache", ["12K", "40K", "1G"])
    def test_it_changes_nothing_and_stays_within_its_bound(
        self, stream: nfold.Stream, photos: Path, cache: str
    ) -> None:
        kept = nfold.Stream(photos, recipe=TILT, seed=5, cache=cache)
        for _ in range(2):
            for address in ADDRESSES:
                assert told(kept[address]) == told(stream[address])
                assert kept.reader.decoded.bytes <= kept.reader.decoded.most_bytes
        assert kept.reader.decoded.hits > 0
        assert stream.reader.decoded.bytes == 0

    @pytest.mark.parametrize("recipe", [TILT, {"name": "seldom", "augment": [{"HorizontalFlip": {"p": 0.01}}]}])
    @pytest.mark.parametrize("training", [True, False])
    def test_whoever_writes_into_an_item_does_not_write_into_the_memory(
        self, photos: Path, training: bool, recipe: dict[str, Any]
    ) -> None:
        stream = nfold.Stream(photos, recipe=recipe, training=training, cache="1G")
        before = [told(stream[1, place]) for place in range(9)]
        for place in range(9):
            stream[1, place].image[:] = 0
        assert [told(stream[1, place]) for place in range(9)] == before

    def test_masks_in_memory_are_as_safe(self, tmp_path: Path) -> None:
        make_masks(tmp_path / "data")
        stream = nfold.Stream(tmp_path / "data", training=False, cache="1G")
        before = stream[1, 0].mask.copy()
        stream[1, 0].mask[:] = 9
        assert np.array_equal(stream[1, 0].mask, before)

    def test_a_pickled_reader_begins_with_nothing_in_memory(self, photos: Path) -> None:
        stream = nfold.Stream(photos, cache="1G")
        assert stream[1, 0]
        empty = len(pickle.dumps(nfold.Stream(photos, cache="1G").reader))
        assert abs(len(pickle.dumps(stream.reader)) - empty) < 100


class TestPure:
    def test_threads_give_the_same_as_none(self, stream: nfold.Stream) -> None:
        alone = [told(stream[address]) for address in ADDRESSES]
        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(lambda address: told(stream[address]), ADDRESSES)) == alone

    def test_the_order_in_which_items_are_asked_for_does_not_matter(self, stream: nfold.Stream) -> None:
        forth = {address: told(stream[address]) for address in ADDRESSES}
        assert {address: told(stream[address]) for address in reversed(ADDRESSES)} == forth

    @pytest.mark.timeout(60)
    @pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
    def test_a_forked_process_that_used_opencvs_threads_does_not_hang(self, photos: Path) -> None:
        import cv2

        large = np.zeros((3000, 3000, 3), np.uint8)
        cv2.setNumThreads(4)
        cv2.GaussianBlur(large, (9, 9), 0)
        stream = nfold.Stream(photos, recipe=TILT)
        assert cv2.getNumThreads() == 1
        read_end, write_end = os.pipe()
        child = os.fork()
        if not child:
            try:
                os.write(write_end, str(stream[1, 0].image.sum()).encode())
            finally:
                os._exit(0)
        os.close(write_end)
        with os.fdopen(read_end) as pipe:
            assert pipe.read() == str(stream[1, 0].image.sum())
        os.waitpid(child, 0)


class TestLabels:
    def test_the_original_is_prepared_and_its_labels_with_it(self, tmp_path: Path) -> None:
        make_yolo(tmp_path / "data")
        recipe = {"prepare": [{"Resize": {"height": 20, "width": 30}}], "augment": [{"Rotate": {"limit": 5, "p": 1}}]}
        item = nfold.Stream(tmp_path / "data", recipe=recipe, training=False)[1, 0]
        assert item.image.shape[:2] == (20, 30)
        assert (item.copy, item.applied, item.drops) == (0, (), ())
        assert np.allclose(
            [annotation.box for annotation in item.annotations], [(3, 2, 11, 9), (15, 5, 25, 17)], atol=0.01
        )

    def test_what_is_lost_is_told_with_its_rule(self, tmp_path: Path) -> None:
        make_yolo(tmp_path / "data")
        shift = {"x": [300, 400], "y": [300, 400]}
        recipe = {"augment": [{"Affine": {"translate_px": shift, "p": 1}}, {"GaussNoise": {"p": 1}}]}
        item = nfold.Stream(tmp_path / "data", recipe=recipe)[1, 0]
        assert item.annotations == ()
        assert [drop.rule for drop in item.drops] == ["outside", "outside"]


class TestDraws:
    def test_a_recipe_that_cannot_give_so_many_says_so(self, photos: Path, expand_inline: Callable[..., Any]) -> None:
        frozen = nfold.FrozenDataset(photos, copies=2, recipe=MIRROR)
        with pytest.raises(ShortfallError, match="gives 1 distinct copies with recipe 'mirror', not 2") as caught:
            frozen[0, 1]
        assert caught.value.stable_code == "copies.short"
        assert expand_inline(photos, photos.parent / "out", copies=2, recipe=MIRROR).copies_missing == 9
        assert frozen[0, 0].copy == 0
        assert nfold.FrozenDataset(photos, copies=1, recipe=MIRROR)[0, 1].copy == 1

    def test_a_stream_serves_such_a_recipe_all_the_same(self, photos: Path) -> None:
        stream = nfold.Stream(photos, recipe=MIRROR)
        assert told(stream[1, 0])[2:] == told(stream[2, 0])[2:]

    def test_a_picture_of_one_colour_cannot_be_varied(self, tmp_path: Path) -> None:
        import cv2

        (tmp_path / "data").mkdir()
        cv2.imwrite(str(tmp_path / "data/white.png"), np.full((20, 20, 3), 255, np.uint8))
        write_picture(tmp_path / "data/other.png", 1)
        frozen = nfold.FrozenDataset(tmp_path / "data", copies=1, recipe=MIRROR)
        assert frozen[0, 1].source == "other.png"
        with pytest.raises(ShortfallError, match=r"white\.png gives 0"):
            frozen[1, 1]
