"""Who may do what. Keys are checked by a dependency of each route, never by the path of a request."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Final

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from nfold_service.keys import DEFAULT_OWNER, EVERYTHING, SCOPES, Caller, hash_of, is_same
from nfold_service.problems import ServiceError
from nfold_service.store.keyring import key_of_hash

if TYPE_CHECKING:
    from nfold_service.context import Context

_LOOPBACK = re.compile(r"(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?", re.IGNORECASE | re.ASCII)

_PROXY_SAYS = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Via")

_header = APIKeyHeader(name="X-API-Key", auto_error=False, description="A key, where the service asks for one.")
_bearer = HTTPBearer(auto_error=False, description="The same key as a bearer token.")


async def caller_of(
    request: Request,
    header: Annotated[str | None, Security(_header)] = None,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)] = None,
) -> Caller:
    """Who is asking.

    Raises:
        ServiceError: 401 without a key, or with one that nobody knows.
    """
    caller = await identified(request, header or (bearer.credentials if bearer else None))
    request.state.owner = caller.owner
    return caller


def key_in(request: Request) -> str | None:
    """The key that a request brings, read as the routes read it."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    return request.headers.get("X-API-Key") or (value.strip() or None if scheme.lower() == "bearer" else None)


async def identified(request: Request, key: str | None) -> Caller:
    """Whose key that is.

    Raises:
        ServiceError: 401; 403 for a page from elsewhere that asks without a key.
    """
    context: Context = request.app.state.context
    if key is None:
        if context.is_open:
            _refuse_foreign_page(request)
            return EVERYTHING
        raise _unauthorised("key.missing", "This service asks for a key.")
    if context.configured_key is not None and is_same(key, context.configured_key):
        return EVERYTHING
    row = await context.store.run(key_of_hash, hash_of(key))
    if row is None:
        raise _unauthorised("key.unknown", "This key is not known, or was taken back.")
    return Caller(owner=row.owner, scopes=frozenset(row.scopes))


def _refuse_foreign_page(request: Request) -> None:
    """Without keys, whoever is on this machine may do everything, and so might every page that is open in a browser there.

    A page that sends forms or requests here says where it comes from (`Origin`, `Sec-Fetch-Site`); one whose name was
    made to lead to this machine (DNS rebinding) asks for a host that is not ours. What a proxy passes on comes from
    anywhere, also where the proxy itself asks for 127.0.0.1.
    """
    host = request.headers.get("Host", "")
    origin = request.headers.get("Origin")
    if (
        request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site")
        or (origin is not None and origin.partition("://")[2] != host)
        or any(name in request.headers for name in _PROXY_SAYS)
        or (host and not _LOOPBACK.fullmatch(host))  # every browser names the host
    ):
        raise ServiceError(
            403,
            "request.foreign",
            "Without a key only this machine's own requests are answered, to localhost or 127.0.0.1.",
            hint="For other pages, or behind a proxy, set NFOLD_API_KEY and send the key.",
        )


def needs(scope: str) -> Callable[..., Awaitable[Caller]]:
    """A dependency that lets through whoever has a scope.

    Raises:
        ServiceError: 403 for whoever has not.
    """
    assert scope in SCOPES

    async def check(caller: Annotated[Caller, Depends(caller_of)]) -> Caller:
        if scope not in caller.scopes:
            raise ServiceError(403, "key.scope", f"This key may not {scope}.", hint="Ask for a key with that scope.")
        return caller

    return check


Reader = Annotated[Caller, Depends(needs("read"))]
Writer = Annotated[Caller, Depends(needs("write"))]


def _unauthorised(code: str, message: str) -> ServiceError:
    return ServiceError(
        401,
        code,
        message,
        hint="Send it as 'X-API-Key: KEY' or 'Authorization: Bearer KEY'.",
        headers={"WWW-Authenticate": "Bearer"},
    )


OPEN_TO_ALL: Final = frozenset(
    {
        "/healthz",
        "/readyz",
        "/openapi.json",
        "/docs",
        "/docs/style.css",
        "/",
        "/static/{version}/{name}",
        "/example.zip",
    }
)
"""Paths that ask for no key, ever; every other route must depend on `Reader` or `Writer`."""

__all__ = ["DEFAULT_OWNER", "OPEN_TO_ALL", "Reader", "Writer", "caller_of", "identified", "key_in", "needs"]
