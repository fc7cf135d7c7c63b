"""A page of memory that a worker shares with the coordinator: what is at work now, readable after any death.

A message per step would cost more than many steps do, and the last ones would be lost with the worker.
"""

from __future__ import annotations

import mmap
import os
import sys
import tempfile

_NAME_BYTES = 1 << 15  # a path has at most 4096 bytes, and grows by at most a factor of three under NFC
_STOP, _LEFT, _OUT_OF_MEMORY, _ITEM, _NAMES, _STEPS, _LENGTHS = range(7)
_HEAD_BYTES = 128
_SIZE = _HEAD_BYTES + 2 * _NAME_BYTES


class Board:
    """Counters and the name of what is at work; the worker writes, the coordinator reads and may ask to stop.

    A name is written into the slot that is not shown, then shown by one store, so that a worker that
    is killed in between leaves the former name whole.
    """

    def __init__(self, descriptor: int) -> None:
        self._memory = mmap.mmap(descriptor, _SIZE)
        self._bytes = memoryview(self._memory)
        self._head = self._bytes[:_HEAD_BYTES].cast("Q")
        self._last: str | None = None

    @staticmethod
    def new_descriptor() -> int:
        """An open file that has no name and is as large as a board; the caller closes it."""
        if sys.platform == "linux":
            descriptor = os.memfd_create("nfold-board")
        else:
            with tempfile.TemporaryFile() as unnamed:
                descriptor = os.dup(unnamed.fileno())
        os.ftruncate(descriptor, _SIZE)
        return descriptor

    @property
    def is_to_stop(self) -> bool:
        """The coordinator wants the worker to drop its item."""
        return bool(self._head[_STOP])

    def ask_to_stop(self) -> None:
        """Have the worker drop its item at its next step."""
        self._head[_STOP] = 1

    @property
    def has_left(self) -> bool:
        """The worker ends because it was told to, not because of its item."""
        return bool(self._head[_LEFT])

    def leave(self) -> None:
        """Say that the item is not to blame for the end that comes now."""
        self._head[_LEFT] = 1

    @property
    def is_out_of_memory(self) -> bool:
        """The worker ends because a MemoryError came out of the task."""
        return bool(self._head[_OUT_OF_MEMORY])

    def give_up_for_memory(self) -> None:
        """Say that the item needed too much memory."""
        self._head[_OUT_OF_MEMORY] = 1

    @property
    def item(self) -> int:
        """Number of the item that was begun last; they count from 1."""
        return self._head[_ITEM]

    @property
    def names(self) -> int:
        """How many sub-items of this item were begun."""
        return self._head[_NAMES]

    @property
    def steps(self) -> int:
        """How often `step` was called for this item."""
        return self._head[_STEPS]

    def begin(self, item: int) -> None:
        """Show that an item was begun, and none of its sub-items yet."""
        self._last = None
        self._head[_NAMES] = 0
        self._head[_STEPS] = 0
        self._head[_ITEM] = item

    def step(self, name: str) -> None:
        """Show that `name` is at work, or still is.

        Raises:
            ValueError: The name is longer than any path.
        """
        head = self._head
        if name != self._last:
            encoded = name.encode("utf-8", "surrogatepass")
            if len(encoded) > _NAME_BYTES:
                raise ValueError(f"A step's name has at most {_NAME_BYTES} bytes, not {len(encoded)}.")
            slot = (head[_NAMES] + 1) % 2
            start = _HEAD_BYTES + slot * _NAME_BYTES
            self._bytes[start : start + len(encoded)] = encoded
            head[_LENGTHS + slot] = len(encoded)
            head[_NAMES] += 1
            self._last = name
        head[_STEPS] += 1

    def name_at_work(self) -> str | None:
        """The last name, once the worker writes no more; None when there is none or it is empty."""
        if not self.names:
            return None
        slot = self.names % 2
        start = _HEAD_BYTES + slot * _NAME_BYTES
        return bytes(self._bytes[start : start + self._head[_LENGTHS + slot]]).decode("utf-8", "surrogatepass") or None

    def close(self) -> None:
        """Let go of the memory; counters and name cannot be read any more."""
        self._head.release()
        self._bytes.release()
        self._memory.close()
