from __future__ import annotations

import io
import json
import os
import re
import time
import zipfile
from pathlib import Path

import pytest
from tests.container.conftest import HARDENED, KEY, ROOT, Service, native_digest, podman

CALLER = 4711
"""A user whom no file of the image knows."""


def labels_of(image: str) -> dict[str, str]:
    found: dict[str, str] = json.loads(podman("image", "inspect", "--format", "{{json .Labels}}", image).stdout)
    return found


class TestImage:
    def test_it_says_what_it_is(self, image: str) -> None:
        labels = labels_of(image)
        version = re.findall(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)[0]
        assert labels["org.opencontainers.image.title"] == "nfold"
        assert labels["org.opencontainers.image.version"] == version
        assert labels["org.opencontainers.image.licenses"] == "MIT"
        assert podman("run", "--rm", "--network=none", image, "--version").stdout.split()[-1] == version

    def test_no_compiler_no_cache_and_no_framework_is_left(self, image: str) -> None:
        look = (
            "for tool in gcc cc g++ make uv git; do ! command -v $tool || exit 1; done;"
            "find /root/.cache /tmp /home /opt/uv /build -type f 2>/dev/null; ls /var/cache/apt/archives/*.deb 2>/dev/null;"
            "ls /opt/nfold/lib/python3.11/site-packages | grep -iE '^(torch|tensorflow|keras|pip|opencv_python-)' || true"
        )
        done = podman("run", "--rm", "--network=none", "--user=0", "--entrypoint=sh", image, "-c", look)
        assert done.stdout == ""

    def test_it_refuses_to_serve_without_a_key_and_says_how_to_give_one(self, image: str) -> None:
        done = podman("run", "--rm", "--network=none", *HARDENED, image, check=False)
        assert done.returncode == 2
        assert "NFOLD_API_KEY" in done.stderr
        assert "NFOLD_API_KEY_FILE" in done.stderr
        assert "Traceback" not in done.stderr


class TestCommand:
    def test_it_writes_over_a_bind_mount_what_the_native_command_writes_and_the_files_are_the_callers(
        self, image: str, photos: Path, tmp_path: Path
    ) -> None:
        os.chown(photos.parent, CALLER, CALLER)
        done = podman(
            *("run", "--rm", "--network=none", *HARDENED, "--user", f"{CALLER}:{CALLER}"),
            *("--volume", f"{photos.parent}:/data", image),
            *("expand", "/data/photos", "/data/photos-x6", "-n", "5", "--json"),
        )
        assert json.loads(done.stdout)["tree_digest"] == native_digest(photos, tmp_path / "native", "-n", "5")
        written = [photos.parent / "photos-x6", *(photos.parent / "photos-x6").rglob("*")]
        assert len(written) > 24
        assert {(path.stat().st_uid, path.stat().st_gid) for path in written} == {(CALLER, CALLER)}

    def test_started_as_user_0_it_becomes_who_puid_and_pgid_name(self, image: str, photos: Path) -> None:
        os.chown(photos.parent, CALLER, CALLER + 1)
        podman(
            *("run", "--rm", "--network=none", "--user=0", "--env", f"PUID={CALLER}", "--env", f"PGID={CALLER + 1}"),
            *("--volume", f"{photos.parent}:/data", image),
            *("expand", "/data/photos", "/data/out", "-n", "1"),
        )
        written = [photos.parent / "out", *(photos.parent / "out").rglob("*")]
        assert {(path.stat().st_uid, path.stat().st_gid) for path in written} == {(CALLER, CALLER + 1)}


