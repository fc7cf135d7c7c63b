"""Both meanings of augmentation on a few pictures of a data set, as tiles with the hashes of their pixels.

What was opened stays open in the worker, so that the next epoch takes milliseconds.
"""

from __future__ import annotations

import json
import statistics
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, Literal

from nfold.errors import SampleError, ShortfallError
from nfold.stream.frozen import FrozenDataset
from nfold.stream.item import Item
from nfold.stream.reading import ItemReader
from nfold.stream.streaming import Stream
from nfold_service.work.bench import Say
from nfold_service.work.tiles import data_url, marks

Meaning = Literal["offline", "on_the_fly", "inference"]

MOST_OPEN = 16
CACHE_BYTES = 16 << 20
MOST_KEPT = 512
"""Tiles of each data set that is open."""
MOST_MEASURING_S = 0.3
"""Large pictures are not measured as often as small ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a copy costs.

    Attributes:
        seconds: For one copy in one process; None when no source could be used.
        growth: Bytes of copies over those of their sources.
    """

    seconds: float | None
    growth: float


@dataclass(slots=True, kw_only=True)
class _Opened:
    reader: ItemReader
    tiles: OrderedDict[tuple[Any, ...], dict[str, Any]] = field(default_factory=OrderedDict)
    frozen: FrozenDataset | None = None
    redrawn: set[int] = field(default_factory=set)
    cost: Cost | None = None

    def offline(self, copies: int) -> FrozenDataset:
        """What `expand` would write; it is kept, since it remembers how often each copy was drawn again."""
        if self.frozen is None or self.frozen.copies != copies:
            self.frozen = FrozenDataset.over(self.reader, copies=copies)
        return self.frozen

    def keep(self, address: tuple[Any, ...], tile: dict[str, Any]) -> None:
        self.tiles[address] = tile
        while len(self.tiles) > MOST_KEPT:
            self.tiles.popitem(last=False)


_open: OrderedDict[str, _Opened] = OrderedDict()


def vary(
    *,
    source: str,
    read_as: str | None,
    recipe: Any,
    seed: int,
    meaning: Meaning,
    epoch: int,
    copies: int,
    first: int,
    most: int,
    side: int,
    max_pixels: int,
    say: Say,
) -> dict[str, Any]:
    """What a trainer gets of sources `first` and following in an epoch.

    Offline that is each source and its copies, the same in all epochs; on the fly one variation of each source; at
    inference each source as it is. A source that cannot be used has a `problem` and no tiles.
    """
    del say
    opened = _opened(source, read_as, recipe, seed, max_pixels)
    total = len(opened.reader.opened.places)
    places = range(min(first, total), min(first + most, total))
    sources = [_of_source(opened, place, meaning=meaning, epoch=epoch, copies=copies, side=side) for place in places]
    return {"meaning": meaning, "epoch": epoch, "total": total, "sources": sources}


def cost_of_copies(*, source: str, read_as: str | None, recipe: Any, seed: int, max_pixels: int) -> Cost:
    """What copies cost here: time from reading their sources to the bytes of their files, and those bytes.

    Measured over a few sources once, and kept as long as the data set stays open.
    """
    opened = _opened(source, read_as, recipe, seed, max_pixels)
    if opened.cost is None:
        opened.cost = _measured(opened.reader)
    return opened.cost


