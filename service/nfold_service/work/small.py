"""One or a few images, expanded at once in the worker's own process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nfold.expansion import run_expansion
from nfold.request import make_request
from nfold.testing.inline import InlineWorkforce
from nfold_service.work.bench import Say
from nfold_service.work.expanding import REPORT
from nfold_service.work.packing import forget_places, pack_folder


def expand_small(*, source: str, home: str, request: dict[str, Any], max_pixels: int, say: Say) -> dict[str, Any]:
    """Expand the files of `source` into `home/output` and pack `home/result.zip`; originals, copies and manifest."""
    del say
    target = Path(home) / "output"
    options = {**request, "source": source, "target": str(target), "max_pixels": max_pixels}
    report = run_expansion(make_request(**options), workforce=InlineWorkforce())
    forget_places(target)
    document = report.to_json()
    document.update(target="", source="")
    (Path(home) / REPORT).write_text(json.dumps(document, indent=2, default=str))
    document.pop("seconds")  # the same request gives the same zip, however long it took
    (target / REPORT).write_text(json.dumps(document, indent=2, default=str))
    packed = pack_folder(target, Path(home) / "result.zip")
    return {
        "is_whole": report.is_whole,
        "skipped": [
            {"source": row.source, "code": row.code, "message": row.message, "hint": row.hint} for row in report.skipped
        ],
        "images_before": report.images_before,
        "images_after": report.images_after,
        "bytes": packed.size,
        "sha256": packed.sha256,
    }
