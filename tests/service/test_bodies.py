from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from starlette.types import Message

from nfold_service.bodies import MOST_HEADERS, BodyBounds
from nfold_service.metrics import Metrics
from nfold_service.problems import ServiceError
from nfold_service.receiving import LIFTED
from nfold_service.settings import Settings

JSON = {"Content-Type": "application/json"}


def test_an_ordinary_body_is_bounded_however_it_is_announced(make_client: Callable[..., Any]) -> None:
    client = make_client(max_body_bytes=1000)
    for content in (b" " * 1001, (b" " * 100 for _ in range(11))):
        answer = client.post("/v1/expansions", content=content, headers=JSON)
        assert answer.status_code == 413
        assert answer.json()["code"] == "request.too_large"
        assert answer.headers["Connection"] == "close"
    assert client.post("/v1/expansions", content=b" " * 1000, headers=JSON).status_code == 422


def test_a_route_that_streams_has_its_own_bound(make_client: Callable[..., Any]) -> None:
    client = make_client(max_body_bytes=100)
    recipe = "# " + "x" * 500 + "\naugment: [{HorizontalFlip: {p: 0.5}}]\n"
    assert client.post("/v1/recipes/check", content=recipe).status_code == 200


def test_too_many_headers_are_refused(client: Any) -> None:
    answer = client.get("/healthz", headers={f"X-{number}": "x" for number in range(MOST_HEADERS + 1)})
    assert answer.status_code == 431
    assert answer.json()["code"] == "request.headers"


def read_through(messages: list[Message], *, lifted: bool = False, delay: float = 0.0, **settings: Any) -> int:
    """Bytes that get through the bounds."""
    total = 0

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal total
        scope["state"][LIFTED] = lifted
        while (message := await receive())["type"] == "http.request":
            total += len(message["body"])
            if not message["more_body"]:
                return

    async def receive() -> Message:
        await asyncio.sleep(delay)
        return messages.pop(0)

    scope: dict[str, Any] = {"type": "http", "headers": [], "state": {}}
    bounds = BodyBounds(app, Settings(**settings), Metrics())

    async def send(message: Message) -> None:
        raise AssertionError

    asyncio.run(bounds(scope, receive, send))
    return total


def chunks(*sizes: int) -> list[Message]:
    return [
        {"type": "http.request", "body": b"x" * size, "more_body": number < len(sizes) - 1}
        for number, size in enumerate(sizes)
    ]


def test_a_lifted_bound_lets_everything_through() -> None:
    assert read_through(chunks(100, 100), lifted=True, max_body_bytes=50) == 200


def test_a_body_without_end_is_cut_where_it_is_too_long() -> None:
    with pytest.raises(ServiceError) as caught:
        read_through(chunks(*[10] * 100), max_body_bytes=50)
    assert caught.value.status == 413


def test_a_body_that_stalls_is_ended() -> None:
    with pytest.raises(ServiceError) as caught:
        read_through(chunks(1, 1), delay=0.2, stall_seconds=0.05)
    assert caught.value.code == "request.slow"


def test_a_body_that_drips_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nfold_service.bodies.SLOW_AFTER_S", 0.05)
    with pytest.raises(ServiceError) as caught:
        read_through(chunks(*[1] * 100), delay=0.01, slowest_upload_bytes_s=100_000)
    assert caught.value.code == "request.slow"
    assert read_through(chunks(*[1] * 20), delay=0.01, slowest_upload_bytes_s=0) == 20


def test_the_end_of_a_connection_passes_through() -> None:
    assert read_through([*chunks(5, 5)[:1], {"type": "http.disconnect"}]) == 5
