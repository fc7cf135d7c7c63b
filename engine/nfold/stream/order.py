"""The order of an epoch: a pure function of (seed, epoch, number of items)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from nfold.errors import UsageError
from nfold.randomness import LARGEST_COPY

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def epoch_order(*, seed: int, epoch: int, items: int) -> NDArray[np.int64]:
    """A permutation of 0 .. items - 1, another one in each epoch; eight bytes an item.

    The generator has an address of its own, so that shuffling has nothing to do with what the pictures look like.
    """
    import numpy as np

    address = hashlib.sha256(b"order of an epoch" + seed.to_bytes(8, "little") + epoch.to_bytes(8, "little")).digest()
    words = [int.from_bytes(address[start : start + 4], "little") for start in range(0, 32, 4)]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(words))).permutation(items)


def check_epoch(epoch: int) -> None:
    """Refuse what is no epoch.

    Raises:
        UsageError: It is no whole number, below 1, where copy 0 would be the original, or beyond what an address can hold.
    """
    if not hasattr(epoch, "__index__") or not 1 <= epoch <= LARGEST_COPY:
        raise UsageError(
            f"There is no epoch {epoch}: epochs are counted from 1 to {LARGEST_COPY:,}.",
            hint="Epoch e serves what 'nfold expand' writes as copy e; for pictures as they are use training=False (--as-is).",
            code="stream.epoch",
        )
