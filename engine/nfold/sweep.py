"""Remove files of ours that are no longer asked for: listed first, then removed, never one that was changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from nfold import faults
from nfold.manifest import FileRow, all_records, list_parts, parse_row, read_records
from nfold.placing import is_unmodified
from nfold.plan.table import KEY_BITS, source_key
from nfold.shard import SURPLUS
from nfold.storage import LocalStorage


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepReport:
    """What a sweep did.

    Attributes:
        removed: How many files went.
        kept: Files that were changed since nfold wrote them, and were left in place.
    """

    removed: int
    kept: tuple[str, ...]


def sweep_surplus(storage: LocalStorage, announce: Callable[[int, list[str]], None]) -> SweepReport:
    """Remove what the shards listed as surplus.

    The lists are durable before the parts that no longer claim their files, so a run that was killed
    in between leaves them to the next one. A file that the manifest claims again by now stays.

    Args:
        storage: The output.
        announce: Told how many files will go and the first of their names, before any is removed.
    """
    lists = [f"{SURPLUS}/{name}" for name in storage.names_in(SURPLUS)]
    if not lists:
        return SweepReport(removed=0, kept=())
    count = 0
    names: list[str] = []
    for row in _unclaimed(storage, lists):
        count += 1
        if len(names) < 10:
            names.append(row.file)
    if count:
        announce(count, names)
    faults.hit("sweep.listed")
    removed = 0
    kept: list[str] = []
    for row in _unclaimed(storage, lists):
        if _is_ours(storage, row):
            storage.remove(row.file)
            storage.remove_empty_folders_above(row.file)
            removed += 1
            faults.hit("sweep.between_files")
        elif storage.exists(row.file):
            kept.append(row.file)
    for name in lists:
        storage.remove(name)
    return SweepReport(removed=removed, kept=tuple(kept))


def remove_build(storage: LocalStorage) -> tuple[str, ...]:
    """Remove every file of a former build, then its manifest; files that were changed are set aside.

    Returns:
        Where those are kept.
    """
    kept = []
    for _, record in all_records(storage):
        for row in record.files:
            if _is_ours(storage, row):
                storage.remove(row.file)
                storage.remove_empty_folders_above(row.file)
                faults.hit("rebuild.between_files")
            elif storage.exists(row.file):
                kept.append(storage.set_aside(row.file))
    for name in list_parts(storage).values():
        storage.remove(name)
    for name in storage.names_in(SURPLUS):
        storage.remove(f"{SURPLUS}/{name}")
    return tuple(kept)


def _unclaimed(storage: LocalStorage, lists: list[str]) -> Iterator[FileRow]:
    parts = list_parts(storage)
    covered_by: tuple[str, ...] = ()
    claimed: set[str] = set()
    for name in lists:
        for line in storage.read(name).splitlines():
            row = parse_row(line)
            covering = _covering(parts, row.source)
            if covering != covered_by:
                # Rows of one list come from one shard, so the next row nearly always asks for the same parts.
                covered_by = covering
                records = read_records(storage, covering, first=0, end=1 << KEY_BITS)
                claimed = {file.file for record in records.values() for file in record.files}
            if isinstance(row, FileRow) and row.file not in claimed:
                yield row


def _covering(parts: dict[str, str], source: str) -> tuple[str, ...]:
    bits = f"{source_key(source):0{KEY_BITS}b}"
    return tuple(parts[bits[:length]] for length in range(KEY_BITS) if bits[:length] in parts)


def _is_ours(storage: LocalStorage, row: FileRow) -> bool:
    facts = storage.facts(row.file)
    return facts is not None and is_unmodified(storage, row, facts)