class TestService:
    def test_it_is_no_root_has_no_capability_and_a_read_only_file_system(self, service: Service) -> None:
        assert service.run("id", "-u").strip() == "10001"
        assert re.search(r"^CapEff:\t0+$", service.run("cat", "/proc/1/status"), re.MULTILINE)
        assert re.search(r"^\S+ / \S+ ro,", service.run("cat", "/proc/mounts"), re.MULTILINE)
        service.run("sh", "-c", "touch /tmp/x /data/x && rm /tmp/x /data/x")
        assert service.run("cat", "/proc/1/cmdline").split("\0")[-2] == "serve"
        for line in service.logs().splitlines():
            assert isinstance(json.loads(line), dict), line
        assert KEY not in service.logs()

    def test_an_upload_through_the_published_port_gives_a_right_zip(
        self, service: Service, photos: Path, tmp_path: Path
    ) -> None:
        picture = (photos / "places/rocket.jpg").read_bytes()
        zipped = zipfile.ZipFile(
            io.BytesIO(service.ask("/v1/expand?copies=3", picture, method="POST", kind="image/jpeg"))
        )
        assert zipped.testzip() is None
        pictures = {name: zipped.read(name) for name in zipped.namelist() if name.endswith(".jpg")}
        assert len(pictures) == 4
        assert len(set(pictures.values())) == 4
        assert picture in pictures.values()
        for data in pictures.values():
            assert data[:2] == b"\xff\xd8"

    def test_a_job_in_flight_survives_stop_and_start_and_sigterm_ends_it_in_time(
        self, service: Service, photos: Path, tmp_path: Path
    ) -> None:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for path in sorted(photos.rglob("*.jpg")):
                archive.write(path, path.relative_to(photos).as_posix())
        dataset = service.ask_json("/v1/datasets", {})["id"]
        service.ask(f"/v1/datasets/{dataset}/content", packed.getvalue(), method="PUT", kind="application/zip")
        wait_for(service, f"/v1/datasets/{dataset}", "ready")
        job = service.ask_json("/v1/expansions", {"dataset": dataset, "copies": 100})["id"]
        deadline = time.monotonic() + 60
        while not service.ask_json(f"/v1/expansions/{job}")["progress"].get("done"):
            assert time.monotonic() < deadline, service.logs()
            time.sleep(0.1)
        code, seconds = service.stop()
        assert code == 0, service.logs()
        assert seconds < 10

        podman("start", service.name)
        service.wait_until_well()
        found = wait_for(service, f"/v1/expansions/{job}", "succeeded")
        assert "taken up again" in service.logs() or found["started_at"] > found["created_at"]
        assert found["result"]["images_after"] == 4 * 101
        digest = native_digest(photos, tmp_path / "native", "-n", "100")
        assert found["result"]["tree_digest"] == digest
        assert service.stop()[0] == 0

    def test_nobody_is_left_unburied_when_a_job_is_cancelled(self, service: Service, photos: Path) -> None:
        dataset = service.ask_json("/v1/datasets", {})["id"]
        for path in sorted(photos.rglob("*.jpg")):
            name = path.relative_to(photos).as_posix()
            service.ask(
                f"/v1/datasets/{dataset}/files/{name}", path.read_bytes(), method="PUT", kind="application/octet-stream"
            )
        service.ask_json(f"/v1/datasets/{dataset}/inspect", {})
        wait_for(service, f"/v1/datasets/{dataset}", "ready")
        job = service.ask_json("/v1/expansions", {"dataset": dataset, "copies": 100})["id"]
        deadline = time.monotonic() + 60
        while not service.ask_json(f"/v1/expansions/{job}")["progress"].get("done"):
            assert time.monotonic() < deadline, service.logs()
            time.sleep(0.1)
        service.ask_json(f"/v1/expansions/{job}/cancel", {})
        wait_for(service, f"/v1/expansions/{job}", "cancelled")
        time.sleep(1)
        states = service.run("sh", "-c", "cat /proc/[0-9]*/stat 2>/dev/null | sed 's/.*) //' | cut -c1")
        assert "Z" not in states.split()


def wait_for(service: Service, path: str, state: str) -> dict[str, object]:
    deadline = time.monotonic() + 120
    while True:
        found: dict[str, object] = service.ask_json(path)
        if found["state"] == state:
            return found
        assert found["state"] not in ("failed", "broken"), found
        assert time.monotonic() < deadline, (found, service.logs())
        time.sleep(0.2)


@pytest.mark.parametrize("arguments", [("doctor",), ("recipes", "list")])
def test_it_needs_no_network_and_no_home(image: str, arguments: tuple[str, ...]) -> None:
    podman("run", "--rm", "--network=none", *HARDENED, "--user", f"{CALLER}:{CALLER}", image, *arguments)
