"""The tour of the service, line by line, against a server that runs; and the lines of the README."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from nfold import expand, preview, verify
from tests.engine.data_sets import make_yolo
from tests.service.conftest import Server

ROOT = Path(__file__).parents[2]
TOUR = (ROOT / "docs/service-tour.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
OURS = "localhost:8000"

pytestmark = pytest.mark.timeout(600)


def lines_of(text: str) -> list[str]:
    return [line for block in re.findall(r"^```bash\n(.*?)^```$", text, re.M | re.S) for line in block.splitlines()]


def run(lines: list[str], folder: Path, server: Server, **environment: str) -> str:
    """Each line in one shell that ends with the first one that fails."""
    programs = folder / "programs"
    programs.mkdir(exist_ok=True)
    nfold = programs / "nfold"
    nfold.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m nfold_cli "$@"\n')
    nfold.chmod(0o755)
    script = "\n".join(["set -euo pipefail", "set -x", *lines]).replace(OURS, f"127.0.0.1:{server.port}")
    paths = os.pathsep.join([str(programs), str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env={**os.environ, "PATH": paths, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What somebody has who cloned the repository, and a labelled set of their own."""
    place = tmp_path / "here"
    place.mkdir()
    shutil.copytree(ROOT / "examples/photos", place / "examples/photos")
    make_yolo(place / "labelled")
    return place


def names_in(path: Path) -> set[str]:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return set(archive.namelist())


def test_the_tour_goes_as_it_is_told(make_server: Callable[..., Server], folder: Path) -> None:
    before, _, _ = TOUR.partition("## Keys")
    lines = lines_of(before)
    assert sum(line.count("curl ") for line in lines) > 25
    said = run(lines, folder, make_server(workers=1))

    assert {"cat.jpg", *(f"cat_aug{copy}.jpg" for copy in range(1, 6)), "manifest.jsonl"} <= names_in(
        folder / "out.zip"
    )
    assert len([name for name in names_in(folder / "two.zip") if name.endswith(".jpg")]) == 6
    assert len([name for name in names_in(folder / "three.zip") if name.endswith(".jpg")]) == 4
    assert "event: progress" in said

    options = {"workers": 1}
    expand(folder / "examples/photos", folder / "local", copies=3, recipe="light", seed=7, **options)
    assert verify(folder / "photos-x4").tree_digest == verify(folder / "local").tree_digest
    local = expand(folder / "labelled", folder / "local-labelled", copies=2, **options)
    assert verify(folder / "labelled-x3").tree_digest == local.tree_digest
    local = expand(folder / "examples/photos", folder / "local-x6", copies=5, **options)
    assert verify(folder / "photos-x6").tree_digest == local.tree_digest

    assert (folder / "copy.jpg").read_bytes() == (folder / "local/nature/chelsea_aug1.jpg").read_bytes()
    assert (folder / "preview.png").read_bytes().startswith(b"\x89PNG")
    assert preview(folder / "cat.jpg", copies=4, recipe="weather").png == (folder / "sheet.png").read_bytes()
    assert f"content-length: {(folder / 'photos-x4.zip').stat().st_size}" in said.lower()
    assert json.loads((folder / "report.json").read_text())["images_after"] == 36
    assert len(list((folder / "epoch1").rglob("*.jpg"))) == 9
    assert "<html" in (folder / "comparison.html").read_text(encoding="utf-8")
    assert tarfile.is_tarfile(folder / "photos.tar")


def test_the_part_about_keys(make_server: Callable[..., Server], folder: Path) -> None:
    key = "a-key-of-the-team"
    _, _, after = TOUR.partition("## Keys")
    shutil.copy(folder / "examples/photos/nature/chelsea.jpg", folder / "cat.jpg")
    run(lines_of(after), folder, make_server(api_key=key, workers=1), NFOLD_API_KEY=key)
    assert "cat_aug5.jpg" in names_in(folder / "with-key.zip")
    assert verify(folder / "with-key").is_sound


def test_the_lines_of_the_readme(server: Server, folder: Path) -> None:
    lines = lines_of(README[README.index("## As a service") : README.index("## What comes out")])
    assert sum(line.count("curl ") for line in lines) >= 7
    (line,) = [line for line in README.splitlines() if line.startswith("curl -F ")]
    assert line in lines_of(TOUR)
    said = run(lines, folder, server)
    assert "cat_aug5.jpg" in names_in(folder / "out.zip")
    assert '"succeeded"' in said
    local = expand(folder / "examples/photos", folder / "local", copies=5, workers=1)
    with zipfile.ZipFile(folder / "photos-x6.zip") as archive:
        archive.extractall(folder / "photos-x6")
    assert verify(folder / "photos-x6").tree_digest == local.tree_digest
