from __future__ import annotations

from typing import Any

import pytest

from nfold.recipe import PRESETS


def test_presets_are_listed_and_shown(client: Any) -> None:
    listed = client.get("/v1/recipes").json()
    assert [entry["name"] for entry in listed] == list(PRESETS)
    assert [entry["name"] for entry in listed if entry["default"]] == ["flip-rotate"]
    shown = client.get("/v1/recipes/light").json()
    assert shown["text"] == PRESETS["light"]
    assert client.get("/v1/recipes/lightt").json()["code"] == "recipe.missing"
    assert "augment" in client.get("/v1/recipes/schema").json()["properties"]


def test_a_recipe_is_checked_to_the_last_argument(client: Any) -> None:
    good = client.post("/v1/recipes/check", content="name: mine\naugment: [{HorizontalFlip: {p: 0.5}}]")
    assert (good.status_code, good.json()["valid"], good.json()["name"]) == (200, True, "mine")


@pytest.mark.parametrize(
    ("text", "pointer"), [("augment: [{NoSuchThing: {}}]", "/augment/0"), ("augment: []\nfoo: 1", "/foo")]
)
def test_problems_of_a_recipe_are_pointed_to(client: Any, text: str, pointer: str) -> None:
    bad = client.post("/v1/recipes/check", content=text)
    assert bad.status_code == 422
    assert any(one["pointer"].startswith(pointer) for one in bad.json()["errors"]), bad.text


def test_what_is_no_text_or_too_long_is_refused(client: Any) -> None:
    assert client.post("/v1/recipes/check", content=b"\xff").json()["code"] == "request.encoding"
    assert client.post("/v1/recipes/check", content=b"x" * 70_000).status_code == 413
    assert client.post("/v1/recipes/check", content="/etc/passwd").status_code == 422
