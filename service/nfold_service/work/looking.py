"""An output looked through source by source: its manifest in pages.

How many sources of each class stand in each part of the manifest is remembered, so that a page reads only its own parts.
"""

from __future__ import annotations

import json
from collections import Counter, OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nfold.annotations import Category
from nfold.annotations.codec import decode_categories, placed_from_json
from nfold.card import Card
from nfold.manifest import PARTS, FileRow, SourceRecord, records_by_part
from nfold.storage import LocalStorage
from nfold_service.work.bench import Say
from nfold_service.work.tiles import MOST_MARKS, marks

MOST_COUNTED = 64
"""Outputs whose counts are remembered."""

_counted: OrderedDict[tuple[str, int], list[Counter[str | None]]] = OrderedDict()
"""By output and by the time when a part of its manifest was last written: the classes of the parts read so far, in order."""


def look_through(*, output: str, first: int, most: int, category: str | None, say: Say) -> dict[str, Any]:
    """Sources `first` and following, of one class or of all, each with its files and how they were made."""
    del say
    storage = LocalStorage(Path(output))
    page = _page(storage, first, most + 1, category)
    card = Card.read(storage)
    categories = decode_categories(json.dumps(card.categories)) if card is not None else ()
    return {
        "sources": [_told(source, record, categories) for source, record in page[:most]],
        "next": first + most if len(page) > most else None,
    }


def _page(storage: LocalStorage, first: int, most: int, category: str | None) -> list[tuple[str, SourceRecord]]:
    counts = _counts_of(storage)
    page: list[tuple[str, SourceRecord]] = []
    for number, (_, records) in enumerate(records_by_part(storage)):
        if len(page) >= most:
            break
        if number < len(counts):
            here = counts[number].total() if category is None else counts[number][category]
            if here <= first:
                first -= here
                continue
        read = list(records)
        if number == len(counts):
            counts.append(Counter(_category(record) for _, record in read))
        wanted = [pair for pair in read if category is None or _category(pair[1]) == category]
        page += wanted[first:]
        first = max(0, first - len(wanted))
    return page[:most]


def _counts_of(storage: LocalStorage) -> list[Counter[str | None]]:
    folder = Path(storage.path(PARTS))
    if not folder.exists():
        return []
    key = (str(folder), folder.stat().st_mtime_ns)
    counts = _counted.setdefault(key, [])
    _counted.move_to_end(key)
    while len(_counted) > MOST_COUNTED:
        _counted.popitem(last=False)
    return counts


def _category(record: SourceRecord) -> str | None:
    return record.source.category if record.source is not None else None


def _told(source: str, record: SourceRecord, categories: Sequence[Category]) -> dict[str, Any]:
    files = sorted((row for row in record.files if row.role is None), key=lambda row: row.copy)
    problem = record.skip.message if record.skip is not None else None
    return {
        "source": source,
        "category": _category(record),
        "problem": problem,
        "copies_missing": len(record.shorts),
        "files": [_file(row, categories) for row in files],
    }


def _file(row: FileRow, categories: Sequence[Category]) -> dict[str, Any]:
    shown: list[dict[str, Any]] = []
    if row.size_wh is not None:
        shown = marks(
            [placed_from_json(one) for one in row.annotations[:MOST_MARKS]],
            categories,
            (row.size_wh[0], row.size_wh[1]),
        )
    return {
        "name": row.file,
        "copy": row.copy,
        "bytes": row.size,
        "pixels": row.pixels,
        "applied": [{"name": name, "parameters": parameters} for name, parameters in row.applied],
        "width": row.size_wh[0] if row.size_wh is not None else None,
        "height": row.size_wh[1] if row.size_wh is not None else None,
        "marks": shown,
        "labels_kept": len(row.annotations) if row.labels_in is not None else None,
        "dropped": [{"annotation": one[0], "rule": one[1]} for one in row.dropped],
    }
