"""One pass over a stream or a frozen data set: an epoch, which can stop and go on elsewhere."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from nfold.errors import SampleError, UsageError
from nfold.stream.ahead import in_order
from nfold.stream.item import Item

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

OnUnusable = Literal["raise", "skip"]


class UnusableSourceWarning(UserWarning):
    """A source of the data set cannot be used and is left out of the epoch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unusable:
    source: str
    error: SampleError


class Pass:
    """The items of one epoch, in its order. Iterate once; `state()` says at any moment where to go on.

    Attributes:
        epoch: Which one.
        position: Items handed out or left out so far.
        skipped: Sources that were left out, with the reason.
    """

    def __init__(
        self,
        *,
        epoch: int,
        order: NDArray[np.int64] | range,
        make: Callable[[int], Item],
        name: Callable[[int], str],
        identity: str,
        shuffle: bool,
        workers: int,
        start: int = 0,
        on_unusable: OnUnusable = "raise",
    ) -> None:
        if workers < 0:
            raise UsageError(f"workers is {workers}; it is a number of threads, 0 or more.")
        if on_unusable not in ("raise", "skip"):
            raise UsageError(f"on_unusable is '{on_unusable}'; choose raise or skip.")
        self.epoch = epoch
        self.position = start
        self.skipped: dict[str, str] = {}
        self._order, self._make, self._name = order, make, name
        self._identity, self._shuffle = identity, shuffle
        self._workers, self._on_unusable = workers, on_unusable
        self._items = self._run()

    def __len__(self) -> int:
        """How many are still to come."""
        return len(self._order) - self.position

    def __iter__(self) -> Iterator[Item]:
        return self

    def __next__(self) -> Item:
        return next(self._items)

    def close(self) -> None:
        """Let go of the threads before the end."""
        self._items.close()

    def state(self) -> dict[str, Any]:
        """Where this pass stands, as JSON can hold it; `resume` takes it."""
        return {
            "identity": self._identity,
            "epoch": self.epoch,
            "shuffle": self._shuffle,
            "position": self.position,
        }

    def _run(self) -> Generator[Item, None, None]:
        places = (int(place) for place in self._order[self.position :])
        with contextlib.closing(in_order(self._attempt, places, workers=self._workers)) as made:
            for item in made:
                self.position += 1
                if isinstance(item, Item):
                    yield item
                    continue
                if self._on_unusable == "raise":
                    raise item.error
                self.skipped[item.source] = item.error.message
                warnings.warn(f"{item.source} is left out: {item.error.message}", UnusableSourceWarning, stacklevel=3)

    def _attempt(self, place: int) -> Item | _Unusable:
        try:
            return self._make(place)
        except SampleError as error:
            return _Unusable(source=self._name(place), error=error)


def read_state(state: Mapping[str, Any], identity: str, items: int) -> tuple[int, bool, int]:
    """Epoch, shuffle and position of a state of a pass over so many items.

    Raises:
        UsageError: It is none, or of another recipe, seed or data set.
    """
    try:
        found, epoch, shuffle, position = state["identity"], state["epoch"], state["shuffle"], state["position"]
    except (KeyError, TypeError) as error:
        raise UsageError(
            "This is no state of a stream.", hint="Give what state() returned.", code="stream.state"
        ) from error
    if found != identity:
        raise UsageError(
            "This state belongs to another data set, recipe or seed: to go on from it would mix two streams.",
            hint="Open the stream with the arguments it had, or begin the epoch again.",
            code="stream.state",
        )
    are_numbers = all(isinstance(value, int) for value in (epoch, shuffle, position))
    if not are_numbers or not 0 <= position <= items:
        raise UsageError(
            f"This state stands at item {position!r} of {items} in epoch {epoch!r}, which is nowhere.",
            hint="Give what state() returned, as it was.",
            code="stream.state",
        )
    return epoch, bool(shuffle), position
