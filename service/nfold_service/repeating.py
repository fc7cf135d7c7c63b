"""`Idempotency-Key`: a POST that is sent again gets the first answer again, and makes nothing twice.

A short body is read before the request is passed on, so that it can be told whether it is the same one. Of a long one
only the beginning is; the rest is hashed while the route reads it. What the request makes has ids that come from its
key, so a service that is killed between making and answering makes the same thing when it is asked again.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import sys
from collections.abc import Awaitable, Callable
from email.message import Message as Headings
from typing import Final

from fastapi import Request
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nfold_service.access import identified, key_in
from nfold_service.context import Context, IdSource, id_source
from nfold_service.keys import Caller
from nfold_service.problems import ServiceError
from nfold_service.receiving import LIFTED, too_large
from nfold_service.store import idempotency
from nfold_service.store.database import now
from nfold_service.store.idempotency import Answer

HEAD_BYTES: Final = 64 * 1024
"""As much of a body is held in memory before the request is passed on."""
KEPT_BYTES: Final = 1 << 20
"""Longer answers are made again: they hold what follows from the request alone, as a zip of a few images does."""

_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")
_ASKED_BY_HEADERS: Final = (
    "Content-Length",
    "Accept",
    "Upload-Length",
    "Upload-Metadata",
    "Upload-Offset",
    "X-HTTP-Method-Override",
)
"""With another value of these it is another request."""
_NOT_KEPT: Final = frozenset({"connection", "transfer-encoding", "date"})


class Repeating:
    """Looks after POST requests that bring a key of their own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer from the store, or pass on and keep the answer.

        Raises:
            ServiceError: The key is malformed, under way, or was used for another request.
        """
        keys = Headers(scope=scope).getlist("Idempotency-Key") if scope["type"] == "http" else []
        if scope["type"] != "http" or scope["method"] != "POST" or not keys:
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        try:
            caller = await identified(request, key_in(request))
        except ServiceError:
            await self._app(scope, receive, send)  # which says so itself
            return
        scope["state"]["owner"] = caller.owner
        await _Repeated(self._app, scope, receive, send, caller, _one_key(keys)).answer()


class _Repeated:
    def __init__(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send, caller: Caller, key: str) -> None:
        self._app, self._scope, self._send = app, scope, send
        self._owner, self._key = caller.owner, key
        self._context: Context = scope["app"].state.context
        self._body = _HashedBody(scope, receive, caller, most=self._context.settings.max_body_bytes)

    async def answer(self) -> None:
        request_hash = await self._body.read_head()
        oldest = now() - self._context.settings.idempotency_hours * 3600
        found = await self._context.store.run(idempotency.begin, self._owner, self._key, request_hash, oldest=oldest)
        if isinstance(found, str):
            await self._pass_on(f"{found}:{request_hash}")
            return
        if found.request_hash != request_hash:
            raise _other_request()
        if found.status is None:
            raise ServiceError(
                409,
                "idempotency.in_flight",
                "The first request with this Idempotency-Key is still being answered.",
                hint="Send it again in a moment.",
                headers={"Retry-After": "1"},
            )
        await self._answer_again(found, f"{found.seed}:{request_hash}")

    async def _answer_again(self, found: Answer, seed: str) -> None:
        if found.body is None:
            with_ids = id_source.set(IdSource(seed))
            try:
                await self._app(self._scope, self._body.receive, self._send)
            finally:
                id_source.reset(with_ids)
            return
        if found.body_hash is not None and await self._body.read_rest() != found.body_hash:
            raise _other_request()
        self._context.metrics.replayed.inc()
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in found.headers.items()]
        headers.append((b"idempotency-replayed", b"true"))
        await self._send({"type": "http.response.start", "status": found.status, "headers": headers})
        await self._send({"type": "http.response.body", "body": found.body})

    async def _pass_on(self, seed: str) -> None:
        recorder = _Recorder(self._send, self._keep)
        with_ids = id_source.set(IdSource(seed))
        try:
            await self._app(self._scope, self._body.receive, recorder.send)
        finally:
            id_source.reset(with_ids)
            if not recorder.is_settled:
                # Cut, failed, or ended by a shutdown: the key is free again, whatever becomes of this task.
                await asyncio.shield(self._context.store.run(idempotency.give_back, self._owner, self._key))

    async def _keep(self, status: int, headers: dict[str, str], body: bytes | None) -> bool:
        """Keep an answer before its end is sent; False for one that is not kept: an error made nothing."""
        if status >= 400 or not self._body.is_whole:
            return False
        answer = {"body_hash": self._body.long_hash, "status": status, "headers": headers, "body": body}
        await self._context.store.run(idempotency.finish, self._owner, self._key, answer)
        return True


class _HashedBody:
    """A body that is hashed on its way; the boundary of a form does not count, since clients draw a new one each time."""

    def __init__(self, scope: Scope, receive: Receive, caller: Caller, *, most: int = sys.maxsize) -> None:
        self._scope, self._receive, self._most = scope, receive, most
        announced = Headers(scope=scope).get("Content-Length", "")
        self._size = int(announced) if announced.isdecimal() and len(announced) < 20 else 0
        self._read = 0
        self._held: list[Message] = []
        self._is_long = False
        self.is_whole = False
        self._boundary = _boundary_of(Headers(scope=scope).get("Content-Type", ""))
        self._carried = b""
        headers = Headers(scope=scope)
        asked = (
            scope["method"],
            scope["path"],
            scope["query_string"].decode("latin-1"),
            headers.get("Content-Type", "").partition(";")[0],
            *(headers.get(name, "") for name in _ASKED_BY_HEADERS),
        )
        self._asked = "\n".join((*asked, *sorted(caller.scopes))).encode("utf-8", "surrogateescape") + b"\n\n"
        self._digest = hashlib.sha256(self._asked)

    async def read_head(self) -> str:
        """Read the beginning, and hash it with what is asked."""
        head = bytearray()
        # An upload may be as large as its route allows, which nobody knows yet; what is read here is short.
        state, was_lifted = self._scope["state"], self._scope["state"].get(LIFTED, False)
        state[LIFTED] = True
        while not self.is_whole and len(head) <= HEAD_BYTES:
            message = await self._next()
            self._held.append(message)
            head += message.get("body", b"")
            if message["type"] != "http.request":
                break
        state[LIFTED] = was_lifted
        self._is_long = len(head) > HEAD_BYTES
        start = bytes(head) if self._boundary is None else bytes(head).replace(self._boundary, b"")
        # How much came until now differs from time to time, so that of a long body a fixed part of it counts.
        return hashlib.sha256(self._asked + (start[: HEAD_BYTES // 4] if self._is_long else start)).hexdigest()

    async def read_rest(self) -> str | None:
        """Read to the end, and throw away; the hash of everything."""
        self._scope["state"][LIFTED] = True
        while not self.is_whole:
            if (await self._next())["type"] != "http.request":
                break
        return self.long_hash

    @property
    def long_hash(self) -> str | None:
        """Of everything, when it is longer than the head."""
        return self._digest.hexdigest() if self._is_long else None

    async def receive(self) -> Message:
        """What the route reads.

        Raises:
            ServiceError: 413, where the route does not take bodies of any size.
        """
        if self._held:
            if not self._scope["state"].get(LIFTED) and max(self._size, self._read) > self._most:
                raise too_large(self._most, "The body")
            return self._held.pop(0)
        return await (self._receive() if self.is_whole else self._next())

    async def _next(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self.is_whole = not message.get("more_body", False)
            self._read += len(message.get("body", b""))
            self._hash(message.get("body", b""))
        return message

    def _hash(self, chunk: bytes) -> None:
        if self._boundary is None:
            self._digest.update(chunk)
            return
        # The boundary may be cut in two, so its length less one stays for the next time.
        data = (self._carried + chunk).replace(self._boundary, b"")
        cut = len(data) if self.is_whole else max(0, len(data) - len(self._boundary) + 1)
        self._carried = data[cut:]
        self._digest.update(data[:cut])


class _Recorder:
    """Passes an answer on; it is kept before its last byte is sent, so that nobody has an answer that was not kept."""

    def __init__(self, send: Send, keep: Callable[[int, dict[str, str], bytes | None], Awaitable[bool]]) -> None:
        self._send, self._keep = send, keep
        self._start: Message | None = None
        self._is_started = False
        self._body: bytearray | None = bytearray()
        self.is_settled = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            return
        if message["type"] == "http.response.body" and self._start is not None:
            if self._body is not None:
                self._body += message.get("body", b"")
                if len(self._body) > KEPT_BYTES:
                    self._body = None
            if not message.get("more_body", False):
                body = None if self._body is None else bytes(self._body)
                self.is_settled = await self._keep(self._start["status"], _kept_headers(self._start), body)
        if self._start is not None and not self._is_started:
            self._is_started = True
            await self._send(self._start)
        await self._send(message)


def _kept_headers(start: Message) -> dict[str, str]:
    headers = Headers(raw=start["headers"])
    return {name: value for name, value in headers.items() if name not in _NOT_KEPT}


def _one_key(keys: list[str]) -> str:
    if len(keys) != 1 or not _KEY.fullmatch(keys[0]):
        raise ServiceError(
            422,
            "idempotency.key",
            "An Idempotency-Key is one word of 1 to 255 visible ASCII characters.",
            hint="A random UUID is a good one.",
        )
    return keys[0]


def _boundary_of(content_type: str) -> bytes | None:
    headings = Headings()
    headings["Content-Type"] = content_type
    boundary = headings.get_boundary() if headings.get_content_maintype() == "multipart" else None
    return boundary.encode("latin-1", "replace") if boundary else None


def _other_request() -> ServiceError:
    return ServiceError(
        422,
        "idempotency.other_request",
        "This Idempotency-Key was used for another request.",
        hint="Use a key of its own for each request; the same one only to send the same request again.",
    )
