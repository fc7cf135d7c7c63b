"""What of a source is up to date in an output: told from sizes and times first, from bytes where these differ."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Literal

from nfold.loading import labels_state
from nfold.manifest import FileRow, SourceRecord
from nfold.placing import is_unmodified
from nfold.plan.table import PlannedSource
from nfold.storage import FileFacts, LocalStorage

Place = tuple[int, Literal["labels", "mask"] | None]
"""Copy number and role of a file: 0 is the original, None the picture itself."""


def is_current(
    storage: LocalStorage,
    planned: PlannedSource,
    former: SourceRecord,
    wanted: Mapping[Place, str],
    *,
    source_root: str,
    accepted: Collection[str],
    max_pixels: int,
    labels_context: str,
) -> bool:
    """Whether everything is there already; told without reading a file.

    Args:
        storage: The output.
        planned: The source.
        former: What the manifest says about it.
        wanted: Names of its files.
        source_root: The folder of images.
        accepted: Builds whose files may stay.
        max_pixels: The limit of now.
        labels_context: See `load_labels`.
    """
    source = former.source
    if source is None or source.build not in accepted or (source.area_px or 0) > max_pixels:
        return False
    then = (source.path or source.source, source.size, source.mtime_ns, source.split, source.category, source.group)
    now = (planned.path, planned.size, planned.mtime_ns, planned.split, planned.category, planned.group)
    if then != now or source.labels_state != labels_state(source_root, planned, labels_context):
        return False
    rows = {(row.copy, row.role): row for row in former.files if not row.retained}
    short = {row.copy for row in former.shorts}
    if not short <= {copy for copy, _ in wanted}:
        return False
    for place, name in wanted.items():
        row = rows.get(place)
        if row is None and place[0] in short:
            continue
        if row is None or row.file != name:
            return False
        if storage.facts(name) != FileFacts(size=row.size, mtime_ns=row.mtime_ns):
            return False
    return True


def reusable_files(
    storage: LocalStorage,
    former: SourceRecord,
    wanted: Mapping[Place, str],
    *,
    digests: tuple[str, str | None],
    accepted: Collection[str],
) -> dict[Place, FileRow]:
    """Files of a source that may stay as they are, though something about it has changed.

    Args:
        storage: The output.
        former: What the manifest says about the source.
        wanted: Names of its files.
        digests: SHA-256 of the picture and of its labels, as they are now.
        accepted: Builds whose files may stay.
    """
    rows: dict[Place, FileRow] = {}
    for row in former.files:
        if wanted.get((row.copy, row.role)) != row.file or row.build not in accepted:
            continue
        if (row.source_sha256, row.labels_sha256) != digests:
            continue
        facts = storage.facts(row.file)
        if facts is not None and is_unmodified(storage, row, facts):
            rows[row.copy, row.role] = replace(row, size=facts.size, mtime_ns=facts.mtime_ns, retained=False)
    return rows
