from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nfold.errors import InputError
from nfold.formats.create_ml import CreateMl
from nfold.formats.create_ml.reading import first_picture
from tests.engine.formats.label_sets import ReadSet, make_set, read_set


def entry(image: str, *annotations: Any) -> dict[str, Any]:
    return {"image": image, "annotations": list(annotations)}


def boxed(label: Any, x: Any, y: Any, width: Any, height: Any, **others: Any) -> dict[str, Any]:
    return {"label": label, "coordinates": {"x": x, "y": y, "width": width, "height": height}, **others}


def read(root: Path, files: dict[str, Any], *pictures: str) -> ReadSet:
    texts = {name: value if isinstance(value, str | bytes) else json.dumps(value) for name, value in files.items()}
    return read_set(CreateMl(), make_set(root, texts, *pictures))


def test_boxes_are_centre_width_and_height_in_pixels(tmp_path: Path) -> None:
    entries = [entry("b.jpg"), entry("a.jpg", boxed("cat", 20, 30, 10, 5, confidence=0.5), boxed("dog", 1.5, 2, 3, 4))]
    found = read(tmp_path, {"_annotations.createml.json": entries}, "a.jpg", "b.jpg", "c.jpg")
    assert [source.id for source in found.sources] == ["b.jpg", "a.jpg"]
    assert found.boxes("a.jpg") == [(15, 27.5, 25, 32.5), (0, 0, 3, 4)]
    assert found.classes("a.jpg") == ["cat", "dog"]
    assert found.boxes("b.jpg") == []
    assert found.info.kinds == {"boxes": 2, "attributes": 1}
    assert found.info.passed_over == {"not in the label files": 1}


@pytest.mark.parametrize(("image", "annotations"), [("imagefilename", "annotation"), ("imageFilename", "annotations")])
def test_older_spellings_are_read(tmp_path: Path, image: str, annotations: str) -> None:
    found = read(tmp_path, {"a.json": [{image: "a.jpg", annotations: [boxed("cat", 20, 30, 10, 4)]}]}, "a.jpg")
    assert found.boxes("a.jpg") == [(15, 28, 25, 32)]


@pytest.mark.parametrize(
    ("path", "picture", "split"),
    [
        ("train/_annotations.createml.json", "train/a.jpg", "train"),
        ("valid/list.json", "valid/a.jpg", "val"),
        ("annotations_test.json", "images/a.jpg", "test"),
        ("list.json", "images/a.jpg", None),
        ("labels/list.json", "pictures/a.jpg", None),
        ("list.json", "train/a.jpg", "train"),
    ],
)
def test_folder_or_name_of_the_list_say_the_split(tmp_path: Path, path: str, picture: str, split: str | None) -> None:
    found = read(tmp_path, {path: [entry("a.jpg")]}, picture)
    assert [(source.id, source.label.split) for source in found.sources] == [(picture, split)]


@pytest.mark.parametrize(
    ("annotation", "problem"),
    [
        (
            boxed("x", 1, 2, 3, "4"),
            "labels.bad_box: l.json, entry 1 (a.jpg), annotation 1: x, y, width and height are not",
        ),
        (boxed("x", 1, 2, 3, None), "labels.bad_box"),
        (boxed("x", 1, 2, 3, True), "labels.bad_box"),
        (
            boxed("x", 0.5, 0.5, 0.25, 0.25),
            "labels.bad_box: l.json, entry 1 (a.jpg), annotation 1: the box is smaller than a pixel",
        ),
        (boxed("x", float("nan"), 2, 3, 4), "labels.bad_box"),
        (
            boxed("x", 5, 2, 1e308, 4),
            "labels.bad_box: l.json, entry 1 (a.jpg), annotation 1: the box has a coordinate beyond",
        ),
        (boxed("x", float("inf"), 2, 3, 4), "labels.bad_box"),
        (boxed("x", 10**400, 2, 3, 4), "labels.bad_box"),
        (boxed("x", 1, 2, 0, 4), "labels.bad_box: l.json, entry 1 (a.jpg), annotation 1: the box has no area"),
        (boxed("x", 1, 2, -3, 4), "labels.bad_box"),
        (boxed("", 1, 2, 3, 4), 'labels.unknown_class: l.json, entry 1 (a.jpg), annotation 1: there is no "label"'),
        (boxed(7, 1, 2, 3, 4), "labels.unknown_class"),
        (boxed("x", 1, 2, 3, 4, keypoints=[1]), "labels.bad_value"),
        ({"label": "x"}, 'labels.bad_box: l.json, entry 1 (a.jpg), annotation 1: there are no "coordinates"'),
        ("x", "labels.bad_box"),
    ],
)
def test_one_bad_annotation_costs_its_picture_and_no_other(tmp_path: Path, annotation: Any, problem: str) -> None:
    found = read(tmp_path, {"l.json": [entry("a.jpg", annotation), entry("b.jpg")]}, "a.jpg", "b.jpg")
    assert found.problem("a.jpg").startswith(problem)
    assert found.by_id["b.jpg"].problem is None
    assert found.info.kinds == {}


