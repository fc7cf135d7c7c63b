"""The commands of README's container part, as they stand there, with podman in the place of docker."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import ssl
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.container.conftest import KEY, ROOT, Service, native_digest, packed, podman

BLOCK = re.search(r"^## Container\n.*?^```text\n(.*?)^```", (ROOT / "README.md").read_text(), re.M | re.S)
BUILD, COMMAND, SERVICE, COMPOSE = BLOCK[1].splitlines() if BLOCK else [""] * 4
CALLER = 4711
PASSWORD = "p@ss:w/ord % 1"


@pytest.fixture
def words(tmp_path: Path, image: str) -> dict[str, str]:
    """An environment in which `docker` is podman, which is told what docker does by itself."""
    del image  # there has to be one
    return docker_in(tmp_path / "words")


@pytest.fixture(scope="module")
def built(image: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The image `nfold`, by README's own line."""
    del image
    run(BUILD, ROOT, docker_in(tmp_path_factory.mktemp("words") / "words"))


def docker_in(folder: Path) -> dict[str, str]:
    write_program(
        folder / "docker",
        'case "$1" in\n'
        "  build) shift; exec podman build --format docker --pull=never --network=host"
        ' --build-arg REVISION=README "$@" ;;\n'
        '  compose) shift; exec "$NFOLD_TEST_COMPOSE" "$@" ;;\n'
        "esac\n"
        'exec podman "$@"\n',
    )
    return {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}


def write_program(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}")
    path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)


