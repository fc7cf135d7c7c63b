from __future__ import annotations

import json
from pathlib import Path

import pytest

from nfold.errors import InputError
from nfold.formats import format_named, recognise
from nfold.formats.damage import beginning_of, damage, fault_in
from tests.engine.formats.label_sets import make_set, read_set, scan_of

CREATE_ML = (
    '[{"image": "a.jpg", "annotations": [{"label": "car", "coordinates": {"x": 5, "y": 5, "width": 4, "height": 4}}]}]'
)


def refusal(root: Path) -> InputError:
    with pytest.raises(InputError) as caught:
        recognise(root, scan_of(root))
    assert caught.value.hint
    assert "--format" in caught.value.hint
    return caught.value


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('{"images": [', "x.json, line 1: images/0"),
        ('{"images": [{"id": 1, "file_name": "a.jpg"}', "x.json, line 1: the file ends"),
        ('{"categories": [],\n"images"', "x.json, line 2: the file ends"),
        ('[{"image": "a.jpg", "annotations": [', "x.json, line 1: entry/0"),
        ("[" * 200_000, "x.json, line 1: entry/0 is nested too deeply"),
        ('{"label":' * 200_000, "x.json, line 1: "),
        ("{", "x.json, line 1: "),
        ('{"shapes": [], "imagePath": "b.JPG", ', "x.json, line 1: "),
        ('{"b.JPG": {"regions": [', "x.json, line 1: "),
        (CREATE_ML + CREATE_ML, "x.json, line 1: there is text after the end"),
        ('"file_name": 1}', "x.json, line 1: there is text after the end"),
        (CREATE_ML.replace("car", "Käfer").encode("latin-1"), "x.json, line 1: this is not UTF-8"),
        (CREATE_ML[:-1].encode("utf-16"), "x.json, line 1: this is not UTF-8"),
    ],
)
def test_json_that_looks_like_labels_and_cannot_be_parsed_is_refused_with_its_place(
    tmp_path: Path, text: str | bytes, place: str
) -> None:
    make_set(tmp_path, {"x.json": text}, "a.jpg", "deep/er/b.JPG")
    error = refusal(tmp_path)
    assert error.stable_code in ("labels.unreadable", "labels.encoding")
    assert error.message.startswith(place)
    assert recognise(tmp_path, scan_of(tmp_path), forced="folder").format == "folder"


@pytest.mark.parametrize("name", ["annotations.json", "instances_train2017.json", "labels/a.json", "my-labels.json"])
@pytest.mark.parametrize("text", ['{"info": {"year"', "oops"])
def test_a_name_that_says_labels_tells_too(tmp_path: Path, name: str, text: str) -> None:
    make_set(tmp_path, {name: text}, "a.jpg")
    assert refusal(tmp_path).message.startswith(f"{name}, line 1: ")


@pytest.mark.parametrize("name", ["annotations.json", "labels/a.json", "metadata.jsonl", "labels.csv", "metadata.csv"])
@pytest.mark.parametrize("data", [b"", b" \n", bytes(3000)])
def test_an_empty_file_that_is_called_like_labels_is_refused(tmp_path: Path, name: str, data: bytes) -> None:
    make_set(tmp_path, {name: data}, "a.jpg")
    assert refusal(tmp_path).message == f"{name} is called like a label file, and is empty."


@pytest.mark.parametrize(
    "files",
    [
        {"package.json": '{"name": "my-photos", "version": "1.0.0", "images": ["a.jpg"], "label": "x"}'},
        {"package.json": '{"name": "my-photos", '},
        {"tsconfig.json": '{\n  // comments are no JSON\n  "compilerOptions": {},\n}'},
        {"notes.json": "", "x/empty.csv": "", "labels/a.csv": "", "log.jsonl": '{"a": '},
        {"README.csv": "about\n", "notes.txt": "hello"},
        {"a.json": '{"version": "5.0", "shapes": [], "imagePath": "a.jpg"}'},
        {"x.json": "5", "y.json": "[]", "z.json": '"a.jpg"'},
        {"site.json": '{"logo": "elsewhere.png", '},
        {"annotations.json": "{}"},
        {"binary.json": b"\x00\xff\x00"},
    ],
)
def test_an_ordinary_folder_with_other_files_stays_one(tmp_path: Path, files: dict[str, str | bytes]) -> None:
    make_set(tmp_path, files, "a.jpg")
    assert recognise(tmp_path, scan_of(tmp_path)).format == "folder"


def test_a_damaged_file_beside_labels_of_another_format_is_refused_and_a_format_chooses(tmp_path: Path) -> None:
    make_set(tmp_path, {"good.json": CREATE_ML, "train.json": '{"images": ['}, "a.jpg")
    assert refusal(tmp_path).message.startswith("train.json, line 1")
    assert len(read_set(format_named("create-ml"), tmp_path).sources) == 1
    with pytest.raises(InputError, match=r"train\.json, line 1: images/0"):
        read_set(format_named("coco"), tmp_path)


def test_a_damaged_list_among_good_ones_is_told_when_the_format_is_forced(tmp_path: Path) -> None:
    make_set(tmp_path, {"good.json": CREATE_ML, "train.json": '[{"image": "a.jpg", "annot'}, "a.jpg")
    with pytest.raises(InputError, match=r"train\.json, line 1: entry/0"):
        read_set(format_named("create-ml"), tmp_path)


@pytest.mark.parametrize("name", ["coco", "create-ml"])
def test_a_forced_format_names_the_damage_instead_of_missing_its_file(tmp_path: Path, name: str) -> None:
    make_set(tmp_path, {"instances.json": '{"info": {"description": "a se'}, "a.jpg")
    with pytest.raises(InputError, match=r"instances\.json, line 1"):
        read_set(format_named(name), tmp_path)


def test_broken_metadata_above_the_pictures_is_not_passed_over(tmp_path: Path) -> None:
    make_set(tmp_path, {"metadata.jsonl": '{"file_name": "train/a.jpg", "obj'}, "train/a.jpg")
    assert recognise(tmp_path, scan_of(tmp_path)).format == "hf-metadata"
    with pytest.raises(InputError, match=r"metadata\.jsonl, line 1"):
        read_set(format_named("hf-metadata"), tmp_path)


def test_only_the_beginning_of_a_large_file_is_parsed(tmp_path: Path) -> None:
    long = json.dumps({"label": "x" * (1 << 22), "rest": []})
    make_set(tmp_path, {"long.json": long, "cut.json": long[:-5], "early.json": "{,}" + long}, "a.jpg")
    assert fault_in(tmp_path, "long.json") is None
    assert fault_in(tmp_path, "cut.json") is None, "whole as far as it was looked at"
    assert fault_in(tmp_path, "early.json") is not None


def test_a_label_file_that_cannot_be_opened_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_set(tmp_path, {"annotations.json": "{}", "other.json": "{}"})

    def refuse(self: Path, *_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(InputError, match=r"annotations\.json cannot be read: Permission denied"):
        beginning_of(tmp_path, "annotations.json")
    assert beginning_of(tmp_path, "other.json") == ""
    assert damage(tmp_path, "other.json", scan_of(tmp_path)) is None
