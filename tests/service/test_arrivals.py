"""Uploads at the same time, lines that stall or break, and kill -9 at a bad moment."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx

from tests.service.archives import PNG, make_zip
from tests.service.conftest import Server, settled
from tests.service.lines import half_sent
from tests.soak.uploads import storm

Make = Callable[..., Server]


def new_dataset(client: httpx.Client) -> str:
    url: str = client.post("/v1/datasets", json={}).headers["Location"]
    return url


def test_sixty_uploads_at_once_with_twelve_cut(server: Server) -> None:
    figures = asyncio.run(storm(server, 60, 12))
    assert figures.states == {"ready": 48, "empty": 12}
    assert figures.rss_mib < 250
    assert figures.staged == 0
    assert abs(figures.descriptors[1] - figures.descriptors[0]) <= 5


def test_more_uploads_than_allowed_are_asked_to_come_back(make_server: Make) -> None:
    server = make_server(max_uploads_at_once=1)
    content = make_zip(("a.png", PNG))
    with httpx.Client(base_url=server.url, timeout=30) as client:
        first, second = new_dataset(client), new_dataset(client)
        line = half_sent(server, "PUT", f"{first}/content", {"Content-Length": "5000"}, content[:50], how="open")
        time.sleep(0.3)
        answer = client.put(f"{second}/content", content=content)
        assert (answer.status_code, answer.json()["code"]) == (429, "uploads.too_many")
        assert int(answer.headers["Retry-After"]) > 0
        busy = client.put(f"{first}/content", content=content)
        assert busy.status_code in (409, 429)
        assert client.delete(first).json()["code"] == "dataset.state"
        line.close()
        time.sleep(0.3)
        assert client.put(f"{second}/content", content=content).status_code == 202
        interrupted = client.get(first).json()
        assert (interrupted["state"], interrupted["problem"]["code"]) == ("empty", "upload.interrupted")
        assert client.delete(first).status_code == 204


def test_a_stalled_body_is_ended(make_server: Make) -> None:
    server = make_server(stall_seconds=1)
    with httpx.Client(base_url=server.url, timeout=30) as client:
        url = new_dataset(client)
        line = half_sent(server, "PUT", f"{url}/content", {"Content-Length": "5000"}, b"PK\x03\x04", how="open")
        line.settimeout(15)
        answer = b""
        while piece := line.recv(65_536):
            answer += piece
        line.close()
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b'"request.slow"' in answer
        assert client.get(url).json()["state"] == "empty"
    assert not list((server.data / "staging").iterdir())


def test_large_forms_and_archives_never_lie_in_memory(server: Server) -> None:
    def form() -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
        for _ in range(3_000):
            yield bytes(65_536)
        yield b"\r\n--x--\r\n"

    with httpx.Client(base_url=server.url, timeout=60) as client:
        url = new_dataset(client)
        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        assert client.post(f"{url}/content", content=form(), headers=headers).status_code == 202
        assert client.get(url).json()["bytes"] == 3_000 * 65_536
    assert server.process is not None
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    assert int(peak.split()[1]) < 200 * 1024


def test_kill_9_while_unpacking_and_receiving_ends_in_final_states(make_server: Make) -> None:
    server = make_server()
    rng = random.Random(2)
    many = make_zip(*((f"{number:05}.txt", rng.randbytes(500)) for number in range(8_000)), ("a.png", PNG))
    limits = httpx.Limits(max_keepalive_connections=0)
    with httpx.Client(base_url=server.url, timeout=60, limits=limits) as client:
        unpacking, receiving, by_file = (new_dataset(client) for _ in range(3))
        assert client.put(f"{by_file}/files/a.png", content=PNG).status_code == 201
        line = half_sent(server, "PUT", f"{receiving}/content", {"Content-Length": "5000"}, many[:900], how="open")
        assert client.put(f"{unpacking}/content", content=many).json()["state"] == "unpacking"
        while not list((server.data / "staging").glob("*.unpacked/files/*")):
            time.sleep(0.01)
        server.kill()
        line.close()
        server.begin()
        client.base_url = httpx.URL(server.url)
        document = settled(client.get, unpacking)
        assert (document["state"], document["files"]) == ("ready", 8_001), document
        document = client.get(receiving).json()
        assert (document["state"], document["problem"]["code"]) == ("empty", "upload.interrupted")
        document = client.get(by_file).json()
        assert (document["state"], document["files"]) == ("receiving", 1)
        assert client.post(f"{by_file}/inspect").status_code == 202
        assert settled(client.get, by_file)["state"] == "ready"
    assert not list((server.data / "staging").iterdir())
    assert not list((server.data / "datasets").glob("*/archive"))
