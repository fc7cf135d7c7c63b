"""Comparisons over HTTP: from the request to the page and the figures."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import write_picture
from tests.service.conftest import settled
from tests.service.stored import context_of, ready_dataset


@pytest.fixture
def dataset(client: Any) -> str:
    context = context_of(client)
    identity = ready_dataset(context.store)
    for number in range(3):
        write_picture(context.places.dataset(identity) / f"picture{number}.png", number)
    return identity


def test_a_comparison_runs_to_its_report(client: Any, dataset: str) -> None:
    asked = client.post("/v1/comparisons", json={"dataset": dataset, "copies": 2, "epochs": 2})
    assert asked.status_code == 202, asked.text
    url = asked.headers["Location"]
    early = client.get(f"{url}/report")
    assert early.status_code in (200, 409)
    job = settled(client.get, url)
    assert job["state"] == "succeeded", job
    assert job["kind"] == "comparison"
    assert job["result"]["answer"]
    assert [one["id"] for one in client.get("/v1/comparisons").json()["jobs"]] == [job["id"]]
    page = client.get(job["links"]["report"])
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert page.text.startswith("<!doctype html>") or page.text.startswith("<!DOCTYPE html>")
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "connect-src" not in policy
    assert page.headers["X-Frame-Options"] == "SAMEORIGIN"
    figures = client.get(job["links"]["figures"])
    assert figures.headers["Content-Type"] == "application/json"
    assert figures.json()["answer"] == job["result"]["answer"]
    for answer in (page, figures):
        assert str(context_of(client).places.root) not in answer.text
    events = client.get(f"{url}/events")
    assert events.headers["Content-Type"].startswith("text/event-stream")
    assert '"succeeded"' in events.text
    assert client.delete(url).status_code == 204
    assert client.get(url).status_code == 404
    assert not context_of(client).places.job_home(job["id"]).exists()


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"recipe": "/etc/passwd"}, 422, "unknown_name"),
        ({"recipe": "./x.yaml"}, 422, "unknown_name"),
        ({"recipe": {"augment": [{"NoSuchThing": {}}]}}, 422, None),
        ({"copies": 51}, 422, "request.invalid"),
        ({"source": "/etc"}, 422, "request.invalid"),
    ],
)
def test_what_cannot_be_compared_is_refused_at_once(
    client: Any, dataset: str, body: dict[str, Any], status: int, code: str | None
) -> None:
    answer = client.post("/v1/comparisons", json={"dataset": dataset, **body})
    assert answer.status_code == status, answer.text
    assert code in (None, answer.json()["code"])


def test_an_expansion_is_no_comparison(client: Any, dataset: str) -> None:
    job = client.post("/v1/expansions", json={"dataset": dataset, "copies": 1}).json()
    assert client.get(f"/v1/comparisons/{job['id']}").status_code == 404
    settled(client.get, job["links"]["self"])
