"""Both meanings on a few pictures, what an expansion would give, and what came of one, source by source."""

from __future__ import annotations

import base64
import io
import json
import time
import zipfile
from typing import Any

import pytest

from nfold_service.routes.page import _example
from tests.service.conftest import linked_pages, settled


@pytest.fixture
def dataset(client: Any) -> str:
    """The example's five photographs."""
    identity = str(client.post("/v1/datasets").json()["id"])
    client.put(f"/v1/datasets/{identity}/content", content=_example()).raise_for_status()
    assert settled(client.get, f"/v1/datasets/{identity}")["state"] == "ready"
    return identity


def of(client: Any, dataset: str, **query: Any) -> dict[str, Any]:
    answer = client.get(f"/v1/datasets/{dataset}/variations", params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def hashes(answer: dict[str, Any]) -> list[str]:
    return [tile["pixels"] for source in answer["sources"] for tile in source["tiles"]]


def test_offline_is_the_same_in_each_epoch_and_on_the_fly_another(client: Any, dataset: str) -> None:
    offline = [hashes(of(client, dataset, meaning="offline", copies=2, epoch=epoch)) for epoch in (1, 2)]
    assert offline[0] == offline[1]
    assert len(offline[0]) == len(set(offline[0])) == 9
    fly = [hashes(of(client, dataset, meaning="on_the_fly", epoch=epoch)) for epoch in (1, 2)]
    assert [len(one) for one in fly] == [3, 3]
    assert not set(fly[0]) & set(fly[1])
    originals = [source["tiles"][0]["pixels"] for source in of(client, dataset, meaning="offline")["sources"]]
    assert hashes(of(client, dataset, meaning="inference", epoch=5)) == originals


def test_the_disk_is_counted_by_files(client: Any, dataset: str) -> None:
    offline = of(client, dataset, meaning="offline", copies=2, most=1)["sources"][0]
    fly = of(client, dataset, meaning="on_the_fly", most=1)["sources"][0]
    assert offline["disk"] == {"images": 3, "bytes": sum(tile["bytes"] for tile in offline["tiles"])}
    assert fly["disk"] == {"images": 1, "bytes": offline["tiles"][0]["bytes"]}


def test_a_tile_is_a_small_jpeg(client: Any, dataset: str) -> None:
    tile = of(client, dataset, most=1, side=64)["sources"][0]["tiles"][0]
    kind, _, data = tile["picture"].partition(",")
    assert kind == "data:image/jpeg;base64"
    assert base64.b64decode(data).startswith(b"\xff\xd8\xff")
    assert max(tile["width"], tile["height"]) > 64


def test_a_page_beyond_the_end_is_empty(client: Any, dataset: str) -> None:
    answer = of(client, dataset, first=5)
    assert (answer["sources"], answer["total"]) == ([], 5)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"meaning": "offline", "copies": 50, "most": 24}, "variations.too_many"),
        ({"recipe": "/etc/passwd"}, "unknown_name"),
        ({"meaning": "both"}, "request.invalid"),
    ],
)
def test_what_makes_no_sense_is_refused(client: Any, dataset: str, query: dict[str, Any], code: str) -> None:
    answer = client.get(f"/v1/datasets/{dataset}/variations", params=query)
    assert (answer.status_code, answer.json()["code"]) == (422, code)


def test_a_data_set_that_is_not_ready_has_no_variations(client: Any) -> None:
    identity = client.post("/v1/datasets").json()["id"]
    for path in ("variations", "estimate"):
        answer = client.get(f"/v1/datasets/{identity}/{path}")
        assert (answer.status_code, answer.json()["code"]) == (409, "dataset.not_ready")


def test_an_estimate_counts_and_refuses_as_an_expansion_does(client: Any, dataset: str) -> None:
    found = client.get(f"/v1/datasets/{dataset}/estimate", params={"copies": 3}).json()
    assert (found["images_before"], found["images_after"]) == (5, 20)
    tiles = [
        tile for one in of(client, dataset, meaning="offline", copies=3, most=5)["sources"] for tile in one["tiles"]
    ]
    assert found["bytes"] == pytest.approx(sum(tile["bytes"] for tile in tiles), rel=0.25)
    more = client.get(f"/v1/datasets/{dataset}/estimate", params={"copies": 1000}).json()
    assert 0 < found["seconds"] < more["seconds"]
    assert client.get(f"/v1/datasets/{dataset}/estimate", params={"per_class": 6}).json()["images_after"] == 24
    both = client.get(f"/v1/datasets/{dataset}/estimate", params={"copies": 1, "per_class": 6})
    assert both.status_code == 422


