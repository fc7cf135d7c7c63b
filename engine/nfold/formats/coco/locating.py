"""Notes in the tables where each picture of the COCO files lies, and tells which split a file is of."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nfold.formats.base import ReadContext, split_above
from nfold.formats.coco.finding import PictureFinder, Place, split_of_document
from nfold.storage import normal_id

_ROWS_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class DocumentSplit:
    """Which split the pictures of a file are of.

    Attributes:
        split: Of all of them; None when there is none, or when they lie in folders of several splits.
        is_by_folder: The folder of each picture names its split.
    """

    split: str | None
    is_by_folder: bool = False

    @property
    def is_known(self) -> bool:
        """Whether anything is said about splits."""
        return self.is_by_folder or self.split is not None


def locate(context: ReadContext, documents: Sequence[str]) -> None:
    """Write `source`, `path`, `is_found` (1; 0: not there; -1: left out by the user) and `is_guess` of each picture.

    Args:
        context: Its scratch database holds the pictures of all documents.
        documents: Paths of the files, in the order of their numbers.

    Raises:
        InputError: A name could mean several pictures.
    """
    finders = [PictureFinder(context, path) for path in documents]
    for number, finder in enumerate(finders):
        for row, name in _unplaced(context.scratch, number):
            place = finder.find(name)
            if place is not None:
                _note(context.scratch, row, place)
    _give_up_guesses(context.scratch)
    for number, finder in enumerate(finders):
        for row, name in _unplaced(context.scratch, number):
            _note(context.scratch, row, finder.missing(name))


def count_guesses(scratch: sqlite3.Connection) -> int:
    """Entries whose pictures were found by their names alone."""
    return int(scratch.execute("select count(*) from coco_images where is_guess").fetchone()[0])


def _give_up_guesses(scratch: sqlite3.Connection) -> None:
    """A picture that one entry names by its path is not also the one of which another entry has only the name.

    In another file it may be: there it has the same id, as it has in the several files of COCO itself.
    """
    scratch.execute("create index coco_images_to_group on coco_images (source)")
    scratch.execute(
        "update coco_images set source = null, is_guess = 0 where is_guess and exists"
        " (select 1 from coco_images other where other.source = coco_images.source and not other.is_guess"
        " and (other.document = coco_images.document or other.id != coco_images.id))"
    )
    scratch.execute("drop index coco_images_to_group")


def split_of(scratch: sqlite3.Connection, number: int, path: str) -> DocumentSplit:
    """What the name of the file says, else the folders of its pictures when all of them lie in one of a split."""
    named = split_of_document(path)
    if named is not None:
        return DocumentSplit(named)
    found: set[str | None] = set()
    for (source,) in scratch.execute("select source from coco_images where document = ? and is_found = 1", (number,)):
        found.add(split_above(source.decode("utf-8", "surrogateescape")))
        if None in found:
            return DocumentSplit(None)
    return DocumentSplit(next(iter(found)) if len(found) == 1 else None, is_by_folder=bool(found))


def _unplaced(scratch: sqlite3.Connection, number: int) -> Iterator[tuple[int, str]]:
    """Pictures without a place, with the rows of their table; it may be written meanwhile."""
    last = -1
    query = "select place, rowid, name from coco_images where document = ? and source is null and place > ? order by place limit ?"
    while rows := scratch.execute(query, (number, last, _ROWS_AT_ONCE)).fetchall():
        for place, row, name in rows:
            yield row, name.decode("utf-8", "surrogateescape")
            last = place


def _note(scratch: sqlite3.Connection, row: int, place: Place) -> None:
    found = 1 if place.file is not None else -1 if place.is_left_out else 0
    values = (_blob(normal_id(place.path)), _blob(place.path), found, int(place.is_guess), row)
    scratch.execute("update coco_images set source = ?, path = ?, is_found = ?, is_guess = ? where rowid = ?", values)


def _blob(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")
