"""How many copies each source gets when one picture holds objects of several classes.

A copy of a picture counts for every class in it, so a class may end above what is wanted. The plan is greedy:

1. Classes have their turns in order of scarcity: the one that the fewest pictures contain comes first.
2. In its turn a class that is still short gets exactly the copies that it lacks.
3. They go first to the sources with the fewest classes that have enough already, and among those equal in this to
   the ones with the most classes that are short, then in the order of keys.
4. They are dealt out evenly, counting the copies of earlier turns: no source is raised above FAVOUR times the level
   to which an even hand would raise all sources of the class, and none above the largest number of copies.

Bound on the overshoot. Let D be the classes that share a picture with class c, and given(d) the copies dealt out in
the turn of d. Then planned(c) - max(target, before(c)) <= sum of given(d) over D, which is at most the sum of what the
classes of D lack at the start. Proof: only turns of c and of classes in D give copies to pictures that contain c, and a
turn of d gives given(d) copies in all. If c gets copies in its turn, it stands at the target exactly when that turn
ends, and what comes on top are copies of later turns: at most the sum. If it gets none, it stands at before(c) plus
copies of turns of D: at most before(c) plus the sum. And given(d) is what d lacks when its turn comes, never more
than it lacked at the start, since counts only grow.

With one class in each picture D is empty: every class ends at the target exactly, evenly spread.

Everything that grows with the number of pictures is in the database of the table of sources.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from nfold.errors import UsageError
from nfold.plan.table import from_blob
from nfold.request import LARGEST_COPIES

FAVOUR = 2

_MOST_NAMED = 20

_SCHEMA = """
create table dealt (
    rank integer primary key, key integer not null, id blob not null,
    classes integer not null default 0, full integer not null default 0,
    copies integer not null default 0, fresh integer not null default 0
);
create table dealt_names (class integer primary key, name blob not null unique);
create table classes_of (rank integer, class integer, primary key (rank, class)) without rowid;
create table holders_of (class integer, rank integer, primary key (class, rank)) without rowid;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class BalancedClass:
    """What was planned for one class of objects.

    Attributes:
        category: Its name.
        before: Images that contain it and count before there is any copy; 0 when originals do not count.
        target: Images wanted.
        planned: Images that contain it in the plan.
        bound: The most that `planned` can be above `target` and `before`, see the module.
    """

    category: str
    before: int
    target: int
    planned: int
    bound: int


@dataclass(slots=True, kw_only=True)
class _Standing:
    """One class while copies are being dealt out."""

    name: bytes
    sources: int
    before: int
    now: int
    given: int = 0
    beside: set[int] = field(default_factory=set)


def balance_classes(
    connection: sqlite3.Connection,
    where: str,
    values: Sequence[object],
    *,
    target: int | None,
    option: str,
    counts_originals: bool,
) -> list[BalancedClass]:
    """Write the copies of each source into the table, so that each class has as many images as are wanted.

    Args:
        connection: Of the table of sources; `source_classes` says which classes each of them contains.
        where: Which sources get copies at all, as a condition on `sources`.
        values: For the question marks in it.
        target: Images that are to contain each class; None for as many as contain the most frequent one.
        option: What asks for it, for messages.
        counts_originals: Whether originals count.

    Returns:
        The classes in the order of their names.

    Raises:
        UsageError: A class is in so few sources that it cannot get there with the largest number of copies of each.
    """
    connection.executescript(_SCHEMA)
    try:
        connection.execute("begin")
        standings = _gather(connection, where, values, counts_originals=counts_originals)
        wanted = max((row.sources for row in standings.values()), default=0) if target is None else target
        _refuse_unreachable(standings, wanted, option)
        _deal_out(connection, standings, wanted)
        connection.execute(f"update sources set copies = 0 where {where}", tuple(values))
        connection.execute(
            "update sources set copies = dealt.copies from dealt "
            "where dealt.key = sources.key and dealt.id = sources.id and dealt.copies > 0"
        )
        connection.execute("commit")
    except BaseException:
        connection.execute("rollback")
        raise
    finally:
        for name in ("dealt", "dealt_names", "classes_of", "holders_of"):
            connection.execute(f"drop table {name}")
    return [
        BalancedClass(
            category=from_blob(row.name),
            before=row.before,
            target=wanted,
            planned=row.now,
            bound=sum(standings[other].given for other in row.beside),
        )
        for row in sorted(standings.values(), key=lambda row: row.name)
    ]


