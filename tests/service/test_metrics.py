from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from nfold_service.metrics import Metrics
from nfold_service.store import queue
from nfold_service.store.figures import job_figures
from tests.service.stored import context_of, fresh_key, ready_dataset


def figures(client: Any) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def requests_of(client: Any, route: str, status: str) -> float:
    labels = (("method", "GET"), ("route", route), ("status", status))
    return figures(client).get(("nfold_requests_total", labels), 0.0)


def test_requests_are_counted_by_the_template_of_their_route(client: Any) -> None:
    for number in range(3):
        client.get(f"/v1/expansions/job_{number:020x}")
    assert requests_of(client, "/v1/expansions/{job}", "404") == 3


def test_what_callers_choose_is_no_label(client: Any) -> None:
    for number in range(20):
        client.get(f"/nothing/{number}")
        client.request(f"M{number}", "/healthz")
    found = figures(client)
    routes = {dict(labels)["route"] for name, labels in found if name == "nfold_requests_total"}
    methods = {dict(labels)["method"] for name, labels in found if name == "nfold_requests_total"}
    assert routes <= {"none", "/healthz", "/metrics"}
    assert methods <= {"GET", "other"}
    assert requests_of(client, "none", "404") == 20


def test_jobs_are_counted_by_state_and_the_queue_has_an_age(client: Any) -> None:
    store = context_of(client).store
    dataset = ready_dataset(store)
    for number in range(2):
        identity = f"job_{number:020x}"
        store.run_now(queue.add_job, identity=identity, owner="a", kind="expansion", dataset=dataset, request={})
        store.run_now(queue.ask_to_cancel, identity)
    assert figures(client)[("nfold_jobs", (("state", "cancelled"),))] == 2
    assert store.run_now(job_figures).counts["cancelled"] == 2
    assert figures(client)[("nfold_queue_age_seconds", ())] == 0


def test_bytes_replays_and_the_store_are_measured(client: Any) -> None:
    before = figures(client)
    recipe = b"augment: [{HorizontalFlip: {p: 0.5}}]"
    for _ in range(2):
        client.post("/v1/recipes/check", content=recipe, headers={"Idempotency-Key": "k"})
    after = figures(client)
    assert after[("nfold_received_bytes_total", ())] - before[("nfold_received_bytes_total", ())] == 2 * len(recipe)
    assert after[("nfold_replayed_answers_total", ())] == 1
    assert after[("nfold_store_seconds_count", ())] > before[("nfold_store_seconds_count", ())]


def test_they_need_a_key_where_the_service_has_one(make_client: Callable[..., Any]) -> None:
    client = make_client(api_key="k" * 32)
    assert client.get("/metrics").status_code == 401
    key = fresh_key(context_of(client).store, "prometheus", "read")
    assert client.get("/metrics", headers={"Authorization": f"Bearer {key}"}).status_code == 200


def test_two_services_in_one_process_count_apart() -> None:
    one, other = Metrics(), Metrics()
    one.received.inc(5)
    assert one.registry.get_sample_value("nfold_received_bytes_total") == 5
    assert other.registry.get_sample_value("nfold_received_bytes_total") == 0
    one.observe_job("expansion", "succeeded", 1.5, 10)
    assert one.registry.get_sample_value("nfold_images_written_total") == 10


def test_every_figure_has_our_name(client: Any) -> None:
    names = re.findall(r"^# TYPE (\S+)", client.get("/metrics").text, re.MULTILINE)
    assert len(names) >= 15
    assert all(name.startswith("nfold_") for name in names)
