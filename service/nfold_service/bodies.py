"""Bounds for what comes in: the number of headers, and the size and pace of every body.

A route that streams its body by `receiving.chunks_of` has a limit of its own, so the one of ordinary bodies is lifted there.
"""

from __future__ import annotations

import asyncio
import time
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nfold_service.metrics import Metrics
from nfold_service.problems import ServiceError
from nfold_service.receiving import LIFTED, too_large
from nfold_service.settings import Settings

MOST_HEADERS: Final = 100
AT_ONCE: Final = 8
"""Bodies of which a piece is taken in one turn of the event loop. With 64 uploads that all send as fast as they can,
/healthz would wait for a piece of each of them; those whose turn it is not are no longer read, and cost nothing."""
SLOW_AFTER_S: Final = 60.0
"""From then on a body must have come at `slowest_upload_bytes_s` in the middle."""


class BodyBounds:
    """Refuses what is too large or too slow, wherever it is read."""

    def __init__(self, app: ASGIApp, settings: Settings, metrics: Metrics) -> None:
        self._app, self._settings, self._metrics = app, settings, metrics
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with a watched body.

        Raises:
            ServiceError: 431 for too many headers; 408 and 413 from within, where the body is read.
        """
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if len(scope["headers"]) > MOST_HEADERS:
            raise ServiceError(
                431,
                "request.headers",
                f"The request has {len(scope['headers'])} headers; {MOST_HEADERS} are the most.",
                headers={"Connection": "close"},
            )
        body = _Body(self._settings, self._metrics, scope, receive, self._turns)
        try:
            await self._app(scope, body.receive, send)
        finally:
            body.give_turn_back()


class _Body:
    def __init__(
        self, settings: Settings, metrics: Metrics, scope: Scope, receive: Receive, turns: asyncio.Semaphore
    ) -> None:
        self._settings, self._metrics, self._scope, self._receive = settings, metrics, scope, receive
        self._turns, self._has_turn = turns, False
        announced = Headers(scope=scope).get("Content-Length", "")
        self._announced = int(announced) if announced.isdecimal() and len(announced) < 20 else 0
        self._received = 0
        self._began: float | None = None
        self._is_whole = False

    def give_turn_back(self) -> None:
        if self._has_turn:
            self._has_turn = False
            self._turns.release()

    async def receive(self) -> Message:
        self.give_turn_back()
        if self._is_whole:  # what follows is the end of the connection, which may take as long as the answer does
            return await self._receive()
        if self._began is None:
            self._began = time.monotonic()
        self._refuse_large(self._announced)
        try:
            async with asyncio.timeout(self._settings.stall_seconds):  # wait_for makes a task of every chunk
                message = await self._receive()
        except TimeoutError as error:
            raise _too_slow(f"No byte came for {self._settings.stall_seconds:g} seconds.") from error
        if message["type"] == "http.request":
            size = len(message.get("body", b""))
            self._received += size
            self._metrics.received.inc(size)
            self._is_whole = not message.get("more_body", False)
            self._refuse_large(self._received)
            self._refuse_slow(time.monotonic() - self._began)
            if not self._is_whole:  # what comes after the last piece takes as long as it takes
                await self._turns.acquire()
                self._has_turn = True
        return message

    def _refuse_large(self, size: int) -> None:
        if size > self._settings.max_body_bytes and not self._scope["state"].get(LIFTED):
            raise too_large(self._settings.max_body_bytes, "The body")

    def _refuse_slow(self, seconds: float) -> None:
        if (
            not self._is_whole
            and seconds > SLOW_AFTER_S
            and self._received / seconds < self._settings.slowest_upload_bytes_s
        ):
            raise _too_slow(f"{self._received} bytes came in {seconds:.0f} seconds.")


def _too_slow(message: str) -> ServiceError:
    return ServiceError(
        408, "request.slow", message, hint="Use a resumable upload over a weak line.", headers={"Connection": "close"}
    )
