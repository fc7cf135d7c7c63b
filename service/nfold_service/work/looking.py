"""An output looked through source by source: its manifest in pages."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nfold.annotations import Category
from nfold.annotations.codec import decode_categories, placed_from_json
from nfold.card import Card
from nfold.manifest import FileRow, SourceRecord, all_records
from nfold.storage import LocalStorage
from nfold_service.work.bench import Say
from nfold_service.work.tiles import MOST_MARKS, marks


def look_through(*, output: str, first: int, most: int, category: str | None, say: Say) -> dict[str, Any]:
    """Sources `first` and following, of one class or of all, each with its files and how they were made."""
    del say
    records = (
        (source, record)
        for source, record in all_records(LocalStorage(Path(output)))
        if category is None or (record.source is not None and _category(record) == category)
    )
    page = list(itertools.islice(records, first, first + most + 1))
    card = Card.read(LocalStorage(Path(output)))
    categories = decode_categories(json.dumps(card.categories)) if card is not None else ()
    return {
        "sources": [_told(source, record, categories) for source, record in page[:most]],
        "next": first + most if len(page) > most else None,
    }


def _category(record: SourceRecord) -> str | None:
    return getattr(record.source, "category", None)


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
        "marks": shown,
        "labels_kept": len(row.annotations) if row.labels_in is not None else None,
        "dropped": [{"annotation": one[0], "rule": one[1]} for one in row.dropped],
    }
