"""Writing to the temporary database of a reading or of an assembly."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def at_once(scratch: sqlite3.Connection) -> Iterator[None]:
    """Writes as one transaction: SQLite goes through all changed pages at the end of each, and else each row is one.

    Within another one it does nothing.
    """
    if scratch.in_transaction:
        yield
        return
    scratch.execute("begin")
    try:
        yield
    finally:
        scratch.execute("commit")
