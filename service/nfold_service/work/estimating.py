"""What an expansion would give, before any is made."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from nfold.capacity import usable_workers
from nfold.rehearsal import dry_run
from nfold_service.work.bench import Say
from nfold_service.work.varying import cost_of_copies

OVERHEAD_S = 1.5
"""From the order of an expansion to its first picture, and from its last one to the zip."""


def estimate(*, source: str, request: dict[str, Any], workers: int | None, max_pixels: int, say: Say) -> dict[str, Any]:
    """Count the files and, roughly, bytes and seconds; refuses what the expansion would refuse."""
    del say
    summary = dry_run(source, f"{source}.never-written", **{**request, "max_pixels": max_pixels})
    cost = cost_of_copies(
        source=source,
        read_as=request["format"],
        recipe=request["recipe"],
        seed=request["seed"],
        max_pixels=max_pixels,
    )
    copies = max(0, summary.files - summary.sources)
    of_sources = summary.bytes_estimate * summary.sources / max(1, summary.files)
    of_copies = cost.growth * (summary.bytes_estimate - of_sources)
    processes = workers or usable_workers()
    return {
        "seconds": None if cost.seconds is None else round(OVERHEAD_S + cost.seconds * copies / processes, 1),
        "images_before": summary.sources,
        "images_after": summary.files,
        "bytes": round(of_sources + of_copies),
        "classes": [asdict(entry) for entry in summary.classes],
        "notes": list(summary.notes),
    }
