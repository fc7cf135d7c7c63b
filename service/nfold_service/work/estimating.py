"""What an expansion would give, before any is made."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from nfold.capacity import usable_workers
from nfold.rehearsal import dry_run
from nfold_service.work.bench import Say
from nfold_service.work.varying import seconds_of_a_copy

OVERHEAD_S = 1.5
"""From the order of an expansion to its first picture, and from its last one to the zip."""


def estimate(*, source: str, request: dict[str, Any], workers: int | None, max_pixels: int, say: Say) -> dict[str, Any]:
    """Count the files and, roughly, bytes and seconds; refuses what the expansion would refuse."""
    del say
    summary = dry_run(source, f"{source}.never-written", **{**request, "max_pixels": max_pixels})
    each = seconds_of_a_copy(source=source, recipe=request["recipe"], seed=request["seed"], max_pixels=max_pixels)
    copies = max(0, summary.files - summary.sources)
    return {
        "seconds": None if each is None else round(OVERHEAD_S + each * copies / (workers or usable_workers()), 1),
        "images_before": summary.sources,
        "images_after": summary.files,
        "bytes": summary.bytes_estimate,
        "classes": [asdict(entry) for entry in summary.classes],
        "notes": list(summary.notes),
    }
