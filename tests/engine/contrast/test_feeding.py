from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nfold
from nfold.contrast.feeding import (
    fresh_batches,
    longest_sides,
    offline,
    stored_batches,
    untouched,
    walk,
    with_seed,
)
from nfold.contrast.thumbnails import thumbnail
from nfold.images import DecodeLimits, decode_image
from tests.conftest import write_picture


@pytest.fixture
def stream(tmp_path: Path) -> nfold.Stream:
    for number in range(6):
        write_picture(tmp_path / f"source/{'ab'[number % 2]}/{number}.jpg", number)
    return nfold.Stream(tmp_path / "source", cache="1M")


def still(stream: nfold.Stream, folder: Path) -> Any:
    return untouched(stream, range(len(stream)), folder=folder, name="still", side_px=32, workers=2)


def test_untouched_pictures_are_those_of_the_files_and_broken_ones_are_left_out(
    stream: nfold.Stream, tmp_path: Path
) -> None:
    (tmp_path / "source/a/2.jpg").write_bytes(b"\xff\xd8 broken")
    found = still(stream, tmp_path)
    assert list(found.skipped) == ["a/2.jpg"]
    assert found.places == [0, 2, 3, 4, 5]
    assert found.pictures.labels.tolist() == [0, 0, 1, 1, 1]
    image = decode_image((tmp_path / "source/b/5.jpg").read_bytes(), DecodeLimits())
    assert np.array_equal(found.pictures.pixels[4], thumbnail(image, 32))
    assert longest_sides(stream, range(6)) == [48] * 5


def test_the_offline_arm_is_what_expand_writes(stream: nfold.Stream, tmp_path: Path, expand_inline: Any) -> None:
    report = expand_inline(tmp_path / "source", tmp_path / "out", copies=2, seed=9)
    found = still(stream, tmp_path)
    made = offline(with_seed(stream, 9), found, copies=2, folder=tmp_path, name="offline", workers=2)
    assert len(made.pictures) == 18 == report.images_after
    files = sorted((tmp_path / "out").glob("*/*_aug*.jpg"))
    assert made.bytes_added == sum(file.stat().st_size for file in files)
    for place, identity in enumerate(stream.sources):
        for copy in (1, 2):
            data = (tmp_path / "out" / identity.replace(".jpg", f"_aug{copy}.jpg")).read_bytes()
            expected = thumbnail(decode_image(data, DecodeLimits()), 32)
            assert np.array_equal(made.pictures.pixels[3 * place + copy], expected)
        assert np.array_equal(made.pictures.pixels[3 * place], found.pictures.pixels[place])
        assert set(made.pictures.labels[3 * place : 3 * place + 3]) == {found.pictures.labels[place]}


def test_a_walk_goes_through_everything_once_in_each_epoch() -> None:
    steps = list(itertools.islice(walk(seed=3, items=20), 60))
    for epoch in (1, 2, 3):
        assert sorted(number for at, number in steps if at == epoch) == list(range(20))
    assert [number for _, number in steps[:20]] != [number for _, number in steps[20:40]]


def test_fresh_batches_hold_variation_e_of_each_source_in_epoch_e(stream: nfold.Stream, tmp_path: Path) -> None:
    found = still(stream, tmp_path)
    batches = fresh_batches(with_seed(stream, 9), found, seed=4, batch=4, workers=2)
    served = np.concatenate([next(batches)[0] for _ in range(3)])
    batches.close()  # type: ignore[attr-defined]
    other = nfold.Stream(tmp_path / "source", seed=9)
    expected = [
        thumbnail(other[epoch, number].picture, 32) for epoch, number in itertools.islice(walk(seed=4, items=6), 12)
    ]
    assert np.array_equal(served, np.stack(expected))


def test_stored_batches_of_one_seed_come_in_the_order_of_the_fresh_ones(stream: nfold.Stream, tmp_path: Path) -> None:
    found = still(stream, tmp_path)
    stored = stored_batches(found.pictures, seed=4, batch=4)
    fresh = fresh_batches(with_seed(stream, 9), found, seed=4, batch=4, workers=0)
    for _ in range(4):
        assert next(stored)[1].tolist() == next(fresh)[1].tolist()
