"""Jobs on a real server: data sets put straight into its store, processes found and killed, results compared."""

from __future__ import annotations

import hashlib
import os
import signal
import time
from pathlib import Path
from typing import Any

import httpx

from nfold_service.context import Places, new_id
from nfold_service.store import Store, shelves
from tests.conftest import write_picture

FINAL = ("succeeded", "succeeded_with_errors", "failed", "cancelled", "expired")


def put_dataset(
    data: Path, url: str | None = None, *, pictures: int = 60, owner: str = "default", side: int = 24
) -> str:
    """A ready data set of painted pictures in a data folder."""
    data.mkdir(parents=True, exist_ok=True)
    identity = new_id("ds")
    folder = Places(data).dataset(identity)
    folder.mkdir(parents=True)
    for number in range(pictures):
        write_picture(folder / f"class{number % 3}" / f"{number}.png", number, width=side, height=side)
    store = Store(url or f"sqlite:///{data / 'nfold.db'}")
    try:
        store.run_now(shelves.add_dataset, identity=identity, owner=owner, name="made by a test")
        store.run_now(shelves.change_dataset, identity, {"state": "ready"})
    finally:
        store.close()
    return identity


def ask(url: str, dataset: str, *, copies: int = 3, **options: Any) -> str:
    """Ask for an expansion; its id."""
    answer = httpx.post(f"{url}/v1/expansions", json={"dataset": dataset, "copies": copies, **options}, timeout=30)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def state_of(url: str, job: str) -> dict[str, Any]:
    document: dict[str, Any] = httpx.get(f"{url}/v1/expansions/{job}", timeout=30).json()
    return document


def ended(url: str, job: str, *, seconds: float = 120.0) -> dict[str, Any]:
    """A job in its last state."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        document = state_of(url, job)
        if document["state"] in FINAL:
            return document
        time.sleep(0.1)
    raise AssertionError(f"the job has not ended: {document}")


def at_least(url: str, job: str, done: int, *, seconds: float = 60.0) -> None:
    """Wait until a job has shown so many files."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        document = state_of(url, job)
        if (document["progress"].get("done") or 0) >= done or document["state"] in FINAL:
            return
        time.sleep(0.02)
    raise AssertionError(f"the job does not get on: {document}")


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def processes_below(pid: int) -> dict[int, str]:
    """Every process that came from one, by id, with its command."""
    parents: dict[int, tuple[int, str]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                tail = (entry / "stat").read_text().rpartition(")")[2]
                fields = tail.split()
                if fields[0] != "Z":
                    command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
                    parents[int(entry.name)] = (int(fields[1]), command)
            except (OSError, IndexError):
                continue
    found: dict[int, str] = {}
    pending = [pid]
    while pending:
        parent = pending.pop()
        for child, (above, command) in parents.items():
            if above == parent and child not in found:
                found[child] = command
                pending.append(child)
    return found


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that is dead and was not fetched does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (OSError, IndexError):
        return False


def gone(pids: set[int] | dict[int, str], *, seconds: float = 3.0) -> bool:
    """Whether all of them end in time."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if not any(is_alive(pid) for pid in pids):
            return True
        time.sleep(0.02)
    return False


def job_process(server: int) -> int | None:
    """The process of the job that runs: the one of the service's workers that has processes of its own."""
    children = processes_below(server)
    for pid, command in children.items():
        if "nfold_service.work.bench" in command and processes_below(pid):
            return pid
    return None


def engine_workers(server: int) -> list[int]:
    """The engine's workers of the job that runs."""
    job = job_process(server)
    if job is None:
        return []
    return [pid for zygote in processes_below(job) for pid in processes_below(zygote)]


def kill(pid: int | None) -> bool:
    """kill -9; whether there was such a process."""
    if pid is None:
        return False
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True
