"""TensorFlow: epochs come one after the other, in the types that were announced."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nfold

tf = pytest.importorskip("tensorflow", reason="TensorFlow is not installed here: run scripts/test-frameworks")

from nfold.adapters.tensorflow import as_tf_dataset  # noqa: E402
from nfold.errors import UsageError  # noqa: E402
from tests.conftest import write_picture  # noqa: E402

Make = Callable[[str], Path]


@pytest.fixture
def stream(photos: Path) -> nfold.Stream:
    return nfold.Stream(photos, recipe="flip-rotate", seed=7)


def as_pixels(image: Any) -> np.ndarray:
    return np.round(image.numpy() * 255).astype(np.uint8)


@pytest.mark.parametrize("workers", [0, 2])
def test_three_epochs_are_the_very_pixels_of_the_stream(stream: nfold.Stream, workers: int) -> None:
    dataset = as_tf_dataset(stream, epochs=3, workers=workers)
    wanted = [stream[epoch, place] for epoch in (1, 2, 3) for place in stream.order(epoch)]
    assert int(dataset.cardinality()) == 51
    served = list(dataset)
    assert len(served) == 51
    for (image, label), item in zip(served, wanted, strict=True):
        assert np.array_equal(as_pixels(image), item.image)
        assert label.dtype == tf.int64
        assert int(label) == item.class_index


def test_without_a_number_of_epochs_there_is_no_end(stream: nfold.Stream) -> None:
    dataset = as_tf_dataset(stream, first_epoch=2, shuffle=False, workers=1)
    assert int(dataset.cardinality()) == tf.data.INFINITE_CARDINALITY
    images = [image for image, _ in dataset.take(40)]
    assert np.array_equal(as_pixels(images[0]), stream[2, 0].image)
    assert np.array_equal(as_pixels(images[39]), stream[4, 5].image)


def test_pictures_of_any_size_come_one_by_one_and_of_one_size_in_batches(photos: Path) -> None:
    write_picture(photos / "cat/large.png", 5, width=64, height=50)
    dataset = as_tf_dataset(nfold.Stream(photos), epochs=1)
    assert dataset.element_spec[0].shape.as_list() == [None, None, 3]
    assert {image.shape[:2] for image, _ in dataset} == {(36, 48), (50, 64)}
    recipe = {"prepare": [{"Resize": {"height": 20, "width": 24}}], "augment": [{"Rotate": {"limit": 9, "p": 1}}]}
    sized = as_tf_dataset(nfold.Stream(photos, recipe=recipe), epochs=1, size_hw=(20, 24)).batch(8)
    assert [batch.shape.as_list() for batch, _ in sized] == [[8, 20, 24, 3], [8, 20, 24, 3], [2, 20, 24, 3]]


@pytest.mark.parametrize(("name", "target"), [("yolo", "detection"), ("coco", "keypoints"), ("coco", "instances")])
def test_objects_come_as_a_dict(make_set: Make, name: str, target: Any) -> None:
    stream = nfold.Stream(make_set(name), recipe="detection")
    for image, found in as_tf_dataset(stream, epochs=2, target=target):
        place = int(found["image_id"])
        count = len(stream.inference()[1, place].annotations)
        assert 0 < found["boxes"].shape[0] <= count
        assert (found["boxes"].dtype, found["labels"].dtype) == (tf.float32, tf.int64)
        if target == "keypoints":
            assert found["keypoints"].shape == (found["boxes"].shape[0], 2, 3)
        if target == "instances":
            assert found["masks"].shape == (found["boxes"].shape[0], *image.shape[:2])


def test_masks_and_pictures_alone(make_set: Make) -> None:
    stream = nfold.Stream(make_set("masks"), recipe="detection")
    for place, (_, mask) in enumerate(as_tf_dataset(stream, epochs=1, shuffle=False)):
        assert mask.dtype == tf.int64
        assert np.array_equal(mask.numpy(), stream[1, place].mask)
    alone = next(iter(as_tf_dataset(stream, target="none", pixels="uint8", shuffle=False)))
    assert np.array_equal(alone.numpy(), stream[1, 0].image)


def test_a_frozen_data_set_is_the_same_in_each_epoch(photos: Path) -> None:
    frozen = nfold.FrozenDataset(photos, copies=2, seed=7)
    rows = [image.numpy().tobytes() for image, _ in as_tf_dataset(frozen, epochs=2, pixels="uint8")]
    assert sorted(rows[:51]) == sorted(rows[51:]) == sorted(frozen[number].image.tobytes() for number in range(51))
    assert rows[:51] != rows[51:]


def test_an_iteration_that_is_left_early_leaves_no_threads(stream: nfold.Stream) -> None:
    import gc
    import threading

    iterator = iter(as_tf_dataset(stream, workers=2))
    next(iterator)
    del iterator
    gc.collect()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("nfold-stream")]


def test_what_makes_no_sense_is_refused_at_once(stream: nfold.Stream) -> None:
    for options in ({"epochs": -1}, {"first_epoch": 0}, {"target": "mask"}, {"target": "maks"}, {"channels": 4}):
        with pytest.raises(UsageError):
            as_tf_dataset(stream, **options)
