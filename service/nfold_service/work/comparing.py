"""Both meanings of augmentation measured on a data set, as a job."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from nfold.contrast.comparing import compare
from nfold.contrast.report import report_html
from nfold_service.work.bench import Say
from nfold_service.work.expanding import ProgressTeller


def compare_dataset(
    *, source: str, home: str, request: dict[str, Any], workers: int | None, max_pixels: int, say: Say
) -> dict[str, Any]:
    """Measure, and write `home/report.html` and `home/figures.json`; begun again it begins anew."""
    del workers  # modes are timed in one thread, so that seconds compare
    folder = Path(home)
    folder.mkdir(parents=True, exist_ok=True)
    found = compare(source, **request, max_pixels=max_pixels, observe=ProgressTeller(say).observe)
    # What the page says of places is for whoever asked, not for whoever runs the service.
    told = replace(found, source="the data set", command=found.command.replace(source, "SRC"))
    _publish(folder / "report.html", report_html(told).encode())
    _publish(folder / "figures.json", json.dumps(told.to_json(), indent=2, default=str).encode())
    return {"is_whole": not found.skipped, "answer": told.answer, "skipped": len(found.skipped)}


def _publish(target: Path, data: bytes) -> None:
    partial = target.with_name(f".{target.name}.partial")
    with partial.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(target)
