"""Keras 3, whatever its back end: `fit` gets each epoch's own variations, with threads and with processes."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nfold

_BACK_END = os.environ["KERAS_BACKEND"]
pytest.importorskip(_BACK_END, reason=f"{_BACK_END} is not installed here: run scripts/test-frameworks")
keras = pytest.importorskip("keras", reason="Keras is not installed here: run scripts/test-frameworks")

from nfold.adapters.keras import FollowEpochs, FrozenPyDataset, StreamPyDataset  # noqa: E402
from nfold.errors import UsageError  # noqa: E402

WORKERS = ({"workers": 3}, {"workers": 2, "use_multiprocessing": True})
LOOKS_FIRST = _BACK_END != "tensorflow"
"""Keras takes a batch to look at before each `fit`; what its workers have made ahead meanwhile stays in its queue."""

LOADING = ({}, {"threads": 3}, *(() if LOOKS_FIRST else WORKERS))

pytestmark = [
    # Keras 3.15 forks its worker processes from a process with threads, and leaves them to the garbage collector.
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded, use of fork:DeprecationWarning"),
    # Between Keras and PyTorch's tensors.
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"),
]


@pytest.fixture
def stream(photos: Path) -> nfold.Stream:
    return nfold.Stream(photos, recipe="flip-rotate", seed=7)


class Watched(StreamPyDataset):
    """Labels say which variation of which source each picture is, so that a model can tell what it was fed."""

    def __init__(self, stream: nfold.Stream, **options: Any) -> None:
        names = {name: place for place, name in enumerate(stream.sources)}
        super().__init__(stream, target=lambda item: np.array([item.copy, names[item.source]], np.float32), **options)


class Fed(keras.losses.Loss):
    """Keeps what comes as labels."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[tuple[int, int]] = []

    def call(self, y_true: Any, y_pred: Any) -> Any:
        self.rows += [tuple(int(value) for value in row) for row in keras.ops.convert_to_numpy(y_true)]
        return keras.ops.mean(y_pred) * 0.0


def small_model(outputs: int, loss: Any, **options: Any) -> Any:
    layers = [keras.layers.Input((36, 48, 3)), keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(outputs)]
    model = keras.Sequential(layers)
    model.compile(optimizer="sgd", loss=loss, run_eagerly=True, **options)
    return model


@pytest.mark.parametrize("loading", WORKERS, ids=["workers", "processes"])
@pytest.mark.skipif(not LOOKS_FIRST, reason="behind TensorFlow they are whole")
def test_workers_that_would_mix_up_epochs_are_refused(stream: nfold.Stream, loading: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="mix up epochs") as refused:
        StreamPyDataset(stream, batch_size=4, **loading)
    assert refused.value.stable_code == "stream.keras_workers"


def test_what_an_adapter_is_not_for_is_refused(stream: nfold.Stream, photos: Path) -> None:
    with pytest.raises(UsageError, match=r"StreamPyDataset takes nfold.Stream, not FrozenDataset"):
        StreamPyDataset(nfold.FrozenDataset(photos, copies=1))
    with pytest.raises(UsageError, match=r"FrozenPyDataset takes nfold.FrozenDataset, not Stream"):
        FrozenPyDataset(stream)


@pytest.mark.parametrize("loading", LOADING, ids=["alone", "threads", "workers", "processes"][: len(LOADING)])
class TestFit:
    def test_every_epoch_serves_its_own_variation_of_every_source_once(
        self, stream: nfold.Stream, loading: dict[str, Any]
    ) -> None:
        train, fed = Watched(stream, batch_size=4, **loading), Fed()
        model = small_model(1, fed)
        fed.rows.clear()
        model.fit(train, epochs=3, verbose=0, callbacks=[FollowEpochs(train)])
        rows = fed.rows[-3 * 17 :]
        # Building a model, Keras calls its loss with ones.
        assert set(fed.rows[: -3 * 17]) <= {(1, 1)}
        for epoch in (1, 2, 3):
            of_epoch = rows[(epoch - 1) * 17 : epoch * 17]
            assert {served for served, _ in of_epoch} == {epoch}
            assert sorted(place for _, place in of_epoch) == list(range(17))
        fed.rows.clear()
        model.fit(train, epochs=6, initial_epoch=5, verbose=0, callbacks=[FollowEpochs(train)])
        assert sorted(fed.rows) == [(6, place) for place in range(17)]

    def test_without_the_callback_epochs_are_whole_too_and_never_the_same(
        self, stream: nfold.Stream, loading: dict[str, Any]
    ) -> None:
        fed = Fed()
        model = small_model(1, fed)
        model.fit(Watched(stream, batch_size=4), epochs=1, verbose=0)
        train = Watched(stream, batch_size=4, **loading)
        fed.rows.clear()
        model.fit(train, epochs=2, verbose=0)
        model.fit(train, epochs=1, verbose=0)
        assert len(fed.rows) == len(set(fed.rows)) == 3 * 17
        assert len({served for served, _ in fed.rows}) == 3

    def test_epochs_of_another_length_go_on_where_they_stopped(
        self, stream: nfold.Stream, loading: dict[str, Any]
    ) -> None:
        fed = Fed()
        model = small_model(1, fed)
        model.fit(Watched(stream, batch_size=4), epochs=1, verbose=0)
        fed.rows.clear()
        train = Watched(stream, batch_size=4, endless=True, **loading)
        model.fit(train, epochs=5, steps_per_epoch=3, shuffle=False, verbose=0)
        assert sorted(fed.rows) == [(epoch, place) for epoch in (1, 2, 3) for place in range(17)]

    def test_evaluate_and_predict_see_the_pictures_as_they_are(self, photos: Path, loading: dict[str, Any]) -> None:
        held_out = StreamPyDataset(
            nfold.Stream(photos, training=False), batch_size=5, shuffle=False, target="none", **loading
        )
        model = small_model(1, "mse")
        first = model.predict(held_out, verbose=0)
        assert first.shape == (17, 1)
        assert np.array_equal(first, model.predict(held_out, verbose=0))


