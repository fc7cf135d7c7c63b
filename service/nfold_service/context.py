"""What the routes share: settings, store, workers, places on disk."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import shutil
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path

from nfold_service.metrics import Metrics
from nfold_service.problems import ServiceError
from nfold_service.settings import Settings
from nfold_service.store import Store
from nfold_service.work.crew import SCRATCH, Crew


@dataclass(frozen=True, slots=True)
class Places:
    """Where things lie in the data folder; every name is of our own choosing.

    `staging` holds what is not finished, `scratch` what workers need while they live; both are emptied at the start.
    """

    root: Path

    def dataset(self, identity: str) -> Path:
        """Files of a data set."""
        return self.root / "datasets" / identity / "files"

    def dataset_home(self, identity: str) -> Path:
        """Everything of a data set."""
        return self.root / "datasets" / identity

    def archive(self, identity: str) -> Path:
        """The archive of a data set, until it is unpacked."""
        return self.dataset_home(identity) / "archive"

    def catalogue(self, identity: str) -> Path:
        """The list of a data set's files."""
        return self.dataset_home(identity) / "catalogue.db"

    def upload(self, identity: str) -> Path:
        """What was received of a resumable upload."""
        return self.root / "uploads" / identity

    def job_home(self, identity: str) -> Path:
        """Everything of a job."""
        return self.root / "jobs" / identity

    def output(self, identity: str) -> Path:
        """What a job writes."""
        return self.job_home(identity) / "output"

    @property
    def staging(self) -> Path:
        """For what is under way."""
        return self.root / "staging"

    def prepare(self) -> None:
        """Make the folders, and throw away what a former process left unfinished."""
        for folder in ("staging", SCRATCH):
            shutil.rmtree(self.root / folder, ignore_errors=True)
        for folder in ("staging", SCRATCH, "datasets", "uploads", "jobs"):
            (self.root / folder).mkdir(parents=True, exist_ok=True)


@dataclass(slots=True, kw_only=True)
class Context:
    """The parts of a running service.

    Attributes:
        configured_key: From the environment or a file.
        is_open: Whether requests without a key are let through: on loopback, when no key is configured.
        ending: Set when the service is told to end; whatever stays open listens to it.
        changes: Of each job that runs here, how often something happened to it.
        uploads: At the same time.
        tars: Epochs that are being streamed.
        streams: Of events, open at the same time.
    """

    settings: Settings
    store: Store
    crew: Crew
    places: Places
    configured_key: str | None
    is_open: bool
    ending: asyncio.Event = field(default_factory=asyncio.Event)
    job_changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    metrics: Metrics = field(default_factory=Metrics)
    changes: dict[str, int] = field(default_factory=dict)
    uploads: int = 0
    tars: int = 0
    streams: int = 0

    async def tell(self, job: str) -> None:
        """Something happened to a job: wake whoever watches it."""
        self.changes[job] = self.changes.get(job, 0) + 1
        async with self.job_changed:
            self.job_changed.notify_all()

    def refuse_full_disk(self, wanted: int = 0) -> None:
        """Refuse what would not fit.

        Raises:
            ServiceError: 507.
        """
        free = shutil.disk_usage(self.places.root).free
        if free - wanted < self.settings.disk_reserve_bytes:
            raise ServiceError(
                507,
                "disk.full",
                "There is too little room on the disk of the service.",
                hint="Delete data sets and expansions that are no longer needed, or try again later.",
                headers={"Retry-After": "600"},
            )


class IdSource:
    """Gives the same ids again for the same seed: a request that is repeated makes what it made before."""

    def __init__(self, seed: str) -> None:
        self._seed, self._given = seed, 0

    def digits(self) -> str:
        """The next 20 hexadecimal digits."""
        self._given += 1
        return hashlib.sha256(f"{self._seed}:{self._given}".encode()).hexdigest()[:20]


id_source: ContextVar[IdSource | None] = ContextVar("id_source", default=None)
"""Set while a request with an Idempotency-Key is answered."""


def new_id(kind: str) -> str:
    """An id that nobody can guess."""
    source = id_source.get()
    return f"{kind}_{secrets.token_hex(10) if source is None else source.digits()}"
