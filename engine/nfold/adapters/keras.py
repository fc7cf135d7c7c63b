"""Keras 3, with any back end: streams and frozen data sets as `keras.utils.PyDataset`.

    from nfold.adapters.keras import FollowEpochs, StreamPyDataset

    train = StreamPyDataset(nfold.Stream("photos", recipe=recipe, seed=7), batch_size=32, threads=2)
    model.fit(train, epochs=10, callbacks=[FollowEpochs(train)])

A batch is pictures, float32 of shape (batch, h, w, channels) from 0 to 1 (or uint8), and their labels. All pictures of
a batch have one size: put a Resize into the recipe's `prepare`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from nfold.adapters.collate import stack_images
from nfold.adapters.form import PixelType, refuse_others, settle_form
from nfold.errors import MissingExtraError, UsageError
from nfold.stream import FrozenDataset, Item, Stream
from nfold.stream.order import check_epoch, epoch_order

if TYPE_CHECKING:
    from numpy.typing import NDArray

try:
    import keras
except ModuleNotFoundError as error:
    if error.name == "keras":
        raise MissingExtraError.for_feature("nfold.adapters.keras", "keras") from error
    if error.name not in ("tensorflow", "torch", "jax"):
        raise
    raise MissingExtraError(
        f"Keras looks for its back end '{error.name}', which is not installed.",
        hint=f"pip install 'nfold[tensorflow]', or set KERAS_BACKEND to one that is there (not {error.name}).",
    ) from error

__all__ = ["FollowEpochs", "FrozenPyDataset", "StreamPyDataset"]

Target = Literal["auto", "class", "mask", "none"] | Callable[[Item], Any]


class _Batches(keras.utils.PyDataset):
    """Batches of one epoch after another; which items they hold depends on epoch and number alone."""

    _takes: type[Stream | FrozenDataset]

    def __init__(
        self,
        served: Stream | FrozenDataset,
        *,
        batch_size: int = 32,
        target: Target = "auto",
        one_hot: bool = False,
        pixels: PixelType = "float32",
        channels: Literal[1, 3] = 3,
        shuffle: bool = True,
        drop_last: bool = False,
        endless: bool = False,
        threads: int = 0,
        **loading: Any,
    ) -> None:
        """Divide what is served into batches.

        Args:
            served: Opened.
            batch_size: Items of a batch; the last one of an epoch may have fewer.
            target: `class`, `mask` (numbers, int32, (batch, h, w)), `none`, or a function that makes an array of an item;
                `auto` takes what the data set is made for.
            one_hot: Whether a class is a row of zeros with a one in it, and not a number.
            pixels: `float32` from 0 to 1, or `uint8`.
            channels: 3 repeats grey pictures; 1 makes them all grey.
            shuffle: Whether each epoch has an order of its own.
            drop_last: Whether a last, smaller batch is left out.
            endless: Count batches on from epoch to epoch, for `fit(..., steps_per_epoch=..., shuffle=False)`, whose
                epochs are as long as it says.
            threads: Threads that make the items of a batch side by side; 0 makes them one after the other.
            **loading: `workers`, `use_multiprocessing`, `max_queue_size` of PyDataset: Keras' own threads and processes,
                behind TensorFlow. Behind PyTorch and JAX they are refused: there Keras takes a batch to look at before
                each `fit` and leaves what its workers have made ahead in its queue, so that epochs slide into each other.

        Raises:
            UsageError: An argument makes no sense, or the data set has no such labels.
        """
        refuse_others(served, self._takes, adapter=type(self).__name__)
        _refuse_replaying(loading)
        super().__init__(**loading)
        if batch_size < 1:
            raise UsageError(f"batch_size is {batch_size}; it is 1 or more.")
        self.form = settle_form(served.reader.opened, target=target, pixels=pixels, channels=channels)
        if isinstance(self.form.target, str) and self.form.target not in ("class", "mask", "none"):
            raise UsageError(
                f"target '{self.form.target}' cannot be stacked: pictures have different numbers of objects.",
                hint="Choose class, mask or none, or give a function that makes an array of fixed shape of an item.",
                code="stream.target",
            )
        if threads < 0:
            raise UsageError(f"threads is {threads}; it is 0 or more.")
        if one_hot and self.form.target != "class":
            raise UsageError(f"one_hot is for target 'class', and this is {self.form.target!r}.")
        self.served = served
        self.batch_size, self.one_hot = batch_size, one_hot
        self.shuffle, self.drop_last, self.endless = shuffle, drop_last, endless
        self.epoch = 1
        self.threads = threads
        self._order: tuple[int, Any] | None = None
        self._pool: tuple[int, ThreadPoolExecutor] | None = None
        if not len(self):
            raise UsageError(
                f"{len(served)} items make no whole batch of {batch_size}.",
                hint="Take a smaller one, or drop_last=False.",
            )

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_pool": None, "_order": None}

    def set_epoch(self, epoch: int) -> None:
        """Go to an epoch, 1 and up.

        Raises:
            UsageError: There is no such epoch.
        """
        check_epoch(epoch)
        self.epoch = epoch

    def __len__(self) -> int:
        """Batches of an epoch."""
        items = len(self.served)
        return items // self.batch_size if self.drop_last else -(-items // self.batch_size)

    @property
    def num_batches(self) -> int | None:
        """What Keras asks for; None where there is no end."""
        return None if self.endless else len(self)

    def on_epoch_end(self) -> None:
        """Go on to the next epoch; Keras calls it, also when it has but looked at a first batch: see FollowEpochs."""
        if not self.endless:
            self.set_epoch(self.epoch + 1)

    def __getitem__(self, number: int) -> tuple[Any, ...]:
        """A batch of the current epoch; where there is no end, of the epoch that its number falls into.

        Raises:
            IndexError: There is no such batch.
            UsageError: Its pictures differ in size.
            SampleError: A source cannot be used.
        """
        later, batch = divmod(number, len(self))
        if number < 0 or (later and not self.endless):
            raise IndexError(f"batch {number} of {len(self)}")
        epoch = self.epoch + later
        items = self._items(epoch, [int(place) for place in self._places(epoch, batch)])
        images = stack_images([self.form.image(item) for item in items])
        if not self.form.has_target:
            return (images,)
        return images, self._labels(items)

    def _places(self, epoch: int, batch: int) -> Any:
        first, end = batch * self.batch_size, min((batch + 1) * self.batch_size, len(self.served))
        if not self.shuffle:
            return range(first, end)
        # Threads may meet here: each looks at one pair, and at worst the order is worked out twice.
        known = self._order
        if known is None or known[0] != epoch:
            known = epoch, epoch_order(seed=self.served.seed, epoch=epoch, items=len(self.served))
            self._order = known
        return known[1][first:end]

    def _items(self, epoch: int, places: list[int]) -> list[Item]:
        make = partial(self.served.item, epoch)
        if not self.threads:
            return list(map(make, places))
        # Kept from batch to batch, since a thread compiles the recipe for itself; a forked process has none of them.
        known = self._pool
        if known is None or known[0] != os.getpid():
            known = os.getpid(), ThreadPoolExecutor(self.threads, thread_name_prefix="nfold-stream")
            self._pool = known
        return list(known[1].map(make, places))

    def _labels(self, items: list[Item]) -> NDArray[Any]:
        import numpy as np

        labels = [self.form.label(item, 0) for item in items]
        if self.form.target == "class":
            numbers = np.array(labels, np.int32)
            return np.eye(len(self.served.classes), dtype=np.float32)[numbers] if self.one_hot else numbers
        if self.form.target == "mask":
            return np.asarray(stack_images([label.astype(np.int32) for label in labels]))
        return np.stack(labels)


class StreamPyDataset(_Batches):
    """A stream in batches: `fit` gets fresh variations in each epoch.

    It goes on to the next epoch when Keras says that one has ended; `set_epoch` goes to any, and `FollowEpochs` keeps in
    step with those that `fit` counts. With `training=False` the
    stream serves the pictures as they are, which is for validation: `shuffle=False` keeps them in order then.
    """

    _takes = Stream


class FrozenPyDataset(_Batches):
    """A frozen data set in batches: the same S x (N+1) items in each epoch, in another order."""

    _takes = FrozenDataset


def _refuse_replaying(loading: Mapping[str, Any]) -> None:
    works_ahead = loading.get("workers", 1) > 1 or loading.get("use_multiprocessing", False)
    if works_ahead and keras.backend.backend() != "tensorflow":
        raise UsageError(
            f"Keras' own workers mix up epochs behind {keras.backend.backend()}: items of one come again in the next.",
            hint="Use threads=2 instead: they make the items of a batch side by side, and as fast.",
            code="stream.keras_workers",
        )


class FollowEpochs(keras.callbacks.Callback):
    """Has the first epoch of `fit` serve epoch 1, the second epoch 2, also after `initial_epoch` and a second `fit`.

    Without it a data set goes on by one whenever Keras says that an epoch has ended, which it does once before the
    first one, too: each call of `fit` then leaves out an epoch of the stream.
    """

    def __init__(self, *datasets: StreamPyDataset | FrozenPyDataset) -> None:
        super().__init__()
        self.datasets = datasets

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Keras counts from 0."""
        del logs
        for dataset in self.datasets:
            dataset.set_epoch(epoch + 1)
