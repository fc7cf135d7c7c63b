"""Frozen: the data set that `expand` would write, computed item by item, with nothing on disk."""

from __future__ import annotations

import operator
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, SupportsIndex

from nfold.defaults import DEFAULT_RECIPE
from nfold.errors import UsageError
from nfold.recipe import Recipe
from nfold.request import LARGEST_COPIES
from nfold.stream.ahead import in_order
from nfold.stream.item import Item
from nfold.stream.opening import open_data_set
from nfold.stream.reading import ItemReader
from nfold.stream.served import Served
from nfold.stream.streaming import cache_bytes, read_address


class FrozenDataset(Served):
    """S x (N+1) items: each source, and its N copies, equal to the files that `expand --copies N` writes.

    The size of the offline data set at the disk cost of the on-the-fly mode; what it costs is the time to compute each
    item again in each epoch.

        frozen = nfold.FrozenDataset("photos", copies=5, seed=7)
        len(frozen)       # 6 x the number of sources
        frozen[0, 3]      # copy 3 of the first source; frozen[0, 0] is the source itself
        frozen[3]         # the same: items are counted source by source

    `expand` draws a copy again while it equals its source or an earlier copy. So the first time that a source's copies are
    asked for, all N are computed once, and the draws are kept (one byte each).
    """

    def __init__(
        self,
        source: str | Path,
        *,
        copies: int,
        recipe: str | Path | Mapping[str, Any] | Recipe = DEFAULT_RECIPE,
        seed: int = 0,
        split: str | None = None,
        format: str | None = None,
        voc_origin: Literal[0, 1] | None = None,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        max_pixels: int = 50_000_000,
        damaged: Literal["skip", "keep"] = "skip",
        cache: int | str = 0,
    ) -> None:
        """Read the data set; arguments as for `Stream`.

        Args:
            source: Folder of images, in any format that `expand` reads.
            copies: Of each source, 0 to 1000.
            recipe: As for `expand`.
            seed: As for `expand`.
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
            UsageError: An option makes no sense, or the recipe cannot keep such labels in step.
        """
        if not 0 <= copies <= LARGEST_COPIES:
            raise UsageError(f"copies is {copies}; it goes from 0 to {LARGEST_COPIES}.")
        opened = open_data_set(
            source,
            recipe,
            seed=seed,
            split=split,
            varies=True,
            format=format,
            voc_origin=voc_origin,
            include=tuple(include),
            exclude=tuple(exclude),
            max_pixels=max_pixels,
            damaged=damaged,
        )
        self.copies = copies
        self.reader = ItemReader(opened, cache_bytes(cache))
        self._draws: dict[int, bytes] = {}
        self._lock = threading.Lock()

    @classmethod
    def over(cls, reader: ItemReader, *, copies: int) -> FrozenDataset:
        """A frozen data set of one that is open already, as when several are to share it."""
        frozen = cls.__new__(cls)
        frozen.__setstate__({"copies": copies, "reader": reader, "draws": {}})
        return frozen

    def __getstate__(self) -> dict[str, Any]:
        return {"copies": self.copies, "reader": self.reader, "draws": self._draws}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.copies, self.reader, self._draws = state["copies"], state["reader"], state["draws"]
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """S x (N+1)."""
        return len(self.reader.opened.places) * (self.copies + 1)

    def __getitem__(self, address: int | tuple[int, int]) -> Item:
        """An item by its number, or by the place of its source and the number of the copy.

        Raises:
            IndexError: There is no such item.
            ShortfallError: The recipe cannot give so many distinct copies of that source; `expand` would say the same.
            SampleError: The source cannot be used.
        """
        place, copy = (
            read_address(address) if not isinstance(address, SupportsIndex) else self._split(operator.index(address))
        )
        if not 0 <= copy <= self.copies:
            raise IndexError(f"copy {copy} of {self.copies}")
        if copy == 0:
            return self.reader.original(place)
        return self.reader.variation(place, copy, draw=self._draws_of(place)[copy - 1])

    def settle(self, *, workers: int = 0) -> None:
        """Choose all draws now, in so many threads, and not when a source's copies are first asked for.

        Worker processes that get this data set afterwards need not do it, each for itself.

        Raises:
            ShortfallError: The recipe cannot give so many distinct copies of some source.
            SampleError: A source cannot be used.
        """
        if self.copies:
            for _ in in_order(self._draws_of, range(len(self.reader.opened.places)), workers=workers):
                pass

    @property
    def _identity(self) -> str:
        return f"{self.reader.opened.identity}/frozen {self.copies}"

    def item(self, epoch: int, number: int) -> Item:
        """An item by its number; the epoch changes nothing."""
        del epoch
        return self[number]

    def _place_of(self, number: int) -> int:
        return number // (self.copies + 1)

    def _split(self, number: int) -> tuple[int, int]:
        wanted = number + len(self) if number < 0 else number
        if not 0 <= wanted < len(self):
            raise IndexError(f"item {number} of {len(self)}")
        return divmod(wanted, self.copies + 1)

    def _draws_of(self, place: int) -> bytes:
        at = place + len(self.reader.opened.places) if place < 0 else place
        known = self._draws.get(at)
        if known is None:
            known = self.reader.draws(at, self.copies)
            with self._lock:
                self._draws[at] = known
        return known
