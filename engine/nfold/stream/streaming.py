"""On the fly: each epoch a fresh variation of each source, nothing stored."""

from __future__ import annotations

import copy as copying
import operator
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from nfold.defaults import DEFAULT_RECIPE
from nfold.errors import UsageError
from nfold.recipe import Recipe
from nfold.request import read_count
from nfold.stream.item import Item
from nfold.stream.opening import open_data_set
from nfold.stream.order import check_epoch, epoch_order
from nfold.stream.passes import OnUnusable, Pass
from nfold.stream.reading import ItemReader
from nfold.stream.served import Served


class Stream(Served):
    """Serves variation e of every source in epoch e = 1, 2, 3, ..., the one that `expand` writes as copy e.

    Nothing is added and nothing is stored: an epoch has as many items as there are sources, each replaced by a variation
    of it. With `training=False` the sources come as they are, whatever the epoch, which is what inference sees.

    Use it from as many threads as you like; pickled into worker processes it stays one stream, since an item depends on
    its address alone.

        stream = nfold.Stream("photos", recipe="flip-rotate", seed=7)
        item = stream[3, 0]                        # epoch 3, first source
        for item in stream.epoch(3, workers=2):    # epoch 3, shuffled, two threads
            train_on(item.image, item.class_index)
    """

    def __init__(
        self,
        source: str | Path,
        *,
        recipe: str | Path | Mapping[str, Any] | Recipe = DEFAULT_RECIPE,
        seed: int = 0,
        training: bool = True,
        split: str | None = None,
        format: str | None = None,
        voc_origin: Literal[0, 1] | None = None,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        max_pixels: int = 50_000_000,
        damaged: Literal["skip", "keep"] = "skip",
        cache: int | str = 0,
    ) -> None:
        """Read the data set; pictures are opened when they are asked for.

        Args:
            source: Folder of images, in any format that `expand` reads.
            recipe: As for `expand`.
            seed: As for `expand`.
            training: Whether items are varied.
            split: Which one; by default `train`, or everything where there are no splits.
            format: As for `expand`.
            voc_origin: As for `expand`.
            include: As for `expand`.
            exclude: As for `expand`.
            max_pixels: As for `expand`.
            damaged: As for `expand`.
            cache: Bytes of decoded pictures to keep in memory, for each process (`2G`); 0 keeps none.

        Raises:
            InputError: The folder cannot be used.
            UsageError: An option makes no sense, the recipe cannot keep such labels in step, or validation is to be varied.
        """
        opened = open_data_set(
            source,
            recipe,
            seed=seed,
            split=split,
            varies=training,
            format=format,
            voc_origin=voc_origin,
            include=tuple(include),
            exclude=tuple(exclude),
            max_pixels=max_pixels,
            damaged=damaged,
        )
        self.training = training
        self.reader = ItemReader(opened, cache_bytes(cache))

    @classmethod
    def over(cls, reader: ItemReader, *, training: bool = True) -> Stream:
        """A stream of a data set that is open already, as when several are to share one."""
        stream = cls.__new__(cls)
        stream.training, stream.reader = training, reader
        return stream

    def __len__(self) -> int:
        """Items of an epoch: one for each source."""
        return len(self.reader.opened.places)

    def __getitem__(self, address: tuple[int, int]) -> Item:
        """Epoch (1 and up) and place of the source.

        Raises:
            IndexError: There is no such place.
            UsageError: There is no such epoch.
            SampleError: The source cannot be used.
        """
        epoch, place = read_address(address)
        check_epoch(epoch)
        return self.reader.variation(place, epoch) if self.training else self.reader.original(place)

    def __iter__(self) -> Iterator[Pass]:
        """Epoch after epoch, from the first, without end."""
        return self.epochs()

    @property
    def sources(self) -> Iterator[str]:
        """Ids of the sources, in the order of their places."""
        return (planned.id for planned in self.reader.opened.places)

    def inference(self) -> Stream:
        """The same sources, not varied."""
        return self._with(training=False)

    def order(self, epoch: int) -> list[int]:
        """Places of the sources in the order in which a shuffled epoch serves them: a function of (seed, epoch)."""
        check_epoch(epoch)
        return [int(place) for place in epoch_order(seed=self.seed, epoch=epoch, items=len(self))]

    def epochs(
        self,
        first: int = 1,
        last: int | None = None,
        *,
        shuffle: bool = True,
        workers: int = 0,
        on_unusable: OnUnusable = "raise",
    ) -> Iterator[Pass]:
        """Epoch after epoch; without `last` there is no end."""
        if last is not None and last < first:
            raise UsageError(
                f"Epochs {first} to {last}: the last comes before the first.",
                hint=f"Did you mean {last} to {first}?",
                code="stream.epoch",
            )
        return self._epochs(first, last, shuffle=shuffle, workers=workers, on_unusable=on_unusable)

    def _epochs(
        self, first: int, last: int | None, *, shuffle: bool, workers: int, on_unusable: OnUnusable
    ) -> Iterator[Pass]:
        epoch = first
        while last is None or epoch <= last:
            yield self.epoch(epoch, shuffle=shuffle, workers=workers, on_unusable=on_unusable)
            epoch += 1

    @property
    def _identity(self) -> str:
        return f"{self.reader.opened.identity}/{'on the fly' if self.training else 'as it is'}"

    def item(self, epoch: int, number: int) -> Item:
        """The variation of a source that belongs to an epoch."""
        return self[epoch, number]

    def _place_of(self, number: int) -> int:
        return number

    def _with(self, *, training: bool) -> Stream:
        other = copying.copy(self)
        other.training = training
        return other


def read_address(address: Any) -> tuple[int, int]:
    """Two whole numbers of any kind, NumPy's included, as Python's own.

    Raises:
        UsageError: They are none.
    """
    try:
        first, second = address
        return operator.index(first), operator.index(second)
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"{address!r} is no address of an item.",
            hint="Give two whole numbers: stream[epoch, place], or frozen[place, copy].",
            code="stream.address",
        ) from error


def cache_bytes(cache: int | str) -> int:
    """Read `2G` as two thousand million bytes.

    Raises:
        UsageError: It is no size.
    """
    try:
        size = read_count(cache)
    except ValueError as error:
        raise UsageError(f"cache: {error}.", hint="Give bytes, as in 512M or 2G.") from error
    if not isinstance(size, int) or size < 0:
        raise UsageError(f"cache is {cache}; it is a number of bytes, as in 512M.")
    return size
