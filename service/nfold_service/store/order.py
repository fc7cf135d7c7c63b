"""The order of lists: the newest first, from where the page before ended."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, Table, tuple_


def newest_first(
    query: Select[*tuple[Any, ...]], table: Table, most: int, after: tuple[float, str] | None
) -> Select[*tuple[Any, ...]]:
    """At most so many rows; `after` is (created_at, id) of the last one of the page before."""
    if after is not None:
        query = query.where(tuple_(table.c.created_at, table.c.id) < after)
    return query.order_by(table.c.created_at.desc(), table.c.id.desc()).limit(most)
