"""On the fly and frozen: variations computed when they are asked for, nothing on disk.

`Stream` serves copy e of every source in epoch e, without end; `FrozenDataset` is the data set that `expand` would
write, of S x (N+1) items, computed item by item. Both stand on the pure function that `expand` stands on.
"""

from __future__ import annotations

from nfold.stream.frozen import FrozenDataset
from nfold.stream.item import Item
from nfold.stream.passes import Pass, UnusableSourceWarning
from nfold.stream.streaming import Stream

__all__ = ["FrozenDataset", "Item", "Pass", "Stream", "UnusableSourceWarning"]
