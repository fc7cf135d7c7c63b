from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
from tests.container.conftest import HARDENED, ROOT, podman

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def look(image: str, *command: str) -> str:
    """What root sees in the image."""
    return podman("run", "--rm", "--network=none", "--user=0", f"--entrypoint={command[0]}", image, *command[1:]).stdout


def inspect(image: str, what: str) -> Any:
    return json.loads(podman("image", "inspect", "--format", f"{{{{json {what}}}}}", image).stdout)


def test_it_says_what_it_is(image: str) -> None:
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    labels = {name.removeprefix("org.opencontainers.image."): text for name, text in inspect(image, ".Labels").items()}
    labels.pop("io.buildah.version", None)
    assert labels.pop("description")
    assert labels == {
        "title": "nfold",
        "version": PROJECT["version"],
        "revision": head.stdout.strip() or "unknown",
        "licenses": PROJECT["license"],
        "vendor": PROJECT["authors"][0]["name"],
        "base.name": "docker.io/library/python:3.11-slim-bookworm",
    }
    assert podman("run", "--rm", "--network=none", image, "--version").stdout.split()[-1] == PROJECT["version"]


def test_it_is_started_as_the_service_by_a_user_who_is_not_root(image: str) -> None:
    told = inspect(image, ".Config")
    assert told["User"] == "10001:0"
    assert told["Cmd"] == ["serve"]
    assert set(told["Volumes"]) == {"/data"}
    assert set(told["ExposedPorts"]) == {"8000/tcp"}
    assert told["StopSignal"] in ("SIGTERM", "15")
    assert "/healthz" in " ".join(inspect(image, ".HealthCheck")["Test"])


def test_no_compiler_no_cache_no_framework_and_nothing_that_draws_windows_is_left(image: str) -> None:
    commands = (
        "for tool in gcc cc g++ make uv git; do ! command -v $tool || exit 1; done;"
        "find /root/.cache /tmp /home /opt/uv /build /own -type f 2>/dev/null; ls /var/cache/apt/archives/*.deb 2>/dev/null;"
        "find / -xdev '(' -iname 'libQt*' -o -name 'libgtk*' -o -name 'libGL.so*' -o -name 'libX11*' ')' 2>/dev/null;"
        "ls /opt/nfold/lib/python3.11/site-packages | grep -iE '^(torch|tensorflow|keras|pip|opencv_python-)' || true"
    )
    assert look(image, "sh", "-c", commands) == ""
    built = look(image, "/opt/nfold/bin/python", "-c", "import cv2; print(cv2.getBuildInformation())")
    assert re.search(r"^  GUI: +NONE$", built, re.MULTILINE)


def test_everything_is_compiled_beforehand(image: str) -> None:
    """The file system is read-only, so whatever is not is compiled anew at each start."""
    program = (
        "import importlib.util as u, pathlib\n"
        "for path in pathlib.Path('/opt/nfold/lib/python3.11/site-packages').glob('nfold*/**/*.py'):\n"
        "    pathlib.Path(u.cache_from_source(path)).exists() or print(path)\n"
    )
    assert look(image, "/opt/nfold/bin/python", "-c", program) == ""


def test_the_bill_of_materials_that_docs_show_lists_what_is_in_it(image: str, tmp_path: Path) -> None:
    line = re.search(r"^uv export --format cyclonedx.*$", (ROOT / "docs/deploy.md").read_text(), re.MULTILINE)
    uv = shutil.which("uv") or ROOT / ".venv-tools/bin/uv"
    if not os.access(uv, os.X_OK):
        pytest.skip("uv is not here")
    assert line is not None
    output = tmp_path / "nfold.cdx.json"
    subprocess.run([uv, *line[0].replace("nfold.cdx.json", str(output)).split()[1:]], cwd=ROOT, check=True, timeout=60)
    listed = {(part["name"], part["version"]) for part in json.loads(output.read_text())["components"]}
    program = "import importlib.metadata as m; print(*(f'{d.name.lower()} {d.version}' for d in m.distributions()), sep='\\n')"
    found = {tuple(line.split()) for line in look(image, "/opt/nfold/bin/python", "-c", program).splitlines()}
    plain = {(name.replace("_", "-").replace(".", "-"), version) for name, version in found}
    assert plain - {("nfold", PROJECT["version"])} <= listed
    assert len(plain) > 30


def test_its_size_is_as_docs_say(image: str) -> None:
    said = re.search(r"^About (\d+) MB on top of the base image", (ROOT / "docs/deploy.md").read_text(), re.MULTILINE)
    assert said is not None
    base = inspect("localhost/python:3.11-slim-bookworm", ".Size")
    assert abs((inspect(image, ".Size") - base) / 1e6 - int(said[1])) < 0.05 * int(said[1])


def test_a_new_version_of_nfold_changes_a_small_layer_alone(image: str) -> None:
    sizes = [
        entry["size"]
        for entry in json.loads(podman("history", "--format", "json", image).stdout)
        if "COPY" in entry["CreatedBy"] and entry["size"] > 1_000_000
    ]
    assert len(sizes) == 2
    assert min(sizes) < 12_000_000


@pytest.mark.parametrize("arguments", [(), ("serve",), ("serve", "--host", "0.0.0.0")])
def test_it_refuses_to_serve_without_a_key_and_says_how_to_give_one(image: str, arguments: tuple[str, ...]) -> None:
    done = podman("run", "--rm", "--network=none", *HARDENED, image, *arguments, check=False)
    assert done.returncode == 2
    assert "NFOLD_API_KEY" in done.stderr
    assert "NFOLD_API_KEY_FILE" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [("doctor",), ("recipes", "list")])
def test_it_needs_no_network_and_no_home(image: str, arguments: tuple[str, ...]) -> None:
    podman("run", "--rm", "--network=none", *HARDENED, "--user", "4711:4711", image, *arguments)
