"""The page's HTML: one Jinja2 environment, where every value is escaped and none may be missing.

Routes answer with whole templates. What htmx fetches are fragments of the page, and so are its errors.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Final

from fastapi.responses import HTMLResponse

from nfold_service import wording

if TYPE_CHECKING:
    from collections.abc import Mapping

    import jinja2
    from fastapi import Request

    from nfold_service.problems import Problem

_FILTERS: Final = {
    "number": wording.number,
    "plural": wording.plural,
    "size": wording.size,
    "duration": wording.duration,
    "spoken": wording.spoken,
    "shortened": wording.shortened,
    "state_words": wording.STATES.__getitem__,
}


@functools.cache
def _environment() -> jinja2.Environment:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("nfold_service", "web/templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(_FILTERS)
    return environment


def rendered(template: str, /, **values: Any) -> str:
    """A template filled in, by its file name without `.html`."""
    return _environment().get_template(f"{template}.html").render(values)


def fragment(template: str, /, **values: Any) -> HTMLResponse:
    """A part of the page as an answer; what it shows may be another one the next moment."""
    return HTMLResponse(rendered(template, **values), headers={"Cache-Control": "no-store"})


def wants_fragment(request: Request) -> bool:
    """Whether htmx asks, for the page."""
    return request.headers.get("HX-Request") == "true"


def problem_fragment(problem: Problem, headers: Mapping[str, str] | None) -> HTMLResponse:
    """An error as a part of the page: what happened, and what to do."""
    return HTMLResponse(
        rendered("problem", message=problem.detail, hint=problem.hint, errors=problem.errors),
        status_code=problem.status,
        headers={**(headers or {}), "Cache-Control": "no-store"},
    )
