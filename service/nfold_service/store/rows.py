"""Rows as the service passes them round."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

DatasetState = Literal["empty", "receiving", "unpacking", "ready", "broken"]
JobState = Literal[
    "queued", "running", "publishing", "succeeded", "succeeded_with_errors", "failed", "cancelled", "expired"
]
FINAL: frozenset[str] = frozenset({"succeeded", "succeeded_with_errors", "failed", "cancelled", "expired"})
JobKind = Literal["expansion", "comparison"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRow:
    """An API key; the key itself is nowhere."""

    id: str
    owner: str
    hash: str
    scopes: tuple[str, ...]
    label: str
    created_at: float
    revoked_at: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetRow:
    """A data set that was uploaded."""

    id: str
    owner: str
    name: str
    state: str
    files: int
    bytes: int
    found: dict[str, Any] | None
    problem: dict[str, Any] | None
    created_at: float
    used_at: float

    @property
    def read_as(self) -> str | None:
        """The format that was chosen for it, where its files could be read in several."""
        chosen: str | None = (self.found or {}).get("read_as")
        return chosen


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadRow:
    """A resumable upload: `received` of `length` bytes are on disk."""

    id: str
    owner: str
    dataset: str
    name: str
    length: int
    received: int
    state: str
    details: dict[str, Any]
    created_at: float
    used_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRow:
    """A job. `lease` is raised each time it is begun; who holds an older one has nothing to say any more."""

    id: str
    owner: str
    kind: str
    dataset: str
    state: str
    request: dict[str, Any]
    progress: dict[str, Any]
    result: dict[str, Any] | None
    problem: dict[str, Any] | None
    attempts: int
    lease: int
    cancel: bool
    created_at: float
    started_at: float | None
    finished_at: float | None
    used_at: float

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in FINAL


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    """Something that happened to a job."""

    job: str
    number: int
    at: float
    kind: str
    data: dict[str, Any]
