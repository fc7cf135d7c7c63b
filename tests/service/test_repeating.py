from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import Message

from nfold_service.context import IdSource, id_source, new_id
from nfold_service.keys import EVERYTHING
from nfold_service.repeating import HEAD_BYTES, KEPT_BYTES, Repeating, _HashedBody
from nfold_service.store import Store, idempotency
from tests.conftest import write_picture
from tests.service.archives import make_zip
from tests.service.conftest import Server, settled
from tests.service.stored import context_of, fresh_key, ready_dataset


def ask(client: Any, dataset: str, key: str, **body: Any) -> httpx.Response:
    answer: httpx.Response = client.post(
        "/v1/expansions", json={"dataset": dataset, "copies": 3, **body}, headers={"Idempotency-Key": key}
    )
    return answer


def jobs_in(data: Path) -> int:
    with sqlite3.connect(data / "nfold.db") as connection:
        count: int = connection.execute("select count(*) from jobs").fetchone()[0]
    connection.close()
    return count


def test_the_same_request_again_gets_the_first_answer_and_makes_nothing(client: Any, tmp_path: Path) -> None:
    dataset = ready_dataset(context_of(client).store)
    first, second = (ask(client, dataset, "k1", copies=1) for _ in range(2))
    assert (first.status_code, second.status_code) == (202, 202)
    assert second.content == first.content
    assert second.headers["Location"] == first.headers["Location"]
    assert second.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["X-Request-ID"] != first.headers["X-Request-ID"]
    assert jobs_in(tmp_path / "data") == 1


def test_another_body_or_another_path_under_the_same_key_is_refused(client: Any) -> None:
    dataset = ready_dataset(context_of(client).store)
    assert ask(client, dataset, "k1", copies=1).status_code == 202
    other_body = ask(client, dataset, "k1", copies=2)
    other_path = client.post("/v1/recipes/check", content="x", headers={"Idempotency-Key": "k1"})
    for answer in (other_body, other_path):
        assert answer.status_code == 422
        assert answer.json()["code"] == "idempotency.other_request"


def test_two_owners_may_choose_the_same_key(make_client: Callable[..., Any], tmp_path: Path) -> None:
    client = make_client(api_key="k" * 32)
    store = context_of(client).store
    made = set()
    for owner in ("anna", "ben"):
        key = fresh_key(store, owner)
        client.headers["X-API-Key"] = key
        answer = ask(client, ready_dataset(store, owner=owner), "same")
        assert answer.status_code == 202
        made.add(answer.json()["id"])
    assert len(made) == 2


@pytest.mark.parametrize("key", ["", "x" * 256, "two words", "caf\u00e9", "tab\there"])
def test_a_malformed_key_is_refused(client: Any, key: str) -> None:
    answer = client.post("/v1/recipes/check", content="x", headers={"Idempotency-Key": key.encode("latin-1")})
    assert answer.status_code == 422
    assert answer.json()["code"] == "idempotency.key"


