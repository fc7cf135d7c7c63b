"""An expansion of a data set: the engine's, with its progress told and its result packed."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from nfold.errors import OutputMismatchError
from nfold.events import Event, Planned, Progressed, StageBegan
from nfold.expansion import run_expansion
from nfold.request import make_request
from nfold_service.work.bench import Say
from nfold_service.work.packing import forget_places, pack_folder

REPORT = "report.json"
RESULT = "result.zip"


def expand_dataset(
    *, source: str, home: str, request: dict[str, Any], workers: int | None, max_pixels: int, say: Say
) -> dict[str, Any]:
    """Expand into `home/output`, write `home/report.json`, and pack `home/result.zip`.

    Begun again after a death it goes on where it stood.
    """
    target = Path(home) / "output"
    target.parent.mkdir(parents=True, exist_ok=True)
    watch = ProgressTeller(say)
    options = {**request, "source": source, "target": str(target), "workers": workers, "max_pixels": max_pixels}
    try:
        report = run_expansion(make_request(**options), observe=watch.observe)
    except OutputMismatchError:
        # A newer nfold than the one that began: nothing of the output was handed out yet, so it is made anew.
        report = run_expansion(make_request(**{**options, "rebuild": True}), observe=watch.observe)
    forget_places(target)
    document = report.to_json()
    document.update(target="", source="")
    (Path(home) / REPORT).write_text(json.dumps(document, indent=2, default=str))
    say({"stage": "publish"})
    packed = pack_folder(target, Path(home) / RESULT)
    return {
        "is_whole": report.is_whole,
        "images_before": report.images_before,
        "images_after": report.images_after,
        "skipped": report.skipped_count,
        "copies_missing": report.copies_missing,
        "tree_digest": report.tree_digest,
        "seconds": report.seconds,
        "bytes": packed.size,
        "sha256": packed.sha256,
    }


class ProgressTeller:
    """Turns the engine's events into what `progress` of a job shows."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._began = time.monotonic()
        self._first: int | None = None

    def observe(self, event: Event) -> None:
        """Tell of one event."""
        if isinstance(event, StageBegan):
            self._began, self._first = time.monotonic(), None
            self._say({"stage": event.stage})
        elif isinstance(event, Planned):
            self._say({"format": event.format, "reason": event.reason, "sources": event.sources, "files": event.files})
        elif isinstance(event, Progressed):
            if self._first is None:
                # What was there when this began took no time now.
                self._began, self._first = time.monotonic(), event.done
            seconds = time.monotonic() - self._began
            rate = (event.done - self._first) / seconds if seconds > 0.2 else None
            left = (event.total - event.done) / rate if rate else None
            self._say(
                {
                    "done": event.done,
                    "total": event.total,
                    "images_per_s": None if rate is None else round(rate, 2),
                    "seconds_left": None if left is None else round(left, 1),
                }
            )
