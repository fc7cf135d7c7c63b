from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.routing import iter_route_contexts

from nfold.errors import DiskError, InvalidRecipeError, MissingFileError, NfoldError, OutputError, Problem, UsageError
from nfold_service import problems
from nfold_service.problems import from_engine

FIELDS = {"type", "title", "status", "detail", "instance", "code", "hint", "errors", "request_id"}


def problem(answer: Any, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert set(document) == FIELDS
    assert (document["status"], document["code"]) == (status, code)
    assert document["request_id"] == answer.headers["X-Request-ID"]
    assert document["detail"].endswith(".")
    return document


def test_what_fastapi_finds_wrong_points_to_the_places(client: Any) -> None:
    answer = client.post("/v1/expansions", json={"dataset": "ds_1", "copies": -1, "nonsense": 1})
    document = problem(answer, 422, "request.invalid")
    assert {"/copies", "/nonsense"} <= {one["pointer"] for one in document["errors"]}


def test_a_wrong_parameter_is_named(client: Any) -> None:
    document = problem(client.get("/v1/expansions?limit=0"), 422, "request.invalid")
    assert document["errors"][0]["pointer"] == "query/limit"


def test_json_that_is_none_is_told_so(client: Any) -> None:
    answer = client.post("/v1/expansions", content=b"{", headers={"Content-Type": "application/json"})
    problem(answer, 422, "request.invalid")


def test_a_path_that_is_not_there(client: Any) -> None:
    document = problem(client.get("/v1/nothing"), 404, "request.no_such_path")
    assert document["instance"] == "/v1/nothing"


def test_a_slash_too_many_is_a_404_and_no_redirect(client: Any) -> None:
    problem(client.get("/v1/expansions/", follow_redirects=False), 404, "request.no_such_path")


def paths(client: Any) -> Iterator[tuple[str, set[str]]]:
    found: dict[str, set[str]] = {}
    for route in iter_route_contexts(client.app.routes):
        if route.methods:
            found.setdefault(str(route.path), set()).update(route.methods)
    yield from found.items()


def test_every_path_names_its_methods_when_asked_for_another(client: Any) -> None:
    for path, methods in paths(client):
        for method in {"GET", "POST", "PUT", "DELETE", "PATCH", "TRACE", "QUERY"} - methods:
            answer = client.request(method, path.replace("{", "").replace("}", ""))
            if answer.status_code == 404 or path.count("{"):  # another route may take what this one does not
                continue
            assert answer.status_code == 405, (method, path)
            assert methods <= set(answer.headers["Allow"].split(", "))
            problem(answer, 405, "request.method")


def test_a_body_that_is_too_large(client: Any) -> None:
    answer = client.post("/v1/expansions", content=b" " * (2**20 + 1), headers={"Content-Type": "application/json"})
    problem(answer, 413, "request.too_large")


def test_an_exception_in_a_route_shows_nothing_of_itself(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nfold_service.routes.health.limits", lambda settings: 1 / 0)
    answer = client.get("/v1/limits")
    problem(answer, 500, "service.failed")
    assert "ZeroDivision" not in answer.text
    assert "Traceback" not in answer.text
    assert ".py" not in answer.text


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (DiskError("full"), 507),
        (MissingFileError("gone"), 404),
        (UsageError("no"), 422),
        (OutputError("there"), 409),
        (NfoldError("else"), 500),
    ],
)
def test_errors_of_the_engine_have_a_status(error: NfoldError, status: int) -> None:
    assert from_engine(error).status == status


def test_the_problems_of_a_recipe_keep_their_pointers() -> None:
    error = InvalidRecipeError("bad", problems=(Problem(pointer="/augment/0", message="no", hint="do"),))
    assert [one.pointer for one in from_engine(error).errors] == ["/augment/0"]


def test_the_example_of_a_problem_is_one() -> None:
    schema = problems.Problem.model_json_schema()
    assert problems.Problem(**schema["example"])
    json.dumps(schema)


def test_options_of_the_command_line_are_named_as_fields() -> None:
    error = from_engine(UsageError("--on-loss: no such; a --flag.", hint="See 'nfold expand --help'."))
    assert (error.message, error.hint) == ("on_loss: no such; a flag.", "See /docs.")
    assert from_engine(UsageError("a--b and x ---- y", hint="Use --to-x.")).message == "a--b and x ---- y"


def test_a_field_that_makes_no_sense_is_told_in_words_of_the_request(client: Any) -> None:
    answer = client.post("/v1/expand", files={"image": ("a.png", b"x")}, data={"copies": "many"})
    document = problem(answer, 422, "usage")
    assert document["detail"] == "copies: 'many' is no whole number."
