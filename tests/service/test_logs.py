from __future__ import annotations

import io
import json
import logging
import types
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from nfold_service.logs import begin_logs, without_secrets
from nfold_service.settings import Settings


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Standard error, and logs as they were afterwards."""
    before = {name: list(logging.getLogger(name).handlers) for name in ("uvicorn", "uvicorn.error")}
    written = io.StringIO()
    # Between the phases of a test pytest puts its own standard error in place; what logs write to stays ours.
    monkeypatch.setattr("nfold_service.logs.sys", types.SimpleNamespace(stderr=written))
    yield written
    structlog.reset_defaults()
    for name, handlers in before.items():
        logging.getLogger(name).handlers = handlers


@pytest.fixture
def json_logs(written: io.StringIO) -> Callable[[], list[dict[str, Any]]]:
    """The lines that were logged, as a machine reads them."""
    begin_logs(Settings(log_format="json"))
    return lambda: [json.loads(line) for line in written.getvalue().splitlines()]


@pytest.mark.parametrize("name", ["api_key", "Authorization", "token", "PASSWORD", "client_secret", "key"])
def test_what_is_called_like_a_secret_is_blanked(name: str) -> None:
    assert without_secrets(None, "info", {name: "abc"}) == {name: "[not shown]"}


@pytest.mark.parametrize("text", ["a\nb", "a\r\nb", "a\rb", "a\x1b[31mb", "a\x00b", "a\u2028b", "a\x85b"])
def test_a_value_stays_on_its_line(json_logs: Any, text: str) -> None:
    structlog.get_logger().info("said", path=text)
    found = json_logs()
    assert len(found) == 1
    assert found[0]["event"] == "said"


@pytest.mark.parametrize("text", ["a\nb", "a\r\nb", "a\x1b[31mb", "a\x00b", "a\u2028b", "a\x85b", "a\x9bb"])
def test_nothing_a_caller_sends_moves_the_terminal(text: str) -> None:
    cleaned = without_secrets(None, "info", {"path": text})["path"]
    assert cleaned.isprintable()


def test_a_request_with_line_breaks_in_its_path_makes_one_line(client: Any, json_logs: Any) -> None:
    client.get('/v1/a%0d%0a{"event":"forged"}')
    requests = [line for line in json_logs() if line["event"] == "request"]
    assert len(requests) == 1
    assert "forged" in requests[0]["path"]


def test_keys_and_queries_are_not_logged(client: Any, json_logs: Any) -> None:
    secret = "nfold_a-secret-key"
    client.get(f"/v1/limits?token={secret}", headers={"X-API-Key": secret})
    client.get("/v1/limits", headers={"Authorization": f"Bearer {secret}"})
    client.post("/v1/recipes/check", content=secret, headers={"Idempotency-Key": secret})
    found = json_logs()
    assert len(found) >= 3
    assert secret not in json.dumps(found)


def test_an_exception_is_logged_with_its_trace_and_request(
    client: Any, json_logs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nfold_service.routes.health.limits", lambda settings: 1 / 0)
    answer = client.get("/v1/limits", headers={"X-Request-ID": "mine-1"})
    line = next(line for line in json_logs() if line["event"] == "unexpected")
    assert answer.headers["X-Request-ID"] == line["request_id"] == "mine-1"
    assert "ZeroDivisionError" in line["exception"]


def test_lines_of_a_request_name_the_trace_that_it_belongs_to(client: Any, json_logs: Any) -> None:
    trace, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    for version in (f"00-{trace}-{span}-01", f"cc-{trace}-{span}-01-of a later version"):
        client.get("/v1/limits", headers={"traceparent": version})
        line = json_logs()[-1]
        assert (line["trace_id"], line["span_id"]) == (trace, span)


@pytest.mark.parametrize(
    "nonsense",
    [
        "",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
    ],
)
def test_a_trace_that_makes_no_sense_is_passed_over(client: Any, json_logs: Any, nonsense: str) -> None:
    assert client.get("/v1/limits", headers={"traceparent": nonsense}).status_code == 200
    assert "trace_id" not in json_logs()[-1]


def test_the_level_is_minded(written: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    # Between the phases of a test pytest puts its own standard error in place; what logs write to stays ours.
    monkeypatch.setattr("nfold_service.logs.sys", types.SimpleNamespace(stderr=written))
    begin_logs(Settings(log_format="json", log_level="error"))
    structlog.get_logger().info("quiet")
    structlog.get_logger().error("loud")
    assert "loud" in written.getvalue()
    assert "quiet" not in written.getvalue()


def test_for_people_a_line_is_no_json(written: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    # Between the phases of a test pytest puts its own standard error in place; what logs write to stays ours.
    monkeypatch.setattr("nfold_service.logs.sys", types.SimpleNamespace(stderr=written))
    begin_logs(Settings(log_format="console"))
    structlog.get_logger().info("said", number=1)
    assert "number" in written.getvalue()
    assert "{" not in written.getvalue()
