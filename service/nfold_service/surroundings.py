"""Around every request: its id, security headers, the access log, and an answer when nothing else gives one.

Plain ASGI, so that streams and disconnects pass through untouched.
"""

from __future__ import annotations

import re
import secrets
import time
from typing import Final

import structlog
from fastapi import Request
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nfold.errors import NfoldError
from nfold_service.metrics import Metrics
from nfold_service.problems import ServiceError, from_engine, from_http, problem_response

SECURITY_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

# Of W3C Trace Context: version (ff is none), trace id, id of the caller's span, flags; later versions may add more.
_TRACE_PARENT = re.compile(r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}(-.*)?")


class Surroundings:
    """The outermost layer; everything else is inside, other middleware too."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics
        self._access = structlog.get_logger("nfold.access")
        self._log = structlog.get_logger("nfold.service")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and note what came of it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        state["request_id"] = _request_id(scope)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=state["request_id"], **_trace(scope))
        began = time.monotonic()
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
                headers["X-Request-ID"] = state["request_id"]
            await send(message)

        try:
            try:
                await self._app(scope, receive, send_with_headers)
            except Exception as error:  # noqa: BLE001 - the last layer: whatever it is becomes an answer and a log line
                await self._answer(error, Request(scope), send_with_headers, is_begun=status != 0)
        finally:
            seconds = time.monotonic() - began
            self._metrics.observe_request(scope["method"], template_of(scope), status, seconds)
            self._access.info(
                "request",
                method=scope["method"],
                path=scope["path"],
                status=status or None,  # nobody waited for the answer
                milliseconds=round(seconds * 1000, 1),
                owner=state.get("owner"),
            )
            structlog.contextvars.clear_contextvars()

    async def _answer(self, error: Exception, request: Request, send: Send, *, is_begun: bool) -> None:
        if isinstance(error, ServiceError | NfoldError | HTTPException) and not is_begun:
            known = error if isinstance(error, ServiceError) else None
            if isinstance(error, NfoldError):
                known = from_engine(error)
            elif isinstance(error, HTTPException):
                known = from_http(request, error)
            assert known is not None
            await problem_response(request, known)(request.scope, request.receive, send)
            return
        self._log.error("unexpected", error=type(error).__name__, after_start=is_begun, exc_info=error)
        if is_begun:
            # What was sent cannot be taken back. The server sees an answer without its end and cuts the connection,
            # so that nobody takes half of a file for the whole.
            return
        failed = ServiceError(
            500,
            "service.failed",
            "Something went wrong in the service, and nothing was lost.",
            hint="Try again; the logs have the details under this request id.",
        )
        await problem_response(request, failed)(request.scope, request.receive, send)


def template_of(scope: Scope) -> str:
    """The path of the route that answers, with its parameters unfilled; "none" when there is none.

    Never the path that was asked for: whoever sends a million of them would make a million rows of it.
    """
    context = scope.get("fastapi", {}).get("effective_route_context")
    path = getattr(context, "path", None) or getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) else "none"


def _request_id(scope: Scope) -> str:
    given = _given(scope, b"x-request-id")
    return given if given is not None and _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)


def _trace(scope: Scope) -> dict[str, str]:
    """Where the caller's trace is, for the log: what makes no sense is passed over, as the standard asks."""
    found = _TRACE_PARENT.fullmatch(_given(scope, b"traceparent") or "")
    if found is None or (found[1] == "00" and found[4]):
        return {}
    return {"trace_id": found[2], "span_id": found[3]}


def _given(scope: Scope, header: bytes) -> str | None:
    """What a header says, the first of its name."""
    value: bytes | None = next((value for name, value in scope["headers"] if name == header), None)
    return value.decode("latin-1") if value is not None else None
