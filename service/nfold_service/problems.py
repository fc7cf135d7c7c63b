"""Every error as RFC 9457 problem details, FastAPI's own included; no stack trace leaves."""

from __future__ import annotations

import http
import re
from collections.abc import Mapping
from typing import Any

import structlog
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException as AnyHTTPException
from starlette.requests import ClientDisconnect

from nfold.errors import (
    DiskError,
    InputError,
    InvalidRecipeError,
    MissingFileError,
    NfoldError,
    OutputError,
    SampleError,
    UsageError,
)
from nfold_service.rendering import problem_fragment, wants_fragment

MEDIA_TYPE = "application/problem+json"

_STATUS: tuple[tuple[type[NfoldError], int], ...] = (
    (DiskError, 507),
    (MissingFileError, 404),
    (InvalidRecipeError, 422),
    (UsageError, 422),
    (SampleError, 422),
    (InputError, 422),
    (OutputError, 409),
)


class Detail(BaseModel):
    """One thing that is wrong in a body."""

    model_config = ConfigDict(extra="forbid")

    pointer: str = Field(description="JSON pointer to the place, or the name of a parameter.")
    message: str
    hint: str | None = None


class Problem(BaseModel):
    """Problem details, RFC 9457."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "type": "about:blank",
                "title": "Not Found",
                "status": 404,
                "detail": "There is no data set ds_0.",
                "instance": "/v1/datasets/ds_0",
                "code": "dataset.missing",
                "hint": "It may have expired. Upload it again.",
                "errors": [],
                "request_id": "5f0c2a",
            }
        }
    )

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    instance: str
    code: str = Field(description="Stable; docs/service.md lists them.")
    hint: str | None = None
    errors: list[Detail] = []
    request_id: str | None = None


class ServiceError(HTTPException):
    """An error that the service answers with.

    One of FastAPI's kind, so that it gets through where FastAPI reads a body and would make "400" of any other.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        hint: str | None = None,
        headers: Mapping[str, str] | None = None,
        errors: tuple[Detail, ...] = (),
    ) -> None:
        super().__init__(status, message, dict(headers or {}))
        self.status, self.code, self.message, self.hint, self.errors = status, code, message, hint, errors


_OPTION = re.compile(r"(?<![\w-])--([a-z][a-z-]*)")


def from_engine(error: NfoldError) -> ServiceError:
    """What an error of the engine is over HTTP."""
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
    errors: tuple[Detail, ...] = ()
    if isinstance(error, InvalidRecipeError):
        errors = tuple(Detail(pointer=one.pointer, message=one.message, hint=one.hint) for one in error.problems)
    message, hint = _over_http(error.message), error.hint
    if hint is not None:
        hint = "See /docs." if hint == "See 'nfold expand --help'." else _over_http(hint)
    return ServiceError(status, error.stable_code, message, hint=hint, errors=errors)


def _over_http(text: str) -> str:
    """Options as a request has them: `--on-loss` of the command line is the field `on_loss`."""
    return _OPTION.sub(lambda found: found[1].replace("-", "_"), text)


def problem_response(request: Request, error: ServiceError) -> Response:
    """The answer to a request that failed: problem details, or a fragment for the page where htmx asks."""
    problem = Problem(
        title=phrase_of(error.status),
        status=error.status,
        detail=error.message,
        instance=request.scope.get("path", ""),
        code=error.code,
        hint=error.hint,
        errors=list(error.errors),
        request_id=getattr(request.state, "request_id", None),
    )
    if wants_fragment(request):
        return problem_fragment(problem, error.headers)
    return JSONResponse(
        problem.model_dump(mode="json"), status_code=error.status, media_type=MEDIA_TYPE, headers=error.headers
    )


def phrase_of(status: int) -> str:
    """The words of a status."""
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return {460: "Checksum Mismatch"}.get(status, "Refused")  # 460 is of the tus protocol


def from_http(request: Request, error: AnyHTTPException) -> ServiceError:
    """What an error of the framework is over HTTP, in our words."""
    if isinstance(error, ServiceError):
        return error
    headers = dict(error.headers or {})
    if error.status_code == 404:
        return ServiceError(404, "request.no_such_path", "There is nothing at this path.", hint="See /docs.")
    if error.status_code == 405:
        # The framework names the methods of one route; a path may have several.
        methods = ", ".join(sorted(methods_of(request.app, request.scope["path"])))
        message = f"{request.method} is not possible here, only {methods}."
        return ServiceError(405, "request.method", message, headers={**headers, "Allow": methods})
    code = {400: "request.unreadable", 413: "request.too_large"}.get(error.status_code, "request.refused")
    return ServiceError(error.status_code, code, f"{str(error.detail).rstrip('.')}.", headers=headers)


def methods_of(app: FastAPI, path: str) -> set[str]:
    """Every method that a path takes; of several that match, the ones with the fewest parameters are meant."""
    found: dict[int, set[str]] = {}
    for route in iter_route_contexts(app.routes):
        pattern = getattr(route, "path_regex", None)
        if route.methods and pattern is not None and pattern.match(path):
            found.setdefault(str(route.path).count("{"), set()).update(route.methods)
    return found[min(found)] if found else set()


def install(app: FastAPI) -> None:
    """Answer every known exception of an application with problem details; `Surroundings` answers the others."""
    log = structlog.get_logger("nfold.service")

    async def on_service(request: Request, error: Exception) -> Response:
        assert isinstance(error, ServiceError)
        return problem_response(request, error)

    async def on_engine(request: Request, error: Exception) -> Response:
        assert isinstance(error, NfoldError)
        return problem_response(request, from_engine(error))

    async def on_validation(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        details = tuple(
            Detail(pointer=_pointer(one["loc"]), message=str(one["msg"]).removeprefix("Value error, "))
            for one in error.errors()
        )
        message = "; ".join(f"{detail.pointer}: {detail.message}" for detail in details[:5])
        return problem_response(
            request,
            ServiceError(422, "request.invalid", f"The request makes no sense: {message}.", errors=details),
        )

    async def on_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, AnyHTTPException)
        return problem_response(request, from_http(request, error))

    async def on_cut(request: Request, error: Exception) -> Response:
        log.info("cut off by the client", path=request.scope.get("path", ""))
        return problem_response(request, ServiceError(400, "request.cut", "The request was cut off."))

    app.add_exception_handler(ServiceError, on_service)
    app.add_exception_handler(NfoldError, on_engine)
    app.add_exception_handler(RequestValidationError, on_validation)
    app.add_exception_handler(AnyHTTPException, on_http)
    app.add_exception_handler(ClientDisconnect, on_cut)


def _pointer(location: tuple[Any, ...]) -> str:
    where, *rest = [str(part) for part in location]
    if where == "body":
        return "/" + "/".join(rest) if rest else ""
    return "/".join([where, *rest])
