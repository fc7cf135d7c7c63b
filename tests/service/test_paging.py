from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

import pytest
from fastapi import Request, Response

from nfold_service.paging import link_next, page_of, read_cursor
from nfold_service.problems import ServiceError
from nfold_service.store import queue
from tests.service.conftest import linked_pages
from tests.service.stored import context_of, ready_dataset


@dataclass(frozen=True)
class Row:
    created_at: float
    id: str


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


def test_a_cursor_says_where_the_page_ended() -> None:
    rows = [Row(float(number), f"r{number}") for number in range(5)]
    page, cursor = page_of(rows[:4], 3)
    assert [row.id for row in page] == ["r0", "r1", "r2"]
    assert read_cursor(cursor) == (2.0, "r2")
    assert page_of(rows[:3], 3)[1] is None
    assert read_cursor(None) is None


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "====",
        "caf\u00e9",
        encoded("{}"),
        encoded("[1]"),
        encoded('[1, "a", 2]'),
        encoded('["one", "a"]'),
        encoded("[NaN, 1]"),
        encoded('[Infinity, "a"]'),
        encoded("[" * 5000),
        encoded("[1" + "0" * 400 + ', "a"]'),
        encoded('[1, "\\u0000"]'),
        encoded('[1, "\\ud800"]'),
        encoded("null"),
    ],
)
def test_what_is_no_cursor_of_ours_is_refused(cursor: str) -> None:
    with pytest.raises(ServiceError) as caught:
        read_cursor(cursor)
    assert caught.value.code == "request.cursor"


def test_a_link_keeps_what_else_was_asked() -> None:
    given = {"type": "http", "method": "GET", "path": "/v1/a", "headers": [], "query_string": b"limit=3&dataset=d"}
    request, response = Request({**given, "scheme": "http", "server": ("there", 80)}), Response()
    link_next(request, response, after='"caf\u00e9 & <b>.jpg')
    assert response.headers["Link"] == ('</v1/a?limit=3&dataset=d&after=%22caf%C3%A9+%26+%3Cb%3E.jpg>; rel="next"')
    link_next(request, other := Response(), after=None)
    assert "Link" not in other.headers


def test_pages_hold_every_job_once(client: Any) -> None:
    store = context_of(client).store
    dataset = ready_dataset(store)
    for number in range(7):
        identity = f"job_{number:020x}"
        store.run_now(queue.add_job, identity=identity, owner="default", kind="expansion", dataset=dataset, request={})
        store.run_now(queue.ask_to_cancel, identity)
    seen: list[str] = []
    cursor = None
    for _ in range(10):
        page = client.get("/v1/expansions", params={"limit": 3, **({"cursor": cursor} if cursor else {})}).json()
        seen += [job["id"] for job in page["jobs"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert len(seen) == 7
    assert len(set(seen)) == 7
    assert client.get("/v1/expansions", params={"cursor": "x"}).json()["code"] == "request.cursor"
    linked = [job["id"] for page in linked_pages(client, "/v1/expansions?limit=3") for job in page["jobs"]]
    assert linked == seen
