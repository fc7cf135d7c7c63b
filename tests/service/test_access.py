"""Who may do what, over every route there is: a new route is held against this without a line here."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import iter_route_contexts

from nfold_service.access import OPEN_TO_ALL
from nfold_service.app import create_app
from nfold_service.settings import Settings
from tests.service.stored import context_of, fresh_key

IDS = {"job": "job_0123456789abcdef0123", "dataset": "ds_0123456789abcdef0123", "upload": "up_0123456789abcdef0123"}
READING_POSTS = {"/v1/recipes/check", "/v1/recipes/preview"}
"""POST routes that keep nothing: a key that may only read is enough."""


def routes() -> Iterator[tuple[str, str]]:
    app = create_app(Settings(data=Path("never-made")))
    for route in iter_route_contexts(app.routes):
        for method in sorted(route.methods or ()):
            yield method, str(route.path)


GUARDED = [(method, path) for method, path in routes() if path not in OPEN_TO_ALL and method != "OPTIONS"]
READING = [
    (method, path)
    for method, path in GUARDED
    if method == "GET" or path in READING_POSTS or (method == "HEAD" and ("GET", path) in GUARDED)
]
"""HEAD of an upload is none: whoever goes on with one asks by it how much came, and it stops the one who writes."""
WRITING = [entry for entry in GUARDED if entry not in READING]


def filled(path: str) -> str:
    """A path with ids of the right form that belong to nobody."""
    return re.sub(r"\{(\w+)(:path)?\}", lambda found: IDS.get(found[1], "some-name"), path)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A service that asks for keys, with its clients: one for all tests, which change nothing."""
    from tests.service.conftest import TestClient

    data = tmp_path_factory.mktemp("guarded") / "data"
    settings = Settings(data=data, disk_reserve_bytes=0, api_key="the-key-of-the-operator")
    with TestClient(create_app(settings)) as client:
        yield client


@pytest.fixture(scope="module")
def keys(guarded: Any) -> dict[str, str]:
    store = context_of(guarded).store
    return {
        "read": fresh_key(store, "reader", "read"),
        "write": fresh_key(store, "writer", "write"),
        "other": fresh_key(store, "somebody else"),
    }


def test_the_open_paths_exist_and_are_few() -> None:
    known = {path for _, path in routes()}
    assert known >= OPEN_TO_ALL
    assert {"/healthz", "/readyz"} <= OPEN_TO_ALL
    assert not any(path.startswith("/v1") for path in OPEN_TO_ALL)


@pytest.mark.parametrize(
    ("headers", "is_answered"),
    [
        ({}, True),
        ({"Host": "localhost:8000"}, True),
        ({"Host": "[::1]:8000", "Origin": "http://[::1]:8000", "Sec-Fetch-Site": "same-origin"}, True),
        ({"Host": "127.0.0.1:8000", "Sec-Fetch-Site": "none"}, True),
        ({"Host": "rebound.example:8000"}, False),
        ({"Host": "127.0.0.1.rebound.example"}, False),
        ({"Host": "localhost:8000", "Origin": "https://evil.example"}, False),
        ({"Host": "localhost:8000", "Origin": "null"}, False),
        ({"Host": "localhost:8000", "Sec-Fetch-Site": "cross-site"}, False),
        ({"Host": "127.0.0.1:8000", "X-Forwarded-For": "203.0.113.9"}, False),
        ({"Host": "127.0.0.1:8000", "X-Forwarded-Host": "nfold.example"}, False),
        ({"Host": "127.0.0.1:8000", "X-Real-IP": "203.0.113.9"}, False),
        ({"Host": "127.0.0.1:8000", "Forwarded": "for=203.0.113.9"}, False),
        ({"Host": "127.0.0.1:8000", "Via": "1.1 Caddy"}, False),
    ],
)
def test_without_keys_no_page_from_elsewhere_is_answered(
    client: Any, headers: dict[str, str], is_answered: bool
) -> None:
    made = client.post("/v1/datasets", headers=headers)
    read = client.get("/v1/datasets", headers=headers)
    if is_answered:
        assert (made.status_code, read.status_code) == (201, 200)
        return
    assert {(one.status_code, one.json()["code"]) for one in (made, read)} == {(403, "request.foreign")}
    assert client.get("/v1/datasets").json()["datasets"] == [], "nothing was made"
    assert client.get("/healthz", headers=headers).status_code == 200


def test_whoever_has_a_key_may_ask_from_anywhere(make_client: Any) -> None:
    client = make_client(api_key="the-key-of-the-operator")
    headers = {"Host": "nfold.example", "Origin": "https://tools.example", "X-API-Key": "the-key-of-the-operator"}
    assert client.post("/v1/datasets", headers=headers).status_code == 201


