"""When the time that offline spends beforehand has come back, from times that were measured."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from nfold.contrast.model import BreakEven, ModeFigures


@dataclass(frozen=True, slots=True, kw_only=True)
class _Clock:
    """Seconds until so many images had been served: measured at the end of each epoch, straight lines between."""

    images: tuple[int, ...]
    seconds: tuple[float, ...]

    @property
    def rate(self) -> float:
        """Seconds for an image, over all epochs."""
        return (self.seconds[-1] - self.seconds[0]) / self.images[-1]

    def at(self, images: float) -> float:
        for (first, end), (began, ended) in zip(
            itertools.pairwise(self.images), itertools.pairwise(self.seconds), strict=True
        ):
            if images <= end:
                return began + (ended - began) * (images - first) / (end - first)
        return self.seconds[-1] + self.rate * (images - self.images[-1])


def break_even(offline: ModeFigures, on_the_fly: ModeFigures) -> BreakEven:
    """Offline against on the fly.

    Within the images that both served, the crossing is looked for in the measured times; beyond, the measured rates are
    carried on.
    """
    ours, theirs = _clock(offline), _clock(on_the_fly)
    both_served = min(ours.images[-1], theirs.images[-1])
    breaks = sorted({number for number in (*ours.images, *theirs.images) if number <= both_served})
    crossing = _crossing(ours, theirs, breaks)
    is_measured = crossing is not None
    if crossing is None and theirs.rate > ours.rate:
        behind = ours.at(both_served) - theirs.at(both_served)
        crossing = both_served + behind / (theirs.rate - ours.rate)
    if crossing is None:
        return BreakEven(images=None, offline_epochs=None, on_the_fly_epochs=None, is_measured=False)
    return BreakEven(
        images=math.ceil(crossing),
        offline_epochs=crossing / offline.images_per_epoch,
        on_the_fly_epochs=crossing / on_the_fly.images_per_epoch,
        is_measured=is_measured,
    )


def _clock(figures: ModeFigures) -> _Clock:
    epochs = len(figures.epoch_s)
    seconds = tuple(itertools.accumulate((figures.once_s, *figures.epoch_s)))
    return _Clock(images=tuple(figures.images_per_epoch * epoch for epoch in range(epochs + 1)), seconds=seconds)


def _crossing(ours: _Clock, theirs: _Clock, breaks: Sequence[int]) -> float | None:
    """From which number on, up to the last, offline has taken no longer."""
    behind = [ours.at(number) - theirs.at(number) for number in breaks]
    if behind[-1] > 0:
        return None
    for place in range(len(breaks) - 1, 0, -1):
        if behind[place - 1] > 0:
            first, end = breaks[place - 1], breaks[place]
            return first + (end - first) * behind[place - 1] / (behind[place - 1] - behind[place])
    return 0.0
