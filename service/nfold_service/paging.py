"""Lists in pages, by a cursor that says where the last page ended."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Sequence
from typing import Protocol, TypeVar

from fastapi import Request, Response

from nfold_service.problems import ServiceError


class _Listed(Protocol):
    @property
    def created_at(self) -> float: ...
    @property
    def id(self) -> str: ...


Row = TypeVar("Row", bound=_Listed)


def page_of(rows: Sequence[Row], limit: int) -> tuple[Sequence[Row], str | None]:
    """The first `limit` of rows, and the cursor of what follows, None when nothing does."""
    if len(rows) <= limit:
        return rows, None
    last = rows[limit - 1]
    return rows[:limit], base64.urlsafe_b64encode(json.dumps([last.created_at, last.id]).encode()).decode()


def link_next(request: Request, response: Response, **following: str | int | None) -> None:
    """Name the page after in `Link` (RFC 8288), for clients that follow links: this request, going on from there."""
    if None not in following.values():
        after = request.url.include_query_params(**following)
        response.headers["Link"] = f'<{after.path}?{after.query}>; rel="next"'


def read_cursor(cursor: str | None) -> tuple[float, str] | None:
    """Where a page begins.

    Raises:
        ServiceError: It is no cursor of ours.
    """
    if cursor is None:
        return None
    try:
        found = _CURSOR.fullmatch(base64.b64decode(cursor.encode(), altchars=b"-_", validate=True).decode())
    except (binascii.Error, ValueError) as error:
        raise _no_cursor() from error
    if found is None:
        raise _no_cursor()
    return float(found[1]), found[2]


_CURSOR = re.compile(r'\[([0-9]{1,12}(?:\.[0-9]{1,20})?), "([A-Za-z0-9_]{1,64})"\]')


def _no_cursor() -> ServiceError:
    return ServiceError(422, "request.cursor", "This is no cursor.", hint="Give `next` of the page before.")
