"""The OpenAPI document, over every operation there is: a new one is held against this without a line here."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from nfold_service.app import create_app
from nfold_service.openapi import TAGS, operations, printed
from nfold_service.problems import MEDIA_TYPE, Problem
from nfold_service.reference_page import example_in, reference_page
from nfold_service.settings import Settings

DOCUMENT = create_app(Settings(data=Path("never-made"))).openapi()
OPERATIONS = {f"{method} {path}": (path, method, operation) for path, method, operation in operations(DOCUMENT)}

each = pytest.mark.parametrize("name", OPERATIONS)


@each
def test_each_operation_says_what_it_is(name: str) -> None:
    _, _, operation = OPERATIONS[name]
    assert re.fullmatch(r"[a-z][a-z0-9_]+", operation["operationId"])
    assert operation.get("summary")
    assert operation.get("description")
    assert len(operation["tags"]) == 1
    assert operation["tags"][0] in {tag["name"] for tag in TAGS}


def test_operation_ids_are_unique() -> None:
    ids = [operation["operationId"] for _, _, operation in OPERATIONS.values()]
    assert len(set(ids)) == len(ids)


@each
def test_each_body_has_an_example(name: str) -> None:
    _, _, operation = OPERATIONS[name]
    contents = [operation.get("requestBody", {}).get("content", {})]
    contents += [response.get("content", {}) for response in operation["responses"].values()]
    for content in contents:
        for kind, media in content.items():
            if kind == "application/json" or kind.endswith("+json"):
                assert example_in(DOCUMENT, media) is not None, kind


@each
def test_each_operation_names_its_errors_as_problem_details(name: str) -> None:
    path, method, operation = OPERATIONS[name]
    errors = {status: body for status, body in operation["responses"].items() if int(status) >= 400}
    assert {"431", "500"} <= set(errors)
    if operation.get("security"):
        assert {"401", "403"} <= set(errors)
    if "{" in path:
        assert "404" in errors
    for status, body in errors.items():
        assert list(body["content"]) == [MEDIA_TYPE]
        example = body["content"][MEDIA_TYPE]["example"]
        assert Problem(**example).status == int(status)
        assert body["description"]
    assert ("Idempotency-Key" in json.dumps(operation.get("parameters", []))) == (method == "post")


def test_references_lead_somewhere_and_keys_are_described() -> None:
    for name in re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(DOCUMENT)):
        assert name in DOCUMENT["components"]["schemas"]
    schemes = DOCUMENT["components"]["securitySchemes"]
    assert {scheme["type"] for scheme in schemes.values()} == {"apiKey", "http"}
    assert all(scheme["description"] for scheme in schemes.values())
    assert DOCUMENT["servers"]
    assert all(tag["description"] for tag in DOCUMENT["tags"])


def test_the_document_is_the_same_each_time_and_can_be_printed(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert client.get("/openapi.json").json() == DOCUMENT
    assert json.loads(json.dumps(printed())) == DOCUMENT


def test_the_page_shows_every_operation_and_loads_nothing_from_elsewhere(client: Any) -> None:
    answer = client.get("/docs")
    assert answer.status_code == 200
    for path, _, operation in OPERATIONS.values():
        assert f"id='{operation['operationId']}'" in answer.text
        assert path in answer.text
    assert "<script" not in answer.text
    assert "style=" not in answer.text
    assert not re.search(r"(src|href)='(https?:)?//", answer.text)
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    style = client.get("/docs/style.css")
    assert style.headers["Content-Type"].startswith("text/css")
    assert "http" not in style.text


def test_the_page_escapes_what_it_shows() -> None:
    evil = "<script>alert(1)</script>"
    document: dict[str, Any] = {
        "info": {"title": evil, "version": "1", "summary": evil},
        "paths": {
            "/x": {
                "get": {
                    "operationId": "x", "summary": evil, "description": evil, "tags": [evil],
                    "parameters": [{"name": evil, "in": "query", "description": evil}],
                    "responses": {"200": {"description": evil, "content": {evil: {"example": evil}}}},
                }
            }
        },
    }  # fmt: skip
    assert "<script" not in reference_page(document)


def test_the_document_in_the_docs_is_that_of_this_version(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("NFOLD_")]:
        monkeypatch.delenv(name)
    kept = Path(__file__).resolve().parents[2] / "docs" / "openapi.json"
    assert json.loads(kept.read_text(encoding="utf-8")) == printed(), (
        "python -m nfold_service.openapi > docs/openapi.json"
    )
