"""What a stream and a frozen data set have in common: epochs of items that can stop and go on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import partial
from typing import Any

from nfold.annotations import Category
from nfold.stream.item import Item
from nfold.stream.order import check_epoch, epoch_order
from nfold.stream.passes import OnUnusable, Pass, read_state
from nfold.stream.reading import ItemReader


class Served(ABC):
    """Items by number, epoch after epoch.

    Attributes:
        reader: Makes the items.
    """

    reader: ItemReader

    @abstractmethod
    def __len__(self) -> int:
        """Items of an epoch."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Classes of whole pictures, sorted; `Item.class_index` is a place in it."""
        return self.reader.opened.classes

    @property
    def categories(self) -> tuple[Category, ...]:
        """Classes of marked objects; `Annotation.category` is a place in it."""
        return self.reader.opened.categories

    @property
    def seed(self) -> int:
        """Of all variations, and of the order of each epoch."""
        return self.reader.opened.seed

    @property
    def unusable(self) -> Mapping[str, str]:
        """Sources that are left out since their labels cannot be used, with the reason (the first thousand)."""
        return self.reader.opened.unusable

    def epoch(self, epoch: int, *, shuffle: bool = True, workers: int = 0, on_unusable: OnUnusable = "raise") -> Pass:
        """The items of one epoch: fresh ones in a stream, the same ones in another order in a frozen data set.

        Args:
            epoch: 1 and up.
            shuffle: Whether in an order of this epoch's own, or in that of their numbers.
            workers: Threads that work ahead; 0 works in the caller's thread.
            on_unusable: What a source that cannot be read does: raise, or be left out with a warning.

        Raises:
            UsageError: There is no such epoch.
        """
        return self._pass(epoch, shuffle=shuffle, workers=workers, on_unusable=on_unusable, start=0)

    def resume(self, state: Mapping[str, Any], *, workers: int = 0, on_unusable: OnUnusable = "raise") -> Pass:
        """The rest of an epoch that was left in the middle; `Pass.state` gave the state.

        Raises:
            UsageError: It belongs to another data set, recipe or seed.
        """
        epoch, shuffle, position = read_state(state, self._identity, len(self))
        return self._pass(epoch, shuffle=shuffle, workers=workers, on_unusable=on_unusable, start=position)

    @property
    @abstractmethod
    def _identity(self) -> str:
        """What a state must agree with."""

    @abstractmethod
    def item(self, epoch: int, number: int) -> Item:
        """An item of an epoch by its number."""

    @abstractmethod
    def _place_of(self, number: int) -> int:
        """Where the source of an item stands."""

    def _pass(self, epoch: int, *, shuffle: bool, workers: int, on_unusable: OnUnusable, start: int) -> Pass:
        check_epoch(epoch)
        places = self.reader.opened.places
        return Pass(
            epoch=epoch,
            order=epoch_order(seed=self.seed, epoch=epoch, items=len(self)) if shuffle else range(len(self)),
            make=partial(self.item, epoch),
            name=lambda number: places[self._place_of(number)].id,
            identity=self._identity,
            shuffle=shuffle,
            workers=workers,
            start=start,
            on_unusable=on_unusable,
        )
