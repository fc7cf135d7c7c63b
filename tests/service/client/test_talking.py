"""Addresses, keys and patience."""

from __future__ import annotations

import httpx
import pytest

from nfold.errors import NfoldError, UsageError
from nfold_service.client.refusals import ServiceUnreachableError, TemporaryError
from nfold_service.client.steps import ignore
from nfold_service.client.talking import Line


def line(pauses: list[float], handler: httpx.MockTransport, patience_s: float = 60) -> Line:
    made = Line("http://service/below", None, patience_s=patience_s, observe=ignore, sleep=pauses.append)
    made._client = httpx.Client(base_url="http://service/below/", transport=handler)
    return made


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://host", "http://", "http://user:secret@host", "http://h/?a=b"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="--service"):
        Line(url, None, patience_s=1, observe=ignore)


def test_a_key_of_several_lines_is_refused_without_being_shown() -> None:
    with pytest.raises(UsageError) as caught:
        Line("http://host", "secret\nmore", patience_s=1, observe=ignore)
    assert "secret" not in caught.value.message


def test_it_asks_again_until_it_is_answered_and_keeps_to_the_path_of_the_address() -> None:
    answers = iter(["cut", 503, 429, 200])
    paths: list[str] = []

    def handle(request: httpx.Request) -> httpx.Response:
        paths.append(request.url.path)
        status = next(answers)
        if status == "cut":
            raise httpx.ReadError("cut")
        return httpx.Response(int(status), json={"code": "x", "detail": "x"}, headers={"Retry-After": "3"})

    pauses: list[float] = []
    assert line(pauses, httpx.MockTransport(handle)).ask("GET", "v1/limits").status_code == 200
    assert set(paths) == {"/below/v1/limits"}
    assert len(pauses) == 3
    assert pauses[1] == 3


@pytest.mark.parametrize(("status", "kind"), [(0, ServiceUnreachableError), (503, TemporaryError)])
def test_patience_has_an_end(status: int, kind: type[NfoldError]) -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        if not status:
            raise httpx.ConnectError("refused")
        return httpx.Response(status, json={"code": "x", "detail": "x"})

    with pytest.raises(kind):
        line([], httpx.MockTransport(handle), patience_s=0.05).ask("GET", "v1/limits")


def test_what_is_final_is_not_asked_again() -> None:
    pauses: list[float] = []
    handler = httpx.MockTransport(lambda request: httpx.Response(422, json={"code": "usage", "detail": "No."}))
    with pytest.raises(UsageError):
        line(pauses, handler).ask("POST", "v1/expansions", document={})
    assert pauses == []
