"""Keep what pictures leave behind: memory that is freed is used again instead of being given back."""

from __future__ import annotations

import ctypes
import sys
from functools import cache

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Of `mallopt` in glibc's malloc.h."""

_MMAP_BYTES, _TRIM_BYTES = 32 * 2**20, 256 * 2**20


@cache
def keep_freed_memory() -> bool:
    """Have glibc keep the memory of pictures, once for this process; whether it did.

    Left to itself it gives the memory of every picture back and fetches it anew, page by page: a sixth of the time of a
    sample, and a third where two threads do it at once. It costs up to 256 MiB that stay with the process. `expand` has
    its workers do the same. Elsewhere than on glibc nothing happens.
    """
    if sys.platform != "linux":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(_MMAP_THRESHOLD, _MMAP_BYTES)) and bool(mallopt(_TRIM_THRESHOLD, _TRIM_BYTES))
