"""What a data set is: format, counts per class and split, problems."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from nfold.rehearsal import dry_run
from nfold_service.work.bench import Say


def inspect(*, source: str, read_as: str | None, max_pixels: int, say: Say) -> dict[str, Any]:
    """Read the labels of a data set as an expansion would; pictures are not decoded.

    Args:
        source: Folder of its files.
        read_as: The format in which it is to be read; None has it recognised.
        max_pixels: Of an image.
        say: Is not needed.
    """
    del say
    summary = dry_run(source, f"{source}.never-written", copies=0, format=read_as, max_pixels=max_pixels)
    return {
        "read_as": read_as,
        "format": summary.format,
        "images": summary.sources,
        "classes": [asdict(entry) for entry in summary.classes],
        "objects": [asdict(entry) for entry in summary.objects],
        "passed_over": summary.passed_over,
        "passed_over_examples": summary.passed_over_examples,
        "notes": list(summary.notes),
    }
