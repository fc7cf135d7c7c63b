"""The proof, before any work, that no two files of the output share a name."""

from __future__ import annotations

import os
import sqlite3
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field

from nfold.errors import UsageError
from nfold.plan.layout import companion_names
from nfold.plan.naming import COPY_MARK, LONGEST_NAME, NameParts, NameTemplate, copies_called, split_name
from nfold.plan.table import PlannedSource, SourceTable, from_blob, to_blob
from nfold.randomness import source_digest
from nfold.storage import PRIVATE

_LONGEST_PATH = 1024
"""Bytes of a path in macOS; Linux takes four times as many."""
_MOST_SHOWN = 100
_MOST_RECENT = 10_000
"""Folders that were just put down; sources of one folder need not put it down again."""


def name_parts(source: PlannedSource, *, extension: str | None) -> NameParts:
    """What the name of a copy is made from; `extension` is that of the output format, None to keep."""
    folder, stem, ext = split_name(source.target)
    return NameParts(
        folder=folder,
        stem=stem,
        ext=extension or ext,
        split=source.split or "",
        label=source.category or "",
        id8=source_digest(source.id).hex()[:8],
    )


def refuse_collisions(
    table: SourceTable,
    template: NameTemplate,
    *,
    extension: str | None,
    fold_case: bool,
    originals: bool,
    shared: Iterable[str] = (),
) -> None:
    """Compare every file of the output with every other: pictures, what goes with them, and what they share.

    Args:
        table: Sources, with their copies and places.
        template: Names of copies.
        extension: Of copies; None when each keeps its source's.
        fold_case: Names that differ in case alone are one.
        originals: They go into the output.
        shared: Files of the output that belong to no source alone.

    Raises:
        UsageError: Two files would get one name; the message names the sources and the option that helps.
    """
    claims = _Claims(connection=table.connection, template=template, folds_case=fold_case)
    claims.begin()
    for name in dict.fromkeys(shared):
        claims.take(name, name)
    for source in table.all():
        for target in _targets(source):
            _refuse_unfit(source, target)
            if originals:
                claims.take(target, source.id)
        if not source.copies:
            continue
        of_pictures = template.family(name_parts(source, extension=extension))
        _refuse_unfit(source, of_pictures)
        for family in (of_pictures, *companion_names(source, of_pictures).values()):
            claims.take_family(family, source)
    claims.refuse_overlaps()
    table.connection.execute("commit")


