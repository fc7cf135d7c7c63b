from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

from nfold.annotations import Annotation, Category, DatasetInfo, ImageLabels, OutputImage
from nfold.formats.hf import HfMetadata
from tests.engine.formats.label_sets import ReadSet, assembled, make_set, mirrored, output_of, read_set

LINES = (
    '{"file_name":"a.jpg", "caption": "caf\\u00e9",  "objects": {"bbox": [[1,2,10,20],[50, 5, 4, 4]], "categories": [1, 0], "area": [200, 8.5], "id": [5, 6]}}\n'
    '{"file_name": "sub/b.jpg", "width": 640, "height": 480, "objects": {"bbox": [], "categories": [], "area": [], "id": []}, "n": 1e2}\n'
    '{"file_name": "c.jpg", "caption": "caf\u00e9", "label": "zoo"}\n'
)


def read(root: Path, text: str) -> ReadSet:
    return read_set(
        HfMetadata(), make_set(root, {"train/metadata.jsonl": text}, "train/a.jpg", "train/sub/b.jpg", "train/c.jpg")
    )


def written(found: ReadSet, **options: Any) -> str:
    writer = pickle.loads(pickle.dumps(HfMetadata().writer(found.info, keeps_layout=True, splits=("train",))))
    return assembled(writer, output_of(found, **options))["train/metadata.jsonl"]


def test_originals_are_written_as_they_stood(tmp_path: Path) -> None:
    assert written(read(tmp_path, LINES)) == LINES


def test_copies_keep_all_that_is_said_but_name_boxes_and_size(tmp_path: Path) -> None:
    text = written(read(tmp_path, LINES), copies=1).removeprefix(LINES)
    assert [json.loads(line) for line in text.splitlines()] == [
        {
            "file_name": "a_aug1.jpg",
            "caption": "caf\u00e9",
            "objects": {
                "bbox": [[89, 2, 10, 20], [46, 5, 4, 4]],
                "categories": [1, 0],
                "area": [200, 8.5],
                "id": [5, 6],
            },
        },
        {
            "file_name": "sub/b_aug1.jpg",
            "width": 100,
            "height": 80,
            "objects": {"bbox": [], "categories": [], "area": [], "id": []},
            "n": 100.0,
        },
        {"file_name": "c_aug1.jpg", "caption": "caf\u00e9", "label": "zoo"},
    ]
    assert text.count("\\u00e9") == 1
    assert text.count("\u00e9") == 1


def test_what_a_copy_lost_is_gone_from_all_lists_and_areas_follow_boxes(tmp_path: Path) -> None:
    def vary(annotation: Annotation) -> Annotation | None:
        return replace(annotation, box=(50, 5, 54, 7)) if annotation.order == 1 else None

    copy = json.loads(written(read(tmp_path, LINES), copies=1, vary=vary).splitlines()[3])
    assert copy["objects"] == {"bbox": [[50, 5, 4, 2]], "categories": [0], "area": [4.25], "id": [6]}


def test_boxes_of_copies_are_whole_where_all_were(tmp_path: Path) -> None:
    def vary(annotation: Annotation) -> Annotation:
        return replace(annotation, box=(1.234, 2.567, 8.9, 9.999))

    record = '{"file_name": "a.jpg", "objects": {"bbox": [[1, 2, 10, 20%s]]}}\n'
    whole = json.loads(written(read(tmp_path / "whole", record % ""), copies=1, vary=vary).splitlines()[1])
    broken = json.loads(written(read(tmp_path / "broken", record % ".0"), copies=1, vary=vary).splitlines()[1])
    assert whole["objects"]["bbox"] == [[1, 3, 8, 7]]
    assert broken["objects"]["bbox"] == [[1.23, 2.57, 7.67, 7.43]]


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    found = read(tmp_path, LINES)
    text = written(found, copies=1)
    pictures = [f"train/{json.loads(line)['file_name']}" for line in text.splitlines()]
    again = read_set(HfMetadata(), make_set(tmp_path / "again", {"train/metadata.jsonl": text}, *pictures))
    assert all(source.problem is None for source in again.sources)
    before = found.by_id["train/a.jpg"].labels
    assert before is not None
    assert again.boxes("train/a_aug1.jpg") == [mirrored(entry).box for entry in before.annotations]  # type: ignore[union-attr]


def picture(name: str, split: str | None, *annotations: Annotation, category: str | None = None) -> OutputImage:
    labels = ImageLabels(annotations=annotations, raw={0: {"text": "not ours"}})
    return OutputImage(
        name=name, label_name=None, source=name, copy=0, rank=0, size_wh=(100, 80), split=split, category=category,
        labels=labels, annotations=annotations, is_untouched=True,
    )  # fmt: skip


def test_a_new_layout_has_the_folders_of_hugging_face_and_a_file_in_each(tmp_path: Path) -> None:
    info = DatasetInfo(categories=(Category(name="cat"),), kinds={"boxes": 1, "class": 1})
    writer = HfMetadata().writer(info, keeps_layout=False, splits=("train", "val"))
    assert writer.place("val/cat/a.jpg", split="val", category=None).image == "validation/cat/a.jpg"
    assert writer.place("a.jpg", split="train", category=None).image == "train/a.jpg"
    cat = Annotation(category=0, box=(1, 2, 3.456, 4), attributes={"score": 0.5, "area": 3})
    ring = Annotation(rings=((1, 1, 9, 1, 5, 7),))
    crowd = Annotation(category=0, box=(1, 2, 3, 4), crowd=True)
    out = assembled(
        writer,
        [picture("train/x/a.jpg", "train", cat, ring, crowd, category="zoo"), picture("validation/b.jpg", "val")],
    )
    assert {name: [json.loads(line) for line in text.splitlines()] for name, text in out.items()} == {
        "train/metadata.jsonl": [
            {
                "file_name": "x/a.jpg",
                "label": "zoo",
                "width": 100,
                "height": 80,
                "objects": {
                    "bbox": [[1.0, 2.0, 2.46, 2.0], [1.0, 1.0, 8.0, 6.0]],
                    "categories": ["cat", None],
                    "attribute_area": [3, None],
                    "score": [0.5, None],
                },
            }
        ],
        "validation/metadata.jsonl": [
            {"file_name": "b.jpg", "label": None, "width": 100, "height": 80, "objects": {"bbox": [], "categories": []}}
        ],
    }


def test_classes_alone_come_out_without_objects() -> None:
    writer = HfMetadata().writer(DatasetInfo(), keeps_layout=False, splits=(None,))
    assert writer.place("cat/a.jpg", split=None, category="cat").image == "cat/a.jpg"
    out = assembled(writer, [picture("cat/a.jpg", None, category="cat")])
    assert out == {"metadata.jsonl": '{"file_name": "cat/a.jpg", "label": "cat"}\n'}


def test_captions_survive_a_new_split(tmp_path: Path) -> None:
    found = read(tmp_path, LINES)
    writer = HfMetadata().writer(found.info, keeps_layout=False, splits=("test",))
    images = [replace(image, split="test") for image in output_of(found, place=lambda source: f"test/new/{source.id}")]
    text = assembled(writer, images)["test/metadata.jsonl"]
    expected = [json.loads(line) for line in LINES.splitlines()]
    for record, image in zip(expected, images, strict=True):
        record["file_name"] = image.name.removeprefix("test/")
    assert [json.loads(line) for line in text.splitlines()] == expected
