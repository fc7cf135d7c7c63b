"""HTML that is made of what anybody sent: every value is escaped, and none may be missing."""

from __future__ import annotations

import jinja2
import pytest
from starlette.requests import Request

from nfold_service.problems import Detail, Problem
from nfold_service.rendering import problem_fragment, rendered, wants_fragment

HOSTILE = "<img src=x onerror=alert(1)>\"'&"


def test_names_stay_text() -> None:
    html = rendered("problem", message=HOSTILE, hint=HOSTILE, errors=[])
    assert "<img" not in html
    assert html.count("&lt;img src=x onerror=alert(1)&gt;&#34;&#39;&amp;") == 2


def test_what_is_missing_is_a_mistake() -> None:
    with pytest.raises(jinja2.UndefinedError):
        rendered("problem", message="m")


def test_an_error_is_a_part_of_the_page_with_what_to_do() -> None:
    problem = Problem(
        title="t", status=422, detail="It makes no sense.", instance="/", code="request.invalid", hint="Mend it.",
        errors=[Detail(pointer="/copies", message="Too many.", hint="Take fewer.")],
    )  # fmt: skip
    answer = problem_fragment(problem, {"Retry-After": "5"})
    html = bytes(answer.body).decode()
    assert answer.status_code == 422
    assert answer.headers["Retry-After"] == "5"
    assert answer.headers["Cache-Control"] == "no-store"
    assert 'role="alert"' in html
    for words in ("It makes no sense.", "Mend it.", "<code>/copies</code> Too many. Take fewer."):
        assert words in html


@pytest.mark.parametrize(("headers", "wanted"), [([(b"hx-request", b"true")], True), ([], False)])
def test_only_the_page_gets_fragments(headers: list[tuple[bytes, bytes]], wanted: bool) -> None:
    assert wants_fragment(Request({"type": "http", "headers": headers})) is wanted
