"""Expansions over HTTP: asked for, watched, fetched in parts, cancelled, deleted, and gone on with after kill -9."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from nfold_service.context import Places
from nfold_service.store import Store
from tests.conftest import write_picture
from tests.service.conftest import Server, settled
from tests.service.stored import context_of, ready_dataset


def filled(store: Store, places: Places, number: int) -> str:
    dataset = ready_dataset(store)
    for place in range(number):
        write_picture(places.dataset(dataset) / f"picture{place:03}.png", place)
    return dataset


def test_an_expansion_is_watched_and_fetched_in_parts(client: Any) -> None:
    context = context_of(client)
    dataset = filled(context.store, context.places, 2)
    asked = client.post("/v1/expansions", json={"dataset": dataset, "copies": 2, "seed": 7})
    assert (asked.status_code, asked.headers["Retry-After"]) == (202, "1")
    url = asked.headers["Location"]
    events = client.get(f"{url}/events").text
    assert events.index('"queued"') < events.index('"running"') < events.index('"succeeded"')
    last = [line for line in events.splitlines() if line.startswith("id:")][-1].partition(":")[2].strip()
    assert "queued" not in client.get(f"{url}/events", headers={"Last-Event-ID": last}).text
    assert client.get(f"{url}/events", headers={"Last-Event-ID": "x"}).json()["code"] == "request.last_event_id"
    job = client.get(url).json()
    assert (job["state"], job["result"]["images_after"]) == ("succeeded", 6)
    whole = client.get(job["links"]["result"])
    assert hashlib.sha256(whole.content).hexdigest() == job["result"]["sha256"]
    digest = base64.b64encode(hashlib.sha256(whole.content).digest()).decode()
    assert whole.headers["Repr-Digest"] == f"sha-256=:{digest}:"
    head = client.head(job["links"]["result"])
    assert (head.status_code, head.content) == (200, b"")
    for name in ("Content-Length", "ETag", "Repr-Digest", "Accept-Ranges"):
        assert head.headers[name] == whole.headers[name]
    part = client.get(job["links"]["result"], headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, whole.content[100:200])
    known = client.get(job["links"]["result"], headers={"If-None-Match": whole.headers["ETag"]})
    assert known.status_code == 304
    assert client.delete(url).status_code == 204
    assert client.get(url).status_code == 404
    assert not context.places.job_home(job["id"]).exists()


@pytest.mark.parametrize(
    ("body", "status"),
    [({"copies": 1001}, 422), ({"copies": 1, "target": "/tmp/x"}, 422), ({"copies": 1, "split": "1/2/3/4"}, 422)],
)
def test_what_the_engine_would_refuse_is_refused_at_once(client: Any, body: dict[str, Any], status: int) -> None:
    dataset = ready_dataset(context_of(client).store)
    assert client.post("/v1/expansions", json={"dataset": dataset, **body}).status_code == status


def test_no_more_jobs_wait_than_may(make_client: Callable[..., Any]) -> None:
    client = make_client(max_jobs_queued=1, max_jobs_per_owner=1)
    context = context_of(client)
    dataset = filled(context.store, context.places, 40)
    answers = [client.post("/v1/expansions", json={"dataset": dataset, "copies": 50}) for _ in range(4)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert all(answer.json()["code"] == "jobs.too_many" and "Retry-After" in answer.headers for answer in refused)
    for answer in answers:
        if answer.status_code == 202:
            url = answer.headers["Location"]
            assert client.post(f"{url}/cancel").status_code == 202
            assert settled(client.get, url)["state"] == "cancelled"
            assert client.get(f"{url}/result").json()["code"] == "result.not_there"


def test_after_kill_9_a_job_goes_on_and_ends_well(make_server: Callable[..., Server], tmp_path: Path) -> None:
    data = tmp_path / "server"
    data.mkdir()
    store = Store(f"sqlite:///{data / 'nfold.db'}")
    dataset = filled(store, Places(data), 60)
    store.close()
    server = make_server()
    job = httpx.post(f"{server.url}/v1/expansions", json={"dataset": dataset, "copies": 20}, timeout=60).json()
    path = job["links"]["self"]
    end = time.monotonic() + 60
    while httpx.get(server.url + path, timeout=60).json()["state"] == "queued":
        assert time.monotonic() < end
        time.sleep(0.05)
    server.kill()
    server.begin()
    done = settled(lambda url: httpx.get(server.url + url, timeout=60), path)
    assert (done["state"], done["result"]["images_after"]) == ("succeeded", 60 * 21)
