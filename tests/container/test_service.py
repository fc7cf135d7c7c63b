from __future__ import annotations

import io
import json
import re
import socket
import threading
import time
import urllib.request
import zipfile
from pathlib import Path

from PIL import Image
from tests.container.conftest import (
    HARDENED,
    KEY,
    Service,
    begin_long_job,
    free_port,
    native_digest,
    podman,
    put_photos,
    wait_for,
)


def test_it_is_no_root_has_no_capability_and_a_read_only_file_system(service: Service) -> None:
    assert service.run("id", "-u").strip() == "10001"
    assert re.search(r"^CapEff:\t0+$", service.run("cat", "/proc/1/status"), re.MULTILINE)
    assert re.search(r"^CapBnd:\t0+$", service.run("cat", "/proc/1/status"), re.MULTILINE)
    assert re.search(r"^\S+ / \S+ ro,", service.run("cat", "/proc/mounts"), re.MULTILINE)
    service.run("sh", "-c", "touch /tmp/x /data/x && rm /tmp/x /data/x")
    assert service.run("cat", "/proc/1/cmdline").split("\0")[-2] == "serve"


def test_its_logs_are_lines_of_json_and_the_key_is_in_none(service: Service) -> None:
    service.ask("/v1/limits")
    assert service.status("/v1/limits", key="wrong") == 401
    lines = [json.loads(line) for line in service.logs().splitlines()]
    assert {("/v1/limits", 200), ("/v1/limits", 401)} <= {(line.get("path"), line.get("status")) for line in lines}
    assert all({"event", "level", "timestamp"} <= line.keys() for line in lines)
    assert KEY not in service.logs()


def test_the_key_from_a_file_is_asked_for_everywhere_but_by_healthz_and_readyz(service: Service) -> None:
    assert [service.status(path) for path in ("/healthz", "/readyz", "/v1/limits")] == [200, 200, 401]
    assert service.status("/v1/limits", key="wrong") == 401
    assert service.status("/v1/limits", key=KEY) == 200


def test_a_key_from_a_variable_counts_as_well(image: str) -> None:
    service = Service("nfold-test-variable", free_port(), ["--env", f"NFOLD_API_KEY={KEY}"])
    try:
        service.begin(image)
        assert [service.status(path) for path in ("/healthz", "/readyz", "/v1/limits")] == [200, 200, 401]
        assert service.status("/v1/limits", key=KEY) == 200
    finally:
        podman("rm", "--force", "--time", "0", "--volumes", service.name, check=False)


def test_an_upload_through_the_published_port_gives_a_right_zip(service: Service, photos: Path) -> None:
    picture = (photos / "places/rocket.jpg").read_bytes()
    zipped = zipfile.ZipFile(io.BytesIO(service.ask("/v1/expand?copies=3", picture, method="POST", kind="image/jpeg")))
    assert zipped.testzip() is None
    pictures = {name: zipped.read(name) for name in zipped.namelist() if name.endswith(".jpg")}
    assert len(pictures) == 4
    assert len(set(pictures.values())) == 4
    assert picture in pictures.values()
    with Image.open(io.BytesIO(picture)) as original:
        for data in pictures.values():
            with Image.open(io.BytesIO(data)) as copy:
                copy.load()
                assert (copy.format, copy.size, copy.mode) == ("JPEG", original.size, original.mode)


def test_a_job_in_flight_survives_stop_and_start(service: Service, photos: Path, tmp_path: Path) -> None:
    job = begin_long_job(service, put_photos(service, photos))
    code, seconds = service.stop()
    assert code == 0, service.logs()
    assert seconds < 10

    podman("start", service.name)
    service.wait_until_well()
    assert service.ask_json(f"/v1/expansions/{job}")["state"] in ("queued", "running"), "it was done before the stop"
    found = wait_for(service, f"/v1/expansions/{job}", "succeeded")
    assert found["result"]["images_after"] == 4 * 101
    assert found["result"]["tree_digest"] == native_digest(photos, tmp_path / "native", "-n", "100")
    assert service.stop()[0] == 0


