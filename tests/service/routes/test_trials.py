"""A recipe tried on one image: the very copies of an expansion, on a sheet, and nothing left behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nfold.contact_sheet import preview
from tests.conftest import write_picture
from tests.service.stored import context_of


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    return write_picture(tmp_path / "cat.png", 1)


def test_the_sheet_is_that_of_the_engine_by_form_and_by_raw_body(client: Any, picture: Path) -> None:
    expected = preview(picture, copies=3, recipe="light", seed=7, sources=1).png
    form = {"copies": "3", "recipe": "light", "seed": "7"}
    by_form = client.post("/v1/recipes/preview", files={"image": ("cat.png", picture.read_bytes())}, data=form)
    assert (by_form.status_code, by_form.headers["Content-Type"]) == (200, "image/png"), by_form.text
    assert by_form.content == expected
    raw = client.post(
        "/v1/recipes/preview", content=picture.read_bytes(), headers={"Content-Type": "image/png"}, params=form
    )
    # The sheet names the picture, which a raw body does not.
    assert raw.content == preview(picture.rename(picture.with_name("image.png")), copies=3, recipe="light", seed=7).png
    assert list(context_of(client).places.staging.iterdir()) == []


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"copies": "21"}, "usage"),
        ({"copies": "many"}, "usage"),
        ({"recipe": "ligth"}, "unknown_name"),
        ({"recipe": "augment: [{NoSuchThing: {}}]"}, None),
        ({"colour": "red"}, "request.unknown_field"),
    ],
)
def test_what_makes_no_sense_is_refused(client: Any, picture: Path, form: dict[str, str], code: str | None) -> None:
    answer = client.post("/v1/recipes/preview", files={"image": ("cat.png", picture.read_bytes())}, data=form)
    assert answer.status_code == 422, answer.text
    assert code is None or answer.json()["code"] == code
    assert list(context_of(client).places.staging.iterdir()) == []


def test_two_images_or_a_broken_one_are_refused(client: Any, picture: Path) -> None:
    one = ("cat.png", picture.read_bytes())
    two = client.post("/v1/recipes/preview", files=[("image", one), ("image", one)])
    assert (two.status_code, two.json()["code"]) == (422, "preview.one_image")
    broken = client.post("/v1/recipes/preview", files={"image": ("cat.png", picture.read_bytes()[:80])})
    assert broken.status_code == 422, broken.text
    assert str(context_of(client).places.root) not in broken.text
    empty = client.post("/v1/recipes/preview", files={"image": ("cat.png", b"")})
    assert empty.status_code == 422, empty.text


def test_the_limit_of_pixels_holds(client: Any, tmp_path: Path) -> None:
    context = context_of(client)
    large = write_picture(tmp_path / "large.png", 1, width=400, height=300)
    context.settings = context.settings.model_copy(update={"max_image_pixels": 100_000})
    answer = client.post("/v1/recipes/preview", files={"image": ("large.png", large.read_bytes())})
    assert answer.status_code == 422
    assert "120,000 pixels" in answer.json()["detail"]