def test_a_result_is_looked_through_source_by_source(client: Any, dataset: str) -> None:
    job = client.post("/v1/expansions", json={"dataset": dataset, "copies": 2, "seed": 7}).json()["id"]
    assert settled(client.get, f"/v1/expansions/{job}")["state"] == "succeeded"
    base = f"/v1/expansions/{job}"
    first = client.get(f"{base}/sources", params={"limit": 2}).json()
    rest = client.get(f"{base}/sources", params={"limit": 100, "first": first["next"]}).json()
    assert [len(page["sources"]) for page in (first, rest)] == [2, 3]
    assert rest["next"] is None
    assert len(linked_pages(client, f"{base}/sources?limit=2")) == 3
    names = [file["name"] for page in linked_pages(client, f"{base}/files?limit=4") for file in page["files"]]
    assert len(names) == 5 * 3 + len({"nfold.json"}) + len({"README.md"} & set(names))
    assert names == sorted(set(names))
    people = client.get(f"{base}/sources", params={"category": "people"}).json()["sources"]
    assert {one["source"] for one in people} == {"people/astronaut.jpg", "people/camera.jpg"}
    assert [file["copy"] for file in people[0]["files"]] == [0, 1, 2]
    assert people[0]["files"][1]["applied"][-1]["name"] == "Rotate"
    shown = of(client, dataset, meaning="offline", copies=2, seed=7, most=20)["sources"]
    made = {one["source"]: [file["pixels"] for file in one["files"]] for one in first["sources"] + rest["sources"]}
    assert {one["source"]: [tile["pixels"] for tile in one["tiles"]] for one in shown} == made
    name = people[0]["files"][1]["name"]
    began = time.monotonic()
    for _ in range(2):
        small = client.get(f"{base}/thumbnails/{name}", params={"side": 100})
        assert small.headers["Content-Type"] == "image/jpeg"
    assert time.monotonic() - began < 30
    for wrong in ("none.jpg", ".nfold/parts/s.jsonl", "..%2f..%2freport.json"):
        assert client.get(f"{base}/thumbnails/{wrong}").status_code == 404


def test_copies_that_had_to_be_drawn_again_are_those_of_the_expansion(client: Any, dataset: str) -> None:
    recipe = {"augment": [{"HorizontalFlip": {"p": 0.5}}]}
    body = {"dataset": dataset, "copies": 1, "recipe": recipe}
    job = client.post("/v1/expansions", json=body).json()["id"]
    assert settled(client.get, f"/v1/expansions/{job}")["state"] == "succeeded"
    listed = client.get(f"/v1/expansions/{job}/sources").json()["sources"]
    made = {one["source"]: [file["pixels"] for file in one["files"]] for one in listed}
    shown = of(client, dataset, meaning="offline", copies=1, most=20, recipe=json.dumps(recipe))["sources"]
    assert {one["source"]: [tile["pixels"] for tile in one["tiles"]] for one in shown} == made


def test_boxes_are_told_in_shares_of_the_picture(client: Any) -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(_example())) as example, zipfile.ZipFile(held, "w") as archive:
        archive.writestr("data.yaml", "train: images/train\nval: images/train\nnames: [cup]\n")
        archive.writestr("images/train/a.jpg", example.read("food/coffee.jpg"))
        archive.writestr("labels/train/a.txt", "0 0.5 0.5 0.4 0.2\n")
    identity = client.post("/v1/datasets").json()["id"]
    client.put(f"/v1/datasets/{identity}/content", content=held.getvalue()).raise_for_status()
    assert settled(client.get, f"/v1/datasets/{identity}")["state"] == "ready"
    (tile,) = of(client, identity, meaning="inference")["sources"][0]["tiles"]
    assert tile["marks"][0]["name"] == "cup"
    assert tile["marks"][0]["box"] == pytest.approx([0.3, 0.4, 0.7, 0.6], abs=1e-4)
    job = client.post("/v1/expansions", json={"dataset": identity, "copies": 1}).json()["id"]
    assert settled(client.get, f"/v1/expansions/{job}")["state"] == "succeeded"
    original, copy = client.get(f"/v1/expansions/{job}/sources").json()["sources"][0]["files"]
    assert [one["marks"][0]["name"] for one in (original, copy)] == ["cup", "cup"]
    assert original["marks"][0]["box"] == pytest.approx([0.3, 0.4, 0.7, 0.6], abs=1e-4)
    assert (copy["labels_kept"], copy["dropped"]) == (1, [])


def test_the_example_may_be_given_away() -> None:
    with zipfile.ZipFile(io.BytesIO(_example())) as archive:
        listed = archive.read("LICENSES.csv").decode()
        pictures = [name for name in archive.namelist() if name.endswith(".jpg")]
    assert len(pictures) == 5
    assert all(f"{name}," in listed for name in pictures)
    assert len(_example()) < 300_000
    assert {line.rpartition(",")[2] for line in listed.splitlines()[1:]} <= {"CC0", "public domain"}
