"""What a run tells whoever watches it: the command line, the service, a notebook."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class StageBegan:
    """A stage of the run begins."""

    stage: Literal["scan", "survey", "expand", "finish", "stream", "compare", "train"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """The plan stands: what was recognised, how many files there will be, and what to know about the labels."""

    format: str
    reason: str
    sources: int
    files: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Progressed:
    """So many of the files of this stage are done."""

    done: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Removing:
    """Files of ours that are no longer asked for are about to be removed."""

    count: int
    names: tuple[str, ...]


Event = StageBegan | Planned | Progressed | Removing
Observer = Callable[[Event], None]


def ignore(event: Event) -> None:
    """Watch nothing."""
    del event
