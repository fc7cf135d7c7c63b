"""Names of items in an archive, as WebDataset reads them: one key for each source, no two alike."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable

from nfold.plan.naming import split_name
from nfold.plan.table import from_blob, to_blob
from nfold.randomness import source_digest

_HEX_DIGITS = (0, 8, 16, 64)
"""Of SHA-256 of the id, which set keys apart that would be one; with all 64 two sources cannot meet."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_TAKEN_FOR_METADATA = re.compile(r"__[^/]*__/")


def plain_key(source: str) -> str:
    """The key of a source that meets no other: its id without the ending, with `_` for each dot of the file name.

    WebDataset takes all that follows the first dot of the file name for the ending; dots of folders do no harm. Control
    characters become `_`, too. A first folder such as `__MACOSX__`, which WebDataset passes over as metadata, keeps one
    `_` at its beginning.
    """
    folder, stem, _ = split_name(source)
    name = stem.replace(".", "_")
    key = _CONTROL.sub("_", f"{folder}/{name}" if folder else name)
    return "_" + key.lstrip("_") if _TAKEN_FOR_METADATA.match(key) else key


class ArchiveKeys:
    """The key of each source of a data set; a function of the set of their ids, whatever their order.

    Where keys would be one (`a.jpg` and `a.png`), all that meet get `-` and the first 8 hexadecimal digits of SHA-256 of
    their ids. Only those are kept, in a database of SQLite's that goes to disk when it is large.
    """

    def __init__(self, sources: Iterable[str]) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.create_function("longer_key", 2, _longer_key, deterministic=True)
        self._database.executescript(
            "pragma journal_mode=off; pragma synchronous=off; pragma cache_size=-16384;"
            "create table keys (key blob not null, id blob not null, level integer not null default 0);"
        )
        self._database.execute("begin")
        self._database.executemany(
            "insert into keys (key, id) values (?, ?)",
            ((to_blob(plain_key(source)), to_blob(source)) for source in sources),
        )
        self._database.execute("create index of_keys on keys (key)")
        while self._set_apart():
            pass
        # Whoever kept the plain key needs no row: it is computed.
        self._database.executescript(
            "delete from keys where level = 0; drop index of_keys; create unique index of_ids on keys (id);"
        )

    def of(self, source: str) -> str:
        """The key of a source."""
        row = self._database.execute("select key from keys where id = ?", (to_blob(source),)).fetchone()
        return plain_key(source) if row is None else from_blob(row[0])

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()

    def _set_apart(self) -> bool:
        """Give every key that is there twice more digits; says whether there was one."""
        changed = self._database.execute(
            "update keys set key = longer_key(id, level + 1), level = level + 1 "
            "where key in (select key from keys group by key having count(*) > 1) and level < ?",
            (len(_HEX_DIGITS) - 1,),
        )
        return changed.rowcount > 0


def _longer_key(identity: bytes, level: int) -> bytes:
    source = from_blob(identity)
    return to_blob(f"{plain_key(source)}-{source_digest(source).hex()[: _HEX_DIGITS[level]]}")
