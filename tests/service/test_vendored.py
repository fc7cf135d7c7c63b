"""The libraries of the page: all that is on record is there with its licence, nothing else, and is what is served."""

from __future__ import annotations

import importlib.resources
import json
import re
import shutil
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.service.conftest import Server

ROOT = Path(__file__).resolve().parents[2]
VENDOR = ROOT / "service/nfold_service/web/vendor"
RECORD = json.loads((VENDOR / "vendored.json").read_text())


def test_all_that_is_on_record_is_there_with_its_licence_and_nothing_else() -> None:
    of_packages = {name for entry in RECORD.values() for name in entry["files"].values()}
    licences = {f"{name}.LICENSE" for name in RECORD}
    assert {one.name for one in VENDOR.iterdir()} == of_packages | licences | {"vendored.json"}
    for name in licences:
        assert re.search(r"Permission (is hereby granted|to use, copy)", (VENDOR / name).read_text())


def test_each_is_named_among_the_dependencies_with_its_version_and_licence() -> None:
    said = (ROOT / "docs/dependencies.md").read_text()
    for entry in RECORD.values():
        assert f"| {entry['package']} {entry['version']} | {entry['licence']} |" in said


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is needed to compare with the packages")
def test_the_files_are_those_of_the_packages() -> None:
    done = subprocess.run(
        [ROOT / "scripts/vendor", "--check"], capture_output=True, text=True, check=False, timeout=120
    )
    if "E404" not in done.stderr and re.search(r"code E|network|ENOTFOUND|EAI_AGAIN", done.stderr):
        pytest.skip("the packages cannot be reached")
    assert done.returncode == 0, done.stderr


def test_the_page_loads_them_from_the_service(server: Server) -> None:
    page = httpx.get(f"{server.url}/").text
    for name in ("htmx.js", "alpine.js", "uplot.js", "uplot.css"):
        (address,) = re.findall(rf'"(/static/\w+/{re.escape(name)})"', page)
        held = importlib.resources.files("nfold_service") / "web" / "vendor" / name
        assert httpx.get(f"{server.url}{address}").content == held.read_bytes()
