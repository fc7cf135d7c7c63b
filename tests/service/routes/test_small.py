"""A few images, expanded at once: what comes back, under which names, and what is refused."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nfold_service.pictures import own_name
from tests.conftest import write_picture
from tests.service.stored import context_of

RECIPE = "augment:\n  - HorizontalFlip: {p: 1.0}\n"


@pytest.fixture
def picture(tmp_path: Path) -> bytes:
    return write_picture(tmp_path / "made.png", 1).read_bytes()


def unzipped(answer: Any) -> dict[str, bytes]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def pictures_in(files: dict[str, bytes]) -> list[str]:
    return sorted(name for name in files if name.endswith((".png", ".jpg")))


def leaves_nothing(client: Any) -> bool:
    return list(context_of(client).places.staging.iterdir()) == []


def test_a_form_gives_a_zip_of_originals_copies_manifest_and_report(client: Any, picture: bytes) -> None:
    form = {"copies": "2", "recipe": "flip-rotate", "seed": "7"}
    answer = client.post("/v1/expand", files={"image": ("cat.png", picture)}, data=form)
    files = unzipped(answer)
    assert pictures_in(files) == ["cat.png", "cat_aug1.png", "cat_aug2.png"]
    assert files["cat.png"] == picture
    assert answer.headers["Nfold-Images"] == "3"
    assert answer.headers["Nfold-Skipped"] == "0"
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    rows = [json.loads(line) for line in files["manifest.jsonl"].splitlines()]
    assert {row["source"] for row in rows if "source" in row} == {"cat.png"}
    assert all(str(context_of(client).places.root).encode() not in content for content in files.values())
    assert leaves_nothing(client)
    again = client.post("/v1/expand", files={"image": ("cat.png", picture)}, data=form)
    assert again.content == answer.content


@pytest.mark.parametrize("kind", ["image/png", "image/png; charset=binary"])
def test_a_raw_body_is_one_image_with_its_options_in_the_query(client: Any, picture: bytes, kind: str) -> None:
    answer = client.post(
        "/v1/expand", content=picture, headers={"Content-Type": kind}, params={"copies": 1, "recipe": RECIPE}
    )
    assert pictures_in(unzipped(answer)) == ["image.png", "image_aug1.png"]


def test_json_keeps_the_files_and_links_to_them(client: Any, picture: bytes) -> None:
    answer = client.post(
        "/v1/expand",
        files={"image": ("cat.png", picture)},
        data={"copies": "1"},
        headers={"Accept": "application/json"},
    )
    assert answer.status_code == 200, answer.text
    job = answer.json()
    assert answer.headers["Location"] == job["links"]["self"]
    assert client.get(job["links"]["self"]).json() == job
    listed = client.get(job["links"]["files"]).json()["files"]
    assert {"cat.png", "cat_aug1.png"} <= {one["name"] for one in listed}
    assert client.get(listed[0]["link"]).status_code == 200
    for name in ("result", "manifest", "report", "preview"):
        assert client.get(job["links"][name]).status_code == 200, name
    assert client.get(job["links"]["report"]).json()["images_after"] == 2
    assert leaves_nothing(client)
    assert client.delete(job["links"]["self"]).status_code == 204


def test_names_of_files_are_kept_where_they_are_safe_and_never_meet(
    client: Any, picture: bytes, tmp_path: Path
) -> None:
    names = [
        "cat.png",
        "CAT.png",
        "pets/cat.png",
        "../../../evil.png",
        "/etc/passwd",
        "C:\\x\\dog.png",
        ".png",
        "a\nb.png",
    ]
    answer = client.post(
        "/v1/expand", files=[("image", (name, picture)) for name in names], data={"copies": "1", "damaged": "keep"}
    )
    files = unzipped(answer)
    originals = [name for name in pictures_in(files) if "_aug1." not in name]
    assert len(originals) == len(names)
    assert {"cat.png", "CAT-2.png", "cat-3.png", "evil.png", "passwd.jpg", "dog.png"} <= set(originals)
    assert all(".." not in name for name in files)
    # Beside the run's own records everything lies flat.
    assert all("/" not in name for name in files if not name.startswith(".nfold/"))
    assert not list(tmp_path.rglob("evil*"))


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "/", "\\", "con", "a" * 500 + ".png", "\ud800.png", "x\x00.png", "-rf.png", " .png", "🐱.webp"],
)
def test_a_name_on_disk_is_one_short_plain_word(name: str) -> None:
    taken: set[str] = set()
    first, second = own_name(name, taken), own_name(name, taken)
    assert first != second
    for made in (first, second):
        assert made not in (".", "..")
        assert not set(made) & set('/\\\0\n"')
        assert len(made.encode()) <= 255
        assert made.endswith((".png", ".jpg", ".webp"))


def test_what_cannot_be_used_is_skipped_and_told(client: Any, picture: bytes) -> None:
    files = [("image", ("good.png", picture)), ("image", ("bad.png", picture[:50]))]
    answer = client.post("/v1/expand", files=files, data={"copies": "1"})
    assert answer.headers["Nfold-Skipped"] == "1"
    found = unzipped(answer)
    assert pictures_in(found) == ["good.png", "good_aug1.png"]
    assert "bad.png" in found["report.json"].decode()


def test_nothing_usable_is_422(client: Any) -> None:
    answer = client.post("/v1/expand", files={"image": ("cat.png", b"no image")}, data={"copies": "1"})
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert str(context_of(client).places.root) not in answer.text
    assert leaves_nothing(client)


@pytest.mark.parametrize(
    ("settings", "copies", "count", "status", "code"),
    [
        ({"max_small_copies": 2}, 3, 1, 422, "copies.too_many"),
        ({"max_small_images": 2}, 1, 3, 413, "request.too_many_files"),
        ({"max_small_bytes": 200}, 1, 1, 413, "request.too_large"),
        ({"max_image_bytes": 100}, 1, 1, 413, "request.too_large"),
        ({"max_image_pixels": 100}, 1, 1, 422, None),
    ],
)
def test_limits_hold(
    make_client: Callable[..., Any],
    picture: bytes,
    settings: dict[str, int],
    copies: int,
    count: int,
    status: int,
    code: str | None,
) -> None:
    client = make_client(**settings)
    files = [("image", (f"{number}.png", picture)) for number in range(count)]
    answer = client.post("/v1/expand", files=files, data={"copies": str(copies)})
    assert answer.status_code == status, answer.text
    assert code in (None, answer.json()["code"])
    assert leaves_nothing(client)


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"copies": "many"}, 422, None),
        ({"colour": "red"}, 422, "request.unknown_field"),
        ({"source": "/etc"}, 422, "request.unknown_field"),
        ({"name": "../{stem}"}, 422, None),
        ({"recipe": "x" * 70_000}, 413, "request.too_large"),
        ({"recipe": "flip-rotat"}, 422, "unknown_name"),
        ({"recipe": "/etc/passwd"}, 422, "unknown_name"),
        ({"recipe": "./x.yaml"}, 422, "unknown_name"),
        ({"recipe": "file:///etc/passwd"}, 422, None),
    ],
)
def test_fields_that_make_no_sense_are_refused(
    client: Any, picture: bytes, fields: dict[str, str], status: int, code: str | None
) -> None:
    answer = client.post("/v1/expand", files={"image": ("cat.png", picture)}, data=fields)
    assert answer.status_code == status, answer.text
    assert code in (None, answer.json()["code"])
    assert "root:" not in answer.text
    assert leaves_nothing(client)


def test_a_form_without_an_image_and_a_body_that_is_none_are_refused(client: Any) -> None:
    assert client.post("/v1/expand", files={"copies": (None, "1")}).json()["code"] == "request.no_image"
    assert client.post("/v1/expand", json={}).status_code == 415
    assert client.post("/v1/expand", files={"label": ("a.txt", b"x")}).json()["code"] == "request.unknown_field"
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    assert client.post("/v1/expand", content=b"--x\r\n", headers=headers).status_code == 400


@pytest.mark.parametrize("recipe", ["/etc/passwd", "./x.yaml", "x.yaml", "../recipe.json"])
def test_no_route_reads_a_recipe_from_the_disk_of_the_service(
    client: Any, picture: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recipe: str
) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    for name in ("x.yaml", "../recipe.json"):
        (folder / name).write_text(RECIPE)
    monkeypatch.chdir(folder)
    from tests.service.stored import ready_dataset

    dataset = ready_dataset(context_of(client).store)
    body = {"dataset": dataset, "copies": 1, "recipe": recipe}
    answers = [
        client.post("/v1/expansions", json=body),
        client.post("/v1/comparisons", json=body),
        client.post("/v1/expand", files={"image": ("a.png", picture)}, data={"recipe": recipe}),
        client.get(f"/v1/datasets/{dataset}/stream", params={"recipe": recipe}),
    ]
    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (422, "unknown_name")


def test_a_recipe_in_full_is_used(client: Any, picture: bytes) -> None:
    answer = client.post("/v1/expand", files={"image": ("a.png", picture)}, data={"recipe": RECIPE, "copies": "1"})
    rows = [json.loads(line) for line in unzipped(answer)["manifest.jsonl"].splitlines()]
    assert "HorizontalFlip" in json.dumps(rows)
