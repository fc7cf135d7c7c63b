"""A line that is late and breaks: a TCP proxy in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field


@dataclass(slots=True)
class Proxy:
    """Passes on to `backend`, a port of this machine, until `cut_after` says how many bytes a connection lasts.

    Attributes:
        backend: Where to; may change while it runs.
        cut_after: Asked for each connection: bytes until it is cut, either way; None for never.
        latency_s: Of each lump.
        cuts: Connections that were cut.
    """

    backend: int
    cut_after: Callable[[], int | None] = lambda: None
    latency_s: float = 0.0
    port: int = 0
    cuts: int = 0
    random: random.Random = field(default_factory=lambda: random.Random(5))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends = [writer]
        try:
            await self._serve(reader, writer, ends)
        except asyncio.CancelledError:
            pass  # at the end, with a line still open
        finally:
            for end in ends:
                end.transport.abort()

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, ends: list[asyncio.StreamWriter]
    ) -> None:
        left = [self.cut_after()]
        try:
            there = await asyncio.open_connection("127.0.0.1", self.backend)
        except OSError:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
            return
        ends.append(there[1])
        up = asyncio.create_task(self._pass(reader, there[1], left))
        down = asyncio.create_task(self._pass(there[0], writer, left))
        await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
        if left[0] is not None and left[0] <= 0:
            self.cuts += 1
            if self.random.random() < 0.5:  # half of them by RST, half by FIN
                line: socket.socket = writer.get_extra_info("socket")
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        for task in (up, down):
            task.cancel()
        await asyncio.gather(up, down, return_exceptions=True)
        for end in (writer, there[1]):
            end.close()
            with contextlib.suppress(OSError):
                await end.wait_closed()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, left: list[int | None]) -> None:
        with contextlib.suppress(OSError):
            while lump := await reader.read(16384):
                if self.latency_s:
                    await asyncio.sleep(self.latency_s)
                if left[0] is not None:
                    lump = lump[: left[0]]
                    left[0] -= len(lump)
                writer.write(lump)
                await writer.drain()
                if left[0] is not None and left[0] <= 0:
                    return


@contextlib.contextmanager
def proxy_to(port: int) -> Iterator[Proxy]:
    """A proxy that runs."""
    proxy = Proxy(backend=port)
    loop = asyncio.new_event_loop()
    ready = threading.Event()

    async def begin() -> asyncio.Server:
        server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
        proxy.port = server.sockets[0].getsockname()[1]
        ready.set()
        return server

    async def end() -> None:
        await asyncio.sleep(0)  # whoever has just come begins, and so knows of its line
        pending = asyncio.all_tasks() - {asyncio.current_task()}
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        await asyncio.sleep(0.05)  # until what was aborted is closed

    def run() -> None:
        server = loop.run_until_complete(begin())
        loop.run_forever()
        server.close()
        loop.run_until_complete(end())
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    ready.wait()
    try:
        yield proxy
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
