"""The sources of a data set by their place, on disk: workers open them, and nothing grows in memory."""

from __future__ import annotations

import hashlib
import operator
import os
import shutil
import tempfile
import threading
import weakref
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from nfold.errors import InputError
from nfold.plan.table import PlannedSource, SourceTable, from_blob, source_key, to_blob

_PLACES = """
create table places (place integer primary key, key integer not null, id blob not null);
insert into places select row_number() over (order by id) - 1, key, id from sources where {which} and problem is null;
"""


class SourcePlaces:
    """Usable sources of a split in the order of their ids, numbered from 0.

    It is pickled as the path of its file: a worker process opens that for itself. The file goes when the process that
    made it is done with it.
    """

    def __init__(self, table: SourceTable, folder: Path, split: str | None) -> None:
        """Number the sources of a table in `folder`; closes the table.

        Raises:
            InputError: There is none.
        """
        connection = table.connection
        which = "1" if split is None else "split = '" + split.replace("'", "''") + "'"
        connection.executescript(_PLACES.format(which=which))
        self._path = folder / "sources.sqlite"
        self._count: int = connection.execute("select count(*) from places").fetchone()[0]
        self._classes = tuple(
            from_blob(name)
            for (name,) in connection.execute(
                "select distinct category from sources where category is not null order by category"
            )
        )
        digest = hashlib.sha256()
        for (identity,) in connection.execute("select id from places order by place"):
            digest.update(len(identity).to_bytes(4, "little") + identity)
        self._digest = digest.hexdigest()
        connection.close()
        self._here = threading.local()
        self._remover = weakref.finalize(self, _remove, str(folder), os.getpid())

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self._path, "count": self._count, "classes": self._classes, "digest": self._digest}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._path, self._count = state["path"], state["count"]
        self._classes, self._digest = state["classes"], state["digest"]
        self._here = threading.local()

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, place: int) -> PlannedSource:
        """The source of a place; negative ones count from the end.

        Raises:
            IndexError: There is no such place.
        """
        # SQLite takes a number of NumPy's for a blob, and finds nothing.
        place = operator.index(place)
        wanted = place + self._count if place < 0 else place
        if not 0 <= wanted < self._count:
            raise IndexError(f"place {place} of {self._count} sources")
        return next(self._table().select("join places using (key, id) where place = ?", (wanted,)))

    def __iter__(self) -> Iterator[PlannedSource]:
        yield from self._table().select("join places using (key, id) order by place", ())

    def by_hash(self) -> Iterator[PlannedSource]:
        """The sources in the order of the hashes of their ids, where the first few are a fair sample."""
        yield from self._table().select("join places using (key, id) order by key, id", ())

    def only(self, sources: Iterable[str]) -> SourcePlaces:
        """Some of the sources, as if the others were not there; the classes stay those of the whole."""
        folder = private_folder()
        table = SourceTable(folder / "sources.sqlite")
        table.connection.execute("attach database ? as whole", (str(self._path),))
        table.connection.executemany(
            "insert into sources select * from whole.sources where key = ? and id = ?",
            [(source_key(source), to_blob(source)) for source in sources],
        )
        table.connection.execute("detach database whole")
        chosen = SourcePlaces(table, folder, None)
        chosen._classes = self._classes
        return chosen

    def place_of(self, source: str) -> int:
        """Where a source stands.

        Raises:
            KeyError: It is none of these.
        """
        row = self._table().connection.execute("select place from places where id = ?", (to_blob(source),)).fetchone()
        if row is None:
            raise KeyError(source)
        place: int = row[0]
        return place

    @property
    def classes(self) -> tuple[str, ...]:
        """Classes of whole pictures, in the order of their names."""
        return self._classes

    @property
    def digest(self) -> str:
        """Of all ids, in their order."""
        return self._digest

    def _table(self) -> SourceTable:
        """SQLite's connections belong to one thread of one process."""
        known = getattr(self._here, "opened", None)
        if known is None or known[0] != os.getpid():
            if not self._path.exists():
                raise InputError(
                    "The list of sources is gone: the process that opened the data set has ended.",
                    hint="Keep the stream alive while workers use it.",
                    code="stream.closed",
                )
            known = (os.getpid(), SourceTable.opened(self._path))
            self._here.opened = known
        table: SourceTable = known[1]
        return table


def private_folder() -> Path:
    """A new folder for the file of one list."""
    return Path(tempfile.mkdtemp(prefix="nfold-stream-"))


def remove_folder(folder: Path) -> None:
    """Let go of it with all that is in it."""
    shutil.rmtree(folder, ignore_errors=True)


def _remove(folder: str, made_by: int) -> None:
    if os.getpid() == made_by:
        remove_folder(Path(folder))
