"""A reader of items that knows how long it spent on augmentation."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from nfold.plan.table import PlannedSource
from nfold.stream.item import Item
from nfold.stream.opening import OpenedDataSet
from nfold.stream.reading import ItemReader
from nfold.variation import Sample

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


class TimedReader(ItemReader):
    """Reads as any other; for one thread.

    Attributes:
        augmentation_s: Seconds spent on variations so far, without reading, decoding and preparing their sources.
    """

    def __init__(self, opened: OpenedDataSet) -> None:
        super().__init__(opened, cache_bytes=0)
        self.augmentation_s = 0.0
        self._reading_s = 0.0

    def variation(self, place: int, copy: int, *, draw: int = 0) -> Item:
        """As it is, and timed."""
        return self._timed(super().variation, place, copy, draw=draw)

    def draws(self, place: int, copies: int) -> bytes:
        """As they are, and timed: to find them, all copies are computed."""
        return self._timed(super().draws, place, copies)

    def _sample(self, place: int, planned: PlannedSource) -> Sample:
        began = time.perf_counter()
        try:
            return super()._sample(place, planned)
        finally:
            self._reading_s += time.perf_counter() - began

    def _timed(
        self, make: Callable[_Arguments, _Result], *arguments: _Arguments.args, **options: _Arguments.kwargs
    ) -> _Result:
        began, read_before = time.perf_counter(), self._reading_s
        try:
            return make(*arguments, **options)
        finally:
            self.augmentation_s += time.perf_counter() - began - (self._reading_s - read_before)
