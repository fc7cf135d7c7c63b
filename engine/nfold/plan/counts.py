"""How many copies each source gets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nfold.errors import UsageError
from nfold.plan.balance import BalancedClass, balance_classes
from nfold.plan.table import SourceTable, from_blob, to_blob
from nfold.request import ExpansionRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassTally:
    """Sources and planned images of one class in one split."""

    split: str | None
    category: str | None
    sources: int
    copies: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelTally:
    """Images that contain one class of objects, in one split.

    Attributes:
        split: None when there are none.
        category: The class.
        images_before: Sources that contain it.
        images_planned: Images that would, originals and copies, if no copy lost any of it.
        objects: How many of it there are in the sources.
    """

    split: str | None
    category: str
    images_before: int
    images_planned: int
    objects: int


def allot_copies(table: SourceTable, request: ExpansionRequest, *, has_splits: bool) -> list[BalancedClass]:
    """Write the number of copies of each source into the table.

    Which source gets one more than its neighbours is settled by the order of keys, so that it depends
    on the names of the sources alone.

    Where pictures hold labelled objects, a picture counts for each class of which it holds any: `--per-class` and
    `--balance` go by `balance_classes`, and with `--class-copies` a picture of several named classes gets the largest
    of their numbers.

    Returns:
        What was planned for each class of objects, by `--per-class` or `--balance`; else nothing.

    Raises:
        UsageError: The target is below what is there already, needs classes that the data lacks, or cannot be met.
    """
    where, splits = _expanded(request, has_splits=has_splits)
    if has_splits and not request.split:
        _refuse_empty(table, where, request)
    if request.total is not None:
        _fill_up(table, where, splits, request.total, "--total", counts_originals=request.originals != "none")
    elif request.per_class is not None or request.balance:
        if _has_objects(table):
            return _fill_classes_of_objects(table, where, splits, request)
        _fill_classes(table, where, splits, request)
    else:
        table.connection.execute(f"update sources set copies = ? where {where}", (request.copies or 0, *splits))
        _give_class_copies(table, where, splits, request.class_copies or {})
    return []


def tally(table: SourceTable) -> list[ClassTally]:
    """Sources and copies by split and class, in the order of their names."""
    rows = table.connection.execute(
        "select split, category, count(*), sum(copies) from sources group by split, category order by split, category"
    )
    return [
        ClassTally(split=split, category=None if name is None else from_blob(name), sources=sources, copies=copies)
        for split, name, sources, copies in rows
    ]


def class_tally(table: SourceTable, *, counts_originals: bool = True) -> list[LabelTally]:
    """Images and objects by split and class of objects, in the order of their names; empty without labelled objects.

    Args:
        table: With copies allotted.
        counts_originals: Whether originals are among the images planned.
    """
    found: dict[tuple[str | None, bytes], list[int]] = {}
    # Summed up here: SQLite would sort a row for each source and class first.
    for split, category, copies, objects in table.connection.execute(
        "select split, found.category, copies, objects from source_classes as found "
        "cross join sources on sources.key = found.key and sources.id = found.id"
    ):
        sums = found.setdefault((split, category), [0, 0, 0])
        sums[0] += 1
        sums[1] += copies
        sums[2] += objects
    return [
        LabelTally(
            split=split,
            category=from_blob(category),
            images_before=images,
            images_planned=copies + (images if counts_originals else 0),
            objects=objects,
        )
        for (split, category), (images, copies, objects) in sorted(
            found.items(), key=lambda item: (item[0][0] or "", item[0][1])
        )
    ]


def _has_objects(table: SourceTable) -> bool:
    return table.connection.execute("select 1 from source_classes limit 1").fetchone() is not None


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


def _fill_classes_of_objects(
    table: SourceTable, where: str, values: tuple[str | bytes, ...], request: ExpansionRequest
) -> list[BalancedClass]:
    option = "--balance" if request.balance else f"--per-class {request.per_class}"
    planned = balance_classes(
        table.connection,
        where,
        values,
        target=request.per_class,
        option=option,
        counts_originals=request.originals != "none",
    )
    if not planned:
        raise UsageError(
            f"{option}: no training image has a labelled object with a class.",
            hint="Use --copies, or expand other splits with --splits.",
        )
    return planned


def _give_class_copies(
    table: SourceTable, where: str, values: tuple[str | bytes, ...], by_class: Mapping[str, int]
) -> None:
    if not by_class:
        return
    of_objects = _has_objects(table)
    column = "category from source_classes" if of_objects else "category from sources where category is not null"
    known = {from_blob(row[0]) for row in table.connection.execute(f"select distinct {column}")}
    strange = next((category for category in by_class if category not in known), None)
    if strange is not None:
        raise UsageError(
            f"--class-copies: there is no class '{strange}'.",
            hint=f"Classes: {', '.join(sorted(known)[:20]) or 'none'}.",
        )
    asked = [(to_blob(category), copies) for category, copies in by_class.items()]
    if not of_objects:
        table.connection.executemany(
            f"update sources set copies = ? where {where} and category = ?",
            [(copies, *values, category) for category, copies in asked],
        )
        return
    table.connection.execute("create temp table asked (category blob primary key, copies integer)")
    table.connection.executemany("insert into asked values (?, ?)", asked)
    # A picture that holds several of them gets the largest number.
    largest = (
        "select key, id, max(copies) as copies from source_classes cross join asked using (category) group by key, id"
    )
    table.connection.execute(
        f"update sources set copies = found.copies from ({largest}) as found "
        f"where sources.key = found.key and sources.id = found.id and {where}",
        values,
    )
    table.connection.execute("drop table asked")
