"""Put files of ours where they belong without losing what may stand there already."""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass, field

from nfold.disk import disk_errors
from nfold.errors import ForeignFileError
from nfold.ledger import lists_by_bits, names_in_lists
from nfold.manifest import FileRow, all_records
from nfold.storage import FileFacts, LocalStorage


def _nothing() -> None:
    """Say nothing to anybody."""


@dataclass(slots=True, kw_only=True)
class Placer:
    """Writes files into one output.

    Attributes:
        storage: The output.
        known: Files that are ours though no part claims them: leftovers of a killed run, or let go of.
        declare: Called once, before the first file of this run is written.
        written: Files that this run put in place.
        set_aside: Files that were in the way and are kept in the private folder.
    """

    storage: LocalStorage
    known: Container[str] = ()
    declare: Callable[[], None] = _nothing
    _is_declared: bool = False
    _all_names: set[str] | None = None
    written: list[str] = field(default_factory=list)
    set_aside: list[str] = field(default_factory=list)

    def put(self, name: str, data: bytes, former: Iterable[FileRow]) -> FileFacts:
        """Write a file, or take over one that has these bytes already.

        Args:
            name: Where.
            data: What.
            former: Rows of the same source: files that are known to be ours.

        Raises:
            ForeignFileError: A file that nfold did not write stands there.
            DiskError: The disk refused.
        """
        facts = self._clear_the_way(name, data, former)
        if facts is None:
            self._declare_once()
            facts = self.storage.put(name, data)
        self.written.append(name)
        return facts

    def link(self, name: str, original: str, data: bytes, former: Iterable[FileRow]) -> FileFacts:
        """Hard-link a file whose bytes are `data`; the rest is as for `put`."""
        self._clear_the_way(name, data, former)
        self._declare_once()
        with disk_errors(f"link {name}"):
            facts = self.storage.link(name, os.path.realpath(original))
        self.written.append(name)
        return facts

    def _clear_the_way(self, name: str, data: bytes, former: Iterable[FileRow]) -> FileFacts | None:
        """The facts of a file that has the right bytes; otherwise nothing is left there that could be lost."""
        if not self.storage.exists(name):
            return None
        facts = self.storage.facts(name)
        row = next((row for row in former if row.file == name), None)
        if facts is not None and row is not None and is_unmodified(self.storage, row, facts):
            return None
        if facts is not None and facts.size == len(data) and self.storage.read(name) == data:
            return facts
        if row is None and name not in self.known and not self._is_another_sources(name):
            raise ForeignFileError(
                f"{self.storage.path(name)} stands where a file of the data set would go, and nfold did not write it.",
                hint="Move it away, or choose other names for the copies with --name.",
            )
        self.set_aside.append(self.storage.set_aside(name))
        return None

    def _declare_once(self) -> None:
        if not self._is_declared:
            self._is_declared = True
            self.declare()

    def _is_another_sources(self, name: str) -> bool:
        # Rare, so it may be slow: a new source that has the name of another one's former copy, say.
        if self._all_names is None:
            lists = [entry for names in lists_by_bits(self.storage).values() for entry in names]
            self._all_names = names_in_lists(self.storage, lists)
            self._all_names.update(row.file for _, record in all_records(self.storage) for row in record.files)
        return name in self._all_names


def is_unmodified(storage: LocalStorage, row: FileRow, facts: FileFacts) -> bool:
    """Whether a file is as its row says; it is read only when its time has changed."""
    if (facts.size, facts.mtime_ns) == (row.size, row.mtime_ns):
        return True
    return facts.size == row.size and storage.sha256(row.file) == row.sha256