def _gather(
    connection: sqlite3.Connection, where: str, values: Sequence[object], *, counts_originals: bool
) -> dict[int, _Standing]:
    """Number sources and classes, and index which contains which, both ways."""
    connection.execute(
        f"insert into dealt (key, id) select key, id from sources where {where} order by key, id", values
    )
    connection.execute("insert into dealt_names (name) select distinct category from source_classes order by 1")
    connection.execute(
        "insert into classes_of select dealt.rank, dealt_names.class from dealt "
        "cross join source_classes as found on found.key = dealt.key and found.id = dealt.id "
        "cross join dealt_names on dealt_names.name = found.category"
    )
    connection.execute("insert into holders_of select class, rank from classes_of order by class, rank")
    connection.execute(
        "update dealt set classes = (select count(*) from classes_of where classes_of.rank = dealt.rank)"
    )
    rows = connection.execute(
        "select class, name, count(*) from holders_of join dealt_names using (class) group by class"
    ).fetchall()
    return {
        number: _Standing(
            name=name,
            sources=sources,
            before=sources if counts_originals else 0,
            now=sources if counts_originals else 0,
        )
        for number, name, sources in rows
    }


def _refuse_unreachable(standings: Mapping[int, _Standing], wanted: int, option: str) -> None:
    most = {row.name: row.before + LARGEST_COPIES * row.sources for row in standings.values()}
    short = {from_blob(name): count for name, count in sorted(most.items()) if count < wanted}
    if short:
        named = ", ".join(f"{name} ({count:,})" for name, count in list(short.items())[:_MOST_NAMED])
        more = f" and {len(short) - _MOST_NAMED} more" if len(short) > _MOST_NAMED else ""
        raise UsageError(
            f"{option}: {wanted:,} images of each class are wanted, and with {LARGEST_COPIES:,} copies of each image "
            f"these classes can have no more than: {named}{more}.",
            hint=f"--per-class {min(short.values())} can be met for every class; or add images of these.",
        )


def _deal_out(connection: sqlite3.Connection, standings: Mapping[int, _Standing], wanted: int) -> None:
    for number, row in standings.items():
        if row.now >= wanted:
            _mark_full(connection, number)
    for number, row in sorted(standings.items(), key=lambda item: (item[1].sources, item[1].name)):
        if row.now >= wanted:
            continue
        row.given = wanted - row.now
        _take_turn(connection, number, row.given)
        for other, fresh in _fresh_by_class(connection, number).items():
            standing = standings[other]
            becomes_full = standing.now < wanted <= standing.now + fresh
            standing.now += fresh
            if becomes_full:
                _mark_full(connection, other)
            if other != number:
                standing.beside.add(number)


def _take_turn(connection: sqlite3.Connection, number: int, amount: int) -> None:
    """Give exactly so many copies to sources that contain a class."""
    heights: defaultdict[int, dict[int, int]] = defaultdict(dict)
    together: defaultdict[int, int] = defaultdict(int)
    for full, copies, count in connection.execute(
        "select full, copies, count(*) from holders_of cross join dealt using (rank) where class = ? group by full, copies",
        (number,),
    ):
        heights[full][copies] = count
        together[copies] += count
    level, more, _ = _pour(together, amount, LARGEST_COPIES)
    most = min(FAVOUR * (level + (more > 0)), LARGEST_COPIES)
    for full in sorted(heights):
        level, more, amount = _pour(heights[full], amount, most)
        mine = "full = ? and rank in (select rank from holders_of where class = ?)"
        connection.execute(
            f"update dealt set fresh = max(copies, ?) - copies, copies = max(copies, ?) where {mine}",
            (level, level, full, number),
        )
        connection.execute(
            "update dealt set fresh = fresh + 1, copies = copies + 1 where rank in "
            f"(select rank from dealt where {mine} and copies = ? order by classes - full desc, rank limit ?)",
            (full, number, level, more),
        )


def _pour(heights: Mapping[int, int], amount: int, most: int) -> tuple[int, int, int]:
    """To which level copies rise when they are poured over sources that have some already, as water over steps.

    Args:
        heights: How many sources have so many copies.
        amount: To be given out.
        most: No source is raised above this.

    Returns:
        The level, how many of those that stand at it get one more, and what is left over.
    """
    reached = 0
    steps = sorted(height for height in heights if height < most)
    for height, upper in pairwise((*steps, most)):
        reached += heights[height]
        room = (upper - height) * reached
        if amount <= room:
            return height + amount // reached, amount % reached, 0
        amount -= room
    return most, 0, amount


def _fresh_by_class(connection: sqlite3.Connection, number: int) -> dict[int, int]:
    """What the turn of a class gave to each class that shares a picture with it, itself included."""
    rows = connection.execute(
        "select classes_of.class, sum(dealt.fresh) from holders_of cross join dealt using (rank) "
        "cross join classes_of using (rank) where holders_of.class = ? group by classes_of.class",
        (number,),
    )
    fresh = dict(rows.fetchall())
    connection.execute(
        "update dealt set fresh = 0 where rank in (select rank from holders_of where class = ?)", (number,)
    )
    return fresh


def _mark_full(connection: sqlite3.Connection, number: int) -> None:
    connection.execute(
        "update dealt set full = full + 1 where rank in (select rank from holders_of where class = ?)", (number,)
    )
