"""Data sets over HTTP: made, filled with an archive, looked at, listed, deleted; nobody else's are seen."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
import types
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from nfold_service.keys import new_key
from nfold_service.store.keyring import add_key
from tests.service.archives import PNG, make_tar, make_zip
from tests.service.conftest import TestClient, linked_pages, settled

Make = Callable[..., TestClient]


def new_dataset(client: TestClient, name: str = "photos", **options: Any) -> str:
    answer = client.post("/v1/datasets", json={"name": name}, **options)
    assert answer.status_code == 201, answer.text
    url: str = answer.headers["Location"]
    assert answer.json()["links"]["self"] == url
    return url


def filled(client: TestClient, archive: bytes) -> tuple[str, dict[str, Any]]:
    url = new_dataset(client)
    answer = client.put(f"{url}/content", content=archive)
    assert answer.status_code == 202, answer.text
    return url, settled(client.get, url)


def zip_of(folder: Path) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder.parent))
    return buffer.getvalue()


def test_real_photographs_come_as_zip_and_as_tar_gz(client: TestClient, example_photos: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        archive.add(example_photos, "photos")
    for content in (zip_of(example_photos), buffer.getvalue()):
        url, document = filled(client, content)
        assert document["state"] == "ready", document["problem"]
        assert (document["files"], document["found"]["images"]) == (9, 9)
        assert {entry["category"] for entry in document["found"]["classes"]} == {"food", "nature", "people", "places"}
        assert document["found"]["unpacked"]["top_folder"] == "photos"
        paths = [entry["path"] for entry in client.get(f"{url}/files").json()["files"]]
        assert paths == sorted(path.relative_to(example_photos).as_posix() for path in example_photos.rglob("*.jpg"))


def test_an_annotated_set_tells_its_classes_and_objects(client: TestClient, real_data: Path) -> None:
    _, document = filled(client, zip_of(real_data / "blood-cells"))
    assert document["state"] == "ready", document["problem"]
    assert document["found"]["objects"], document["found"]


def test_pages_of_files_and_of_data_sets_hold_each_once(client: TestClient) -> None:
    url, _ = filled(client, make_zip(*((f"{number:02}.png", PNG) for number in range(25))))
    others = [new_dataset(client) for _ in range(4)]
    paths: list[str] = []
    cursor: str | None = None
    while True:
        page = client.get(f"{url}/files", params={"limit": 10, **({"cursor": cursor} if cursor else {})}).json()
        paths += [entry["path"] for entry in page["files"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert paths == [f"{number:02}.png" for number in range(25)]
    assert [one["path"] for page in linked_pages(client, f"{url}/files?limit=10") for one in page["files"]] == paths
    assert len(linked_pages(client, "/v1/datasets?limit=3")) == 2
    first = client.get("/v1/datasets", params={"limit": 3}).json()
    second = client.get("/v1/datasets", params={"limit": 3, "cursor": first["next"]}).json()
    found = [entry["links"]["self"] for page in (first, second) for entry in page["datasets"]]
    assert found == [*reversed(others), url]
    assert client.get(f"{url}/files", params={"cursor": "!"}).json()["code"] == "request.cursor"


def test_a_refused_archive_leaves_a_broken_set_that_says_why_and_can_be_filled_again(
    client: TestClient, tmp_path: Path
) -> None:
    url, document = filled(client, make_zip(("../a.png", PNG)))
    assert document["state"] == "broken"
    assert document["problem"]["code"] == "archive.name"
    assert document["problem"]["status"] == 422
    assert (document["files"], document["bytes"]) == (0, 0)
    home = tmp_path / "data"
    assert not list((home / "staging").iterdir())
    assert not [path for path in (home / "datasets").rglob("*") if path.is_file()]
    assert client.put(f"{url}/content", content=make_tar(("a.png", PNG))).status_code == 202
    assert settled(client.get, url)["state"] == "ready"


def both_ways(client: TestClient) -> str:
    """A data set whose pictures have labels in YOLO, "cup", and in COCO, "mug"."""
    url = new_dataset(client)
    coco = {
        "images": [{"id": 1, "file_name": "a.png", "width": 4, "height": 3}],
        "categories": [{"id": 1, "name": "mug"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 2, 2], "area": 4, "iscrowd": 0}],
    }
    held = io.BytesIO()
    Image.new("RGB", (4, 3), (200, 30, 30)).save(held, "png")
    for path, content in {
        "images/a.png": held.getvalue(),
        "labels/a.txt": b"0 0.5 0.5 0.5 0.5\n",
        "data.yaml": b"path: .\ntrain: images\nnames: [cup]\n",
        "images/instances.json": json.dumps(coco).encode(),
    }.items():
        client.put(f"{url}/files/{path}", content=content).raise_for_status()
    return url


def test_of_several_label_sets_one_is_chosen_and_all_that_follows_reads_it(make_client: Make) -> None:
    client = make_client()
    url = both_ways(client)
    client.post(f"{url}/inspect").raise_for_status()
    broken = settled(client.get, url)
    assert broken["state"] == "broken"
    assert broken["problem"]["code"] == "labels.several_sets"
    assert sorted(broken["problem"]["choices"]) == ["coco", "yolo"]
    assert "inspect?format=" in broken["problem"]["hint"]
    for chosen, word in (("coco", "mug"), ("yolo", "cup")):  # the second of a data set that is ready
        assert client.post(f"{url}/inspect", params={"format": chosen}).status_code == 202
        ready = settled(client.get, url)
        assert (ready["state"], ready["problem"], ready["found"]["read_as"]) == ("ready", None, chosen)
        assert [entry["category"] for entry in ready["found"]["objects"]] == [word]
        tiles = client.get(f"{url}/variations", params={"meaning": "inference"}).json()["sources"][0]["tiles"]
        assert [mark["name"] for mark in tiles[0]["marks"]] == [word]
        assert client.get(f"{url}/estimate", params={"copies": 2}).json()["images_after"] == 3
        with tarfile.open(fileobj=io.BytesIO(client.get(f"{url}/stream?training=false").content)) as archive:
            read = {name: archive.extractfile(name) for name in archive.getnames() if name.endswith(".json")}
            assert word in "".join(file.read().decode() for file in read.values() if file is not None)
    dataset = url.rpartition("/")[2]
    for path, more in (("expansions", {}), ("comparisons", {"epochs": 1})):
        made = client.post(f"/v1/{path}", json={"dataset": dataset, "copies": 1, **more}).json()
        assert made["request"]["format"] == "yolo"
        assert settled(client.get, f"/v1/{path}/{made['id']}")["state"] == "succeeded"
    other = client.post("/v1/expansions", json={"dataset": dataset, "copies": 1, "format": "coco"}).json()
    assert other["request"]["format"] == "coco"


def test_an_unknown_format_is_refused_at_once(client: TestClient) -> None:
    url = both_ways(client)
    answer = client.post(f"{url}/inspect", params={"format": "kitti"})
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_name")
    assert client.get(url).json()["state"] == "receiving"


def test_a_ready_set_takes_no_other_content(client: TestClient) -> None:
    url, _ = filled(client, make_zip(("a.png", PNG)))
    for answer in (
        client.put(f"{url}/content", content=make_zip(("b.png", PNG))),
        client.put(f"{url}/files/b.png", content=PNG),
        client.post(f"{url}/content", files=[("file", ("b.png", PNG))]),
        client.post(f"{url}/inspect"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "dataset.state")
    assert client.get(url).json()["state"] == "ready"


def test_what_is_no_archive_is_refused_at_its_first_bytes(client: TestClient) -> None:
    url = new_dataset(client)
    for content in (b"hello" * 1000, PNG + make_zip(("a.png", PNG)), b"", b"P"):
        answer = client.put(f"{url}/content", content=content)
        assert (answer.status_code, answer.json()["code"]) == (415, "archive.unknown")
        assert client.get(url).json()["state"] == "empty"


def test_the_digest_of_a_body_is_checked(client: TestClient) -> None:
    content = make_zip(("a.png", PNG))
    right = base64.b64encode(hashlib.sha256(content).digest()).decode()
    wrong = base64.b64encode(hashlib.sha256(b"").digest()).decode()
    url = new_dataset(client)
    for header in ("Content-Digest", "Repr-Digest"):
        answer = client.put(f"{url}/content", content=content, headers={header: f"sha-256=:{wrong}:"})
        assert (answer.status_code, answer.json()["code"]) == (422, "upload.digest")
    answer = client.put(f"{url}/content", content=content, headers={"Content-Digest": "sha-256=:x:"})
    assert answer.status_code == 400
    assert client.get(url).json()["state"] == "empty"
    headers = {"Repr-Digest": f"md5=:AAAA:, sha-256=:{right}:"}
    assert client.put(f"{url}/content", content=content, headers=headers).status_code == 202
    assert settled(client.get, url)["state"] == "ready"


def test_too_much_is_refused_before_the_body_or_when_it_is_too_much(make_client: Make) -> None:
    client = make_client(max_archive_bytes=1000)
    url = new_dataset(client)
    big = make_zip(("a.png", PNG), ("b.txt", bytes(5000)), method=zipfile.ZIP_STORED)
    announced = client.put(f"{url}/content", content=big)
    streamed = client.put(f"{url}/content", content=iter([big[:900], big[900:]]))
    for answer in (announced, streamed):
        assert (answer.status_code, answer.json()["code"]) == (413, "request.too_large")
    assert client.get(url).json()["state"] == "empty"


def test_a_nearly_full_disk_refuses_new_data(make_client: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    full = make_client(disk_reserve_bytes=2**40)
    with monkeypatch.context() as roomy:
        roomy.setattr("nfold_service.context.shutil.disk_usage", lambda path: types.SimpleNamespace(free=2**41))
        url = new_dataset(full)
    answer = full.put(f"{url}/content", content=make_zip(("a.png", PNG)))
    assert (answer.status_code, answer.json()["code"]) == (507, "disk.full")
    assert full.post("/v1/datasets", json={}).status_code == 507


def test_deleting_removes_the_files_and_is_refused_while_a_job_needs_them(client: TestClient, tmp_path: Path) -> None:
    url, document = filled(client, make_zip(("a.png", PNG)))
    job = client.post("/v1/expansions", json={"dataset": document["id"], "copies": 1, "recipe": "flip-rotate"})
    assert job.status_code == 202, job.text
    answer = client.delete(url)
    if answer.status_code != 204:  # a quick machine may have ended the job
        assert (answer.status_code, answer.json()["code"]) == (409, "dataset.in_use")
        client.delete(job.headers["Location"])
        assert client.delete(url).status_code == 204
    assert client.get(url).status_code == 404
    assert not list((tmp_path / "data" / "datasets").iterdir())


def test_unknown_ids_and_fields_are_refused(client: TestClient) -> None:
    assert client.get(f"/v1/datasets/ds_{'0' * 20}").json()["code"] == "dataset.missing"
    assert client.get("/v1/datasets/elsewhere").status_code == 422
    assert client.post("/v1/datasets", json={"nome": "x"}).json()["errors"][0]["pointer"] == "/nome"
    assert client.post("/v1/datasets").status_code == 201


def test_nobody_sees_or_touches_the_data_sets_of_another(client: TestClient) -> None:
    store = client.app.state.context.store  # type: ignore[attr-defined]
    keys = {}
    for owner, scopes in (("ann", ("read", "write")), ("bob", ("read", "write")), ("ann-reads", ("read",))):
        key, row = new_key(owner.removesuffix("-reads"), scopes)
        store.run_now(add_key, row)
        keys[owner] = {"X-API-Key": key}
    url = new_dataset(client, headers=keys["ann"])
    tus = {"Tus-Resumable": "1.0.0", "Upload-Length": "10"}
    upload = client.post(f"{url}/uploads", headers=keys["ann"] | tus).headers["Location"]
    write = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": "0"}
    reads = [("GET", url, {}), ("GET", f"{url}/files", {})]
    writes = [
        ("PUT", f"{url}/content", {}),
        ("POST", f"{url}/content", {}),
        ("PUT", f"{url}/files/a.png", {}),
        ("DELETE", f"{url}/files/a.png", {}),
        ("POST", f"{url}/inspect", {}),
        ("POST", f"{url}/uploads", tus),
        ("HEAD", upload, tus),
        ("PATCH", upload, tus | write),
        ("DELETE", upload, tus),
        ("DELETE", url, {}),
    ]
    for method, path, headers in reads + writes:
        assert client.request(method, path, headers=headers | keys["bob"]).status_code == 404, (method, path)
        assert client.request(method, path, headers=headers | {"X-API-Key": "x" * 20}).status_code == 401
    for method, path, headers in writes:
        assert client.request(method, path, headers=headers | keys["ann-reads"]).status_code == 403, (method, path)
    for _, path, _ in reads:
        assert client.get(path, headers=keys["ann-reads"]).status_code == 200
    assert client.get("/v1/datasets", headers=keys["bob"]).json()["datasets"] == []
    assert client.get(url, headers=keys["ann"]).json()["state"] == "receiving"
