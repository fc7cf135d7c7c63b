"""Tables of sources made on the spot, without a folder on disk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from nfold.formats import FORMATS, FoundFile, Source
from nfold.plan.table import SourceTable, source_key, to_blob
from nfold.request import ExpansionRequest, make_request
from nfold.storage import normal_id


def sources_of(
    names: Iterable[str], *, has_splits: bool = False, dataset_format: str = "class-folders"
) -> list[Source]:
    """What a format reads from files of these names."""
    label = FORMATS[dataset_format].label
    return [
        Source(
            id=normal_id(name),
            file=FoundFile(path=name, size=100 + number, mtime_ns=number),
            label=label(normal_id(name), has_splits=has_splits),
        )
        for number, name in enumerate(names)
    ]


def table_of(names: Iterable[str] | Mapping[str, int], **options: Any) -> SourceTable:
    """A filled table; a mapping gives the copies of each source."""
    table = SourceTable()
    for source in sources_of(names, **options):
        table.add(source)
    if isinstance(names, Mapping):
        for name, copies in names.items():
            table.connection.execute(
                "update sources set copies = ? where key = ? and id = ?", (copies, source_key(name), to_blob(name))
            )
    return table


def request(**options: Any) -> ExpansionRequest:
    """A request whose folders do not matter."""
    return make_request(source="photos", target="out", **options)
