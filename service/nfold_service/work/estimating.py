"""What an expansion would give, before any is made."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from nfold.rehearsal import dry_run
from nfold_service.work.bench import Say


def estimate(*, source: str, request: dict[str, Any], max_pixels: int, say: Say) -> dict[str, Any]:
    """Count the files and, roughly, the bytes; refuses what the expansion would refuse."""
    del say
    summary = dry_run(source, f"{source}.never-written", **{**request, "max_pixels": max_pixels})
    return {
        "images_before": summary.sources,
        "images_after": summary.files,
        "bytes": summary.bytes_estimate,
        "classes": [asdict(entry) for entry in summary.classes],
        "notes": list(summary.notes),
    }