def test_what_is_missing_or_there_twice_is_told(tmp_path: Path) -> None:
    entries = [entry("a.jpg"), entry("gone.jpg"), entry("./a.jpg"), {"image": "b.jpg"}]
    found = read(tmp_path, {"l.json": entries}, "a.jpg", "b.jpg")
    assert found.problem("a.jpg") == "labels.duplicate: l.json, entry 1 and l.json, entry 3 are both about a.jpg."
    assert found.problem("gone.jpg") == "labels.missing_image: l.json, entry 2: there is no picture gone.jpg."
    assert found.problem("b.jpg").startswith("labels.bad_value: l.json, entry 4 (b.jpg): there is no list")


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ('[{"image": "a.jpg", "annotations": []},\n 7]', "labels.unreadable", "entry 2: this is no JSON object"),
        (
            '[{"image": "a.jpg", "annotations": []},\n {"annotations": []}]',
            "labels.bad_value",
            "entry 2: it names no picture",
        ),
        ('[{"image": "a.jpg", "annotations": []},\n {"image": "\\ud800"}]', "labels.bad_value", "entry 2: it names no"),
        ('[{"image": "a.jpg", "annotations": []},\n {"image"', "labels.unreadable", "line 2"),
        (
            '[{"image": "a.jpg", "annotations": []}]\n x',
            "labels.unreadable",
            "line 2: there is text after the end of the list",
        ),
        (b'[{"image": "a.jpg", "annotations": []},\n "\xff"]', "labels.encoding", "line 2"),
        ('[{"image": "a.jpg", "annotations": []},\n ' + "9" * 5000 + "]", "labels.unreadable", "too many digits"),
        ('[{"image": "a.jpg", "annotations": []},\n ' + "[" * 100_000, "labels.unreadable", "too deeply"),
        (
            '[{"image": "a.jpg", "annotations": []}, {"image": "a", "x": ' + "[" * 200 + "]" * 200 + "}]",
            "labels.unreadable",
            "entry 2: it is nested too deeply",
        ),
        ("{}", "labels.unreadable", "line 1"),
        ("", "labels.unreadable", "line 1"),
    ],
)
def test_a_broken_list_is_refused_with_its_place(tmp_path: Path, text: str | bytes, code: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, {"x.createml.json": text}, "a.jpg")
    assert caught.value.stable_code == code
    assert words in caught.value.message
    assert "x.createml.json" in caught.value.message


def test_other_json_files_are_no_lists_of_pictures(tmp_path: Path) -> None:
    files = {
        "coco.json": {"images": []},
        "a.json": [1, 2],
        "b.json": "{broken",
        "c.json": [{"image": "a.jpg"}],
        "l.json": [entry("a.jpg")],
    }
    found = read(tmp_path, files, "a.jpg")
    assert [document.path for document in found.info.documents] == ["l.json"]


def test_no_list_at_all_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no list of pictures"):
        read(tmp_path, {"coco.json": {"images": []}}, "a.jpg")


@pytest.mark.parametrize(
    ("text", "picture"),
    [
        ('[{"image": "a.jpg", "annotations": []}, {broken', "a.jpg"),
        ('\ufeff [{"annotation": [], "imagefilename": "b.jpg"}]', "b.jpg"),
        ('[{"image": "a.jpg"}]', None),
        ('[{"image": 3, "annotations": []}]', None),
        ("[]", None),
    ],
)
def test_the_first_entry_tells_what_a_file_is(tmp_path: Path, text: str, picture: str | None) -> None:
    make_set(tmp_path, {"l.json": text})
    assert first_picture(tmp_path, "l.json") == picture