def test_sigterm_ends_it_in_time_with_a_job_a_listener_and_an_upload_under_way(service: Service, photos: Path) -> None:
    job = begin_long_job(service, put_photos(service, photos))
    heard: list[bytes] = []

    def listen() -> None:
        request = urllib.request.Request(
            f"http://127.0.0.1:{service.port}/v1/expansions/{job}/events", headers={"X-API-Key": KEY}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            heard.extend(answer)

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    with socket.create_connection(("127.0.0.1", service.port), timeout=20) as upload:
        upload.sendall(
            f"POST /v1/expand HTTP/1.1\r\nHost: x\r\nX-API-Key: {KEY}\r\n".encode()
            + b"Content-Type: image/png\r\nContent-Length: 5000000\r\n\r\n"
            + bytes(2_000_000)
        )
        deadline = time.monotonic() + 20
        while not heard:
            assert time.monotonic() < deadline, "no event came"
            time.sleep(0.05)
        assert service.ask_json(f"/v1/expansions/{job}")["state"] == "running"
        code, seconds = service.stop()
    assert code == 0, service.logs()
    assert seconds < 10
    listener.join(10)
    assert not listener.is_alive()
    assert b"event: shutdown\n" in [line.replace(b"\r\n", b"\n") for line in heard]


def test_without_any_network_it_is_well_and_works(image: str, photos: Path) -> None:
    """It has nobody to call: the key, the recipes and everything else are its own."""
    name = "nfold-test-alone"
    program = (
        "import http.client as h, sys\n"
        "c = h.HTTPConnection('127.0.0.1', 8000, timeout=60)\n"
        f"c.request('POST', '/v1/expand?copies=2', open('/photo.jpg', 'rb').read(), {{'X-API-Key': {KEY!r}, 'Content-Type': 'image/jpeg'}})\n"
        "a = c.getresponse()\n"
        "print(a.status, a.getheader('Content-Type'), len(a.read()) > 10000)\n"
    )
    try:
        podman(
            *("run", "--detach", "--name", name, "--network=none", *HARDENED, "--env", f"NFOLD_API_KEY={KEY}"),
            *("--volume", f"{photos}/places/rocket.jpg:/photo.jpg:ro", image),
        )
        service = Service(name, 0)
        service.wait_until_well()
        assert service.run("/opt/nfold/bin/python", "-c", program).split() == ["200", "application/zip", "True"]
        assert {line.split(":")[0].strip() for line in service.run("cat", "/proc/net/dev").splitlines()[2:]} == {"lo"}
        assert service.stop()[0] == 0
    finally:
        podman("rm", "--force", "--time", "0", "--volumes", name, check=False)


def test_at_work_it_calls_nobody(service: Service, photos: Path) -> None:
    """With a network it does not use it either: each connection is one that came in, or one to itself."""
    job = begin_long_job(service, put_photos(service, photos))
    called = []
    for _ in range(5):
        said = service.run("cat", *(f"/proc/net/{name}" for name in ("tcp", "tcp6", "udp", "udp6")))
        for local, remote in re.findall(r"^ *\d+: ([0-9A-F]+:[0-9A-F]+) ([0-9A-F]+:[0-9A-F]+) ", said, re.MULTILINE):
            came_in, is_own = local.endswith(f":{8000:04X}"), local.startswith("0100007F")
            if not (came_in or is_own or remote.endswith(":0000")):
                called.append((local, remote))
        time.sleep(0.1)
    assert called == []
    service.ask_json(f"/v1/expansions/{job}/cancel", {})


def test_nobody_is_left_unburied_when_a_job_is_cancelled(service: Service, photos: Path) -> None:
    job = begin_long_job(service, put_photos(service, photos))
    service.ask_json(f"/v1/expansions/{job}/cancel", {})
    wait_for(service, f"/v1/expansions/{job}", "cancelled")
    deadline = time.monotonic() + 20
    while "Z" in service.run("sh", "-c", "cat /proc/[0-9]*/stat 2>/dev/null | sed 's/.*) //' | cut -c1").split():
        assert time.monotonic() < deadline, "it stays unburied"
        time.sleep(0.2)
