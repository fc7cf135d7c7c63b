"""uvicorn, with what it lacks.

Deadlines for heads and for readers, problem details for what is no HTTP, and an end that is in time.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

import h11
import structlog
import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from nfold_service.problems import MEDIA_TYPE, Problem
from nfold_service.settings import Settings
from nfold_service.surroundings import SECURITY_HEADERS

_LATE_S = 1.5

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

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            # With many uploads every other request waits for one such piece of each.
            transport.max_size = _READ_BYTES
            self._watch()

        def connection_lost(self, exc: Exception | None) -> None:
            self._let_be()
            self._is_read()
            super().connection_lost(exc)

        def pause_writing(self) -> None:
            super().pause_writing()
            # The buffer is full. It is nearly empty again when 48 KiB are gone to the kernel, which takes more once a
            # third of what it holds itself has gone out: a MiB or two, which every line carries in minutes.
            self._unread = self.loop.call_later(unread_s, self._nobody_reads)

        def resume_writing(self) -> None:
            super().resume_writing()
            self._is_read()

        def data_received(self, data: bytes) -> None:
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


class Server(uvicorn.Server):
    """Told to end, it tells whoever waits, lets what is going on end for a while, and leaves with exit code 0.

    Told twice, it leaves at once: jobs lose what they have not committed, as in a power cut, and nothing else.
    """

    def __init__(self, config: uvicorn.Config, app: FastAPI, settings: Settings) -> None:
        super().__init__(config)
        self._app, self._settings = app, settings

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say where."""
        await super().startup(sockets)
        for one in self.servers:
            for listener in one.sockets:
                host, port = listener.getsockname()[:2]
                url = f"http://{f'[{host}]' if ':' in host else host}:{port}/"
                structlog.get_logger("nfold.service").info("serving", url=url, data=str(self._settings.data))

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop accepting, say so to streams and uploads, stop jobs, and wait for the rest."""
        threading.Thread(target=self._leave_late, daemon=True, name="nfold-end").start()
        ending = asyncio.create_task(begin_ending(self._app))
        await super().shutdown(sockets)
        await ending

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Note a signal; the second ends the process, and the kernel its workers."""
        del frame
        if self.should_exit:
            os._exit(128 + sig)
        self.should_exit = True

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Listen to signals, and do not raise them again afterwards: to end when told to is no failure."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        told = (signal.SIGINT, signal.SIGTERM)
        former = {number: signal.signal(number, self.handle_exit) for number in told}
        try:
            yield
        finally:
            for number, handler in former.items():
                if handler is not signal.SIG_DFL:  # else a second signal is the second one to the very end
                    signal.signal(number, handler)

    def _leave_late(self) -> None:
        """Something does not end, a thread in the middle of a large file most likely: nothing is lost by leaving it."""
        threading.Event().wait(self._settings.drain_seconds + _LATE_S)
        structlog.get_logger("nfold.service").warning("ended in the middle of something")
        os._exit(0)


async def begin_ending(app: FastAPI) -> None:
    """Tell everything that stays open that the service ends, and stop its jobs."""
    context = app.state.context
    context.ending.set()
    async with context.job_changed:
        context.job_changed.notify_all()
    await app.state.supervisor.end()


def make_server(app: FastAPI, settings: Settings) -> Server:
    """A server that is ready to run."""
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=protocol_with_deadline(settings.header_seconds, settings.unread_seconds),
        ws="none",
        lifespan="on",
        loop="asyncio",
        timeout_keep_alive=settings.keep_alive_seconds,
        timeout_graceful_shutdown=int(settings.drain_seconds),
        h11_max_incomplete_event_size=64 * 1024,
        server_header=False,
        date_header=True,
        access_log=False,
        log_config=None,
        proxy_headers=False,
    )
    return Server(config, app, settings)
