"""What an expansion through a service tells whoever watches it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Stage = Literal["upload", "unpack", "wait", "scan", "survey", "expand", "finish", "publish", "download", "check"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """So much of a stage is done.

    Attributes:
        stage: Uploads and downloads count bytes, the others files.
        done: How much.
        total: Of how much; None while that is not known.
    """

    stage: Stage
    done: int = 0
    total: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A sentence that a person should see: what was recognised, or that the line was cut."""

    text: str


Observer = Callable[[Step | Note], None]


def ignore(step: Step | Note) -> None:
    """Watch nothing."""
    del step
