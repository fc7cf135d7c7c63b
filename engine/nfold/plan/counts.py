"""How many copies each source gets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nfold.errors import UsageError
from nfold.plan.table import SourceTable, from_blob, to_blob
from nfold.request import ExpansionRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassTally:
    """Sources and planned images of one class in one split."""

    split: str | None
    category: str | None
    sources: int
    copies: int


def allot_copies(table: SourceTable, request: ExpansionRequest, *, has_splits: bool) -> None:
    """Write the number of copies of each source into the table.

    Which source gets one more than its neighbours is settled by the order of keys, so that it depends
    on the names of the sources alone.

    Raises:
        UsageError: The target is below what is there already, or needs classes that the data lacks.
    """
    where, splits = _expanded(request, has_splits=has_splits)
    if has_splits and not request.split:
        _refuse_empty(table, where, request)
    if request.total is not None:
        _fill_up(table, where, splits, request.total, "--total", counts_originals=request.originals != "none")
    elif request.per_class is not None or request.balance:
        _fill_classes(table, where, splits, request)
    else:
        table.connection.execute(f"update sources set copies = ? where {where}", (request.copies or 0, *splits))
        _give_class_copies(table, where, splits, request.class_copies or {})


def tally(table: SourceTable) -> list[ClassTally]:
    """Sources and copies by split and class, in the order of their names."""
    rows = table.connection.execute(
        "select split, category, count(*), sum(copies) from sources group by split, category order by split, category"
    )
    return [
        ClassTally(split=split, category=None if name is None else from_blob(name), sources=sources, copies=copies)
        for split, name, sources, copies in rows
    ]


def _expanded(request: ExpansionRequest, *, has_splits: bool) -> tuple[str, tuple[str | bytes, ...]]:
    if not has_splits and request.splits != ("train",):
        raise UsageError(
            f"--splits {','.join(request.splits)}: this data set has no splits.",
            hint="Leave --splits out, or divide the images with --split 80/10/10.",
        )
    if not has_splits:
        return "true", ()
    return f"split in ({','.join('?' * len(request.splits))})", request.splits


def _refuse_empty(table: SourceTable, where: str, request: ExpansionRequest) -> None:
    if table.connection.execute(f"select 1 from sources where {where} limit 1", request.splits).fetchone() is None:
        there = table.connection.execute("select distinct split from sources where split is not null order by 1")
        raise UsageError(
            f"--splits {','.join(request.splits)}: no image is in there, so there is nothing to expand.",
            hint=f"This data set has {', '.join(name for (name,) in there)}.",
        )


def _fill_up(
    table: SourceTable, where: str, values: tuple[str | bytes, ...], wanted: int, option: str, *, counts_originals: bool
) -> None:
    count = table.connection.execute(f"select count(*) from sources where {where}", values).fetchone()[0]
    missing = wanted - count if counts_originals else wanted
    if missing < 0:
        raise UsageError(
            f"{option} {wanted}: there are {count} training images already.",
            hint=f"Ask for {count} or more; nfold removes no originals.",
        )
    if count == 0:
        return
    each, more = divmod(missing, count)
    table.connection.execute(f"update sources set copies = ? where {where}", (each, *values))
    chosen = f"select key, id from sources where {where} order by key, id limit ?"
    table.connection.execute(f"update sources set copies = copies + 1 where (key, id) in ({chosen})", (*values, more))


def _fill_classes(table: SourceTable, where: str, values: tuple[str | bytes, ...], request: ExpansionRequest) -> None:
    option = "--balance" if request.balance else "--per-class"
    sizes: Mapping[bytes | None, int] = dict(
        table.connection.execute(
            f"select category, count(*) from sources where {where} group by category", values
        ).fetchall()
    )
    if None in sizes:
        raise UsageError(
            f"{option} needs a class for every training image, and this data set has images without one.",
            hint="Put each class into a folder of its own, or use --copies.",
        )
    wanted = max(sizes.values(), default=0) if request.per_class is None else request.per_class
    for category, size in sizes.items():
        # A class that has enough already stays as it is; the summary shows that it is above the target.
        counts = request.originals != "none"
        _fill_up(
            table,
            f"{where} and category = ?",
            (*values, category or b""),
            max(wanted, size) if counts else wanted,
            option,
            counts_originals=counts,
        )


def _give_class_copies(
    table: SourceTable, where: str, values: tuple[str | bytes, ...], by_class: Mapping[str, int]
) -> None:
    known = {
        from_blob(row[0])
        for row in table.connection.execute("select distinct category from sources where category is not null")
    }
    for category, copies in by_class.items():
        if category not in known:
            raise UsageError(
                f"--class-copies: there is no class '{category}'.",
                hint=f"Classes: {', '.join(sorted(known)[:20]) or 'none'}.",
            )
        table.connection.execute(
            f"update sources set copies = ? where {where} and category = ?", (copies, *values, to_blob(category))
        )
