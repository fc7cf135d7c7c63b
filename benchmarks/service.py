"""The service against the engine alone, and how soon it answers while it has all hands full.

    .venv/bin/python benchmarks/service.py [--photos 200] [--copies 5] [--rounds 3] [--json]

One run measures, on the same photographs: `nfold expand` by itself; a job of a data set that was uploaded (from the
request to the finished state, without the transfer); POST /v1/expand by several clients at once. Then /healthz is asked
every 20 ms while jobs run on every core and 64 uploads come in, and, for comparison, while nothing else happens.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import json
import os
import secrets
import shutil
import socket
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
from expand import make_photos

HERE = Path(__file__).resolve().parent
UPLOADS, UPLOAD_BYTES, LUMP = 64, 8 << 20, 64 << 10
ASK_EVERY_S = 0.02
FINAL = ("succeeded", "succeeded_with_errors", "failed", "cancelled")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=200)
    parser.add_argument("--copies", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clients", type=int, default=4, help="at once, for POST /v1/expand")
    parser.add_argument("--seconds", type=float, default=20.0, help="of asking /healthz")
    parser.add_argument(
        "--source", default=os.environ.get("NFOLD_TEST_DATA", str(HERE.parent / "examples")) + "/photos"
    )
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nfold-benchmark-") as folder:
        work = Path(folder)
        make_photos(Path(options.source), work / "photos", options.photos)
        with served(work) as url:
            results = asyncio.run(measure(options, work, url))
    results["load_before"] = LOAD
    print(json.dumps(results, indent=2) if options.json else table(results, options))


LOAD = round(os.getloadavg()[0], 1)
"""What the machine did besides, at the start."""


@contextlib.contextmanager
def served(work: Path) -> Iterator[str]:
    """A server of our own."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    environment = {
        **os.environ,
        "NFOLD_DATA": str(work / "data"),
        "NFOLD_PORT": str(port),
        "NFOLD_DISK_RESERVE_BYTES": "0",
        "NFOLD_SMALL_AT_ONCE": str(os.cpu_count() or 1),
        "NFOLD_MAX_UPLOADS_AT_ONCE": "128",
    }
    program = "from nfold_service.serving import serve; serve()"
    with (work / "log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-c", program], env=environment, stdout=log, stderr=log)
    try:
        url = f"http://127.0.0.1:{port}"
        for _ in range(300):
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{url}/readyz").is_success:
                    break
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait()


async def measure(options: argparse.Namespace, work: Path, url: str) -> dict[str, Any]:
    images = options.photos * (1 + options.copies)
    photos = work / "photos"
    engine, jobs, small = [], [], []
    async with httpx.AsyncClient(base_url=url, timeout=600) as client:
        dataset = await uploaded(client, photos)
        for _ in range(options.rounds):
            # Interleaved, so that a slow minute of the machine hits all alike.
            engine.append(images / await asyncio.to_thread(expand_alone, photos, work / "out", options.copies))
            jobs.append(images / await time_job(client, dataset, options.copies))
            small.append(await rate_small(client, photos, options))
        idle = await latencies(client, min(5.0, options.seconds))
        busy, bytes_in = await busy_latencies(client, dataset, options)
    return {
        "engine_images_s": round(statistics.median(engine), 1),
        "job_images_s": round(statistics.median(jobs), 1),
        "expand_now_images_s": round(statistics.median(small), 1),
        "healthz_idle_ms": idle,
        "healthz_busy_ms": busy,
        "uploaded_mb_meanwhile": round(bytes_in / 1e6),
    }


def expand_alone(source: Path, target: Path, copies: int) -> float:
    shutil.rmtree(target, ignore_errors=True)
    command = [sys.executable, "-m", "nfold_cli", "expand", str(source), str(target), "-n", str(copies), "--quiet"]
    began = time.perf_counter()
    subprocess.run(command, check=True, env={**os.environ, "NO_ALBUMENTATIONS_UPDATE": "1"})
    return time.perf_counter() - began


async def uploaded(client: httpx.AsyncClient, photos: Path) -> str:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.add(photos, arcname=".")
    dataset: str = (await client.post("/v1/datasets")).json()["id"]
    (await client.put(f"/v1/datasets/{dataset}/content", content=buffer.getvalue())).raise_for_status()
    while (await client.get(f"/v1/datasets/{dataset}")).json()["state"] != "ready":
        await asyncio.sleep(0.1)
    return dataset


