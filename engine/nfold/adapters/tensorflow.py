"""TensorFlow: a stream or a frozen data set as a `tf.data.Dataset`.

from nfold.adapters.tensorflow import as_tf_dataset

train = as_tf_dataset(stream, workers=2).batch(32).prefetch(2)
model.fit(train, epochs=10, steps_per_epoch=len(stream) // 32)
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, Literal

from nfold.adapters.form import ItemForm, PixelType, TargetKind, refuse_others, settle_form
from nfold.errors import MissingExtraError, UsageError
from nfold.stream import FrozenDataset, Item, Stream
from nfold.stream.order import check_epoch
from nfold.stream.passes import OnUnusable

try:
    import tensorflow as tf
except ModuleNotFoundError as error:
    if error.name != "tensorflow":
        raise
    raise MissingExtraError.for_feature("nfold.adapters.tensorflow", "tensorflow") from error

__all__ = ["as_tf_dataset", "output_signature"]


def as_tf_dataset(
    served: Stream | FrozenDataset,
    *,
    epochs: int | None = None,
    first_epoch: int = 1,
    shuffle: bool = True,
    workers: int = 0,
    on_unusable: OnUnusable = "raise",
    target: TargetKind = "auto",
    pixels: PixelType = "float32",
    channels: Literal[1, 3] = 3,
    first_label: int = 1,
    size_hw: tuple[int, int] | None = None,
) -> Any:
    """The items of one epoch after another, as picture and target, not in batches.

    Pictures may differ in size; to use `.batch`, put a Resize into the recipe's `prepare`. Whoever iterates anew begins
    with `first_epoch` again, so that a dataset of one epoch shows the same variations each time: leave `epochs` out, and
    let the trainer take as many steps as it wants.

    Args:
        served: Opened.
        epochs: How many; without end by default.
        first_epoch: 1 and up.
        shuffle: Whether in an order of each epoch's own.
        workers: Threads that work ahead.
        on_unusable: What a source that cannot be read does: raise, or be left out with a warning.
        target: `class`, `detection`, `instances`, `keypoints`, `mask` or `none`; `auto` takes what the data set is
            made for.
        pixels: `float32` from 0 to 1, or `uint8`.
        channels: 3 repeats grey pictures; 1 makes them all grey.
        first_label: Number of the first class of objects.
        size_hw: Height and width of all pictures where they are known, for models that ask for them.

    Raises:
        UsageError: An argument makes no sense, or the data set has no such labels.
    """
    refuse_others(served, Stream, FrozenDataset, adapter="as_tf_dataset")
    check_epoch(first_epoch)
    if epochs is not None and epochs < 1:
        raise UsageError(f"epochs is {epochs}; it is 1 or more, or None for no end.", code="stream.epoch")
    form = settle_form(served.reader.opened, target=target, pixels=pixels, channels=channels, first_label=first_label)
    numbers = None if form.target in ("class", "mask", "none") else _numbers_of(served)

    def items() -> Iterator[Any]:
        epoch = first_epoch
        while epochs is None or epoch < first_epoch + epochs:
            one_pass = served.epoch(epoch, shuffle=shuffle, workers=workers, on_unusable=on_unusable)
            with contextlib.closing(one_pass):
                for item in one_pass:
                    number = 0 if numbers is None else numbers(item)
                    image = form.image(item)
                    yield (image, form.label(item, number)) if form.has_target else image
            epoch += 1

    dataset = tf.data.Dataset.from_generator(items, output_signature=output_signature(form, size_hw=size_hw))
    if epochs is None:
        return dataset.apply(tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY))
    if on_unusable == "skip":
        return dataset
    return dataset.apply(tf.data.experimental.assert_cardinality(epochs * len(served)))


def output_signature(form: ItemForm, *, size_hw: tuple[int, int] | None = None) -> Any:
    """What `tf.data` is told of the items of a form."""
    height, width = size_hw or (None, None)
    image = tf.TensorSpec((height, width, form.channels), tf.as_dtype(form.pixels))
    if form.target == "none":
        return image
    if form.target == "class":
        return image, tf.TensorSpec((), tf.int64)
    if form.target == "mask":
        return image, tf.TensorSpec((height, width), tf.int64)
    target = {
        "boxes": tf.TensorSpec((None, 4), tf.float32),
        "labels": tf.TensorSpec((None,), tf.int64),
        "area": tf.TensorSpec((None,), tf.float32),
        "iscrowd": tf.TensorSpec((None,), tf.int64),
        "image_id": tf.TensorSpec((), tf.int64),
    }
    if form.target == "instances":
        target["masks"] = tf.TensorSpec((None, height, width), tf.uint8)
    if form.target == "keypoints":
        target["keypoints"] = tf.TensorSpec((None, form.points, 3), tf.float32)
    return image, target


def _numbers_of(served: Stream | FrozenDataset) -> Callable[[Item], int]:
    """How the items of a data set are numbered."""
    places = served.reader.opened.places
    if isinstance(served, Stream):
        return lambda item: places.place_of(item.source)
    each = served.copies + 1
    return lambda item: places.place_of(item.source) * each + item.copy
