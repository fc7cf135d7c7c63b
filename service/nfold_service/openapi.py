"""The OpenAPI document: what FastAPI makes of the routes, with what it cannot know."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from nfold_service.problems import MEDIA_TYPE, Problem, phrase_of
from nfold_service.settings import load_settings

Json = dict[str, Any]

TAGS: Final = [
    {"name": "data sets", "description": "Images with their labels, uploaded once and expanded as often as you like."},
    {"name": "uploads", "description": "Uploads that go on after a cut, by tus 1.0."},
    {"name": "expansions", "description": "Jobs that expand a data set: ask for one, watch it, cancel it, delete it."},
    {"name": "results", "description": "What came of an expansion: everything as a zip, or piece by piece."},
    {
        "name": "comparisons",
        "description": "Jobs that run both meanings of augmentation on a data set, and report what each gave.",
    },
    {"name": "streams", "description": "Variations on demand, epoch by epoch, with nothing kept on disk."},
    {"name": "small", "description": "A few images at once: send them, and get the expanded ones in the same answer."},
    {"name": "recipes", "description": "How copies are made: the presets, and whether your own can be used."},
    {"name": "service", "description": "Whether the service lives and is ready, what it allows, and its figures."},
]

METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch", "trace")

EXAMPLES: Final[dict[int, tuple[str, str, str | None]]] = {
    400: ("request.unreadable", "There was an error parsing the body.", None),
    401: ("key.missing", "This service asks for a key.", "Send it as 'X-API-Key: KEY' or 'Authorization: Bearer KEY'."),
    403: ("key.scope", "This key may not write.", "Ask for a key with that scope."),
    404: ("expansion.missing", "There is no expansion job_0123456789abcdef0123.", "It may have been deleted."),
    405: ("request.method", "PUT is not possible here, only GET, POST.", None),
    408: ("request.slow", "No byte came for 30 seconds.", "Use a resumable upload over a weak line."),
    409: ("result.not_there", "The job is running.", "Wait until it has succeeded."),
    410: ("result.expired", "The results have expired.", "Ask for the expansion again."),
    412: ("upload.version", "Resumable uploads are tus 1.0.0.", "Send 'Tus-Resumable: 1.0.0'."),
    413: ("request.too_large", "The body has more than 1,048,576 bytes, which is the most.", "See /v1/limits."),
    415: ("request.media_type", "The body is of a type that is not read here.", "See the types in this document."),
    416: ("request.range", "This part is not in the file.", None),
    422: ("request.invalid", "The request makes no sense: /copies: Input should be less than or equal to 1000.", None),
    423: ("upload.locked", "Another request is writing this upload.", "Ask with HEAD, which takes it over."),
    429: ("jobs.too_many", "Too many jobs are waiting.", None),
    431: ("request.headers", "The request has 120 headers; 100 are the most.", None),
    460: ("upload.checksum", "The checksum does not match.", "Send these bytes again."),
    500: (
        "service.failed",
        "Something went wrong in the service, and nothing was lost.",
        "Try again; the logs have the details under this request id.",
    ),
    503: ("service.ending", "The service is ending.", None),
    507: (
        "disk.full",
        "There is too little room on the disk of the service.",
        "Delete what is no longer needed, or try again later.",
    ),
}

_WORDS: Final = {
    400: "The request cannot be read, or was cut off.",
    401: "A key is missing or unknown.",
    403: "The key has not the scope.",
    404: "It is not there, or belongs to somebody else.",
    405: "This path takes other methods; `Allow` names them.",
    408: "The body came too slowly.",
    409: "It is in another state; or the first request with this `Idempotency-Key` is still being answered.",
    410: "It has expired.",
    413: "It is too large; see `/v1/limits`.",
    422: "It makes no sense; `errors` points to the places.",
    429: "Too much at once; try again after `Retry-After`.",
    431: "Too many headers.",
    500: "The service failed; nothing was lost.",
    503: "The service is ending, or not ready; try again after `Retry-After`.",
    507: "There is too little room on the disk.",
}

_EVERYWHERE: Final = (431, 500)
_WITH_BODY: Final = (400, 408, 413, 422)
_WITH_KEY: Final = (401, 403)

_KEY_PARAMETER: Final[Json] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Of your choice, one for each request. Sent again with the same request it gives the first answer again, and nothing is made twice.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[\\x21-\\x7e]+$"},
    "example": "7d2c1f0e-5b4a-4a7e-9b1c-0f6a4d1e2c3b",
}


def describe(app: FastAPI) -> None:
    """Make `app.openapi` give the full document; it is made when it is first asked for, and then kept."""

    def document() -> Json:
        if app.openapi_schema is None:
            made = get_openapi(
                title=app.title,
                version=app.version,
                summary=app.summary,
                description=app.description,
                routes=app.routes,
                tags=app.openapi_tags,
                servers=app.servers,
            )
            app.openapi_schema = completed(made)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def printed() -> Json:
    """The document of a service with the ordinary settings, for whoever wants it as a file."""
    from nfold_service.app import create_app

    return create_app(load_settings({})).openapi()


def operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    """Each operation with its path and method."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method in METHODS:
                yield path, method, operation


def completed(document: Json) -> Json:
    """Errors as they are sent, each with an example; keys and what they mean; no tags that nothing bears."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs", {}))
    schemas["Problem"] = problem
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    worn: set[str] = set()
    for path, method, operation in operations(document):
        worn.update(operation.get("tags", ()))
        if method == "post":
            operation.setdefault("parameters", []).append(dict(_KEY_PARAMETER))
        _complete_errors(path, method, operation)
    document["tags"] = [tag for tag in document.get("tags", ()) if tag["name"] in worn]
    return document


def _complete_errors(path: str, method: str, operation: Json) -> None:
    responses: Json = operation["responses"]
    wanted: set[int] = set(_EVERYWHERE)
    if operation.get("security"):
        wanted.update(_WITH_KEY)
    if method in ("post", "put", "patch"):
        wanted.update(_WITH_BODY)
    if method == "post":
        wanted.add(409)
    if "{" in path:
        wanted.update((404, 422))
    elif operation.get("parameters"):
        wanted.add(422)
    for status in wanted:
        responses.setdefault(str(status), {"description": _WORDS[status]})
    for name, response in responses.items():
        if name.isdecimal() and int(name) >= 400:
            response["content"] = {
                MEDIA_TYPE: {
                    "schema": {"$ref": "#/components/schemas/Problem"},
                    "example": example_of(int(name), path),
                }
            }
    operation["responses"] = dict(sorted(responses.items()))


def example_of(status: int, path: str) -> Json:
    """A problem of that status."""
    code, detail, hint = EXAMPLES.get(status, ("request.refused", "The request was refused.", None))
    errors = []
    if code == "request.invalid":
        errors = [{"pointer": "/copies", "message": "Input should be less than or equal to 1000", "hint": None}]
    return {
        "type": "about:blank",
        "title": phrase_of(status),
        "status": status,
        "detail": detail,
        "instance": path,
        "code": code,
        "hint": hint,
        "errors": errors,
        "request_id": "5f0c2a9d1b3e4f60",
    }


if __name__ == "__main__":  # python -m nfold_service.openapi > docs/openapi.json
    sys.stdout.write(json.dumps(printed(), indent=1, ensure_ascii=False) + "\n")