async def time_job(client: httpx.AsyncClient, dataset: str, copies: int) -> float:
    began = time.perf_counter()
    job = await begin_job(client, dataset, copies)
    while (state := (await client.get(f"/v1/expansions/{job}")).json()["state"]) not in FINAL:
        await asyncio.sleep(0.05)
    assert state == "succeeded", state
    taken = time.perf_counter() - began
    await client.delete(f"/v1/expansions/{job}")
    return taken


async def begin_job(client: httpx.AsyncClient, dataset: str, copies: int) -> str:
    answer = await client.post("/v1/expansions", json={"dataset": dataset, "copies": copies})
    identity: str = answer.json()["id"]
    return identity


async def rate_small(client: httpx.AsyncClient, photos: Path, options: argparse.Namespace) -> float:
    """Images a second, originals and copies, over clients that each send one photograph after the other."""
    paths = sorted(photos.iterdir())[: max(options.clients * 5, options.photos // 5)]
    waiting = iter(paths)

    async def send() -> None:
        for path in waiting:
            form = {"image": (path.name, path.read_bytes(), "image/jpeg")}
            answer = await client.post("/v1/expand", files=form, data={"copies": str(options.copies)})
            answer.raise_for_status()

    began = time.perf_counter()
    await asyncio.gather(*(send() for _ in range(options.clients)))
    return len(paths) * (1 + options.copies) / (time.perf_counter() - began)


async def latencies(client: httpx.AsyncClient, seconds: float) -> dict[str, float]:
    """Asked by a process of its own, whose event loop has nothing else to do."""
    command = [sys.executable, str(HERE / "service_latency.py"), str(client.base_url), str(seconds), str(ASK_EVERY_S)]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    answer, _ = await process.communicate()
    found: dict[str, float] = json.loads(answer)
    return found


async def busy_latencies(
    client: httpx.AsyncClient, dataset: str, options: argparse.Namespace
) -> tuple[dict[str, float], int]:
    ending = asyncio.Event()
    sent = [0]
    uploads = [asyncio.create_task(upload_again_and_again(client, ending, sent)) for _ in range(UPLOADS)]
    working = asyncio.create_task(keep_working(client, dataset, ending))
    await asyncio.sleep(3)
    try:
        found = await latencies(client, options.seconds)
    finally:
        ending.set()
        await asyncio.gather(*uploads, working)
    return found, sent[0]


async def keep_working(client: httpx.AsyncClient, dataset: str, ending: asyncio.Event) -> None:
    """A job on every core, one after the other."""
    while not ending.is_set():
        job = await begin_job(client, dataset, 20)
        while (await client.get(f"/v1/expansions/{job}")).json()["state"] not in FINAL:
            if ending.is_set():
                break
            await asyncio.sleep(0.2)
        await client.delete(f"/v1/expansions/{job}")


async def upload_again_and_again(client: httpx.AsyncClient, ending: asyncio.Event, sent: list[int]) -> None:
    lump = secrets.token_bytes(LUMP)

    async def body() -> AsyncIterator[bytes]:
        yield b"PK\x03\x04" + lump[4:]
        for _ in range(UPLOAD_BYTES // LUMP - 1):
            yield lump
            sent[0] += LUMP
            await asyncio.sleep(0)

    async with httpx.AsyncClient(base_url=client.base_url, timeout=600) as line:
        while not ending.is_set():
            dataset = (await line.post("/v1/datasets")).json()["id"]
            with contextlib.suppress(httpx.TransportError):
                await line.put(f"/v1/datasets/{dataset}/content", content=body())
            await line.delete(f"/v1/datasets/{dataset}")


def table(results: dict[str, Any], options: argparse.Namespace) -> str:
    engine = results["engine_images_s"]
    rows = [
        f"{options.photos} photographs of 640 x 480, {options.copies} copies each; {os.cpu_count()} cores, load {LOAD} at the start",
        f"  nfold expand alone                  {engine:8.1f} images/s",
        f"  a job of the service                {results['job_images_s']:8.1f} images/s  ({results['job_images_s'] / engine:.0%})",
        f"  POST /v1/expand, {options.clients} clients          {results['expand_now_images_s']:8.1f} images/s  ({results['expand_now_images_s'] / engine:.0%})",
    ]
    for words, name in (("nothing else", "idle"), (f"jobs and {UPLOADS} uploads", "busy")):
        found = results[f"healthz_{name}_ms"]
        rows.append(
            f"  /healthz, {words:25} p50 {found['p50']:.1f} ms, p99 {found['p99']:.1f} ms, most {found['most']:.1f} ms ({found['asked']:.0f} asked)"
        )
    rows.append(f"  uploaded meanwhile                  {results['uploaded_mb_meanwhile']:8,} MB")
    return "\n".join(rows)


if __name__ == "__main__":
    main()
