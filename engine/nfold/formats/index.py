"""Every image and label file of a folder in a table, on disk when there are many; formats look files up in it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from nfold.formats.scratch import at_once
from nfold.storage import normal_id


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundFile:
    """An image file below the source folder.

    Attributes:
        path: As on disk, `/`-separated, relative to the source folder; bytes that are no UTF-8 are
            kept as surrogate escapes.
        size: Bytes.
        mtime_ns: Time of the last change.
    """

    path: str
    size: int
    mtime_ns: int


_SCHEMA = """
create table files (
    id blob primary key, path blob not null, name blob not null, stem blob not null, is_image integer not null,
    size integer, mtime_ns integer, taken integer not null default 0
) without rowid;
create index files_by_name on files (name);
create index files_by_stem on files (stem);
"""


class FileIndex:
    """Files by path, by name and by path without ending. Paths are looked up in Unicode NFC, whichever form the disk has."""

    def __init__(self, connection: sqlite3.Connection, fill: Callable[[FileIndex], None] | None = None) -> None:
        self._filled_in = connection
        self._fill = fill
        connection.executescript(_SCHEMA)

    @property
    def _connection(self) -> sqlite3.Connection:
        """Filled at the first look-up: formats whose paths say all never pay for it."""
        fill, self._fill = self._fill, None
        if fill is not None:
            with at_once(self._filled_in):
                fill(self)
        return self._filled_in

    def add_image(self, file: FoundFile) -> None:
        """Put in an image. Of two whose names differ only in their Unicode form, the first stays."""
        self._add(file.path, 1, file.size, file.mtime_ns)

    def add_label(self, path: str) -> None:
        """Put in a label or text file."""
        self._add(path, 0, None, None)

    def images(self) -> Iterator[FoundFile]:
        """All images, in the order of their ids."""
        yield from self._images("select path, size, mtime_ns from files where is_image order by id", ())

    def untaken_images(self) -> Iterator[FoundFile]:
        """Images that no `take` named, in the order of their ids."""
        yield from self._images("select path, size, mtime_ns from files where is_image and not taken order by id", ())

    def image(self, path: str) -> FoundFile | None:
        """The image at a path."""
        return next(
            self._images("select path, size, mtime_ns from files where is_image and id = ?", (_key(path),)), None
        )

    def images_named(self, name: str, *, most: int = 2) -> list[FoundFile]:
        """Images of that file name, in any folder."""
        query = "select path, size, mtime_ns from files where is_image and name = ? order by id limit ?"
        return list(self._images(query, (_key(name), most)))

    def images_with_stem(self, stem: str, *, most: int = 2) -> list[FoundFile]:
        """Images whose path without its ending is this: `images/a` finds `images/a.jpg` and `images/a.png`."""
        query = "select path, size, mtime_ns from files where is_image and stem = ? order by id limit ?"
        return list(self._images(query, (_key(stem), most)))

    def label_file(self, path: str) -> str | None:
        """The label file at a path, as on disk; None when there is none."""
        row = self._connection.execute("select path from files where not is_image and id = ?", (_key(path),)).fetchone()
        return _text(row[0]) if row else None

    def label_files(self, *suffixes: str) -> Iterator[str]:
        """Label files with one of these endings (in small letters, with their dot), in the order of their ids."""
        for (path,) in self._connection.execute("select path from files where not is_image order by id"):
            text = _text(path)
            if not suffixes or text.lower().endswith(suffixes):
                yield text

    def take(self, path: str) -> None:
        """Say that an image is accounted for."""
        self._connection.execute("update files set taken = 1 where id = ?", (_key(path),))

    def _add(self, path: str, is_image: int, size: int | None, mtime_ns: int | None) -> None:
        identity = normal_id(path)
        stem = os.path.splitext(identity)[0]
        values = (
            _blob(identity),
            _blob(path),
            _blob(identity.rpartition("/")[2]),
            _blob(stem),
            is_image,
            size,
            mtime_ns,
        )
        self._filled_in.execute(
            "insert or ignore into files (id, path, name, stem, is_image, size, mtime_ns) values (?, ?, ?, ?, ?, ?, ?)",
            values,
        )

    def _images(self, query: str, values: tuple[object, ...]) -> Iterator[FoundFile]:
        for path, size, mtime_ns in self._connection.execute(query, values):
            yield FoundFile(path=_text(path), size=size, mtime_ns=mtime_ns)


def _key(path: str) -> bytes:
    return _blob(normal_id(path))


def _blob(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
