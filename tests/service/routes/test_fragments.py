"""What htmx puts into the page: fragments that show what the API tells, and errors that stand where they would have stood."""

from __future__ import annotations

import html
import io
import re
import zipfile
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nfold_service.app import create_app
from nfold_service.context import new_id
from nfold_service.routes.page import _example
from nfold_service.settings import Settings
from nfold_service.store import queue, shelves
from tests.service.conftest import HERE, TestClient, settled
from tests.service.stored import context_of, fresh_key

HX = {"HX-Request": "true", "HX-Current-URL": "https://shown.example:8443/#d=1"}
KEY = "the-key-of-the-operator"
HOSTILE = "<img src=x onerror=alert(1)>\"' שלום 👩\u200d🚀"


def shown(client: Any, path: str, *, status: int = 200, **query: Any) -> str:
    answer = client.get(f"/page{path}", params=query or None, headers=HX)
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    assert not re.search(r"<script|<[^>]* on[a-z]+=|<[^>]* style=|javascript:", answer.text), (
        "the policy of the page forbids it"
    )
    return str(answer.text)


def words_of(fragment: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", fragment)).split())


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A service that these tests share."""
    data = tmp_path_factory.mktemp("fragments") / "data"
    with TestClient(create_app(Settings(data=data, disk_reserve_bytes=0)), base_url=HERE) as client:
        yield client


@pytest.fixture(scope="module")
def dataset(home: Any) -> str:
    """The example's five photographs, and one that is none."""
    identity = str(home.post("/v1/datasets", json={"name": HOSTILE}).json()["id"])
    held = io.BytesIO(_example())
    with zipfile.ZipFile(held, "a") as archive:
        archive.writestr("food/torn.jpg", b"no picture")
    home.put(f"/v1/datasets/{identity}/content", content=held.getvalue()).raise_for_status()
    assert settled(home.get, f"/v1/datasets/{identity}")["state"] == "ready"
    return identity


@pytest.fixture(scope="module")
def job(home: Any, dataset: str) -> str:
    identity = str(home.post("/v1/expansions", json={"dataset": dataset, "copies": 2, "seed": 4}).json()["id"])
    assert settled(home.get, f"/v1/expansions/{identity}")["state"] == "succeeded_with_errors"
    return identity


def test_what_was_found_is_shown(home: Any, dataset: str) -> None:
    fragment = shown(home, f"/datasets/{dataset}")
    assert html.escape(HOSTILE).replace("&quot;", "&#34;").replace("&#x27;", "&#39;") in fragment
    words = words_of(fragment)
    assert "6 images" in words
    assert "food 2, nature 1, people 2, places 1" in words
    assert "one folder for each class" in words
    strip = shown(home, f"/datasets/{dataset}/strip")
    assert strip.count('src="data:image/jpeg;base64,') == 5
    assert "The bytes are not an image" in words_of(strip)


def test_the_result_is_shown_with_the_ways_to_it(home: Any, job: str) -> None:
    fragment = shown(home, f"/expansions/{job}")
    words = words_of(fragment)
    assert "6 images became 15 images" in words
    assert "1 source skipped." in words
    assert f'href="/v1/expansions/{job}/result"' in fragment
    assert "nfold expand FOLDER OUTPUT --copies 2 --seed 4" in words
    assert "curl -X POST https://shown.example:8443/v1/expansions -H 'Content-Type" in words
    assert "every 1s" not in fragment, "what has ended is not asked for again"
    assert 'hx-trigger="load"' in fragment


def test_with_a_key_a_button_saves_what_a_link_could_not(make_client: Any) -> None:
    client = make_client(api_key=KEY)
    store = context_of(client).store
    identity = new_id("job")
    store.run_now(
        queue.add_finished_job,
        identity=identity,
        owner="default",
        kind="expansion",
        request={"copies": 1},
        result={"images_before": 1, "images_after": 2, "bytes": 10, "sha256": "0" * 64},
    )
    answer = client.get(f"/page/expansions/{identity}", headers={**HX, "X-API-Key": KEY})
    assert f'data-save="/v1/expansions/{identity}/result"' in answer.text
    assert "$NFOLD_API_KEY" in answer.text
    assert 'href="/v1' not in answer.text


def test_a_job_that_runs_is_asked_for_until_it_has_ended(home: Any, dataset: str) -> None:
    identity = str(home.post("/v1/expansions", json={"dataset": dataset, "copies": 200}).json()["id"])
    whole = shown(home, f"/expansions/{identity}", comparison="job_00000000000000000000")
    assert 'hx-trigger="every 1s"' in whole
    assert f'hx-post="/v1/expansions/{identity}/cancel"' in whole
    progress = home.get(f"/page/expansions/{identity}/progress", headers=HX)
    assert "HX-Retarget" not in progress.headers
    assert "<progress" in progress.text
    home.post(f"/v1/expansions/{identity}/cancel").raise_for_status()
    last = home.get(f"/page/expansions/{identity}/progress", headers=HX)
    assert (last.headers["HX-Retarget"], last.headers["HX-Reswap"]) == ("#work-body", "innerHTML")
    assert "Cancelled" in last.text
    assert "every 1s" not in last.text


def test_the_gallery_comes_in_pages_and_by_class(home: Any, job: str) -> None:
    fragment = shown(home, f"/expansions/{job}/gallery")
    words = words_of(fragment)
    assert "Sources 1 to 6" in words
    assert "Skipped: The bytes are not an image" in words
    assert fragment.count("data-picture=") == 15
    assert 'id="gallery-next"' not in fragment
    people = shown(home, f"/expansions/{job}/gallery", category="=people")
    assert people.count("data-picture=") == 6
    assert '<option value="=people" selected>' in people
    assert "Nothing of this class." in words_of(shown(home, f"/expansions/{job}/gallery", category="=none"))
    second = shown(home, f"/expansions/{job}/gallery", first=2)
    assert "Sources 3 to 6" in words_of(second)
    assert re.search(r'id="gallery-back"[^>]*first=0', second)
    assert re.search(r'id="gallery-next"[^>]* disabled', second)


def test_how_a_picture_was_made_is_what_the_gallery_shows_there(home: Any, job: str) -> None:
    gallery = shown(home, f"/expansions/{job}/gallery", category="=people")
    links = [html.unescape(link) for link in re.findall(r'hx-get="/page(/expansions/[^"]*/made[^"]*)"', gallery)]
    pictures = [html.unescape(link) for link in re.findall(r'data-picture="([^"?]*)', gallery)]
    assert len(links) == len(pictures) == 6
    for link, picture in zip(links, pictures, strict=True):
        made = shown(home, link)
        assert f"{picture}?side=640" in html.unescape(made)
        assert ("The original, byte for byte." in made) == ("copy=0" in link)
        assert ("Rotate" in made) == ("copy=0" not in link)
    assert "There is no such picture" in shown(home, f"/expansions/{job}/made", at=0, copy=9, status=404)


def test_marks_are_drawn_over_results(client: Any) -> None:
    identity = str(client.post("/v1/datasets").json()["id"])
    held = io.BytesIO()
    Image.fromarray(np.random.default_rng(1).integers(0, 255, (30, 40, 3), dtype=np.uint8)).save(held, "png")
    for path, content in {
        "images/train/a.png": held.getvalue(),
        "labels/train/a.txt": b"0 0.5 0.5 0.5 0.5\n1 0.25 0.25 0.5 0.5\n",
        "data.yaml": b"path: .\ntrain: images/train\nnames: [cup, <b>cat</b>]\n",
    }.items():
        client.put(f"/v1/datasets/{identity}/files/{path}", content=content).raise_for_status()
    client.post(f"/v1/datasets/{identity}/inspect").raise_for_status()
    settled(client.get, f"/v1/datasets/{identity}")
    found = shown(client, f"/datasets/{identity}")
    assert "cup 1" in words_of(found)
    assert "&lt;b&gt;cat&lt;/b&gt;" in found
    assert 'class="swatch c1"' in found
    strip = shown(client, f"/datasets/{identity}/strip")
    assert strip.count("<polygon") == 2
    assert 'points="10,7.5 30,7.5 30,22.5 10,22.5"' in strip
    job = str(client.post("/v1/expansions", json={"dataset": identity, "copies": 1}).json()["id"])
    assert settled(client.get, f"/v1/expansions/{job}")["state"] == "succeeded"
    gallery = shown(client, f"/expansions/{job}/gallery")
    assert 'viewBox="0 0 40 30"' in gallery
    assert 'points="10,7.5 30,7.5 30,22.5 10,22.5"' in gallery
    made = shown(client, f"/expansions/{job}/made", copy=0)
    assert "2 kept, 0 dropped" in words_of(made)
    assert "&lt;b&gt;cat&lt;/b&gt;" in made


def test_the_past_is_listed_in_pages(client: Any) -> None:
    store = context_of(client).store
    for number in range(60):
        store.run_now(shelves.add_dataset, identity=f"ds_{number:020x}", owner="default", name=f"{HOSTILE} {number}")
    pages = []
    path: str | None = "/history/datasets"
    while path:
        pages.append(shown(client, path))
        following = re.search(r'hx-get="/page(/history/datasets\?cursor=[^"]+)"', pages[-1])
        path = html.unescape(following[1]) if following else None
    assert len(pages) == 2
    names = [one for page in pages for one in re.findall(r'href="#d=(ds_[0-9a-f]{20})"', page)]
    assert len(names) == len(set(names)) == 60
    assert "None yet." in shown(client, "/history/expansions")


def test_expansions_of_data_sets_that_are_gone_are_listed(home: Any, job: str, dataset: str) -> None:
    past = shown(home, "/history/expansions")
    assert f'href="#d={dataset}&amp;j={job}"' in past
    assert "2 copies, flip-rotate" in words_of(past)
    assert f'hx-delete="/v1/expansions/{job}"' in past


@pytest.mark.parametrize(
    "path",
    [
        "/datasets/ds_00000000000000000000",
        "/expansions/job_00000000000000000000",
        "/comparisons/job_00000000000000000000",
    ],
)
def test_an_error_is_a_fragment(client: Any, path: str) -> None:
    fragment = shown(client, path, status=404)
    assert 'role="alert"' in fragment
    assert "There is no " in fragment
    assert client.get(f"/page{path}").json()["status"] == 404, "for all others it is a problem document"


def test_errors_of_the_api_are_fragments_where_the_page_asks(client: Any) -> None:
    answer = client.delete("/v1/datasets/ds_00000000000000000000", headers=HX)
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert 'role="alert"' in answer.text


def test_nobody_sees_what_is_somebody_elses(make_client: Any, tmp_path: Any) -> None:
    client = make_client(api_key=KEY)
    other = fresh_key(context_of(client).store, "other")
    store = context_of(client).store
    store.run_now(shelves.add_dataset, identity="ds_00000000000000000001", owner="default", name="mine alone")
    answer = client.get("/page/history/datasets", headers={**HX, "X-API-Key": other})
    assert "mine alone" not in answer.text
    assert client.get("/page/datasets/ds_00000000000000000001", headers={**HX, "X-API-Key": other}).status_code == 404
    assert "mine alone" in client.get("/page/history/datasets", headers={**HX, "X-API-Key": KEY}).text
