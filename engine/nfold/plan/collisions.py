"""The proof, before any work, that no two files of the output share a name."""

from __future__ import annotations

import sqlite3

from nfold.errors import UsageError
from nfold.plan.layout import companion_names
from nfold.plan.naming import NameParts, NameTemplate, split_name
from nfold.plan.table import PlannedSource, SourceTable, source_key, to_blob
from nfold.randomness import source_digest
from nfold.storage import PRIVATE


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
    table: SourceTable, template: NameTemplate, *, extension: str | None, fold_case: bool, originals: bool
) -> None:
    """Compare the family of each source's copies with all others, and with the originals.

    Raises:
        UsageError: Two files would get one name; the message names the sources and the option that helps.
    """
    connection = table.connection
    connection.execute("drop table if exists families")
    connection.execute(
        "create table families (name blob primary key, key integer, id blob, copies integer) without rowid"
    )
    connection.execute("begin")
    for source in table.all():
        for target in _targets(source):
            _refuse_escape(source, target)
        if not source.copies:
            continue
        of_pictures = template.family(name_parts(source, extension=extension))
        _refuse_escape(source, of_pictures)
        for name in (of_pictures, *companion_names(source, of_pictures).values()):
            family = _folded(name, fold_case)
            try:
                connection.execute(
                    "insert into families values (?, ?, ?, ?)",
                    (to_blob(family), source_key(source.id), to_blob(source.id), source.copies),
                )
            except sqlite3.IntegrityError as error:
                other = connection.execute("select id from families where name = ?", (to_blob(family),)).fetchone()[0]
                raise _collision(template, source.id, other, family.replace("\0", "1")) from error
    if originals:
        _refuse_equal_originals(table, template, fold_case)
        _refuse_taken_by_originals(table, template, fold_case)
    connection.execute("commit")


def _refuse_equal_originals(table: SourceTable, template: NameTemplate, fold_case: bool) -> None:
    """Originals keep their names, which differ, unless a prepared one changes its extension or case does not count here."""
    table.connection.execute("create temp table originals (name blob primary key, id blob) without rowid")
    for source in table.all():
        for target in _targets(source):
            name = to_blob(_folded(target, fold_case))
            other = table.connection.execute("select id from originals where name = ?", (name,)).fetchone()
            if other:
                raise _collision(template, source.id, other[0], target)
            table.connection.execute("insert into originals values (?, ?)", (name, to_blob(source.id)))
    table.connection.execute("drop table originals")


def _refuse_taken_by_originals(table: SourceTable, template: NameTemplate, fold_case: bool) -> None:
    for source in table.all():
        # A folder of that name would be in the way, too.
        for name in (*_targets(source), *_folders_above(source.target)):
            for family, copy in template.families_of(name):
                row = table.connection.execute(
                    "select id, copies from families where name = ?", (to_blob(_folded(family, fold_case)),)
                ).fetchone()
                if row and copy <= row[1]:
                    raise _collision(template, source.id, row[0], name)


def _refuse_escape(source: PlannedSource, name: str) -> None:
    """A class may come from a label file, and be called anything: as a folder it must not lead out of the output."""
    if source.problem is not None:
        return  # it contributes no file
    parts = name.casefold().split("/")
    if {"", ".", "..", PRIVATE} & set(parts) or "\0" in name.replace("\0", "", 1):
        raise UsageError(
            f"{source.id!r} would be written to {name.replace(chr(0), '1')!r}, which is not a place inside the output.",
            hint=f"Its class is {source.category!r}: give it another name, or leave {{class}} out of --name.",
            code="plan.name_outside",
        )


def _targets(source: PlannedSource) -> list[str]:
    """The original, its label file and its mask."""
    return [name for name in (source.target, source.label_target, source.mask_target) if name is not None]


def _folders_above(name: str) -> list[str]:
    parts = name.split("/")
    return ["/".join(parts[:length]) for length in range(1, len(parts))]


def _folded(name: str, fold_case: bool) -> str:
    return name.casefold() if fold_case else name


def _collision(template: NameTemplate, first: str, second: bytes, name: str) -> UsageError:
    other = second.decode("utf-8", "surrogateescape")
    return UsageError(
        f"{first!r} and {other!r} would both write {name!r}.",
        hint=f"Choose other names for the copies with --name (now {template.text}), for example --name '{{stem}}_{{id8}}_aug{{copy}}{{ext}}', or rename one source.",
        code="plan.name_collision",
    )
