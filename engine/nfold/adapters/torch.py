"""PyTorch: streams and frozen data sets as datasets of `torch.utils.data`.

    from nfold.adapters.torch import EpochSampler, StreamDataset

    dataset = StreamDataset(nfold.Stream("photos", recipe="light", seed=7))
    loader = DataLoader(dataset, batch_size=32, num_workers=4, persistent_workers=True, sampler=EpochSampler(dataset))
    for epoch in range(1, 11):
        loader.sampler.set_epoch(epoch)
        for images, labels in loader:
            ...

An item is a picture, (channels, h, w), and its target; which one, `target` says: `class` is an int, `mask` int64 of
shape (h, w), and `detection`, `instances` and `keypoints` are what torchvision's references call boxes, labels, area,
iscrowd, image_id, masks and keypoints. Boxes and points are in pixels, edges at integers.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, TypedDict, Unpack

from nfold.adapters.collate import check_sizes, collate_detection
from nfold.adapters.form import PixelType, TargetKind, refuse_others, settle_form
from nfold.adapters.shares import check_rank, order_of, share_of
from nfold.errors import MissingExtraError, SampleError, UsageError
from nfold.stream import FrozenDataset, Item, Stream, UnusableSourceWarning
from nfold.stream.order import check_epoch
from nfold.stream.passes import OnUnusable

try:
    import torch
    from torch.utils.data import Dataset, IterableDataset, Sampler, default_collate, get_worker_info
except ModuleNotFoundError as error:
    if error.name != "torch":
        raise
    raise MissingExtraError.for_feature("nfold.adapters.torch", "torch") from error

__all__ = [
    "EpochSampler",
    "FrozenMapDataset",
    "IterableStreamDataset",
    "StreamDataset",
    "collate_detection",
    "collate_stacked",
]

Target = TargetKind | Callable[[Item], Any]
Transform = Callable[[Any], Any]
Transforms = Callable[[Any, Any], tuple[Any, Any]]


class Handing(TypedDict, total=False):
    """How items are handed over, by all datasets here.

    Attributes:
        target: `class`, `detection`, `instances` (with a mask for each object), `keypoints`, `mask`, `none`, or a
            function of an item; `auto`, the default, takes what the data set is made for.
        pixels: `float32` from 0 to 1, the default, or `uint8`.
        channels: 3, the default, repeats grey pictures; 1 makes them all grey.
        first_label: Number of the first class of objects: 1, the default, where 0 is the background.
        transform: Called with the picture.
        transforms: Called with picture and target.
    """

    target: Target
    pixels: PixelType
    channels: Literal[1, 3]
    first_label: int
    transform: Transform | None
    transforms: Transforms | None


class _Hand:
    """Makes tensors of items."""

    def __init__(
        self,
        served: Stream | FrozenDataset,
        *,
        target: Target = "auto",
        pixels: PixelType = "float32",
        channels: Literal[1, 3] = 3,
        first_label: int = 1,
        transform: Transform | None = None,
        transforms: Transforms | None = None,
    ) -> None:
        if transform is not None and transforms is not None:
            raise UsageError("transform takes the picture, transforms takes picture and target: give one of them.")
        self.form = settle_form(
            served.reader.opened, target=target, pixels=pixels, channels=channels, first_label=first_label
        )
        self.transform, self.transforms = transform, transforms

    def __call__(self, item: Item, number: int) -> Any:
        image: Any = torch.from_numpy(self.form.image(item).transpose(2, 0, 1).copy())
        if self.transform is not None:
            image = self.transform(image)
        if not self.form.has_target:
            return image if self.transforms is None else self.transforms(image, None)[0]
        target = _tensors(self.form.label(item, number))
        return (image, target) if self.transforms is None else self.transforms(image, target)


class _SharedEpoch:
    """The epoch in memory that worker processes look into, so that it reaches those that stay alive, too."""

    def __init__(self, epoch: int) -> None:
        self._value = torch.tensor([epoch], dtype=torch.int64).share_memory_()

    def __setstate__(self, state: dict[str, Any]) -> None:
        # DataLoader hands the memory on; pickled to a file or copied, it becomes memory of the copy's own.
        self._value = state["_value"] if state["_value"].is_shared() else state["_value"].share_memory_()

    def get(self) -> int:
        return int(self._value[0])

    def set(self, epoch: int) -> None:
        check_epoch(epoch)
        self._value[0] = epoch


class StreamDataset(Dataset):
    """A stream as a map-style dataset: item i is the variation of source i that belongs to the current epoch.

    `set_epoch` reaches the workers of a DataLoader, persistent ones, too. Call it between epochs: a worker that is
    ahead when it is called in the middle of one has made items of the old epoch. `EpochSampler` sends the epoch along
    with each number, so that nothing can come in between.
    """

    def __init__(
        self,
        stream: Stream,
        **handing: Unpack[Handing],
    ) -> None:
        """Hand over what a stream serves.

        Args:
            stream: Opened, with or without training.
            **handing: See Handing.

        Raises:
            UsageError: An argument makes no sense, or the data set has no such labels.
        """
        refuse_others(stream, Stream, adapter="StreamDataset")
        self.stream = stream
        self._hand = _Hand(stream, **handing)
        self._epoch = _SharedEpoch(1)

    @property
    def epoch(self) -> int:
        """The current one."""
        return self._epoch.get()

    def set_epoch(self, epoch: int) -> None:
        """Go to an epoch, 1 and up.

        Raises:
            UsageError: There is no such epoch.
        """
        self._epoch.set(epoch)

    def __len__(self) -> int:
        return len(self.stream)

    def __getitem__(self, address: int | tuple[int, int]) -> Any:
        """Item i of the current epoch, or of the epoch in (epoch, i)."""
        epoch, place = address if isinstance(address, tuple) else (self.epoch, int(address))
        return self._hand(self.stream[epoch, place], place)


class EpochSampler(Sampler):
    """Shuffles as `Stream.epoch` does and gives each number together with its epoch; with ranks, a share of them.

    The order is a function of seed and epoch. With several processes each takes every `num_replicas`-th of it, and as
    in PyTorch's own DistributedSampler shares are made equal by repeating the first ones, or by leaving out the last.
    """

    def __init__(
        self,
        dataset: StreamDataset,
        *,
        shuffle: bool = True,
        num_replicas: int = 1,
        rank: int = 0,
        drop_last: bool = False,
        first_epoch: int = 1,
    ) -> None:
        """Give numbers of a dataset.

        Args:
            dataset: Over a stream.
            shuffle: Whether in an order of each epoch's own.
            num_replicas: Processes that train side by side.
            rank: Which of them this is.
            drop_last: Whether what does not divide evenly is left out of the epoch, and not made up for.
            first_epoch: What `set_epoch` is given for the first epoch: 0 for trainers that count from 0 and call it.

        Raises:
            UsageError: There is no such rank.
        """
        check_rank(rank, num_replicas)
        self.dataset = dataset
        self.shuffle, self.drop_last = shuffle, drop_last
        self.num_replicas, self.rank = num_replicas, rank
        self.first_epoch = first_epoch
        self.epoch = 1

    def set_epoch(self, epoch: int) -> None:
        """Go to an epoch, counted as `first_epoch` says.

        Raises:
            UsageError: There is no such epoch.
        """
        wanted = epoch - self.first_epoch + 1
        check_epoch(wanted)
        self.epoch = wanted
        self.dataset.set_epoch(wanted)

    def __len__(self) -> int:
        return len(share_of(range(len(self.dataset)), self.num_replicas, self.rank, drop_last=self.drop_last))

    def __iter__(self) -> Iterator[tuple[int, int]]:
        order = order_of(self.dataset.stream, self.epoch, shuffle=self.shuffle)
        for place in share_of(order, self.num_replicas, self.rank, drop_last=self.drop_last):
            yield self.epoch, place


class IterableStreamDataset(IterableDataset):
    """A stream as an iterable dataset: each iteration is one epoch, shuffled as `Stream.epoch` does.

    The workers of a DataLoader divide an epoch among them, and so do the processes of a distributed training; no source
    comes twice, and none is missing. With `num_replicas` that do not divide the sources evenly, shares differ by one.
    An iteration keeps the epoch with which it began.
    """

    def __init__(
        self,
        stream: Stream,
        *,
        shuffle: bool = True,
        num_replicas: int = 1,
        rank: int = 0,
        on_unusable: OnUnusable = "raise",
        **handing: Unpack[Handing],
    ) -> None:
        """Hand over what a stream serves; `shuffle` and ranks as for EpochSampler.

        Args:
            stream: Opened.
            shuffle: Whether in an order of each epoch's own.
            num_replicas: Processes that train side by side.
            rank: Which of them this is.
            on_unusable: What a source that cannot be read does: raise, or be left out with a warning.
            **handing: See Handing.

        Raises:
            UsageError: An argument makes no sense, or the data set has no such labels.
        """
        refuse_others(stream, Stream, adapter="IterableStreamDataset")
        check_rank(rank, num_replicas)
        if on_unusable not in ("raise", "skip"):
            raise UsageError(f"on_unusable is '{on_unusable}'; choose raise or skip.")
        self.stream = stream
        self.shuffle, self.on_unusable = shuffle, on_unusable
        self.num_replicas, self.rank = num_replicas, rank
        self._hand = _Hand(stream, **handing)
        self._epoch = _SharedEpoch(1)

    @property
    def epoch(self) -> int:
        """The current one."""
        return self._epoch.get()

    def set_epoch(self, epoch: int) -> None:
        """Go to an epoch, 1 and up, from the next iteration on.

        Raises:
            UsageError: There is no such epoch.
        """
        self._epoch.set(epoch)

    def __iter__(self) -> Iterator[Any]:
        """The items of this worker in the current epoch."""
        epoch = self.epoch
        worker = get_worker_info()
        id_, workers = (0, 1) if worker is None else (worker.id, worker.num_workers)
        order = order_of(self.stream, epoch, shuffle=self.shuffle)
        return self._serve(epoch, order[self.rank :: self.num_replicas][id_::workers])

    def _serve(self, epoch: int, places: Sequence[int]) -> Iterator[Any]:
        for place in places:
            try:
                handed = self._hand(self.stream[epoch, place], place)
            except SampleError as error:
                if self.on_unusable == "raise":
                    raise
                source = self.stream.reader.opened.places[place].id
                warnings.warn(f"{source} is left out: {error.message}", UnusableSourceWarning, stacklevel=2)
                continue
            yield handed


class FrozenMapDataset(Dataset):
    """A frozen data set as a map-style dataset of S x (N+1) items: no epochs, any sampler, the same items always.

    Each worker works out once for each source which draws `expand` would have taken; `frozen.settle()` does it for all
    of them beforehand.
    """

    def __init__(
        self,
        frozen: FrozenDataset,
        **handing: Unpack[Handing],
    ) -> None:
        """Hand over what a frozen data set holds; arguments as for StreamDataset.

        Raises:
            UsageError: An argument makes no sense, or the data set has no such labels.
        """
        refuse_others(frozen, FrozenDataset, adapter="FrozenMapDataset")
        self.frozen = frozen
        self._hand = _Hand(frozen, **handing)

    def __len__(self) -> int:
        return len(self.frozen)

    def __getitem__(self, number: int) -> Any:
        return self._hand(self.frozen[int(number)], int(number))


def collate_stacked(batch: Sequence[Any]) -> Any:
    """PyTorch's own collate function, with an error that says what to do where pictures differ in size.

    Raises:
        UsageError: They differ in size.
    """
    check_sizes([entry[0] if isinstance(entry, tuple) else entry for entry in batch])
    return default_collate(batch)


def _tensors(target: Any) -> Any:
    """Arrays as tensors, whatever they lie in; a class stays an int, of which collating makes an int64 tensor."""
    if isinstance(target, dict):
        return {name: _tensors(value) for name, value in target.items()}
    return torch.from_numpy(target) if type(target).__module__ == "numpy" and target.ndim else target
