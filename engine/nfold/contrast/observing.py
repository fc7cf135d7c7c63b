"""Run one mode and count: every figure of its column comes from pictures and batches that really came."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from nfold.contrast.model import Inference, ModeFigures
from nfold.contrast.modes import Mode, Prepared, Served
from nfold.contrast.pictures import ModeGrid
from nfold.contrast.wording import what_a_trainer_gets
from nfold.stream import UnusableSourceWarning
from nfold.variation import pixel_hash

_Item = TypeVar("_Item")


@dataclass(slots=True, kw_only=True)
class EpochCount:
    """What one epoch served.

    Attributes:
        images: How many.
        steps: Batches.
        originals: Those equal to their untouched source.
        seconds: Of the loader.
        augmentation_s: Of these, in augmentation.
        distinct: Distinct images seen up to here.
        repeats: Images that had been served before.
    """

    images: int = 0
    steps: int = 0
    originals: int = 0
    seconds: float = 0.0
    augmentation_s: float = 0.0
    distinct: int = 0
    repeats: int = 0


@dataclass(slots=True, kw_only=True)
class ModeObserver:
    """Watches one mode; keeps sixteen bytes of each distinct picture and no pixels.

    Attributes:
        mode: Which.
        batch: Images of a gradient step.
        originals: Digest of each source.
        grid: Takes the small pictures.
    """

    mode: Mode
    batch: int
    originals: Mapping[str, bytes]
    grid: ModeGrid
    _first_epoch: dict[bytes, int] = field(default_factory=dict)
    _counts: list[EpochCount] = field(default_factory=list)

    def run(self, epochs: int, on_epoch: Callable[[], None]) -> tuple[ModeFigures, Prepared]:
        """All epochs, then inference."""
        prepared = self.mode.prepare()
        for epoch in range(1, epochs + 1):
            self._counts.append(self._observe(epoch))
            on_epoch()
        return self._figures(prepared, self._look_at_inference()), prepared

    @property
    def counts_differ(self) -> bool:
        """Whether epochs served different numbers of images."""
        return len({count.images for count in self._counts}) > 1

    def _observe(self, epoch: int) -> EpochCount:
        count = EpochCount()
        before = self.mode.augmentation_s
        for batch in _batches(self._look_at_each(epoch, count), self.batch):
            count.steps += 1
            count.images += len(batch)
        count.augmentation_s = self.mode.augmentation_s - before
        count.distinct = len(self._first_epoch)
        return count

    def _look_at_each(self, epoch: int, count: EpochCount) -> Iterator[bytes]:
        """The digest of each picture; the clock stands still while it is computed."""
        for served, seconds in _timed(self.mode.epoch(epoch)):
            count.seconds += seconds
            if served is None:
                return
            pixels = pixel_hash(served.picture)
            digest = bytes.fromhex(pixels)
            is_original = digest == self.originals[served.source]
            count.originals += is_original
            count.repeats += digest in self._first_epoch
            is_new = self._first_epoch.setdefault(digest, epoch) == epoch
            self.grid.take(served, epoch, pixels, is_original=is_original, is_new=is_new)
            yield digest

    def _look_at_inference(self) -> Inference | None:
        coming = self.mode.inference()
        if coming is None:
            return None
        images = identical = 0
        example: tuple[str, bytes, bytes] | None = None
        for served, _ in _timed(coming):
            if served is None:
                break
            original, digest = self.originals[served.source], bytes.fromhex(pixel_hash(served.picture))
            images += 1
            identical += digest == original
            # One that was changed tells more than one that was not.
            if example is None or (digest != original and example[1] == example[2]):
                example = (served.source, original, digest)
        if example is None:
            return None
        source, original, digest = example
        return Inference(
            images=images,
            identical=identical,
            example=source,
            original_hash=original.hex(),
            served_hash=digest.hex(),
        )

    def _figures(self, prepared: Prepared, inference: Inference | None) -> ModeFigures:
        counts = self._counts
        seconds = sum(count.seconds for count in counts)
        images = sum(count.images for count in counts)
        distinct = tuple(count.distinct for count in counts)
        return ModeFigures(
            mode=self.mode.name,
            title=self.mode.title,
            says=what_a_trainer_gets(images=counts[0].images, distinct_after=distinct, files=prepared.files),
            files_added=prepared.files,
            bytes_added=prepared.bytes,
            images_per_epoch=counts[0].images,
            steps_per_epoch=counts[0].steps,
            distinct_after=distinct,
            originals_seen=tuple(count.originals for count in counts),
            repeats=sum(count.repeats for count in counts),
            once_s=prepared.once_s,
            epoch_s=tuple(count.seconds for count in counts),
            augmentation_s=tuple(count.augmentation_s for count in counts),
            images_per_s=images / seconds if seconds else 0.0,
            inference=inference,
        )


def _timed(items: Iterator[Served]) -> Iterator[tuple[Served | None, float]]:
    """Each with the seconds that it took to come, and at the end None with those that the end took."""
    while True:
        began = time.perf_counter()
        with warnings.catch_warnings():
            # Sources that are left out on the way are named in the result.
            warnings.simplefilter("ignore", UnusableSourceWarning)
            served = next(items, None)
        yield served, time.perf_counter() - began
        if served is None:
            return


def _batches(items: Iterator[_Item], size: int) -> Iterator[list[_Item]]:
    batch: list[_Item] = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