def run(line: str, folder: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(
        ["sh", "-ec", line], cwd=folder, env=environment, capture_output=True, text=True, timeout=170, check=False
    )
    assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"


@contextlib.contextmanager
def running(line: str, folder: Path, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A command that goes on; told to end, and killed where it does not."""
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen(["sh", "-ec", f"exec {line}"], cwd=folder, env=environment, stdout=said, stderr=said)
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)
            process.kill()
            process.wait(10)


def test_they_are_the_four_that_are_tried_here() -> None:
    assert [line.split()[1] for line in (BUILD, COMMAND, SERVICE, COMPOSE)] == ["build", "run", "run", "compose"]


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize("caller", [0, CALLER])
def test_the_image_is_built_and_expands_a_folder_of_the_callers(
    words: dict[str, str], photos: Path, tmp_path: Path, caller: int
) -> None:
    os.chown(photos.parent, caller, caller)
    write_program(tmp_path / "words/id", f"echo {caller}\n")
    run(COMMAND, photos.parent, words)
    written = photos.parent / "photos-x6"
    card = json.loads((written / "nfold.json").read_text())
    assert native_digest(photos, tmp_path / "native", "-n", "5") in json.dumps(card)
    assert {path.stat().st_uid for path in (written, *written.rglob("*"))} == {caller}


@pytest.mark.usefixtures("built")
def test_the_service_answers_on_port_8000_and_ends_with_0(words: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{KEY}\n")
    service = Service("", 8000)
    try:
        with running(SERVICE, tmp_path, words) as process:
            deadline = time.monotonic() + 60
            while True:
                with contextlib.suppress(OSError):
                    if service.status("/readyz") == 200:
                        break
                assert process.poll() is None, (tmp_path / "said").read_text()
                assert time.monotonic() < deadline, (tmp_path / "said").read_text()
                time.sleep(0.3)
            assert service.status("/v1/limits") == 401
            assert service.status("/v1/limits", key=KEY) == 200
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
    finally:
        podman("rm", "--force", "--all", "--time", "0", check=False)
        podman("volume", "rm", "--force", "nfold", check=False)


def test_with_compose_there_are_postgresql_and_tls_before_it(
    words: dict[str, str], image: str, photos: Path, tmp_path: Path
) -> None:
    if not os.environ.get("NFOLD_TEST_COMPOSE"):
        pytest.skip("there are no stand-ins for postgres and caddy, or no podman-compose; stand-ins.log says why")
    podman("tag", image, "localhost/nfold:0.1.0")
    shutil.copytree(ROOT / "docker", tmp_path / "docker")
    (tmp_path / "docker/key").write_text(f"{KEY}\n")
    words |= {"NFOLD_DATABASE_PASSWORD": PASSWORD}
    try:
        # Debian's podman cannot wait for another container's health, which compose does by itself.
        for name in ("postgres", "nfold"):
            run(f"{COMPOSE} --detach --no-deps {name}", tmp_path, words)
            Service(f"nfold_{name}_1", 0).wait_until_well()
        with running(COMPOSE, tmp_path, words):
            trusted = tmp_path / "root.crt"
            wait_until_ready(trusted, tmp_path / "said")
            tls = ssl.create_default_context(cafile=str(trusted))
            with pytest.raises(urllib.error.HTTPError, match="401"):
                urllib.request.urlopen("https://localhost/v1/limits", timeout=20, context=tls)
            expanded = subprocess.run(
                [
                    *(sys.executable, "-m", "nfold_cli", "expand", str(photos), str(tmp_path / "out")),
                    *("-n", "2", "--service", "https://localhost", "--json"),
                ],
                env={**os.environ, "NFOLD_API_KEY": KEY, "SSL_CERT_FILE": str(trusted)},
                capture_output=True,
                text=True,
                timeout=120,
                check=True,
            )
            assert json.loads(expanded.stdout)["tree_digest"] == native_digest(photos, tmp_path / "native", "-n", "2")
            assert "nfold.db" not in podman("exec", "nfold_nfold_1", "ls", "/data").stdout
            query = "select value from about where name = 'version'"
            version = podman("exec", "nfold_postgres_1", "psql", "-U", "nfold", "-d", "nfold", "-Atc", query)
            assert version.stdout.strip() == "1"
            expect_events_as_they_come(photos, tls)
            dump_and_restore(tmp_path, words)
            wait_until_ready(trusted, tmp_path / "said")
    finally:
        podman("pod", "rm", "--force", "--all", check=False)
        podman("rm", "--force", "--all", "--time", "0", check=False)
        podman("volume", "rm", "--force", "--all", check=False)


def expect_events_as_they_come(photos: Path, tls: ssl.SSLContext) -> None:
    """Through the proxy, from a job that is then at work; it is thrown away."""

    def ask(path: str, body: bytes | None = None, method: str | None = None, kind: str = "application/json") -> Any:
        headers = {"X-API-Key": KEY, "Content-Type": kind}
        request = urllib.request.Request(f"https://localhost{path}", data=body, method=method, headers=headers)
        return urllib.request.urlopen(request, timeout=60, context=tls)

    dataset = json.load(ask("/v1/datasets", b"{}"))["id"]
    content = packed(photos)
    ask(f"/v1/datasets/{dataset}/content", content, "PUT", "application/zip").close()
    deadline = time.monotonic() + 60
    while json.load(ask(f"/v1/datasets/{dataset}"))["state"] != "ready":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    job = json.load(ask("/v1/expansions", json.dumps({"dataset": dataset, "copies": 400}).encode()))["id"]
    with ask(f"/v1/expansions/{job}/events") as events:
        heard = events.readline()
        assert json.load(ask(f"/v1/expansions/{job}"))["state"] in ("queued", "running"), heard
        while b"progress" not in heard:
            heard = events.readline()
            assert heard, "the events ended"
        assert json.load(ask(f"/v1/expansions/{job}"))["state"] == "running"
    ask(f"/v1/expansions/{job}", method="DELETE").close()


def dump_and_restore(folder: Path, words: dict[str, str]) -> None:
    """By the lines of docs/deploy.md; between them the store forgets which folder it belongs to."""
    text = (ROOT / "docs/deploy.md").read_text()
    saved, restored = re.findall(r"^```text\n(docker compose [^`]* (?:stop|exec) [^`]*)^```", text, re.M)
    stop, dump, start = saved.splitlines()

    def asked(statement: str) -> str:
        query = ["exec", "nfold_postgres_1", "psql", "-U", "nfold", "-d", "nfold", "-Atc", statement]
        return podman(*query).stdout.strip()

    told = "select * from about order by name"
    before = asked(told)
    for line in (stop, dump):
        run(line, folder, words)
    asked("delete from about")
    assert asked(told) == ""
    run(restored, folder, words)
    assert asked(told) == before
    run(start, folder, words)


def wait_until_ready(trusted: Path, said: Path) -> None:
    """Until the service answers behind TLS; `trusted` then holds the proxy's own authority."""
    deadline = time.monotonic() + 60
    authority = "nfold_caddy_1:/data/caddy/pki/authorities/local/root.crt"
    problem = "nothing was tried"
    while time.monotonic() < deadline:
        copied = podman("cp", authority, str(trusted), check=False)
        problem = copied.stderr
        if copied.returncode == 0:
            try:
                tls = ssl.create_default_context(cafile=str(trusted))
                with urllib.request.urlopen("https://localhost/readyz", timeout=5, context=tls):
                    return
            except OSError as error:
                problem = str(error)
        time.sleep(0.5)
    states = podman("ps", "--all", "--format", "{{.Names}} {{.Status}}").stdout
    pytest.fail(f"{problem}\n{states}\n{said.read_text(errors='replace')[:3000]}")
