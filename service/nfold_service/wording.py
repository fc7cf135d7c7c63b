"""Figures and states in the words of the page; the page's own modules word theirs in the same way (`dom.js`)."""

from __future__ import annotations

import json
import math
from typing import Any, Final

STATES: Final = {
    "queued": "Waiting for its turn",
    "running": "At work",
    "publishing": "Packing the result",
    "succeeded": "Done",
    "succeeded_with_errors": "Done, with some left out",
    "failed": "Failed",
    "cancelled": "Cancelled",
    "expired": "Expired",
}
"""What a job does, by its state."""

STAGES: Final = {
    "scan": "Looking through the files",
    "survey": "Reading the pictures",
    "expand": "Making copies",
    "finish": "Finishing",
    "compare": "Measuring both meanings",
    "publish": "Packing the result",
}
"""What a running job does, by its stage."""

_UNITS: Final = ("kB", "MB", "GB", "TB")
_LONGEST: Final = 160


def number(value: float) -> str:
    """A count, with commas between thousands."""
    return f"{math.floor(value + 0.5):,}"


def plural(count: float, one: str, many: str | None = None) -> str:
    """A count with its noun."""
    return f"{number(count)} {one if count == 1 else many or f'{one}s'}"


def size(value: int) -> str:
    """Bytes, in a unit that people read."""
    if value < 1000:
        return f"{value} B"
    amount, unit = value / 1000, 0
    while amount >= 999.5 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1000, unit + 1
    return f"{f'{amount:.1f}' if amount < 10 else number(amount)} {_UNITS[unit]}"


def duration(seconds: float) -> str:
    """Seconds, in a unit that people read."""
    if seconds < 60:
        return f"{max(1, math.floor(seconds + 0.5))} s"
    if seconds < 3600:
        return f"{math.floor(seconds / 60 + 0.5)} min"
    return f"{seconds / 3600:.1f} h"


def spoken(name: str) -> str:
    """A name of ours, as words."""
    return name.replace("_", " ")


def shortened(value: Any) -> str:
    """A parameter of a transform: numbers to three places, and no more of it than one takes in."""
    text = value if isinstance(value, str) else json.dumps(_rounded(value), ensure_ascii=False)
    return f"{text[:_LONGEST]}…" if len(text) > _LONGEST else text


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        near = round(value, 3)
        return int(near) if near.is_integer() else near
    if isinstance(value, list | tuple):
        return [_rounded(one) for one in value]
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    return value


def progress_of(state: str, progress: dict[str, Any]) -> dict[str, Any]:
    """What a job does, how far it is, and the share of it that is done; None as long as that cannot be told."""
    stage, total = progress.get("stage"), progress.get("total")
    done = progress.get("done") or 0
    if state != "running" or not total:
        is_known = state == "running" and stage in STAGES
        return {"words": STAGES[str(stage)] if is_known else STATES[state], "more": "", "share": None}
    rate, left = progress.get("images_per_s"), progress.get("seconds_left")
    more = f"{number(done)} of {plural(total, 'image')}"
    if rate:
        more += f", {f'{rate:.1f}' if rate < 10 else number(rate)} a second"
    if left:
        more += f", {duration(left)} left"
    share = None if stage == "publish" else done / total
    return {"words": STAGES.get(str(stage), STATES[state]), "more": more, "share": share}