class TestBatches:
    def test_they_are_the_pixels_of_the_stream_in_its_order(self, stream: nfold.Stream) -> None:
        train = StreamPyDataset(stream, batch_size=5)
        assert len(train) == train.num_batches == 4
        for epoch in (1, 2, 3):
            order = stream.order(epoch)
            for number in range(4):
                images, labels = train[number]
                items = [stream[epoch, place] for place in order[number * 5 : number * 5 + 5]]
                assert images.dtype == np.float32
                assert np.array_equal(np.round(images * 255).astype(np.uint8), np.stack([item.image for item in items]))
                assert labels.dtype == np.int32
                assert labels.tolist() == [item.class_index for item in items]
            assert len(train[3][0]) == 2
            train.on_epoch_end()
        train.set_epoch(1)
        assert train.epoch == 1

    def test_a_batch_is_a_function_of_epoch_and_number_in_any_process(self, stream: nfold.Stream) -> None:
        train = StreamPyDataset(stream, batch_size=5, threads=2)
        train.set_epoch(4)
        assert np.array_equal(train[1][0], StreamPyDataset(stream, batch_size=5, endless=True)[4 * 3 + 1][0])
        clone = pickle.loads(pickle.dumps(train))
        assert all(np.array_equal(train[number][0], clone[number][0]) for number in (3, 0, 2))

    def test_labels_may_be_one_hot(self, stream: nfold.Stream) -> None:
        numbers = StreamPyDataset(stream, batch_size=17, shuffle=False)[0][1]
        rows = StreamPyDataset(stream, batch_size=17, shuffle=False, one_hot=True)[0][1]
        assert rows.dtype == np.float32
        assert np.array_equal(rows.argmax(axis=1), numbers)
        assert np.array_equal(rows.sum(axis=1), np.ones(17))

    def test_masks_come_as_numbers_of_classes(self, make_set: Callable[[str], Path]) -> None:
        stream = nfold.Stream(make_set("masks"), recipe="detection")
        images, masks = StreamPyDataset(stream, batch_size=2, shuffle=False)[0]
        assert (images.shape[:3], masks.dtype) == (masks.shape, np.int32)
        assert np.array_equal(masks[1], stream[1, 1].mask)
        with pytest.raises(UsageError, match="one_hot"):
            StreamPyDataset(stream, one_hot=True)

    def test_a_frozen_data_set_holds_all_its_items_in_each_epoch(self, photos: Path) -> None:
        frozen = nfold.FrozenDataset(photos, copies=2, seed=7)
        train = FrozenPyDataset(frozen, batch_size=10, pixels="uint8")
        orders = []
        for _ in range(2):
            images = np.concatenate([train[number][0] for number in range(len(train))])
            orders.append(images)
            assert {image.tobytes() for image in images} == {frozen[number].image.tobytes() for number in range(51)}
            train.on_epoch_end()
        assert not np.array_equal(*orders)

    def test_a_last_smaller_batch_can_be_left_out(self, stream: nfold.Stream) -> None:
        assert len(StreamPyDataset(stream, batch_size=5, drop_last=True)) == 3
        with pytest.raises(UsageError, match="no whole batch"):
            StreamPyDataset(stream, batch_size=18, drop_last=True)
        with pytest.raises(IndexError):
            StreamPyDataset(stream, batch_size=5)[4]

    def test_objects_are_refused_with_what_to_do(self, make_set: Callable[[str], Path]) -> None:
        stream = nfold.Stream(make_set("yolo"), recipe="detection")
        with pytest.raises(UsageError, match="cannot be stacked") as caught:
            StreamPyDataset(stream)
        assert caught.value.stable_code == "stream.target"
        assert "function" in str(caught.value.hint)
        images, counts = StreamPyDataset(stream, target=lambda item: np.int32(len(item.annotations)), batch_size=2)[0]
        assert (len(images), counts.shape) == (2, (2,))

    def test_pictures_of_several_sizes_are_refused_with_what_to_do(self, photos: Path) -> None:
        from tests.conftest import write_picture

        write_picture(photos / "cat/large.png", 5, width=64, height=50)
        with pytest.raises(UsageError, match="Put a Resize into the recipe's prepare"):
            StreamPyDataset(nfold.Stream(photos), batch_size=18)[0]
        recipe = {"prepare": [{"Resize": {"height": 20, "width": 20}}], "augment": [{"Rotate": {"limit": 9, "p": 1}}]}
        assert StreamPyDataset(nfold.Stream(photos, recipe=recipe), batch_size=18)[0][0].shape == (18, 20, 20, 3)
