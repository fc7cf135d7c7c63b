"""Epochs as a tar archive in WebDataset's naming, so that a trainer in any language can read the on-the-fly mode."""

from __future__ import annotations

import contextlib
import json
import math
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from nfold.annotations import Annotation, Category
from nfold.annotations.codec import shapes_to_json
from nfold.errors import ImageError, SampleError, UsageError
from nfold.events import Observer, Progressed, ignore
from nfold.formats.mask_files import MaskImage, encode_mask
from nfold.images import EXTENSION_OF, encode_image, read_header
from nfold.loading import load_image
from nfold.stream.ahead import in_order
from nfold.stream.item import Item
from nfold.stream.keys import ArchiveKeys
from nfold.stream.opening import MOST_LISTED
from nfold.stream.order import check_epoch, epoch_order
from nfold.stream.streaming import Stream
from nfold.variation import blamed_on_image

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BLOCK = 512
_RECORD = 20 * _BLOCK
_DECIMALS = 4
"""Of a pixel, as in the manifest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveReport:
    """What went into an archive.

    Attributes:
        items: Pictures, each with its labels.
        bytes: Of the archive.
        skipped: Sources that were left out in some epoch, with the reason (at most 1,000).
        skipped_count: How many they are.
    """

    items: int
    bytes: int
    skipped: dict[str, str]
    skipped_count: int

    @property
    def is_whole(self) -> bool:
        """Whether every source is in every epoch."""
        return not self.skipped_count


@dataclass(frozen=True, slots=True, kw_only=True)
class _Packed:
    place: int
    source: str
    members: tuple[tuple[str, bytes], ...]
    problem: str | None = None


@dataclass(slots=True, kw_only=True)
class _Tally:
    left_out: bytearray
    items: int = 0
    bytes: int = 0
    skipped: dict[str, str] = field(default_factory=dict)


def write_archive(
    stream: Stream,
    write: Callable[[bytes], object],
    *,
    epochs: range,
    by_epoch: bool = False,
    shuffle: bool = True,
    workers: int = 0,
    observe: Observer = ignore,
) -> ArchiveReport:
    """Write epochs one after the other; the same arguments give the same bytes, with any number of workers.

    For each item there are, one after the other: the picture (`KEY.jpg`, `KEY.png` ...; the bytes that `expand` writes for
    that copy), `KEY.cls` (number of its class, where there are classes), `KEY.json` and `KEY.mask.png` (where there is a
    mask). Memory does not grow with the data set; nothing is held back but what the workers are at.

    Args:
        stream: What is written; pictures that are not varied are written as they are in their files, unless they have to
            be turned upright or the recipe prepares them.
        write: Takes the bytes as they come.
        epochs: Which ones, in their order.
        by_epoch: Keys begin with the epoch (`e00003/`), so that none comes twice.
        shuffle: As for `Stream.epoch`.
        workers: Threads that read, vary and encode; 0 works in the caller's thread.
        observe: Watches.

    Raises:
        UsageError: An epoch is below 1, there is none, or keys would come twice.
    """
    _check(epochs, by_epoch=by_epoch, workers=workers)
    total = len(stream) * len(epochs)
    tally = _Tally(left_out=bytearray(len(stream)))
    tasks = ((epoch, place) for epoch in epochs for place in _order(stream, epoch, shuffle=shuffle))
    keys = ArchiveKeys(stream.sources)
    with contextlib.closing(keys), contextlib.closing(in_order(partial(_pack, stream), tasks, workers=workers)) as made:
        for done, packed in enumerate(made, start=1):
            if packed.problem is not None:
                _leave_out(tally, packed, packed.problem)
            else:
                epoch = epochs[(done - 1) // len(stream)]
                key = keys.of(packed.source)
                _put(write, tally, f"e{epoch:05}/{key}" if by_epoch else key, packed.members)
            observe(Progressed(done=done, total=total))
    end = bytes(2 * _BLOCK)
    tally.bytes += len(end)
    end += bytes(-tally.bytes % _RECORD)
    write(end)
    return ArchiveReport(
        items=tally.items,
        bytes=tally.bytes - 2 * _BLOCK + len(end),
        skipped=tally.skipped,
        skipped_count=sum(tally.left_out),
    )


def describe(item: Item, *, classes: tuple[str, ...], categories: tuple[Category, ...], epoch: int | None) -> bytes:
    """What `KEY.json` holds, in ASCII: source, class, annotations in pixels (edges at integers), how it was made."""
    height, width = item.image.shape[:2]
    document = {
        "source": item.source,
        "epoch": epoch,
        "copy": item.copy,
        "width": width,
        "height": height,
        "class": item.label,
        "class_index": item.class_index,
        "classes": len(classes),
        "annotations": [_annotation(annotation, categories) for annotation in item.annotations],
        "dropped": [asdict(drop) for drop in item.drops],
        "applied": [asdict(applied) for applied in item.applied],
    }
    return json.dumps(_plain(document), separators=(",", ":"), allow_nan=False).encode("ascii")


def member(name: str, data: bytes) -> bytes:
    """One file of a tar archive: no owner, no time, mode 644; PAX where a name is long or not ASCII.

    Names that are no UTF-8 keep their bytes.
    """
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = len(data), 0o644, 0
    header = info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")
    return b"".join((header, data, bytes(-len(data) % _BLOCK)))


def _check(epochs: range, *, by_epoch: bool, workers: int) -> None:
    if not epochs:
        raise UsageError(
            "There is no epoch to write.", hint="The first may not be above the last.", code="stream.epoch"
        )
    check_epoch(epochs[0])
    check_epoch(epochs[-1])
    if len(epochs) > 1 and not by_epoch:
        raise UsageError("Several epochs in one archive need keys that name them.", hint="Say by_epoch=True.")
    if workers < 0:
        raise UsageError(f"workers is {workers}; it is a number of threads, 0 or more.")


def _order(stream: Stream, epoch: int, *, shuffle: bool) -> Iterator[int]:
    items = len(stream)
    order: NDArray[Any] | range = epoch_order(seed=stream.seed, epoch=epoch, items=items) if shuffle else range(items)
    return (int(place) for place in order)


def _pack(stream: Stream, task: tuple[int, int]) -> _Packed:
    """Everything of an item that can be done ahead, in a worker."""
    epoch, place = task
    opened = stream.reader.opened
    source = opened.places[place].id
    try:
        item = stream[epoch, place]
        members = [_picture(stream, item, place)]
        if item.class_index is not None:
            members.append(("cls", str(item.class_index).encode("ascii")))
        told = epoch if stream.training else None
        members.append(("json", describe(item, classes=opened.classes, categories=opened.categories, epoch=told)))
        if item.mask is not None:
            members.append(("mask.png", blamed_on_image(_mask_png, item.mask)))
    except SampleError as error:
        return _Packed(place=place, source=source, members=(), problem=error.message)
    except MemoryError:
        return _Packed(place=place, source=source, members=(), problem="There is not enough memory to work on it.")
    return _Packed(place=place, source=source, members=tuple(members))


def _picture(stream: Stream, item: Item, place: int) -> tuple[str, bytes]:
    opened = stream.reader.opened
    is_as_it_is = item.copy == 0 and not opened.recipe.prepare
    if is_as_it_is:
        data = load_image(opened.root, opened.places[place], opened.limits).data
        # Labels and mask are those of the upright picture, and few readers of an archive look at EXIF.
        if read_header(data, opened.limits).orientation == 1:
            return EXTENSION_OF[item.picture.file_format].removeprefix("."), data
    output = opened.recipe.output
    file_format = item.picture.file_format if is_as_it_is or output.format == "keep" else output.format
    data = blamed_on_image(encode_image, item.picture, file_format=file_format, jpeg_quality=output.jpeg_quality)
    return EXTENSION_OF[file_format].removeprefix("."), data


def _mask_png(mask: NDArray[Any]) -> bytes:
    """Numbers as grey, colours as colours: a palette only says how a mask is shown."""
    bits = 8 * mask.dtype.itemsize
    if bits not in (8, 16):
        raise ImageError(f"A mask of {mask.dtype} cannot be written as PNG.", code="image.unsupported")
    return encode_mask(
        MaskImage(pixels=mask, colour="index" if mask.ndim == 2 else "rgb", file_format="png", bits=bits)
    )


def _annotation(annotation: Annotation, categories: tuple[Category, ...]) -> dict[str, Any]:
    told = shapes_to_json(annotation, 0).items()
    shapes = {name: _rounded(value) for name, value in told if name not in ("i", "c")}
    if annotation.mask is not None:
        shapes["mask"] = asdict(annotation.mask)
    if annotation.crowd:
        shapes["crowd"] = True
    if annotation.attributes:
        shapes["attributes"] = dict(annotation.attributes)
    category = annotation.category
    return {"category": None if category is None else categories[category].name, "category_index": category, **shapes}


def _plain(value: Any) -> Any:
    """As JSON can hold it, in every language: null for what is no finite number."""
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _rounded(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_rounded(item) for item in value]
    return round(value, _DECIMALS) if isinstance(value, float) else value


def _leave_out(tally: _Tally, packed: _Packed, problem: str) -> None:
    if len(tally.skipped) < MOST_LISTED:
        tally.skipped.setdefault(packed.source, problem)
    tally.left_out[packed.place] = 1


def _put(write: Callable[[bytes], object], tally: _Tally, key: str, members: tuple[tuple[str, bytes], ...]) -> None:
    for ending, data in members:
        written = member(f"{key}.{ending}", data)
        write(written)
        tally.bytes += len(written)
    tally.items += 1
