"""One connection: its deadlines for heads and for readers, an end that lets the last answer arrive, and what is no HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from nfold_service.problems import MEDIA_TYPE, Problem
from nfold_service.surroundings import SECURITY_HEADERS

_PARTING_S = 2.0
"""For the rest of a body whose answer is given already."""

_READ_BYTES = 32 << 10
"""At once from a connection. With asyncio's own 256 KiB and 64 uploads, /healthz takes half as long again at p99."""


def protocol_with_deadline(header_s: float, unread_s: float) -> type[H11Protocol]:
    """A protocol that closes connections whose request head is not there in time, or whose answer nobody takes.

    uvicorn waits for ever: whoever sends a byte a minute, or reads none of a download, holds a connection and what
    stands behind it, and a few thousand of them hold the service.
    """

    class Deadline(H11Protocol):
        _deadline: asyncio.TimerHandle | None = None
        _unread: asyncio.TimerHandle | None = None
        _parting: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            parting: Any = _Parting(transport, self.part)
            super().connection_made(parting)
            # With many uploads every other request waits for one such piece of each.
            transport.max_size = _READ_BYTES
            self._watch()

        def connection_lost(self, exc: Exception | None) -> None:
            self._let_be()
            self._is_read()
            if self._parting is not None:
                self._parting.cancel()
            super().connection_lost(exc)

        def part(self, transport: asyncio.Transport) -> bool:
            """Whether the connection goes on for a moment though its end was asked for: a body still comes in.

            To close it with bytes in it that nobody read would send a reset, and a reset takes from the client the
            answer that says why (RFC 9112, section 9.6). So only our side ends, and the rest is read and dropped.
            """
            if self._parting is not None:
                return True
            cycle: Any = self.cycle
            if cycle is None or not cycle.more_body or transport.is_closing():
                return False
            transport.write_eof()
            self.flow.resume_reading()
            self._parting = self.loop.call_later(_PARTING_S, transport.abort)
            return True

        def pause_writing(self) -> None:
            super().pause_writing()
            # The buffer is full. It is nearly empty again when 48 KiB are gone to the kernel, which takes more once a
            # third of what it holds itself has gone out: a MiB or two, which every line carries in minutes.
            self._unread = self.loop.call_later(unread_s, self._nobody_reads)

        def resume_writing(self) -> None:
            super().resume_writing()
            self._is_read()

        def data_received(self, data: bytes) -> None:
            if self._parting is not None:
                return
            cycle: Any = self.cycle  # None until the first head is there, whatever its annotation says
            if cycle is None or cycle.response_complete:
                self._watch()
            super().data_received(data)
            cycle = self.cycle
            if cycle is not None and not cycle.response_complete:
                self._let_be()

        def send_400_response(self, msg: str) -> None:
            body = _no_http(msg)
            headers = {**SECURITY_HEADERS, "Content-Type": MEDIA_TYPE, "Content-Length": str(len(body))}
            lines = [
                (name.lower().encode(), value.encode()) for name, value in {**headers, "Connection": "close"}.items()
            ]
            for event in (h11.Response(status_code=400, headers=lines), h11.Data(data=body), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
            self.transport.close()

        def _watch(self) -> None:
            if self._deadline is None:
                self._deadline = self.loop.call_later(header_s, self._too_late)

        def _let_be(self) -> None:
            if self._deadline is not None:
                self._deadline.cancel()
                self._deadline = None

        def _is_read(self) -> None:
            if self._unread is not None:
                self._unread.cancel()
                self._unread = None

        def _nobody_reads(self) -> None:
            self._unread = None
            self.transport.abort()  # to close it would wait until the other side has taken what is in the buffer

        def _too_late(self) -> None:
            self._deadline = None
            if not self.transport.is_closing():
                self.transport.close()

    return Deadline


class _Parting:
    """A transport whose end may wait."""

    def __init__(self, transport: asyncio.Transport, part: Callable[[asyncio.Transport], bool]) -> None:
        self._transport, self._part, self._is_parting = transport, part, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def is_closing(self) -> bool:
        return self._is_parting or self._transport.is_closing()

    def close(self) -> None:
        self._is_parting = self._part(self._transport)
        if not self._is_parting:
            self._transport.close()


def _no_http(message: str) -> bytes:
    return (
        Problem(
            title="Bad Request",
            status=400,
            detail=message,
            instance="",
            code="request.unreadable",
            hint="The head of a request has at most 64 KiB, and is HTTP/1.1.",
        )
        .model_dump_json()
        .encode()
    )
