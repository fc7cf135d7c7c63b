"""A look into every source before a split: equal bytes and equal pixels belong together, and what looks alike may."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from nfold.executors import WorkerFailure
from nfold.images import DecodeLimits
from nfold.plain_files import read_plain
from nfold.plan.likeness import difference_hash
from nfold.plan.table import PlannedSource

CHUNK = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Surveyed:
    """What a source shows.

    Attributes:
        source: Its id.
        size: Bytes, when it was scanned.
        mtime_ns: Time of its last change, when it was scanned.
        sha256: Of its bytes; None when it cannot be read.
        pixels: Hash of its pixels; None when it cannot be decoded.
        dhash: What it looks like, see `difference_hash`; None when that was not asked for, or it cannot be decoded.
    """

    source: str
    size: int
    mtime_ns: int
    sha256: str | None
    pixels: str | None
    dhash: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyTask:
    """Surveys a chunk of sources; sent to each worker once.

    Attributes:
        source_root: The folder of images.
        limits: What is decoded at all.
        looks: Whether to say what they look like, too.
    """

    source_root: str
    limits: DecodeLimits
    looks: bool = False

    def __call__(
        self, chunk: tuple[PlannedSource, ...], blamed: Mapping[str, WorkerFailure], step: Callable[[str], None]
    ) -> list[Surveyed]:
        """One row for each source; what is wrong with one is reported when its shard is built."""
        rows = []
        for planned in chunk:
            step(planned.id)
            unseen = Surveyed(source=planned.id, size=planned.size, mtime_ns=planned.mtime_ns, sha256=None, pixels=None)
            rows.append(unseen if planned.id in blamed else self._look(planned, unseen))
        return rows

    def _look(self, planned: PlannedSource, unseen: Surveyed) -> Surveyed:
        from nfold.errors import ImageError
        from nfold.images import decode_image
        from nfold.variation import pixel_hash

        # What a label file names and the scan did not find may lie anywhere: it is never opened.
        is_nowhere = planned.problem is not None and (planned.size, planned.mtime_ns) == (0, 0)
        if is_nowhere or planned.size > self.limits.max_bytes:
            return unseen
        try:
            data, _ = read_plain(Path(self.source_root) / planned.path, self.limits.max_bytes)
        except OSError:
            return unseen
        sha256 = hashlib.sha256(data).hexdigest()
        try:
            image = decode_image(data, self.limits)
            dhash = difference_hash(image) if self.looks else None
            return replace(unseen, sha256=sha256, pixels=pixel_hash(image), dhash=dhash)
        except (ImageError, MemoryError):
            return replace(unseen, sha256=sha256)


def chunks(sources: Iterator[PlannedSource]) -> Iterator[tuple[PlannedSource, ...]]:
    """Sources in bites for the workers."""
    bite: list[PlannedSource] = []
    for source in sources:
        bite.append(source)
        if len(bite) == CHUNK:
            yield tuple(bite)
            bite = []
    if bite:
        yield tuple(bite)
