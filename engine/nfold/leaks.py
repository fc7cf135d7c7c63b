"""After a run: whether a picture that is held out is also trained on."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

from nfold.manifest import all_records
from nfold.report import Leak
from nfold.storage import LocalStorage


def find_leaks(storage: LocalStorage) -> Iterator[Leak]:
    """Files of train that show, pixel for pixel, what a file of validation or test shows.

    The hashes of the held-out pictures are kept in a temporary database: memory does not grow.
    """
    with closing(sqlite3.connect("", isolation_level=None)) as connection:
        connection.execute("create table held_out (pixels text primary key, file text) without rowid")
        connection.execute("begin")
        for _, record in all_records(storage):
            if record.source is not None and record.source.split not in (None, "train"):
                connection.executemany(
                    "insert or ignore into held_out values (?, ?)",
                    [(row.pixels, _printable(row.file)) for row in record.files],
                )
        connection.execute("commit")
        if connection.execute("select 1 from held_out limit 1").fetchone() is None:
            return
        for _, record in all_records(storage):
            if record.source is None or record.source.split != "train":
                continue
            for row in record.files:
                same = connection.execute("select file from held_out where pixels = ?", (row.pixels,)).fetchone()
                if same:
                    yield Leak(held_out=same[0], trained_on=_printable(row.file), from_input=row.copy == 0)


def _printable(name: str) -> str:
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
