from __future__ import annotations

import asyncio
from typing import Any

import pytest
import structlog
from fastapi.routing import iter_route_contexts
from starlette.types import Message
from structlog.testing import capture_logs

from nfold_service.metrics import Metrics
from nfold_service.problems import ServiceError
from nfold_service.surroundings import SECURITY_HEADERS, Surroundings


def through(app: Any, *, path: str = "/x", headers: tuple[tuple[bytes, bytes], ...] = ()) -> list[Message]:
    """What a request to an application gets, surrounded."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope: dict[str, Any] = {
        "type": "http",
        "method": "GET",
        "path": path,
        "headers": list(headers),
        "query_string": b"",
    }
    asyncio.run(Surroundings(app, Metrics())(scope, receive, send))
    return sent


def header(sent: list[Message], name: str) -> str:
    return {key.decode().lower(): value.decode() for key, value in sent[0]["headers"]}[name.lower()]


async def fine(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


@pytest.mark.parametrize("given", ["mine", "a-b_c.1", "x" * 64])
def test_a_good_request_id_comes_back(given: str) -> None:
    assert header(through(fine, headers=((b"x-request-id", given.encode()),)), "X-Request-ID") == given


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", "a\x00b", "caf\u00e9", "a;b"])
def test_a_bad_one_is_replaced(given: str) -> None:
    found = header(through(fine, headers=((b"x-request-id", given.encode("latin-1")),)), "X-Request-ID")
    assert found != given
    assert len(found) == 16


def test_every_answer_has_the_security_headers(client: Any) -> None:
    asked = {
        (next(iter(route.methods or {"GET"})), str(route.path)) for route in iter_route_contexts(client.app.routes)
    }
    for method, path in [*asked, ("GET", "/nothing"), ("PUT", "/healthz"), ("BREW", "/healthz")]:
        if "events" in path:
            continue
        answer = client.request(method, path)
        for name, value in SECURITY_HEADERS.items():
            assert answer.headers[name] == value, (method, path)
        assert answer.headers["X-Request-ID"]


def test_an_error_of_another_layer_is_answered_with_the_headers_too() -> None:
    async def refuses(scope: Any, receive: Any, send: Any) -> None:
        raise ServiceError(431, "request.headers", "Too many.")

    async def breaks(scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError("a secret detail")

    for app, status in ((refuses, 431), (breaks, 500)):
        sent = through(app)
        assert sent[0]["status"] == status
        assert header(sent, "X-Frame-Options") == "DENY"
        assert header(sent, "Content-Type") == "application/problem+json"
        assert b"secret" not in sent[1]["body"]


def test_an_exception_after_the_start_is_logged_and_leaves_the_answer_without_an_end() -> None:
    async def breaks_late(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise RuntimeError("late")

    with capture_logs() as logs:
        sent = through(breaks_late)
    assert [message.get("body") for message in sent] == [None, b"half"]
    assert [line["after_start"] for line in logs if line["event"] == "unexpected"] == [True]


def test_what_a_request_binds_to_the_log_is_gone_at_the_next() -> None:
    async def binds(scope: Any, receive: Any, send: Any) -> None:
        structlog.contextvars.bind_contextvars(job="job_1")
        await fine(scope, receive, send)

    seen: list[dict[str, Any]] = []

    async def looks(scope: Any, receive: Any, send: Any) -> None:
        seen.append(structlog.contextvars.get_contextvars())
        await fine(scope, receive, send)

    structlog.contextvars.bind_contextvars(left="over")
    through(binds)
    through(looks)
    assert [set(one) for one in seen] == [{"request_id"}]
    structlog.contextvars.clear_contextvars()


def test_a_disconnect_and_a_cancellation_pass_through() -> None:
    heard: list[str] = []

    async def listens(scope: Any, receive: Any, send: Any) -> None:
        heard.append((await receive())["type"])
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        through(listens)
    assert heard == ["http.disconnect"]


def test_a_forged_host_changes_nothing(make_client: Any) -> None:
    client = make_client(api_key="the-key-of-the-operator")
    client.headers["X-API-Key"] = "the-key-of-the-operator"
    for path in ("/healthz", "/v1/limits", "/v1/expansions", "/v1/expansions/", "/openapi.json", "/docs", "/nothing"):
        plain = client.get(path, headers={"X-Request-ID": "same"}, follow_redirects=False)
        forged = client.get(
            path,
            headers={"X-Request-ID": "same", "Host": "evil.example", "X-Forwarded-Host": "evil.example"},
            follow_redirects=False,
        )
        assert (forged.status_code, forged.content) == (plain.status_code, plain.content)
        assert "evil" not in str(forged.headers)
