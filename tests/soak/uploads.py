"""Many uploads at once, some of them cut: memory, latency and descriptors of the server.

`python -m tests.soak.uploads [uploads] [cut]` starts a server of its own on a fresh folder, and says what it measured.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.service.archives import PNG, make_zip
from tests.service.conftest import Server

TWO_MIB = 2 << 20


_WATCH = """
import http.client, json, select, sys, time
delays = []
while not select.select([sys.stdin], [], [], 0.05)[0]:
    line = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=60)
    began = time.monotonic()
    line.request("GET", "/healthz")
    assert line.getresponse().read()
    delays.append(time.monotonic() - began)
    line.close()
print(json.dumps(delays))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a run measured.

    Attributes:
        ready: Data sets that came to `ready`.
        cut: Uploads that were cut.
        refused: Answers of 429, each tried again.
        seconds: Of all uploads.
        rss_mib: The most memory of the server.
        health_p99_ms: Of `/healthz` meanwhile.
        descriptors: Open before, and after.
        staged: Files that are left in staging.
        states: How many data sets are in which state.
    """

    ready: int
    cut: int
    refused: int
    seconds: float
    rss_mib: float
    health_p99_ms: float
    descriptors: tuple[int, int]
    staged: int
    states: dict[str, int]


async def storm(server: Server, uploads: int, cut: int) -> Figures:
    """Send `uploads` archives of 2 MiB at once, and cut so many of them somewhere."""
    assert server.process is not None
    process = Path(f"/proc/{server.process.pid}")
    rng = random.Random(uploads)
    archive = make_zip(("a.txt", rng.randbytes(TWO_MIB)), ("a.png", PNG))
    refused = 0

    async def one(client: httpx.AsyncClient, is_cut: bool) -> None:
        nonlocal refused
        url = (await client.post("/v1/datasets", json={})).headers["Location"]
        if is_cut:
            await half(f"{url}/content", rng.randrange(1, len(archive)))
            return
        while True:
            answer = await client.put(f"{url}/content", content=archive)
            if answer.status_code == 202:
                return
            assert answer.status_code == 429, answer.text
            refused += 1
            await asyncio.sleep(int(answer.headers["Retry-After"]) * rng.uniform(0.2, 1.8))

    async def half(path: str, size: int) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        with contextlib.suppress(ConnectionError):
            writer.write(f"PUT {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(archive)}\r\n\r\n".encode())
            for at in range(0, size, 65_536):
                writer.write(archive[at : min(at + 65_536, size)])
                await writer.drain()
        writer.transport.abort()

    limits = httpx.Limits(max_connections=uploads, max_keepalive_connections=0)
    before = _descriptors(process)
    # In a process of its own: this one is busy sending, and would measure itself.
    watch = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _WATCH, str(server.port), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    began = time.monotonic()
    async with httpx.AsyncClient(base_url=server.url, timeout=300, limits=limits) as client:
        flags = [number < cut for number in range(uploads)]
        rng.shuffle(flags)
        await asyncio.gather(*(one(client, flag) for flag in flags))
        seconds = time.monotonic() - began
        told, _ = await watch.communicate(b"")
        delays: list[float] = json.loads(told)
        states = await _states(client)
        while states.get("unpacking", 0) or states.get("receiving", 0):
            await asyncio.sleep(0.5)
            states = await _states(client)
    await asyncio.sleep(6)  # longer than an idle connection is kept
    peak = next(line for line in (process / "status").read_text().splitlines() if line.startswith("VmHWM"))
    return Figures(
        ready=states.get("ready", 0),
        cut=cut,
        refused=refused,
        seconds=round(seconds, 1),
        rss_mib=round(int(peak.split()[1]) / 1024, 1),
        health_p99_ms=round(sorted(delays)[int(len(delays) * 0.99)] * 1000, 1),
        descriptors=(before, _descriptors(process)),
        staged=len(list((server.data / "staging").iterdir())),
        states=states,
    )


async def _states(client: httpx.AsyncClient) -> dict[str, int]:
    found: dict[str, int] = {}
    cursor: str | None = None
    while True:
        options: dict[str, Any] = {"limit": 200, **({"cursor": cursor} if cursor else {})}
        page = (await client.get("/v1/datasets", params=options)).json()
        for dataset in page["datasets"]:
            found[dataset["state"]] = found.get(dataset["state"], 0) + 1
        cursor = page["next"]
        if cursor is None:
            return found


def _descriptors(process: Path) -> int:
    return len(list((process / "fd").iterdir()))


def main() -> None:
    """Run it, and print the figures as JSON."""
    uploads, cut = (int(argument) for argument in (sys.argv[1:] or ["500", "100"]))
    with tempfile.TemporaryDirectory() as folder:
        server = Server(data=Path(folder) / "server")
        server.begin()
        try:
            figures = asyncio.run(storm(server, uploads, cut))
        finally:
            server.end()
    sys.stdout.write(json.dumps(asdict(figures), indent=2) + "\n")
    is_good = (
        figures.ready == uploads - cut
        and figures.rss_mib < 400
        and figures.health_p99_ms < 1000
        and abs(figures.descriptors[1] - figures.descriptors[0]) <= 5
        and figures.staged == 0
    )
    sys.exit(0 if is_good else 1)


if __name__ == "__main__":
    main()
