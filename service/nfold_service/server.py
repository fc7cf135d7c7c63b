"""uvicorn, with an end that is in time, and with connections of ours."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import threading
from collections.abc import Iterator
from types import FrameType

import structlog
import uvicorn
from fastapi import FastAPI

from nfold_service.connections import protocol_with_deadline
from nfold_service.early import end_before_start
from nfold_service.settings import Settings

_LATE_S = 1.5


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
                if handler not in (
                    signal.SIG_DFL,
                    end_before_start,
                ):  # else a second signal is the second one to the very end
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
