from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from nfold.annotations import Annotation, Category, DatasetInfo, ImageLabels, OutputImage
from nfold.formats.create_ml import CreateMl
from nfold.formats.create_ml.writer import _coordinates
from tests.engine.formats.label_sets import SIZE, ReadSet, assembled, make_set, output_of, read_set

TEXT = """[
  {"image": "sub/a.jpg", "note": 1e2, "annotations": [
     {"label": "caf\u00e9", "coordinates": {"x": 20.0, "y": 30, "width": 10, "height": 4, "unit": "px"}, "id": 7},
     {"label": "dog", "coordinates": {"x": 50.25, "y": 5, "width": 3.5, "height": 4}}]},
  {"imagefilename": "b.jpg", "annotation": []}
]"""


def read(root: Path, text: str = TEXT) -> ReadSet:
    return read_set(CreateMl(), make_set(root, {"train/l.json": text}, "train/sub/a.jpg", "train/b.jpg"))


def written(found: ReadSet, **options: Any) -> str:
    writer = pickle.loads(pickle.dumps(CreateMl().writer(found.info, keeps_layout=True, splits=("train",))))
    return assembled(writer, output_of(found, **options))["train/l.json"]


def test_originals_are_written_with_the_same_values(tmp_path: Path) -> None:
    text = written(read(tmp_path))
    assert repr(json.loads(text)) == repr(json.loads(TEXT))
    assert '"x": 20.0, "y": 30, "width": 10' in text


def test_copies_keep_all_that_is_said_but_name_and_coordinates(tmp_path: Path) -> None:
    entries = json.loads(written(read(tmp_path), copies=1))
    assert entries[:2] == json.loads(TEXT)
    assert entries[2:] == [
        {
            "image": "sub/a_aug1.jpg",
            "note": 100.0,
            "annotations": [
                {
                    "label": "caf\u00e9",
                    "coordinates": {"x": 80, "y": 30, "width": 10, "height": 4, "unit": "px"},
                    "id": 7,
                },
                {"label": "dog", "coordinates": {"x": 49.75, "y": 5, "width": 3.5, "height": 4}},
            ],
        },
        {"imagefilename": "b_aug1.jpg", "annotation": []},
    ]


def test_what_a_copy_lost_is_gone(tmp_path: Path) -> None:
    def vary(annotation: Annotation) -> Annotation | None:
        return annotation if annotation.order == 1 else None

    entries = json.loads(written(read(tmp_path), copies=1, vary=vary))
    assert [annotation["label"] for annotation in entries[2]["annotations"]] == ["dog"]


def test_a_list_of_nothing_is_still_a_list() -> None:
    writer = CreateMl().writer(DatasetInfo(), keeps_layout=False, splits=(None,))
    assert json.loads(assembled(writer, [])["_annotations.createml.json"]) == []


def picture(name: str, split: str | None, *annotations: Annotation) -> OutputImage:
    labels = ImageLabels(annotations=annotations, raw={0: {"text": "not ours"}})
    return OutputImage(
        name=name, label_name=None, source=name, copy=0, rank=0, size_wh=SIZE, split=split, category=None,
        labels=labels, annotations=annotations, is_untouched=True,
    )  # fmt: skip


def test_a_new_layout_has_a_list_beside_the_pictures_of_each_split() -> None:
    info = DatasetInfo(categories=(Category(name="cat"),), kinds={"boxes": 1})
    writer = CreateMl().writer(info, keeps_layout=False, splits=("train", "val"))
    assert writer.place("valid/x/a.jpg", split="val", category=None).image == "val/x/a.jpg"
    cat = Annotation(category=0, box=(1, 2, 3.456, 4), attributes={"score": 0.5, "label": "x"})
    ring = Annotation(category=0, rings=((1, 1, 9, 1, 5, 7),))
    crowd, nameless = replace(cat, crowd=True), replace(cat, category=None)
    out = assembled(
        writer, [picture("train/x/a.jpg", "train", cat, ring, crowd, nameless), picture("val/b.jpg", "val")]
    )
    assert {name: json.loads(text) for name, text in out.items()} == {
        "train/_annotations.createml.json": [
            {
                "image": "x/a.jpg",
                "annotations": [
                    {
                        "label": "cat",
                        "coordinates": {"x": 2.23, "y": 3, "width": 2.46, "height": 2},
                        "score": 0.5,
                        "attribute_label": "x",
                    },
                    {"label": "cat", "coordinates": {"x": 5, "y": 4, "width": 8, "height": 6}},
                ],
            }
        ],
        "val/_annotations.createml.json": [{"image": "b.jpg", "annotations": []}],
    }


def test_unknown_keys_survive_a_new_split(tmp_path: Path) -> None:
    found = read(tmp_path)
    writer = CreateMl().writer(found.info, keeps_layout=False, splits=("test",))
    images = [replace(image, split="test") for image in output_of(found, place=lambda source: f"test/{source.id}")]
    entries = json.loads(assembled(writer, images)["test/_annotations.createml.json"])
    assert entries[0] == {**json.loads(TEXT)[0], "image": "train/sub/a.jpg"}
    assert entries[1] == {"imagefilename": "train/b.jpg", "annotation": []}


def test_originals_in_a_new_split_keep_their_coordinates_to_the_last_digit(tmp_path: Path) -> None:
    text = '[{"image": "b.jpg", "annotations": [{"label": "x", "coordinates": {"x": 9.87654321, "y": 9, "width": 3, "height": 3}}]}]'
    found = read(tmp_path, text)
    writer = CreateMl().writer(found.info, keeps_layout=False, splits=("train",))
    out = assembled(writer, output_of(found))["train/_annotations.createml.json"]
    assert json.loads(out) == json.loads(text)


@given(st.floats(-5, 104), st.floats(-5, 84), st.floats(0.001, 30), st.floats(0.001, 30))
def test_coordinates_read_again_are_a_box_within_the_picture(x: float, y: float, width: float, height: float) -> None:
    at = _coordinates((x, y, x + width, y + height), picture("a.jpg", None))
    left, right = at["x"] - at["width"] / 2, at["x"] + at["width"] / 2
    top, bottom = at["y"] - at["height"] / 2, at["y"] + at["height"] / 2
    assert -1e-9 <= left < right <= SIZE[0] + 1e-9
    assert -1e-9 <= top < bottom <= SIZE[1] + 1e-9
    assert abs(left - min(max(x, 0), SIZE[0] - 0.01)) <= 0.006