def body_for(method: str) -> dict[str, Any]:
    return {"json": {}} if method in ("POST", "PUT", "PATCH") else {}


@pytest.mark.parametrize(("method", "path"), GUARDED)
def test_without_a_key_and_with_a_wrong_one_it_is_401(guarded: Any, method: str, path: str) -> None:
    for headers in ({}, {"X-API-Key": "nfold_wrong"}, {"Authorization": "Bearer nfold_wrong"}):
        answer = guarded.request(method, filled(path), headers=headers, **body_for(method))
        assert answer.status_code == 401, (headers, answer.text)
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        if method != "HEAD":
            assert answer.json()["code"] == ("key.unknown" if headers else "key.missing")


@pytest.mark.parametrize(("method", "path"), WRITING)
def test_a_key_that_may_only_read_changes_nothing(guarded: Any, keys: dict[str, str], method: str, path: str) -> None:
    answer = guarded.request(method, filled(path), headers={"X-API-Key": keys["read"]}, **body_for(method))
    assert answer.status_code == 403, answer.text
    assert method == "HEAD" or answer.json()["code"] == "key.scope"


@pytest.mark.parametrize(("method", "path"), READING)
def test_a_key_that_may_only_write_reads_nothing(guarded: Any, keys: dict[str, str], method: str, path: str) -> None:
    answer = guarded.request(method, filled(path), headers={"X-API-Key": keys["write"]}, **body_for(method))
    assert answer.status_code == 403, answer.text


@pytest.mark.parametrize(
    ("method", "path"), [entry for entry in GUARDED if re.search(r"\{(job|dataset|upload)\}", entry[1])]
)
def test_what_belongs_to_somebody_else_is_not_there(guarded: Any, keys: dict[str, str], method: str, path: str) -> None:
    from nfold_service.store import queue, shelves

    store = context_of(guarded).store
    store.run_now(shelves.add_dataset, identity=IDS["dataset"], owner="owner", name="mine")
    for identity, kind in ((IDS["job"], "comparison" if "/comparisons" in path else "expansion"),):
        store.run_now(queue.remove_job, identity)
        store.run_now(
            queue.add_job, identity=identity, owner="owner", kind=kind, dataset=IDS["dataset"], request={"copies": 1}
        )
        store.run_now(queue.ask_to_cancel, identity)
    store.run_now(
        shelves.add_upload,
        identity=IDS["upload"], owner="owner", dataset=IDS["dataset"], name="x", length=1, details={},
    )  # fmt: skip
    headers = {"X-API-Key": keys["other"], "Tus-Resumable": "1.0.0", "Upload-Length": "1", "Upload-Offset": "0"}
    if method == "PATCH":
        headers["Content-Type"] = "application/offset+octet-stream"
    answer = guarded.request(method, filled(path), headers=headers, **({} if method == "PATCH" else body_for(method)))
    assert answer.status_code in (404, 422), answer.text
    if answer.status_code == 422:  # the body was looked at before the thing it is for: nothing is told of that
        assert "mine" not in answer.text
    own = store.run_now(shelves.dataset_of, IDS["dataset"], "owner")
    assert own is not None
    assert own.state == "empty"


def test_a_revoked_key_is_unknown_at_once(guarded: Any) -> None:
    from nfold_service.store.keyring import all_keys, revoke_key

    store = context_of(guarded).store
    key = fresh_key(store, "gone")
    assert guarded.get("/v1/limits", headers={"X-API-Key": key}).status_code == 200
    row = next(row for row in store.run_now(all_keys) if row.owner == "gone")
    assert store.run_now(revoke_key, row.id)
    assert guarded.get("/v1/limits", headers={"X-API-Key": key}).status_code == 401


@pytest.mark.parametrize("form", ["X-API-Key", "Bearer", "bearer"])
def test_a_key_may_come_in_either_header(guarded: Any, form: str) -> None:
    key = "the-key-of-the-operator"
    headers = {"X-API-Key": key} if form == "X-API-Key" else {"Authorization": f"{form} {key}"}
    assert guarded.get("/v1/limits", headers=headers).status_code == 200


def test_a_service_on_loopback_without_keys_is_open_but_refuses_a_wrong_one(client: Any) -> None:
    assert client.get("/v1/limits").status_code == 200
    assert client.get("/v1/limits", headers={"X-API-Key": "nfold_wrong"}).status_code == 401


def test_the_owner_is_in_the_access_log(make_client: Callable[..., Any], capsys: pytest.CaptureFixture[str]) -> None:
    from structlog.testing import capture_logs

    client = make_client(api_key="k" * 32)
    key = fresh_key(context_of(client).store, "anna")
    with capture_logs() as logs:
        client.get("/v1/limits", headers={"X-API-Key": key})
    assert [line["owner"] for line in logs if line["event"] == "request"] == ["anna"]
    assert key not in str(logs)
