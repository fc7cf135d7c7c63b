"""What worker processes are handed by name."""

from __future__ import annotations

from typing import Any

from nfold.stream import Item


def who(item: Item) -> dict[str, Any]:
    """Which worker made which variation of which source."""
    from torch.utils.data import get_worker_info

    worker = get_worker_info()
    return {"worker": -1 if worker is None else worker.id, "epoch": item.copy, "source": item.source}


def slowly(item: Item) -> dict[str, Any]:
    """The same, as slowly as a large picture."""
    import time

    time.sleep(0.02)
    return who(item)
