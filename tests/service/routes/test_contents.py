"""Files one by one and forms: names, twins, limits, and when the set is ready."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.service.archives import PNG, make_zip
from tests.service.conftest import TestClient, settled
from tests.service.routes.test_datasets import new_dataset

Make = Callable[..., TestClient]


def test_photographs_come_file_by_file_and_are_ready_when_asked(client: TestClient, example_photos: Path) -> None:
    url = new_dataset(client)
    for path in sorted(example_photos.rglob("*.jpg")):
        name = path.relative_to(example_photos).as_posix()
        answer = client.put(f"{url}/files/{name}", content=path.read_bytes())
        assert (answer.status_code, answer.json()) == (201, {"path": name, "bytes": path.stat().st_size})
    document = client.get(url).json()
    assert (document["state"], document["files"]) == ("receiving", 9)
    assert client.post(f"{url}/inspect").status_code == 202
    document = settled(client.get, url)
    assert (document["state"], document["found"]["images"]) == ("ready", 9)


def test_a_file_takes_the_place_of_its_older_self_and_can_be_taken_out(client: TestClient) -> None:
    url = new_dataset(client)
    assert client.put(f"{url}/files/a.txt", content=b"old").status_code == 201
    assert client.put(f"{url}/files/a.txt", content=b"newer").status_code == 200
    assert client.put(f"{url}/files/b.png", content=PNG).status_code == 201
    document = client.get(url).json()
    assert (document["files"], document["bytes"]) == (2, 5 + len(PNG))
    assert client.delete(f"{url}/files/a.txt").status_code == 204
    assert client.delete(f"{url}/files/a.txt").status_code == 404
    assert client.get(f"{url}/files").json()["files"] == [{"path": "b.png", "bytes": len(PNG)}]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("%2e%2e/a.png", 422, "archive.name"),
        ("a/%2e%2e/%2e%2e/b.png", 422, "archive.name"),
        ("%2Ftmp/a.png", 422, "archive.name"),
        ("C:%5Ca.png", 422, "archive.name"),
        ("a%00b.png", 422, "archive.name"),
        ("d/" * 17 + "a.png", 422, "archive.depth"),
        ("n" * 256 + ".png", 422, "archive.name"),
        ("A.PNG", 422, "archive.duplicate"),
        ("a.png/b.png", 422, "archive.duplicate"),
        ("E%CC%81.png", 422, "archive.duplicate"),
        ("run.sh", 415, "dataset.file_kind"),
        (".hidden.png", 415, "dataset.file_kind"),
    ],
)
def test_names_that_lead_elsewhere_or_meet_a_twin_are_refused(
    client: TestClient, tmp_path: Path, path: str, status: int, code: str
) -> None:
    url = new_dataset(client)
    for name in ("a.png", "%C3%A9.png"):
        assert client.put(f"{url}/files/{name}", content=PNG).status_code == 201
    before = {found for found in tmp_path.rglob("*") if found.suffix in (".png", ".sh")}
    answer = client.put(f"{url}/files/{path}", content=PNG)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert {found for found in tmp_path.rglob("*") if found.suffix in (".png", ".sh")} == before
    assert not list((tmp_path / "data" / "staging").iterdir())


def test_a_form_with_files_keeps_their_relative_names(client: TestClient) -> None:
    url = new_dataset(client)
    files = [("file", (name, PNG)) for name in ("cats/1.png", "cats/2.png", "dogs/1.png", "Thumbs.db")]
    assert client.post(f"{url}/content", files=files).status_code == 202
    assert client.post(f"{url}/content", files=[("file", ("dogs/2.png", PNG))]).status_code == 202
    client.post(f"{url}/inspect")
    document = settled(client.get, url)
    assert document["state"] == "ready", document
    assert document["files"] == 4
    assert document["found"]["unpacked"]["passed_over"] == {".db": 1}
    assert {entry["category"] for entry in document["found"]["classes"]} == {"cats", "dogs"}


def test_a_form_with_an_archive_unpacks_it(client: TestClient) -> None:
    url = new_dataset(client)
    archive = make_zip(("a.png", PNG))
    assert client.post(f"{url}/content", files={"file": ("a.zip", archive)}).status_code == 202
    assert settled(client.get, url)["files"] == 1
    other = new_dataset(client)
    answer = client.post(f"{other}/content", files=[("file", ("a.zip", archive)), ("file", ("b.png", PNG))])
    assert (answer.status_code, answer.json()["code"]) == (422, "upload.form_mixed")
    assert client.get(other).json()["state"] == "empty"


def test_a_damaged_form_and_fields_that_are_no_files_are_refused(client: TestClient) -> None:
    url = new_dataset(client)
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    part = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n' + PNG
    for content, code in (
        (part, "upload.form"),
        (b"nonsense", "upload.form"),
        (b"--x--\r\n", "upload.form_empty"),
        (b'--x\r\nContent-Disposition: form-data; name="field"\r\n\r\nv\r\n--x--\r\n', "upload.form_field"),
        (b"--x\r\n" + b"A: b\r\n" * 100 + b"\r\n", "upload.form"),
    ):
        answer = client.post(f"{url}/content", content=content, headers=headers)
        assert answer.status_code in (400, 422)
        assert answer.json()["code"] == code
    assert client.post(f"{url}/content", content=PNG).json()["code"] == "upload.form"
    assert client.get(url).json()["state"] == "empty"


def test_limits_of_files_hold(make_client: Make) -> None:
    client = make_client(max_image_bytes=100, max_label_bytes=50, max_archive_files=2, max_unpacked_bytes=120)
    url = new_dataset(client)
    assert client.put(f"{url}/files/a.png", content=bytes(101)).status_code == 413
    assert client.put(f"{url}/files/a.png", content=iter([bytes(101)])).status_code == 413
    assert client.put(f"{url}/files/a.txt", content=bytes(51)).status_code == 413
    assert client.get(url).json()["state"] == "empty"
    assert client.put(f"{url}/files/a.png", content=PNG[:60]).status_code == 201
    assert client.put(f"{url}/files/b.png", content=bytes(70)).json()["code"] == "dataset.too_large"
    assert client.put(f"{url}/files/b.png", content=bytes(20)).status_code == 201
    assert client.put(f"{url}/files/c.png", content=b"x").json()["code"] == "dataset.too_large"
    assert client.get(url).json()["files"] == 2


def test_one_way_of_filling_excludes_the_others(client: TestClient) -> None:
    url = new_dataset(client)
    client.put(f"{url}/files/a.png", content=PNG)
    tus = {"Tus-Resumable": "1.0.0", "Upload-Length": "10"}
    assert client.put(f"{url}/content", content=make_zip(("a.png", PNG))).json()["code"] == "dataset.state"
    assert client.post(f"{url}/uploads", headers=tus).json()["code"] == "dataset.state"
    assert client.get(url).json()["files"] == 1
    other = new_dataset(client)
    assert client.post(f"{other}/uploads", headers=tus).status_code == 201
    assert client.put(f"{other}/files/a.png", content=PNG).json()["code"] == "dataset.state"


def test_a_broken_set_can_be_mended_by_another_file(client: TestClient) -> None:
    url = new_dataset(client)
    client.put(f"{url}/files/a.txt", content=b"only a text")
    client.post(f"{url}/inspect")
    assert settled(client.get, url)["state"] == "broken"
    assert client.put(f"{url}/files/a.png", content=PNG).status_code == 201
    client.post(f"{url}/inspect")
    assert settled(client.get, url)["state"] == "ready"
