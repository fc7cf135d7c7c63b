"""Requests that may be cut at any point: each is sent again until it is answered, or patience is at an end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, Self
from urllib.parse import urlsplit

import httpx

from nfold.errors import UsageError
from nfold_service.client.refusals import ServiceUnreachableError, error_of
from nfold_service.client.steps import Note, Observer

GREETING_S: Final = 10.0
"""Patience with a service that has not answered yet: its address may be wrong."""

_LATER: Final = frozenset({408, 423, 429, 502, 503, 504})
_LONGEST_PAUSE_S = 5.0
_TIMEOUT: Final = httpx.Timeout(60.0, connect=10.0)
EVENTS_TIMEOUT: Final = httpx.Timeout(45.0, connect=10.0)
"""A stream of events is never silent for longer than a third of this."""


class Line:
    """A line to a service."""

    def __init__(
        self,
        url: str,
        key: str | None,
        *,
        patience_s: float,
        observe: Observer,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Send nothing yet.

        Args:
            url: Of the service, such as http://localhost:8000.
            key: An API key, where the service asks for one.
            patience_s: Seconds without any success before it is given up.
            observe: Is told when the line is cut.
            sleep: How to wait.

        Raises:
            UsageError: This is no address of a service, or the key cannot be one.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.username:
            raise UsageError(f"--service {url}: this is no address.", hint="As in --service http://localhost:8000")
        if key is not None and not (key.isascii() and key.isprintable()):
            raise UsageError("The API key holds characters that no key has.", hint="Give the key alone, on one line.")
        self._observe, self._sleep, self._patience_s = observe, sleep, patience_s
        headers = {"Accept-Encoding": "identity"} | ({"X-API-Key": key} if key else {})
        self._client = httpx.Client(base_url=url.rstrip("/") + "/", headers=headers, timeout=_TIMEOUT)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def patience(self, seconds: float | None = None) -> Patience:
        """A new measure of it, for work of several requests."""
        return Patience(self._patience_s if seconds is None else seconds, self._observe, self._sleep)

    def ask(
        self,
        method: str,
        path: str,
        *,
        document: Any = None,
        headers: Mapping[str, str] | None = None,
        patience: Patience | None = None,
    ) -> httpx.Response:
        """The answer to a request that may be sent again.

        Raises:
            NfoldError: What the service says; `ServiceUnreachableError` when it says nothing for too long.
        """
        patience = patience or self.patience()
        while True:
            try:
                response = self._client.request(method, path, json=document, headers=headers)
            except httpx.TransportError as error:
                patience.cut(error)
                continue
            if not response.is_error:
                return response
            patience.refused(response)

    def send(self, path: str, piece: bytes, headers: Mapping[str, str]) -> httpx.Response:
        """One PATCH, once; whatever the answer is.

        Raises:
            httpx.TransportError: It was cut.
        """
        return self._client.patch(path, content=piece, headers=headers)

    @contextmanager
    def stream(
        self, path: str, headers: Mapping[str, str], *, timeout: httpx.Timeout = _TIMEOUT
    ) -> Iterator[httpx.Response]:
        """One GET, whose answer is read bit by bit.

        Raises:
            httpx.TransportError: It was cut.
        """
        with self._client.stream("GET", path, headers=headers, timeout=timeout) as response:
            yield response


class Patience:
    """How often to try again: for a while without success, with growing pauses."""

    def __init__(self, seconds: float, observe: Observer, sleep: Callable[[float], None]) -> None:
        self._seconds, self._observe, self._sleep = seconds, observe, sleep
        self._failing_since: float | None = None
        self._pause_s = 0.1

    def progressed(self) -> None:
        """Something went well: patience is as it was."""
        self._failing_since, self._pause_s = None, 0.1

    def cut(self, error: httpx.TransportError) -> None:
        """Wait, before the same is tried again.

        Raises:
            ServiceUnreachableError: It was tried long enough.
        """
        if self._failing_since is None and self._seconds > GREETING_S:
            self._observe(Note(text="The line to the service was cut; trying again."))
        self._wait(
            ServiceUnreachableError(
                f"The service cannot be reached: {str(error) or type(error).__name__}.",
                hint="Is it running, and is the address right? The same command goes on where this one stopped.",
            )
        )

    def refused(self, response: httpx.Response) -> None:
        """Wait, if the service says that it can do this later.

        Raises:
            NfoldError: It cannot, or it was tried long enough.
        """
        error = error_of(response)
        if response.status_code not in _LATER and error.stable_code != "idempotency.in_flight":
            raise error
        self.again(response)

    def again(self, response: httpx.Response) -> None:
        """Wait after an answer that may be another one next time.

        Raises:
            NfoldError: It was tried long enough.
        """
        error = error_of(response)
        later = response.headers.get("Retry-After", "")
        if later.isdecimal():
            self._pause_s = max(self._pause_s, min(float(later), _LONGEST_PAUSE_S))
        self._wait(error)

    def _wait(self, error: Exception) -> None:
        at = time.monotonic()
        self._failing_since = at if self._failing_since is None else self._failing_since
        if at - self._failing_since >= self._seconds:
            raise error
        self._sleep(self._pause_s)
        self._pause_s = min(self._pause_s * 2, _LONGEST_PAUSE_S)
