from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nfold.errors import InputError
from nfold.formats.hf import HfMetadata
from tests.engine.formats.label_sets import ReadSet, make_set, read_set


def lines(*records: Any) -> str:
    return "".join((record if isinstance(record, str) else json.dumps(record)) + "\n" for record in records)


def read(root: Path, files: dict[str, str | bytes], *pictures: str) -> ReadSet:
    return read_set(HfMetadata(), make_set(root, files, *pictures))


def test_boxes_are_corner_width_and_height_and_further_lists_are_attributes(tmp_path: Path) -> None:
    record = {
        "file_name": "a.jpg",
        "width": 100,
        "height": 80,
        "objects": {
            "id": [7, 8],
            "bbox": [[1, 2, 10, 20], [0, 0, 5.5, 6]],
            "category": [3, 0],
            "area": [200, 33],
            "odd": ["x", None],
        },
    }
    found = read(tmp_path, {"metadata.jsonl": lines(record)}, "a.jpg", "b.jpg")
    assert found.boxes("a.jpg") == [(1, 2, 11, 22), (0, 0, 5.5, 6)]
    assert found.classes("a.jpg") == ["3", "0"]
    labels = found.by_id["a.jpg"].labels
    assert labels is not None
    assert labels.frame_wh == (100, 80)
    assert [dict(entry.attributes) for entry in labels.annotations] == [{"odd": "x"}, {}]
    assert found.info.kinds == {"boxes": 2, "attributes": 1}
    assert found.info.passed_over == {"not in the label files": 1}


@pytest.mark.parametrize(
    ("label", "category"), [("cat", "cat"), (3, "3"), (None, None), (["a", "b"], None), (1.5, None)]
)
def test_a_scalar_label_is_the_class_of_the_picture(tmp_path: Path, label: Any, category: str | None) -> None:
    found = read(tmp_path, {"metadata.jsonl": lines({"file_name": "a.jpg", "label": label, "text": "a cat"})}, "a.jpg")
    assert found.by_id["a.jpg"].label.category == category


def test_each_split_folder_has_its_own_file(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "train/metadata.jsonl": lines({"file_name": "a.jpg", "text": "x"}),
        "validation/metadata.jsonl": lines({"file_name": "sub/b.jpg", "text": "y"}, "", {"file_name": "gone.jpg"}),
    }
    found = read(tmp_path, files, "train/a.jpg", "validation/sub/b.jpg")
    assert {source.id: source.label.split for source in found.sources} == {
        "train/a.jpg": "train",
        "validation/sub/b.jpg": "val",
        "validation/gone.jpg": "val",
    }
    assert [document.split for document in found.info.documents] == ["train", "val"]
    assert (
        found.problem("validation/gone.jpg")
        == "labels.missing_image: validation/metadata.jsonl, line 3: there is no picture validation/gone.jpg."
    )


@pytest.mark.parametrize(
    ("record", "code", "words"),
    [
        ('{"file_name": "a.jpg"', "labels.unreadable", "no valid JSON"),
        ("[]", "labels.unreadable", "no JSON object"),
        ({"text": "x"}, "labels.bad_value", "no file_name"),
        ({"file_name": 7}, "labels.bad_value", "no file_name"),
        (
            {"file_name": "a.jpg", "objects": [{"bbox": [1, 2, 3, 4]}]},
            "labels.unsupported",
            "'objects' is not an object with a list 'bbox'",
        ),
        ({"file_name": "a.jpg", "objects": {"categories": [1]}}, "labels.unsupported", "'objects' is not"),
        ({"file_name": "a.jpg", "objects": {"bbox": [], "source": "me"}}, "labels.unsupported", "'objects/source'"),
        (
            {"file_name": "a.jpg", "objects": {"bbox": [], "segmentation": []}},
            "labels.unsupported",
            "'objects/segmentation'",
        ),
        ({"file_name": "a.jpg", "bbox": [1, 2, 3, 4]}, "labels.unsupported", "'bbox' marks places"),
        ({"file_name": "a.jpg", "mask_file_name": "m.png"}, "labels.unsupported", "'mask_file_name'"),
        (b"\xff\n", "labels.encoding", "byte 1"),
    ],
)
def test_what_is_not_understood_is_refused_with_file_and_line(
    tmp_path: Path, record: Any, code: str, words: str
) -> None:
    text = record if isinstance(record, bytes) else lines(record).encode()
    with pytest.raises(InputError) as caught:
        read(tmp_path, {"metadata.jsonl": b'{"file_name": "b.jpg"}\n\n' + text}, "a.jpg", "b.jpg")
    assert caught.value.stable_code == code
    assert "metadata.jsonl, line 3: " in caught.value.message
    assert words in caught.value.message


@pytest.mark.parametrize(
    ("objects", "problem"),
    [
        ({"bbox": [[1, 2, 3]]}, "labels.bad_box: metadata.jsonl, line 1, objects/bbox/0: these are not four numbers."),
        ({"bbox": [[1, 2, 3, "4"]]}, "labels.bad_box"),
        ({"bbox": ["x"]}, "labels.bad_box"),
        ({"bbox": [[1, 2, 0, 4]]}, "labels.bad_box: metadata.jsonl, line 1, objects/bbox/0: the box has no area"),
        (
            {"bbox": [[1, 2, 1e308, 4]]},
            "labels.bad_box: metadata.jsonl, line 1, objects/bbox/0: the box has a coordinate beyond",
        ),
        (
            {"bbox": [[500, 2, 3, 4]]},
            "labels.bad_box: metadata.jsonl, line 1, objects/bbox/0: the box lies wholly outside",
        ),
        (
            {"bbox": [[0.1, 0.2, 0.3, 0.4]]},
            "labels.bad_box: metadata.jsonl, line 1, objects/bbox/0: the box is smaller than a pixel",
        ),
        ({"bbox": [[1, 2, float("nan"), 4]]}, "labels.bad_box"),
        (
            {"bbox": [[1, 2, 3, 4]], "categories": []},
            "labels.bad_value: metadata.jsonl, line 1: 'objects/categories' has 0 entries",
        ),
        ({"bbox": [[1, 2, 3, 4]], "categories": [1.5]}, "labels.unknown_class"),
    ],
)
def test_one_bad_line_costs_its_picture_and_no_other(tmp_path: Path, objects: dict[str, Any], problem: str) -> None:
    text = lines({"file_name": "a.jpg", "width": 100, "height": 80, "objects": objects}, {"file_name": "b.jpg"})
    found = read(tmp_path, {"metadata.jsonl": text}, "a.jpg", "b.jpg")
    assert found.problem("a.jpg").startswith(problem)
    assert found.by_id["b.jpg"].problem is None
    assert found.info.kinds == {}


def test_two_lines_about_one_picture_are_told(tmp_path: Path) -> None:
    found = read(tmp_path, {"metadata.jsonl": lines({"file_name": "a.jpg"}, {"file_name": "./a.jpg"})}, "a.jpg")
    assert found.problem("a.jpg").startswith("labels.duplicate: metadata.jsonl, line 1 and metadata.jsonl, line 2")


def test_a_picture_is_found_in_the_folder_of_the_file_alone(tmp_path: Path) -> None:
    found = read(tmp_path, {"train/metadata.jsonl": lines({"file_name": "a.jpg"})}, "a.jpg", "train/b.jpg")
    assert found.problem("train/a.jpg").startswith("labels.missing_image")
