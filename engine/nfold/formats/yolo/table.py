"""The images of a YOLO data set with their label files and splits, in a temporary table: memory does not grow with them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from nfold.formats.base import split_above
from nfold.formats.index import FoundFile
from nfold.storage import normal_id

LISTED_TWICE = "picture listed twice in one list, taken once"
IN_TWO_SPLITS = "picture in two splits, taken for the first"

_SCHEMA = """
create table yolo_images (
    id blob primary key, path blob not null, size integer not null, mtime_ns integer not null,
    split text, folder_split text, label blob, place integer, is_missing integer not null, message text
) without rowid;
create index yolo_images_by_label on yolo_images (label);
create table yolo_lines (id blob not null, document integer not null, line text not null);
create index yolo_lines_by_id on yolo_lines (id);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An image of the data set.

    Attributes:
        id: Of the source.
        file: On disk; what the list says of an image that is not there.
        split: The split it belongs to.
        label: Its label file.
        missing: Where an image is listed that is not there; None of those that are.
    """

    id: str
    file: FoundFile
    split: str | None
    label: str | None
    missing: str | None


class ImageTable:
    """Images in the order of the lists that name them, then in that of their ids."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._place = 0
        connection.executescript(_SCHEMA)

    def add(self, file: FoundFile, label: str | None, split: str | None) -> None:
        """Put in an image that is on disk, and the split whose folder it lies in."""
        self._insert(normal_id(file.path), file, split, label)

    def add_line(self, file: FoundFile, document: int, line: str, split: str | None) -> str | None:
        """Say that a list names an image. What is odd about that, in words: it did already, or another split has it."""
        key = _blob(normal_id(file.path))
        seen = "select 1 from yolo_lines where id = ? and document = ?"
        if self._connection.execute(seen, (key, document)).fetchone():
            return LISTED_TWICE
        self._place += 1
        self._connection.execute("insert into yolo_lines (id, document, line) values (?, ?, ?)", (key, document, line))
        former = self._connection.execute("select split from yolo_images where id = ?", (key,)).fetchone()
        self._connection.execute(
            "update yolo_images set split = coalesce(split, ?), place = coalesce(place, ?) where id = ?",
            (split, self._place, key),
        )
        return IN_TWO_SPLITS if former and former[0] and split and former[0] != split else None

    def add_missing(self, path: str, message: str, split: str | None) -> None:
        """Put in an image that a list names and that is not there."""
        self._place += 1
        self._insert(normal_id(path), FoundFile(path=path, size=0, mtime_ns=0), split, None, self._place, message)

    def lines_of(self, identity: str) -> dict[int, str]:
        """The lines that name an image, by number of the list."""
        query = "select document, line from yolo_lines where id = ?"
        return dict(self._connection.execute(query, (_blob(identity),)))

    def fall_back_to_folders(self, declared: Iterable[str]) -> None:
        """Give images without a split that of their folder, unless other splits than those declared say where it is."""
        known = sorted(set(declared))
        marks = ", ".join("?" * len(known))
        self._connection.execute(
            f"update yolo_images set split = folder_split where split is null and folder_split not in ({marks})",  # noqa: S608
            known,
        )

    def without_split(self, *, with_label: bool) -> tuple[int, str | None]:
        """How many images are in no split, and one of them."""
        query = "select count(*), min(path) from yolo_images where split is null and is_missing = 0"
        count, path = self._connection.execute(query + (" and label is not null" if with_label else "")).fetchone()
        return count, None if path is None else _text(path)

    def has_splits(self) -> bool:
        """Whether any image is in a split."""
        return self._connection.execute("select 1 from yolo_images where split is not null").fetchone() is not None

    def entries(self, *, only_in_splits: bool) -> Iterator[Entry]:
        """The images, in order."""
        query = "select id, path, size, mtime_ns, split, label, message from yolo_images{} order by place is null, place, id"
        for identity, path, size, mtime_ns, split, label, message in self._connection.execute(
            query.format(" where split is not null" if only_in_splits else "")
        ):
            yield Entry(
                id=_text(identity),
                file=FoundFile(path=_text(path), size=size, mtime_ns=mtime_ns),
                split=split,
                label=None if label is None else _text(label),
                missing=message,
            )

    def labels(self) -> Iterator[str]:
        """Label files that belong to an image, in order; one that belongs to two comes twice."""
        for (label,) in self._connection.execute(
            "select label from yolo_images where label is not null order by label"
        ):
            yield _text(label)

    def has_label(self, label: str) -> bool:
        """Whether a label file belongs to an image."""
        query = "select 1 from yolo_images where label = ?"
        return self._connection.execute(query, (_blob(label),)).fetchone() is not None

    def sharing(self, label: str, *, only_in_splits: bool) -> list[str]:
        """Images that one label file belongs to, up to three of them."""
        where = " and split is not null" if only_in_splits else ""
        query = f"select path from yolo_images where label = ?{where} order by id limit 3"  # noqa: S608
        return [_text(path) for (path,) in self._connection.execute(query, (_blob(label),))]

    def _insert(
        self,
        identity: str,
        file: FoundFile,
        split: str | None,
        label: str | None,
        place: int | None = None,
        message: str | None = None,
    ) -> None:
        self._connection.execute(
            "insert or ignore into yolo_images (id, path, size, mtime_ns, split, folder_split, label, place, is_missing,"
            " message) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                _blob(identity),
                _blob(file.path),
                file.size,
                file.mtime_ns,
                split,
                split_above(file.path),
                None if label is None else _blob(label),
                place,
                message is not None,
                None if message is None else message.encode("utf-8", "replace").decode(),
            ),
        )


def _blob(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
