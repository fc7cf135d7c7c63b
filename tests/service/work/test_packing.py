"""Outputs as zips: the same each time, without times and places of the machine they were made on."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

from nfold_service.work.expanding import expand_dataset
from nfold_service.work.packing import pack_folder
from tests.conftest import write_picture


def expanded(home: Path, source: Path) -> dict[str, Any]:
    return expand_dataset(
        source=str(source), home=str(home), request={"copies": 1}, workers=1, max_pixels=10**7, say=lambda data: None
    )


def test_the_same_images_give_the_same_zip_wherever_and_whenever(tmp_path: Path) -> None:
    results = []
    for place in ("one", "other"):
        source = tmp_path / place / "source"
        write_picture(source / "cat.png", 1)
        results.append(expanded(tmp_path / place, source))
        with zipfile.ZipFile(tmp_path / place / "result.zip") as archive:
            assert all(str(tmp_path).encode() not in archive.read(name) for name in archive.namelist())
            rows = [json.loads(line) for line in archive.read("manifest.jsonl").splitlines()]
        assert rows
        assert "mtime_ns" not in json.dumps(rows)
    assert results[0]["sha256"] == results[1]["sha256"]
    again = expanded(tmp_path / "one", tmp_path / "one" / "source")
    assert again["tree_digest"] == results[0]["tree_digest"]  # the card counts runs
    assert again["images_after"] == 2


def test_names_and_bytes_of_files_are_kept(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "a").mkdir(parents=True)
    (folder / "a/ü.txt").write_bytes(b"text")
    (folder / ".nfold").mkdir()
    (folder / ".nfold/lock").touch()
    packed = pack_folder(folder, tmp_path / "made.zip")
    assert packed.size == (tmp_path / "made.zip").stat().st_size
    with zipfile.ZipFile(tmp_path / "made.zip") as archive:
        assert archive.namelist() == ["a/ü.txt", "manifest.jsonl"]
        assert archive.read("a/ü.txt") == b"text"
