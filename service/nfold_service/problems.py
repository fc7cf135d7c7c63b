"""Every error as RFC 9457 problem details, FastAPI's own included; no stack trace leaves."""

from __future__ import annotations

import http
from collections.abc import Mapping
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
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


class ServiceError(Exception):
    """An error that the service answers with."""

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
        super().__init__(message)
        self.status, self.code, self.message, self.hint = status, code, message, hint
        self.headers, self.errors = dict(headers or {}), errors


def from_engine(error: NfoldError) -> ServiceError:
    """What an error of the engine is over HTTP."""
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
    errors: tuple[Detail, ...] = ()
    if isinstance(error, InvalidRecipeError):
        errors = tuple(Detail(pointer=one.pointer, message=one.message, hint=one.hint) for one in error.problems)
    return ServiceError(status, error.stable_code, error.message, hint=error.hint, errors=errors)


def problem_response(request: Request, error: ServiceError) -> JSONResponse:
    """The answer to a request that failed."""
    problem = Problem(
        title=_phrase(error.status),
        status=error.status,
        detail=error.message,
        instance=request.scope.get("path", ""),
        code=error.code,
        hint=error.hint,
        errors=list(error.errors),
        request_id=getattr(request.state, "request_id", None),
    )
    return JSONResponse(
        problem.model_dump(mode="json"), status_code=error.status, media_type=MEDIA_TYPE, headers=error.headers
    )


def _phrase(status: int) -> str:
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return {460: "Checksum Mismatch"}.get(status, "Refused")  # 460 is of the tus protocol


def install(app: FastAPI) -> None:
    """Answer every exception of an application with problem details."""
    log = structlog.get_logger("nfold.service")

    async def on_service(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, ServiceError)
        return problem_response(request, error)

    async def on_engine(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, NfoldError)
        return problem_response(request, from_engine(error))

    async def on_validation(request: Request, error: Exception) -> JSONResponse:
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

    async def on_http(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        code = {404: "request.no_such_path", 405: "request.method", 413: "request.too_large"}.get(
            error.status_code, "request.refused"
        )
        return problem_response(
            request, ServiceError(error.status_code, code, str(error.detail), headers=error.headers)
        )

    async def on_cut(request: Request, error: Exception) -> JSONResponse:
        log.info("cut off by the client", path=request.scope.get("path", ""))
        return problem_response(request, ServiceError(400, "request.cut", "The request was cut off."))

    async def on_anything(request: Request, error: Exception) -> JSONResponse:
        log.error("unexpected", error=type(error).__name__, exc_info=error)
        return problem_response(
            request,
            ServiceError(
                500,
                "service.failed",
                "Something went wrong in the service, and nothing was lost.",
                hint="Try again; the logs have the details under this request id.",
            ),
        )

    app.add_exception_handler(ServiceError, on_service)
    app.add_exception_handler(NfoldError, on_engine)
    app.add_exception_handler(RequestValidationError, on_validation)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(ClientDisconnect, on_cut)
    app.add_exception_handler(Exception, on_anything)


def _pointer(location: tuple[Any, ...]) -> str:
    where, *rest = [str(part) for part in location]
    if where == "body":
        return "/" + "/".join(rest) if rest else ""
    return "/".join([where, *rest])