def _measured(reader: ItemReader) -> Cost:
    planned = reader.opened.places
    taken: list[float] = []
    of_sources = of_copies = 0
    for place in sorted({0, len(planned) // 2, len(planned) - 1} if planned else ()):
        try:
            if not taken:
                reader.variation(place, 1)  # compiles the recipe, and warms what is slow only at first
            began = time.perf_counter()
            of_copies += _bytes_as_file(reader, place, reader.variation(place, 2))
        except SampleError:
            continue
        taken.append(time.perf_counter() - began)
        of_sources += planned[place].size
        if sum(taken) > MOST_MEASURING_S:
            break
    if not taken:
        return Cost(seconds=None, growth=1.0)
    return Cost(seconds=statistics.median(taken), growth=of_copies / of_sources)


def _opened(source: str, read_as: str | None, recipe: Any, seed: int, max_pixels: int) -> _Opened:
    key = json.dumps([source, read_as, recipe, seed, max_pixels], sort_keys=True)
    found = _open.pop(key, None)
    if found is None:
        stream = Stream(source, format=read_as, recipe=recipe, seed=seed, max_pixels=max_pixels, cache=CACHE_BYTES)
        found = _Opened(reader=stream.reader)
        while len(_open) >= MOST_OPEN:
            _open.popitem(last=False)
    _open[key] = found
    return found


def _of_source(opened: _Opened, place: int, *, meaning: Meaning, epoch: int, copies: int, side: int) -> dict[str, Any]:
    planned = opened.reader.opened.places[place]
    answer: dict[str, Any] = {"source": planned.id, "category": planned.category, "place": place}
    numbers = {"offline": range(copies + 1), "on_the_fly": range(epoch, epoch + 1), "inference": range(1)}[meaning]
    try:
        tiles = _at_first_draw(opened, place, copies, side) if meaning == "offline" else None
        if tiles is None:
            tiles = [_tile(opened, place, number, meaning=meaning, copies=copies, side=side) for number in numbers]
    except (SampleError, ShortfallError) as error:
        return {**answer, "tiles": [], "disk": {"images": 1, "bytes": planned.size}, "problem": error.message}
    # Offline every picture is a file. Otherwise the source is the only one, whatever is made of it on the way.
    sizes = [tile["bytes"] for tile in tiles] if meaning == "offline" else [planned.size]
    return {**answer, "tiles": tiles, "disk": {"images": len(sizes), "bytes": sum(sizes)}, "problem": None}


def _at_first_draw(opened: _Opened, place: int, copies: int, side: int) -> list[dict[str, Any]] | None:
    """The original and its copies where no copy had to be drawn again, which is the rule; None where one had.

    `FrozenDataset` computes all copies once to choose their draws and then each again, which large pictures feel.
    """
    if place in opened.redrawn:
        return None
    tiles: list[dict[str, Any]] = []
    taken: set[str] = set()
    for number in range(copies + 1):
        address = (place, number, False, side)
        tile = opened.tiles.pop(address, None)
        if tile is None:
            item = opened.reader.variation(place, number) if number else opened.reader.original(place)
            tile = _tile_of(opened.reader, place, item, side)
        if tile["pixels"] in taken:
            opened.redrawn.add(place)
            return None
        taken.add(tile["pixels"])
        tiles.append(tile)
    for tile in tiles:
        opened.keep((place, tile["copy"], False, side), tile)
    return tiles


def _tile(opened: _Opened, place: int, number: int, *, meaning: Meaning, copies: int, side: int) -> dict[str, Any]:
    # Offline a copy is drawn again while it equals an earlier one; on the fly nobody looks.
    address = (place, number, meaning == "on_the_fly", side)
    kept = opened.tiles.pop(address, None)
    if kept is None:
        item = _item(opened, place, number, meaning=meaning, copies=copies)
        kept = _tile_of(opened.reader, place, item, side)
    opened.keep(address, kept)
    return kept


def _item(opened: _Opened, place: int, number: int, *, meaning: Meaning, copies: int) -> Item:
    if meaning == "offline":
        return opened.offline(copies)[place, number]
    if meaning == "on_the_fly":
        return Stream.over(opened.reader)[number, place]
    return opened.reader.original(place)


def _tile_of(reader: ItemReader, place: int, item: Item, side: int) -> dict[str, Any]:
    from nfold.variation import pixel_hash

    height, width = item.image.shape[:2]
    return {
        "copy": item.copy,
        "pixels": pixel_hash(item.picture),
        "width": width,
        "height": height,
        "bytes": _bytes_as_file(reader, place, item),
        "picture": data_url(item.picture, side),
        "marks": marks(item.annotations, reader.opened.categories, (width, height)),
        "applied": [{"name": one.name, "parameters": one.parameters} for one in item.applied],
        "dropped": len(item.drops),
    }


def _bytes_as_file(reader: ItemReader, place: int, item: Item) -> int:
    """What the file weighs that `expand` would write: the source's own bytes for the original."""
    from nfold.images import encode_image

    if item.copy == 0:
        return reader.opened.places[place].size
    output = reader.opened.recipe.output
    file_format = None if output.format == "keep" else output.format
    return len(encode_image(item.picture, file_format=file_format, jpeg_quality=output.jpeg_quality))
