"""The image that scripts/test-container has built, and containers of it; without it these tests are skipped by name."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
KEY = "a-key-for-the-tests-only-0123456789"
HARDENED = (
    *("--read-only", "--tmpfs", "/tmp:rw,noexec,nosuid,nodev,size=64m"),
    *("--cap-drop=all", "--security-opt=no-new-privileges"),
    *("--ulimit", "nofile=4096:4096", "--ulimit", "nproc=512:512"),
)


@pytest.fixture(scope="session")
def image() -> str:
    """Name of the image."""
    name = os.environ.get("NFOLD_TEST_IMAGE")
    if not name:
        pytest.skip("no image was built: sudo scripts/test-container --install builds and tests it")
    return name


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def podman(*arguments: str, check: bool = True, seconds: float = 120) -> subprocess.CompletedProcess[str]:
    """One call of podman."""
    done = subprocess.run(["podman", *arguments], capture_output=True, text=True, timeout=seconds, check=False)
    assert not check or done.returncode == 0, f"podman {' '.join(arguments)}: {done.returncode}\n{done.stderr}"
    return done


@dataclass(slots=True)
class Service:
    """A container that serves, and what its clients do."""

    name: str
    port: int
    arguments: list[str] = field(default_factory=list)

    def begin(self, image: str) -> None:
        """Start it, and wait until its own HEALTHCHECK says that it is well."""
        podman(
            *("run", "--detach", "--name", self.name, "--publish", f"127.0.0.1:{self.port}:8000"),
            *(*HARDENED, *self.arguments, image),
        )
        self.wait_until_well()

    def wait_until_well(self) -> None:
        """By its own HEALTHCHECK."""
        deadline = time.monotonic() + 60
        while podman("healthcheck", "run", self.name, check=False).returncode:
            assert time.monotonic() < deadline, self.logs()
            time.sleep(0.3)

    def stop(self) -> tuple[int, float]:
        """SIGTERM, and SIGKILL ten seconds later: the exit code, and the seconds it took."""
        began = time.monotonic()
        podman("stop", "--time", "10", self.name)
        seconds = time.monotonic() - began
        return int(podman("inspect", "--format", "{{.State.ExitCode}}", self.name).stdout), seconds

    def logs(self) -> str:
        """What it has said so far."""
        done = podman("logs", self.name, check=False)
        return done.stdout + done.stderr

    def run(self, *command: str) -> str:
        """What a command inside says."""
        return podman("exec", self.name, *command).stdout

    def ask(
        self,
        path: str,
        body: bytes | None = None,
        *,
        method: str | None = None,
        kind: str = "application/json",
        key: str = KEY,
    ) -> bytes:
        """One request through the published port; without a key where that is empty."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            data=body,
            method=method,
            headers={"Content-Type": kind, **({"X-API-Key": key} if key else {})},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return bytes(answer.read())

    def status(self, path: str, *, key: str = "") -> int:
        """What a request is answered with."""
        try:
            self.ask(path, key=key)
        except urllib.error.HTTPError as error:
            with error:
                return error.code
        return 200

    def ask_json(self, path: str, body: Any = None) -> Any:
        """One request whose bodies are JSON."""
        return json.loads(self.ask(path, None if body is None else json.dumps(body).encode()))


@pytest.fixture
def service(image: str, tmp_path: Path) -> Iterator[Service]:
    """A service as README starts it, with its key in a file and on a fresh volume; removed at the end."""
    made = Service("nfold-test", free_port())
    (tmp_path / "key").write_text(f"{KEY}\n")
    with contextlib.ExitStack() as stack:
        stack.callback(podman, "volume", "rm", "--force", "nfold-test", check=False)
        stack.callback(podman, "rm", "--force", "--time", "0", made.name, check=False)
        made.arguments = ["--volume", "nfold-test:/data", "--volume", f"{tmp_path}/key:/run/key:ro"]
        made.arguments += ["--env", "NFOLD_API_KEY_FILE=/run/key"]
        # One worker, so that a job can be met at work.
        made.arguments += ["--env", "NFOLD_WORKERS=1", "--env", "NFOLD_DISK_RESERVE_BYTES=0"]
        made.begin(image)
        yield made


def packed(photos: Path) -> bytes:
    """A zip of these photographs."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for path in sorted(photos.rglob("*.jpg")):
            archive.write(path, path.relative_to(photos).as_posix())
    return held.getvalue()


def put_photos(service: Service, photos: Path) -> str:
    """A data set of these photographs, ready to be expanded."""
    dataset = str(service.ask_json("/v1/datasets", {})["id"])
    service.ask(f"/v1/datasets/{dataset}/content", packed(photos), method="PUT", kind="application/zip")
    wait_for(service, f"/v1/datasets/{dataset}", "ready")
    return dataset


def begin_long_job(service: Service, dataset: str) -> str:
    """A job of some seconds, met at work."""
    job = str(service.ask_json("/v1/expansions", {"dataset": dataset, "copies": 100})["id"])
    deadline = time.monotonic() + 60
    while not service.ask_json(f"/v1/expansions/{job}")["progress"].get("done"):
        assert time.monotonic() < deadline, service.logs()
        time.sleep(0.1)
    return job


def wait_for(service: Service, path: str, state: str) -> dict[str, Any]:
    """Until it is in that state; fails where it is in a bad one."""
    deadline = time.monotonic() + 120
    while True:
        found: dict[str, Any] = service.ask_json(path)
        if found["state"] == state:
            return found
        assert found["state"] not in ("failed", "broken"), found
        assert time.monotonic() < deadline, (found, service.logs())
        time.sleep(0.2)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A few of the example photographs, in a folder that anybody may look into and that a stranger owns."""
    folder = tmp_path / "mine" / "photos"
    shutil.copytree(ROOT / "examples/photos/places", folder / "places")
    shutil.copytree(ROOT / "examples/photos/food", folder / "food")
    return folder


def native_digest(source: Path, target: Path, *options: str) -> str:
    """The tree digest of `nfold expand` on this machine, outside of any container."""
    import sys

    done = subprocess.run(
        [sys.executable, "-m", "nfold_cli", "expand", str(source), str(target), *options, "--json"],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return str(json.loads(done.stdout)["tree_digest"])
