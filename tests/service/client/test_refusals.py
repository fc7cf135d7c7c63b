"""What the service says, as errors with the exit codes of a local run."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from nfold.errors import DiskError, InputError, InvalidRecipeError, NfoldError, UsageError
from nfold_service.client.refusals import LostError, TemporaryError, error_of, error_of_work


def answer(status: int, code: str, **more: Any) -> httpx.Response:
    document = {"code": code, "detail": "So it is.", "hint": "Do this.", **more}
    return httpx.Response(status, json=document, request=httpx.Request("GET", "http://service/v1/x"))


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (404, "dataset.missing", LostError),
        (410, "result.expired", LostError),
        (401, "key.missing", TemporaryError),
        (413, "request.too_large", InputError),
        (422, "archive.name", InputError),
        (422, "usage", UsageError),
        (429, "jobs.too_many", TemporaryError),
        (503, "service.ending", TemporaryError),
        (507, "disk.full", DiskError),
        (409, "dataset.state", NfoldError),
    ],
)
def test_each_answer_is_its_kind_of_error(status: int, code: str, kind: type[NfoldError]) -> None:
    error = error_of(answer(status, code))
    assert type(error) is kind
    assert (error.stable_code, error.message) == (code, "So it is.")


def test_problems_of_a_recipe_come_with_their_places() -> None:
    problems = [{"pointer": "/augment/0", "message": "No.", "hint": None}]
    error = error_of(answer(422, "recipe.invalid", errors=problems))
    assert isinstance(error, InvalidRecipeError)
    assert error.problems[0].pointer == "/augment/0"
    error = error_of_work({"kind": "InvalidRecipeError", "code": "recipe.invalid", "message": "", "problems": problems})
    assert isinstance(error, InvalidRecipeError)
    assert error.problems[0].message == "No."


@pytest.mark.parametrize(("status", "kind"), [(502, TemporaryError), (404, LostError)])
def test_an_answer_that_is_not_of_the_service_is_told_as_such(status: int, kind: type[NfoldError]) -> None:
    request = httpx.Request("GET", "http://proxy/v1/x")
    assert type(error_of(httpx.Response(status, text="<html>", request=request))) is kind


def test_what_failed_there_is_the_kind_of_error_that_it_was() -> None:
    assert isinstance(error_of_work({"kind": "UsageError", "code": "usage", "message": "No."}), UsageError)
    assert isinstance(error_of_work({"code": "archive.empty", "message": "No."}), InputError)
    assert type(error_of_work({"kind": "Exit", "code": "x", "message": "No."})) is NfoldError
