"""Worker processes for an expansion, begun before anything heavy is imported here: both import side by side."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nfold.capacity import usable_workers
from nfold.executors import WorkerLimits, Workforce, open_workforce

_PRELOAD = ("cv2", "simplejpeg", "nfold.shard")
_PRELOAD_TO_VARY = (*_PRELOAD, "albumentations")

_ATTEMPTS = 10
"""Deaths from outside that one picture may meet; its own crashes and hangs convict it at the second."""

_ENVIRONMENT = {
    # Left to itself, glibc gives the memory of every picture back and fetches it anew, page by page: 40 % of a warp.
    "MALLOC_MMAP_THRESHOLD_": str(32 * 2**20),
    "MALLOC_TRIM_THRESHOLD_": str(256 * 2**20),
    # Behind our own look at the header, in case a decoder sees another size in it than we do.
    "OPENCV_IO_MAX_IMAGE_PIXELS": str(2**30),
}


def worker_count(asked: int | None) -> int:
    """As many as asked for, else as many as cores and the limits of a container allow."""
    return usable_workers() if asked is None else asked


def begin_workers(*, target: str | Path, copies: object = None, workers: int | None = None) -> Workforce:
    """Start preparing the workers of an expansion, and return at once.

    Args:
        target: The output; where it is complete and asks for as many copies as now, there is most likely
            nothing to vary, and Albumentations is imported only when there is.
        copies: As asked for.
        workers: As asked for.
    """
    preload = _PRELOAD if _is_likely_a_repeat(Path(target), copies) else _PRELOAD_TO_VARY
    return open_workforce(
        WorkerLimits(workers=worker_count(workers), attempts=_ATTEMPTS, preload=preload, environment=_ENVIRONMENT)
    )


def _is_likely_a_repeat(target: Path, copies: object) -> bool:
    try:
        card: Any = json.loads((target / "nfold.json").read_bytes())
        return card["state"] == "complete" and str(card["request"]["copies"]) == str(copies)
    except (OSError, ValueError, KeyError, TypeError):
        return False  # whatever is wrong with the card is told when the card is read in earnest
