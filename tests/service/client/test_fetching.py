"""A result that is not what it should be is not put in place."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path
from typing import Any

import pytest

from nfold import expand
from nfold.errors import ForeignFileError, InputError, NfoldError
from nfold_service.client.fetching import put_in_place, unfold
from nfold_service.client.steps import ignore
from nfold_service.client.workplace import Workplace
from nfold_service.work.packing import pack_folder
from tests.engine.data_sets import make_class_folders


@pytest.fixture
def source(tmp_path: Path) -> Path:
    make_class_folders(tmp_path / "in")
    return tmp_path / "in"


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    made = Workplace(tmp_path / "target")
    made.home.mkdir(parents=True)
    return made


def packed(source: Path, tmp_path: Path, place: Workplace) -> dict[str, Any]:
    report = expand(source, tmp_path / "out", copies=1, workers=1)
    pack_folder(tmp_path / "out", place.archive)
    return {"tree_digest": report.tree_digest, "sha256": hashlib.sha256(place.archive.read_bytes()).hexdigest()}


def test_a_whole_result_is_put_in_place_and_names_the_folder_here(
    source: Path, tmp_path: Path, place: Workplace
) -> None:
    result = packed(source, tmp_path, place)
    assert str(tmp_path).encode() not in place.archive.read_bytes(), "the zip names folders of the service"
    unfold(place, result, source, ignore)
    put_in_place(place)
    assert str(source) in (place.target / "nfold.json").read_text()
    assert {path.name for path in place.target.iterdir()} == {"cat", "dog", ".nfold", "nfold.json", ".nfold-service"}


def test_a_file_of_the_data_set_that_is_called_like_the_manifest_stays(
    source: Path, tmp_path: Path, place: Workplace
) -> None:
    report = expand(source, tmp_path / "out", copies=1, workers=1)
    (tmp_path / "out/manifest.jsonl").write_text("mine")
    pack_folder(tmp_path / "out", place.archive)
    unfold(place, {"tree_digest": report.tree_digest}, source, ignore)
    assert (place.tree / "manifest.jsonl").read_text() == "mine"


@pytest.mark.parametrize("what", ["missing", "changed", "other"])
def test_a_file_that_is_not_as_it_was_written_is_named(
    source: Path, tmp_path: Path, place: Workplace, what: str
) -> None:
    result = packed(source, tmp_path, place)
    with zipfile.ZipFile(place.archive) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    if what == "missing":
        del files["cat/one_aug1.png"]
    elif what == "changed":
        files["cat/one_aug1.png"] += b"more"
    else:
        result["tree_digest"] = "0" * 64
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    place.archive.write_bytes(buffer.getvalue())
    with pytest.raises(NfoldError) as caught:
        unfold(place, result, source, ignore)
    assert caught.value.stable_code == "result.damaged"
    assert what == "other" or "cat/one_aug1.png" in caught.value.message
    assert not place.archive.exists()


@pytest.mark.parametrize("name", ["../evil.txt", "/evil.txt", "a/../../evil.txt", "a\\..\\evil.txt", "a/./evil.txt"])
def test_nothing_is_written_outside(source: Path, tmp_path: Path, place: Workplace, name: str) -> None:
    with zipfile.ZipFile(place.archive, "w") as archive:
        archive.writestr(zipfile.ZipInfo(name), b"evil")
    with pytest.raises(InputError) as caught:
        unfold(place, {"tree_digest": ""}, source, ignore)
    assert caught.value.stable_code == "archive.name"
    assert not list(tmp_path.rglob("evil*"))


def test_what_came_into_the_way_meanwhile_stays(source: Path, tmp_path: Path, place: Workplace) -> None:
    unfold(place, packed(source, tmp_path, place), source, ignore)
    (place.target / "dog").write_text("mine")
    with pytest.raises(ForeignFileError):
        put_in_place(place)
    assert (place.target / "dog").read_text() == "mine"
    assert not (place.target / "nfold.json").exists()
    (place.target / "dog").unlink()
    put_in_place(place)
    assert (place.target / "nfold.json").exists()