def test_two_keys_in_one_request_are_refused(client: Any) -> None:
    headers = [("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    assert client.post("/v1/recipes/check", content="x", headers=headers).json()["code"] == "idempotency.key"


def test_an_error_gives_the_key_back(client: Any) -> None:
    store = context_of(client).store
    missing = ask(client, "ds_00000000000000000000", "k1")
    assert missing.status_code == 404
    assert ask(client, ready_dataset(store), "k1").status_code == 202


def test_a_failure_of_the_service_gives_the_key_back_and_what_was_made_is_found_again(
    client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = ready_dataset(context_of(client).store)
    with monkeypatch.context() as broken:
        broken.setattr("nfold_service.routes.expansions.job_model", lambda row: 1 / 0)
        assert ask(client, dataset, "k1").status_code == 500
    assert jobs_in(tmp_path / "data") == 1
    assert ask(client, dataset, "k1").status_code == 202
    assert jobs_in(tmp_path / "data") == 1


def test_a_key_counts_for_nothing_without_a_known_api_key(make_client: Callable[..., Any]) -> None:
    client = make_client(api_key="k" * 32)
    answer = client.post("/v1/recipes/check", content="x", headers={"Idempotency-Key": "k1"})
    assert answer.status_code == 401


def test_an_answer_survives_a_restart(make_server: Callable[..., Server], tmp_path: Path) -> None:
    server = make_server()
    headers = {"Idempotency-Key": "k1"}
    recipe = "augment: [{HorizontalFlip: {p: 0.5}}]"
    first = httpx.post(f"{server.url}/v1/recipes/check", content=recipe, headers=headers, timeout=60)
    server.kill()
    server.begin()
    second = httpx.post(f"{server.url}/v1/recipes/check", content=recipe, headers=headers, timeout=60)
    assert (first.status_code, second.status_code) == (200, 200)
    assert second.content == first.content
    assert second.headers["Idempotency-Replayed"] == "true"


KILLED_BEFORE_IT_ANSWERS = """
import os, signal
from nfold_service.store import idempotency
idempotency.finish = lambda *arguments: os.kill(os.getpid(), signal.SIGKILL)
from nfold_service.serving import serve
serve()
"""


def test_a_service_killed_between_making_a_job_and_answering_makes_no_second_one(tmp_path: Path) -> None:
    data = tmp_path / "server"
    data.mkdir()
    store = Store(f"sqlite:///{data / 'nfold.db'}")
    dataset = ready_dataset(store, data=data)
    store.close()
    server = Server(data=data, program=KILLED_BEFORE_IT_ANSWERS)
    request: dict[str, Any] = {"json": {"dataset": dataset, "copies": 1}, "headers": {"Idempotency-Key": "k1"}}
    try:
        server.begin()
        with pytest.raises(httpx.TransportError):
            httpx.post(f"{server.url}/v1/expansions", timeout=30, **request)
        assert server.process is not None
        server.process.wait(30)
        assert jobs_in(data) == 1
        server.program = Server(data=data).program
        server.begin()
        again = httpx.post(f"{server.url}/v1/expansions", timeout=30, **request)
        assert again.status_code == 202
        assert httpx.get(f"{server.url}{again.headers['Location']}", timeout=30).status_code == 200
        assert jobs_in(data) == 1
    finally:
        server.end()


def test_fifty_clients_with_one_key_make_one_job(tmp_path: Path) -> None:
    data = tmp_path / "server"
    data.mkdir()
    store = Store(f"sqlite:///{data / 'nfold.db'}")
    dataset = ready_dataset(store, data=data)
    store.close()
    server = Server(data=data)

    async def all_at_once() -> list[httpx.Response]:
        async with httpx.AsyncClient(base_url=server.url, timeout=60) as client:
            body, headers = {"dataset": dataset, "copies": 1}, {"Idempotency-Key": "k1"}
            return await asyncio.gather(*(client.post("/v1/expansions", json=body, headers=headers) for _ in range(50)))

    try:
        server.begin()
        answers = asyncio.run(all_at_once())
    finally:
        server.end()
    assert {answer.status_code for answer in answers} <= {202, 409}
    accepted = [answer for answer in answers if answer.status_code == 202]
    assert len({answer.content for answer in accepted}) == 1
    assert all(
        answer.json()["code"] == "idempotency.in_flight" and answer.headers["Retry-After"] == "1"
        for answer in answers
        if answer.status_code == 409
    )
    assert jobs_in(data) == 1


def test_every_post_that_makes_something_makes_it_once(make_client: Callable[..., Any], tmp_path: Path) -> None:
    client = make_client(max_body_bytes=100_000)
    picture = write_picture(tmp_path / "cat.png", 1).read_bytes()
    archive = make_zip(("cat.png", picture), ("noise.png", random.Random(1).randbytes(200_000)))

    def twice(path: str, key: str, status: int, **request: Any) -> httpx.Response:
        headers = {"Idempotency-Key": key, **request.pop("headers", {})}
        first, second = (client.post(path, headers=headers, **request) for _ in range(2))
        assert (first.status_code, second.status_code) == (status, status), (first.text, second.text)
        assert second.content == first.content
        assert second.headers.get("Location") == first.headers.get("Location")
        assert second.headers["Idempotency-Replayed"] == "true"
        return first

    made = twice("/v1/datasets", "a", 201, json={"name": "x"})
    url = made.headers["Location"]
    assert len(client.get("/v1/datasets").json()["datasets"]) == 1
    # Longer than an ordinary body may be: the limit of the route counts.
    twice(f"{url}/content", "b", 202, files={"file": ("a.zip", archive)})
    dataset = settled(client.get, url)
    assert dataset["files"] == 2
    twice("/v1/comparisons", "c", 202, json={"dataset": dataset["id"], "copies": 1, "epochs": 1})
    assert jobs_in(tmp_path / "data") == 1
    small = {"files": {"image": ("cat.png", picture)}, "data": {"copies": "1"}}
    kept = twice("/v1/expand", "d", 200, headers={"Accept": "application/json"}, **small)
    assert jobs_in(tmp_path / "data") == 2
    assert client.get(kept.headers["Location"]).status_code == 200
    as_zip = client.post("/v1/expand", headers={"Idempotency-Key": "d", "Accept": "application/zip"}, **small)
    assert (as_zip.status_code, as_zip.json()["code"]) == (422, "idempotency.other_request")
    other = client.post("/v1/datasets", json={}).headers["Location"]
    tus = {"Tus-Resumable": "1.0.0", "Upload-Length": "10"}
    twice(f"{other}/uploads", "e", 201, headers=tus)
    longer = client.post(f"{other}/uploads", headers={**tus, "Upload-Length": "11", "Idempotency-Key": "e"})
    assert longer.json()["code"] == "idempotency.other_request"


@pytest.mark.parametrize("size", [20_000, 90_000])
def test_an_ordinary_body_has_its_limit_with_a_key_too(make_client: Callable[..., Any], size: int) -> None:
    client = make_client(max_body_bytes=10_000)
    body = {"name": "x" * size}
    answer = client.post("/v1/datasets", json=body, headers={"Idempotency-Key": "k"})
    assert (answer.status_code, answer.json()["code"]) == (413, "request.too_large")


def test_a_small_expansion_whose_answer_got_lost_is_made_once(
    client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = write_picture(tmp_path / "cat.png", 1).read_bytes()

    def ask_now() -> httpx.Response:
        headers = {"Idempotency-Key": "k", "Accept": "application/json"}
        answer: httpx.Response = client.post(
            "/v1/expand", files={"image": ("cat.png", picture)}, data={"copies": "1"}, headers=headers
        )
        return answer

    with monkeypatch.context() as broken:
        broken.setattr("nfold_service.routes.small.job_model", lambda row: 1 / 0)
        assert ask_now().status_code == 500
    answer = ask_now()
    assert answer.status_code == 200
    assert jobs_in(tmp_path / "data") == 1
    assert client.get(answer.json()["links"]["result"]).status_code == 200


def test_old_answers_are_let_go(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'nfold.db'}")
    first = store.run_now(idempotency.begin, "me", "k", "h", oldest=0)
    answer = {"status": 200, "headers": {}, "body": b"", "body_hash": None}
    store.run_now(idempotency.finish, "me", "k", answer)
    known = store.run_now(idempotency.begin, "me", "k", "h", oldest=0)
    later = store.run_now(idempotency.begin, "me", "k", "other", oldest=2e9 * 10)
    store.close()
    assert isinstance(known, idempotency.Answer)
    assert isinstance(first, str)
    assert isinstance(later, str)
    assert later != first


def test_ids_come_from_the_key_while_a_request_with_one_is_answered() -> None:
    def two(seed: str) -> list[str]:
        token = id_source.set(IdSource(seed))
        try:
            return [new_id("job"), new_id("job")]
        finally:
            id_source.reset(token)

    assert two("a") == two("a")
    assert len({*two("a"), *two("b"), new_id("job"), new_id("job")}) == 6


def bodies(*chunks: bytes) -> Callable[[], Any]:
    waiting = [
        {"type": "http.request", "body": chunk, "more_body": number < len(chunks) - 1}
        for number, chunk in enumerate(chunks)
    ]

    async def receive() -> Message:
        return waiting.pop(0)

    return receive


def hashes(*chunks: bytes, boundary: str | None = None) -> tuple[str, str | None]:
    headers = []
    if boundary is not None:
        headers.append((b"content-type", f"multipart/form-data; boundary={boundary}".encode()))
    scope: dict[str, Any] = {
        "type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": headers, "state": {},
    }  # fmt: skip
    body = _HashedBody(scope, bodies(*chunks), EVERYTHING)

    async def both() -> tuple[str, str | None]:
        return await body.read_head(), await body.read_rest()

    return asyncio.run(both())


def test_a_long_body_hashes_the_same_however_it_is_cut() -> None:
    whole = bytes(range(256)) * 512
    cut = [whole[at : at + 777] for at in range(0, len(whole), 777)]
    assert hashes(whole) == hashes(*cut)
    assert hashes(whole)[1] is not None
    assert hashes(whole) != hashes(whole[:-1] + b"x")
    assert hashes(whole)[0] == hashes(whole[:-1] + b"x")[0]


@pytest.mark.parametrize("size", [100, HEAD_BYTES * 3])
def test_the_boundary_of_a_form_does_not_count(size: int) -> None:
    def form(boundary: str) -> bytes:
        return f"--{boundary}\r\nX: y\r\n\r\n{'z' * size}\r\n--{boundary}--\r\n".encode()

    one, other = form("a" * 24), form("b" * 24)
    pieces = [other[at : at + 13] for at in range(0, len(other), 13)]
    assert hashes(one, boundary="a" * 24) == hashes(*pieces, boundary="b" * 24)


def answered_twice(client: Any, *, route: Callable[..., Any], first: bytes, second: bytes) -> list[int]:
    """Statuses of two requests with one key to a route of the test's own, below the real middleware."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await route(scope, receive, send)

    statuses: list[int] = []

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    async def both() -> None:
        for body in (first, second):
            chunks = [body[at : at + 16_384] for at in range(0, len(body), 16_384)]
            scope: dict[str, Any] = {
                "type": "http", "method": "POST", "path": "/x", "query_string": b"", "state": {}, "app": client.app,
                "headers": [(b"idempotency-key", b"k")],
            }  # fmt: skip
            await Repeating(app)(scope, bodies(*chunks), send)

    client.portal.call(both)
    return statuses


async def reads_all(scope: Any, receive: Any, send: Any) -> None:
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 201, "headers": []})
    await send({"type": "http.response.body", "body": b"done"})


def test_the_end_of_a_long_body_counts_too(client: Any) -> None:
    long = b"x" * (HEAD_BYTES * 4)
    assert answered_twice(client, route=reads_all, first=long, second=long) == [201, 201]
    with pytest.raises(Exception, match="another request"):
        answered_twice(client, route=reads_all, first=long, second=long[:-1] + b"y")


def test_a_long_answer_is_made_again(client: Any) -> None:
    asked = []

    async def answers_much(scope: Any, receive: Any, send: Any) -> None:
        asked.append(new_id("ds"))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x" * (KEPT_BYTES + 1)})

    assert answered_twice(client, route=answers_much, first=b"a", second=b"a") == [200, 200]
    assert len(asked) == 2
    assert len(set(asked)) == 1


def test_a_request_that_is_cut_gives_its_key_back(client: Any) -> None:
    async def is_cut(scope: Any, receive: Any, send: Any) -> None:
        raise asyncio.CancelledError

    async def cut_then_again() -> Any:
        scope: dict[str, Any] = {
            "type": "http", "method": "POST", "path": "/x", "query_string": b"", "state": {}, "app": client.app,
            "headers": [(b"idempotency-key", b"cut")],
        }  # fmt: skip
        with pytest.raises(asyncio.CancelledError):
            await Repeating(is_cut)(scope, bodies(b"a"), lambda message: asyncio.sleep(0))
        return await context_of(client).store.run(idempotency.begin, "default", "cut", "another", oldest=0)

    assert isinstance(client.portal.call(cut_then_again), str)
