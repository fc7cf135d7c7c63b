"""What each arm of a training comparison is fed: untouched images, an offline expansion's files, fresh variations."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from nfold.contrast.thumbnails import Thumbnails, thumbnail
from nfold.errors import SampleError
from nfold.images import DecodeLimits, decode_image, encode_image
from nfold.stream.ahead import in_order
from nfold.stream.item import Item
from nfold.stream.order import epoch_order
from nfold.stream.reading import ItemReader
from nfold.stream.streaming import Stream
from nfold.variation import pixel_hash

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Batch: TypeAlias = tuple[NDArray[np.uint8], NDArray[np.int32]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Untouched:
    """Images as they are, small.

    Attributes:
        places: Those that can be used, by their places in the stream.
        pictures: In the same order.
        skipped: The others, with the reason.
    """

    places: list[int]
    pictures: Thumbnails
    skipped: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Offline:
    """What an offline expansion puts on disk.

    Attributes:
        pictures: Of each source the original and its copies.
        seconds: That it took to vary and to encode them.
        bytes_added: What the copies weigh as files.
    """

    pictures: Thumbnails
    seconds: float
    bytes_added: int


def untouched(
    stream: Stream, places: Sequence[int], *, folder: Path, name: str, side_px: int, workers: int
) -> Untouched:
    """Read images as they are; those that cannot be used are left out."""
    usable: list[int] = []
    skipped: dict[str, str] = {}
    pictures = Thumbnails(folder, name, len(places), side_px)
    with contextlib.closing(in_order(partial(_original, stream.reader), places, workers=workers)) as made:
        for place, item in zip(places, made, strict=True):
            if isinstance(item, Item):
                pictures.put(len(usable), item.picture, _label(item))
                usable.append(place)
            else:
                skipped[stream.reader.opened.places[place].id] = item.message
    pictures.labels = pictures.labels[: len(usable)]
    return Untouched(places=usable, pictures=pictures, skipped=skipped)


def longest_sides(stream: Stream, places: Sequence[int]) -> list[int]:
    """Of the pictures that can be used, in pixels."""
    found = (_original(stream.reader, place) for place in places)
    return [max(item.image.shape[:2]) for item in found if isinstance(item, Item)]


def with_seed(stream: Stream, seed: int) -> ItemReader:
    """The sources of a stream under another seed; decoded pictures are shared, since no seed is in them."""
    reader = ItemReader(replace(stream.reader.opened, seed=seed), 0)
    reader.decoded = stream.reader.decoded
    return reader


def offline(reader: ItemReader, still: Untouched, *, copies: int, folder: Path, name: str, workers: int) -> Offline:
    """Make the copies that `expand` writes, and read each from its bytes as a trainer would from its file."""
    began = time.perf_counter()
    pictures = Thumbnails(folder, name, len(still.places) * (copies + 1), still.pictures.side_px)
    weight = 0
    make = partial(_copies, reader, copies, still.pictures.side_px)
    with contextlib.closing(in_order(make, still.places, workers=workers)) as made:
        for number, (small, size) in enumerate(made):
            first = number * (copies + 1)
            pictures.labels[first : first + copies + 1] = still.pictures.labels[number]
            pictures.pixels[first] = still.pictures.pixels[number]
            for copy, pixels in enumerate(small, start=1):
                pictures.pixels[first + copy] = pixels
            weight += size
    return Offline(pictures=pictures, seconds=time.perf_counter() - began, bytes_added=weight)


def walk(*, seed: int, items: int) -> Iterator[tuple[int, int]]:
    """Epoch and number of the item, epoch after epoch without end, each in an order of its own."""
    epoch = 0
    while True:
        epoch += 1
        for number in epoch_order(seed=seed, epoch=epoch, items=items):
            yield epoch, int(number)


def stored_batches(pictures: Thumbnails, *, seed: int, batch: int) -> Generator[Batch, None, None]:
    """Batches of what is there, without end."""
    steps = walk(seed=seed, items=len(pictures))
    while True:
        yield pictures.batch([next(steps)[1] for _ in range(batch)])


def fresh_batches(
    reader: ItemReader, still: Untouched, *, seed: int, batch: int, workers: int
) -> Generator[Batch, None, None]:
    """Batches of variations: in epoch e, variation e of each source; without end."""
    import numpy as np

    make = partial(_variation, reader, still)
    with contextlib.closing(in_order(make, walk(seed=seed, items=len(still.places)), workers=workers)) as made:
        while True:
            taken = [next(made) for _ in range(batch)]
            yield np.stack([pixels for pixels, _ in taken]), np.array([label for _, label in taken], np.int32)


def _original(reader: ItemReader, place: int) -> Item | SampleError:
    try:
        item = reader.original(place)
    except SampleError as error:
        return error
    if item.class_index is None:
        return SampleError("It has no class, and training tells classes apart.")
    return item


def _label(item: Item) -> int:
    assert item.class_index is not None
    return item.class_index


def _variation(reader: ItemReader, still: Untouched, step: tuple[int, int]) -> tuple[NDArray[np.uint8], int]:
    epoch, number = step
    item = reader.variation(still.places[number], epoch)
    return thumbnail(item.picture, still.pictures.side_px), _label(item)


def _copies(reader: ItemReader, copies: int, side_px: int, place: int) -> tuple[list[NDArray[np.uint8]], int]:
    """Small copies of one source, and the bytes of their files."""
    output = reader.opened.recipe.output
    taken = {pixel_hash(reader.original(place).picture)}
    draws: bytes | None = None
    small, weight = [], 0
    for copy in range(1, copies + 1):
        item = reader.variation(place, copy)
        if pixel_hash(item.picture) in taken:
            # Now and then a copy equals another one and is drawn again, as `expand` does.
            draws = draws or reader.draws(place, copies)
            item = reader.variation(place, copy, draw=draws[copy - 1])
        taken.add(pixel_hash(item.picture))
        data = encode_image(
            item.picture,
            file_format=None if output.format == "keep" else output.format,
            jpeg_quality=output.jpeg_quality,
        )
        weight += len(data)
        small.append(thumbnail(decode_image(data, DecodeLimits()), side_px))
    return small, weight