@dataclass(slots=True, kw_only=True)
class _Claims:
    """Who writes what, in tables on disk when there is much: a million sources take no more memory than a few.

    A copy's name has its number where its family has the mark, and no digit beside it. Hence two copies have one
    name only when family and number are the same, and a file that is no copy has the name of one only when a run of
    digits in it is that copy's number. Families are compared with each other, all other files with each other, and
    these and all folders with both: that is every pair of files, and no name of a copy is ever written out.
    """

    connection: sqlite3.Connection
    template: NameTemplate
    folds_case: bool
    _recent: set[str] = field(default_factory=set)

    def begin(self) -> None:
        """Start from nothing."""
        for name, columns in (("families", ", copies integer"), ("singles", ", spelt blob"), ("folders", "")):
            self.connection.execute(f"drop table if exists {name}")
            self.connection.execute(f"create table {name} (name blob primary key, id blob{columns}) without rowid")
        self.connection.execute("begin")

    def take(self, name: str, owner: str) -> None:
        """Put down a file that is no copy.

        Raises:
            UsageError: There is one of that name.
        """
        folded = self._folded(name)
        values = (to_blob(folded), to_blob(owner), None if folded == name else to_blob(name))
        try:
            self.connection.execute("insert into singles values (?, ?, ?)", values)
        except sqlite3.IntegrityError as error:
            raise self._collision(owner, self._owner("singles", folded), name) from error
        self._take_folders(folded, owner)

    def take_family(self, family: str, source: PlannedSource) -> None:
        """Put down the copies of a source, or what goes with each of them.

        Raises:
            UsageError: Those of another have the same names.
        """
        folded = self._folded(family)
        values = (to_blob(folded), to_blob(source.id), source.copies)
        try:
            self.connection.execute("insert into families values (?, ?, ?)", values)
        except sqlite3.IntegrityError as error:
            other = self._owner("families", folded)
            raise self._collision(source.id, other, family.replace(COPY_MARK, "1")) from error
        self._take_folders(folded, source.id)

    def refuse_overlaps(self) -> None:
        """Compare what is no copy, and folders, with copies; and folders with files.

        Raises:
            UsageError: Two of them have one name.
        """
        most = self.connection.execute("select coalesce(max(copies), 0) from families").fetchone()[0]
        for name, owner, spelt in self.connection.execute("select name, id, spelt from singles"):
            self._refuse_copy_called(from_blob(name), from_blob(owner), most, spelt)
        for name, owner in self.connection.execute("select name, id from folders"):
            self._refuse_copy_called(from_blob(name), from_blob(owner), most, None)
        query = "select name, folders.id, singles.id from folders join singles using (name) limit 1"
        for name, owner, other in self.connection.execute(query):
            raise self._collision(from_blob(owner), from_blob(other), from_blob(name))

    def _refuse_copy_called(self, name: str, owner: str, most: int, spelt: bytes | None) -> None:
        for family, copy in copies_called(name, most):
            query = "select id from families where name = ? and copies >= ?"
            row = self.connection.execute(query, (to_blob(family), copy)).fetchone()
            if row:
                raise self._collision(owner, from_blob(row[0]), name if spelt is None else from_blob(spelt))

    def _take_folders(self, name: str, owner: str) -> None:
        folder = name.rpartition("/")[0]
        if not folder or folder in self._recent:
            return
        if len(self._recent) > _MOST_RECENT:
            self._recent.clear()
        self._recent.add(folder)
        parts = folder.split("/")
        self.connection.executemany(
            "insert or ignore into folders values (?, ?)",
            [(to_blob("/".join(parts[:length])), to_blob(owner)) for length in range(1, len(parts) + 1)],
        )

    def _owner(self, table: str, name: str) -> str:
        row = self.connection.execute(f"select id from {table} where name = ?", (to_blob(name),)).fetchone()
        return from_blob(row[0])

    def _folded(self, name: str) -> str:
        return name.casefold() if self.folds_case else name

    def _collision(self, first: str, second: str, name: str) -> UsageError:
        return UsageError(
            f"{first!r} and {second!r} would both write {name!r}.",
            hint=f"Choose other names for the copies with --name (now {self.template.text}), for example --name '{{stem}}_{{id8}}_aug{{copy}}{{ext}}', or rename one source.",
            code="plan.name_collision",
        )


def _refuse_unfit(source: PlannedSource, name: str) -> None:
    """A class may come from a label file, and be called anything; as a folder it must be one, inside the output."""
    if source.problem is not None:
        return  # it contributes no file
    shown = name.replace(COPY_MARK, "1")
    shown = shown if len(shown) <= _MOST_SHOWN else f"{shown[:_MOST_SHOWN]}..."
    if {"", ".", "..", PRIVATE} & set(name.casefold().split("/")):
        raise UsageError(
            f"{source.id!r} would be written to {shown!r}, which is not a place inside the output.",
            hint=f"Its class is {source.category!r}: give it another name, or leave {{class}} out of --name.",
            code="plan.name_outside",
        )
    category = source.category or ""
    # A folder of the source is called so already: what its file system takes, that of the output takes, too.
    is_of_label_file = category in name and category not in source.id.split("/")[:-1]
    if is_of_label_file and any(unicodedata.category(letter) == "Cc" for letter in category):
        raise UsageError(
            f"{source.id!r} would be written to {shown!r}: its class holds a control character, which no file name should.",
            hint="Give the class another name in its label file, or choose a --name or --to that names no file after it.",
            code="plan.control_character",
        )
    longest = max((len(os.fsencode(folder)) for folder in name.split("/")[:-1]), default=0)
    if longest > LONGEST_NAME or (is_of_label_file and len(os.fsencode(name)) > _LONGEST_PATH):
        raise UsageError(
            f"{source.id!r} would be written to {shown!r}: file systems take folders of {LONGEST_NAME} bytes, and paths of "
            f"{_LONGEST_PATH}, at most.",
            hint="Give its class a shorter name, or shorten --name.",
            code="plan.name_too_long",
        )


def _targets(source: PlannedSource) -> list[str]:
    """The original, its label file and its mask."""
    return [name for name in (source.target, source.label_target, source.mask_target) if name is not None]
