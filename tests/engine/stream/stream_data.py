"""What the tests of streams have in common."""

from __future__ import annotations

from typing import Any

import nfold
from nfold.stream import Item

TILT = {"name": "tilt", "augment": [{"HorizontalFlip": {"p": 0.5}}, {"Rotate": {"limit": 20, "p": 1}}]}


def told(item: Item) -> tuple[Any, ...]:
    """All that an item says, so that two can be compared."""
    mask = None if item.mask is None else item.mask.tobytes()
    return (
        item.source,
        item.copy,
        item.image.shape,
        item.image.tobytes(),
        item.label,
        item.class_index,
        item.annotations,
        mask,
    )


def served_by(stream: nfold.Stream, addresses: list[tuple[int, int]]) -> list[tuple[Any, ...]]:
    """Called in worker processes."""
    return [told(stream[address]) for address in addresses]


def held_by(frozen: nfold.FrozenDataset, numbers: list[int]) -> list[tuple[Any, ...]]:
    """Called in worker processes."""
    return [told(frozen[number]) for number in numbers]
