"""Files of a new tree: one for each split and family, entries kept where they are COCO's own, made anew where they are not."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nfold.annotations import Annotation, Category, DatasetInfo, ImageLabels, OutputImage
from nfold.errors import InputError
from nfold.formats.coco import Coco
from nfold.formats.coco.relayout import CocoRelayout, family_of
from tests.engine.formats.coco_files import coco, oracle, picture, read, thing
from tests.engine.formats.label_sets import ReadSet, assembled, make_set, output_of, read_set


def laid_out(
    found: ReadSet, splits: dict[str, str | None], *, copies: int = 0, **options: Any
) -> tuple[dict[str, Any], list[OutputImage]]:
    """The files of an output in which sources belong to the given splits."""
    names = tuple(dict.fromkeys(splits.values()))
    writer = Coco().writer(found.info, keeps_layout=False, splits=names)
    places = {source: writer.place(source, split=split, category=None).image for source, split in splits.items()}
    images = [
        replace(image, split=splits[image.source])
        for image in output_of(found, copies=copies, place=lambda source: places[source.id], **options)
    ]
    return {name: json.loads(text) for name, text in assembled(writer, images).items()}, images


OWN = {
    "info": {"year": 2026},
    "licenses": [{"id": 1}],
    "images": [picture(4, "a.jpg", license=1), picture(8, "b.jpg"), picture(6, "c.jpg")],
    "annotations": [thing(5, 8, score=0.5, bbox=[10.333333, 20, 30, 40]), thing(2, 4), thing(3, 4, category_id=9)],
    "categories": [{"id": 9, "name": "dog", "supercategory": "animal"}, {"id": 1, "name": "cat"}],
}
SPLITS: dict[str, str | None] = {"a.jpg": "train", "b.jpg": "val", "c.jpg": "train"}


class TestOwn:
    def test_entries_keep_ids_and_digits_and_go_to_the_file_of_their_split(self, tmp_path: Path) -> None:
        found = read(tmp_path, {"x.json": json.dumps(OWN)}, "a.jpg", "b.jpg", "c.jpg")
        documents, _ = laid_out(found, SPLITS, copies=1)
        assert list(documents) == ["annotations/x_train.json", "annotations/x_val.json"]
        train, val = documents.values()
        assert [(entry["id"], entry["file_name"]) for entry in train["images"]] == [
            (4, "a.jpg"),
            (6, "c.jpg"),
            (10_004, "a_aug1.jpg"),
            (10_006, "c_aug1.jpg"),
        ]
        assert train["images"][0] == OWN["images"][0]  # type: ignore[index]
        assert val["annotations"][0] == OWN["annotations"][0]  # type: ignore[index]
        assert val["annotations"][1]["id"] == 10_005
        assert val["annotations"][1]["score"] == 0.5
        for document in (train, val):
            assert document["categories"] == OWN["categories"]
            assert (document["info"], document["licenses"]) == (OWN["info"], OWN["licenses"])

    def test_the_output_is_read_again_as_it_was_meant(self, tmp_path: Path) -> None:
        found = read(tmp_path / "in", {"x.json": json.dumps(OWN)}, "a.jpg", "b.jpg", "c.jpg")
        documents, images = laid_out(found, SPLITS, copies=1)
        files = {name: json.dumps(document) for name, document in documents.items()}
        again = read(tmp_path / "out", files, *(image.name for image in images))
        assert {source.id: (source.label.split, source.problem) for source in again.sources} == {
            image.name: (image.split, None) for image in images
        }
        for name in files:
            oracle(tmp_path / "out" / name)

    def test_files_of_one_kind_are_joined_and_numbered_anew(self, tmp_path: Path) -> None:
        files = {
            "annotations/instances_train2017.json": coco([picture(1, "a.jpg")], [thing(1, 1)], licenses=[{"id": 1}]),
            "annotations/instances_val2017.json": coco([picture(1, "b.jpg")], [thing(1, 1)], licenses=[{"id": 2}]),
        }
        found = read(tmp_path, files, "train2017/a.jpg", "val2017/b.jpg")
        documents, _ = laid_out(found, {"train2017/a.jpg": "test", "val2017/b.jpg": "test"}, copies=1)
        (document,) = documents.values()
        assert [entry["id"] for entry in document["images"]] == [1, 2, 10_001, 10_002]
        identities = [entry["id"] for entry in document["annotations"]]
        assert len(set(identities)) == 4
        assert [entry["image_id"] for entry in document["annotations"]] == [1, 2, 10_001, 10_002]
        assert document["licenses"] == [{"id": 1}, {"id": 2}]

    def test_boxes_and_captions_stay_apart(self, tmp_path: Path) -> None:
        words = {"images": [picture(1, "a.jpg")], "annotations": [{"id": 1, "image_id": 1, "caption": "a"}]}
        files = {
            "instances_all.json": coco([picture(1, "a.jpg"), picture(2, "b.jpg")], [thing(1, 1)]),
            "captions_all.json": json.dumps(words),
        }
        found = read(tmp_path, files, "a.jpg", "b.jpg")
        documents, _ = laid_out(found, {"a.jpg": "train", "b.jpg": "val"})
        counts = {name: (len(text["images"]), len(text["annotations"])) for name, text in documents.items()}
        assert counts == {
            "annotations/captions_all_train.json": (1, 1),
            "annotations/captions_all_val.json": (0, 0),
            "annotations/instances_all_train.json": (1, 1),
            "annotations/instances_all_val.json": (1, 0),
        }

    def test_a_class_keeps_the_entry_that_names_its_points(self, tmp_path: Path) -> None:
        person = {"id": 1, "name": "cat", "keypoints": ["nose"]}
        files = {
            "a.json": coco([picture(1, "a.jpg")], categories=[{"id": 1, "name": "cat"}]),
            "b.json": coco([picture(1, "a.jpg")], categories=[person]),
        }
        found = read(tmp_path, files, "a.jpg")
        assert CocoRelayout.of(found.info, (None,), is_own=True).categories == (person,)

    def test_ids_without_room_are_refused_before_any_work(self, tmp_path: Path) -> None:
        found = read(tmp_path, {"x.json": coco([picture(2**52, "a.jpg")])}, "a.jpg")
        with pytest.raises(InputError, match=r"2\*\*53"):
            Coco().writer(found.info, keeps_layout=False, splits=("train",))


class TestForeign:
    info = DatasetInfo(
        categories=(Category(name="cat"), Category(name="fly", point_names=("l", "r"), flip_index=(1, 0))),
        conventions={"format": "yolo"},
    )

    def images(self) -> list[OutputImage]:
        marked = (
            Annotation(category=0, box=(1, 2, 11, 22), order=0, raw="0 0.1 0.1"),
            Annotation(category=1, points=((5.5, 5.5, 2), (0.0, 0.0, 0)), box=(0, 0, 9, 9), order=1, raw={"id": "x"}),
        )
        found = []
        for copy in (0, 1):
            for rank, (source, labels) in enumerate([("a.jpg", marked), ("b.jpg", ()), ("c.jpg", marked[:1])]):
                found.append(
                    OutputImage(
                        name=f"images/{source.replace('.', f'_aug{copy}.') if copy else source}",
                        label_name=None,
                        source=source,
                        copy=copy,
                        rank=rank,
                        size_wh=(100, 80),
                        split=None,
                        category=None,
                        labels=ImageLabels(annotations=labels, raw={0: {"of another": "format"}}),
                        # The first object of the copy of a.jpg was dropped.
                        annotations=labels[1:] if copy and rank == 0 else labels,
                        is_untouched=not copy,
                    )
                )
        return found

    def test_labels_of_another_format_become_entries_of_our_own(self, tmp_path: Path) -> None:
        writer = Coco().writer(self.info, keeps_layout=False, splits=(None,))
        (text,) = assembled(writer, self.images()).values()
        document = json.loads(text)
        assert writer.assembled() == ("annotations/instances_all.json",)
        assert document["categories"] == [
            {"id": 1, "name": "cat"},
            {"id": 2, "name": "fly", "keypoints": ["l", "r"], "skeleton": [], "flip_index": [1, 0]},
        ]
        assert [entry["id"] for entry in document["images"]] == [1, 2, 3, 10_001, 10_002, 10_003]
        assert document["images"][3] == {"id": 10_001, "file_name": "a_aug1.jpg", "width": 100, "height": 80}
        # A copy counts like its source, whatever was dropped from it.
        assert [(entry["id"], entry["image_id"]) for entry in document["annotations"]] == [
            (1, 1),
            (2, 1),
            (3, 3),
            (10_002, 10_001),
            (10_003, 10_003),
        ]
        assert document["annotations"][1]["keypoints"] == [5, 5, 2, 0, 0, 0]
        files = make_set(tmp_path, dict.fromkeys(writer.assembled(), text), *(i.name for i in self.images()))
        again = read_set(Coco(), files)
        assert all(source.problem is None for source in again.sources)
        assert [category.name for category in again.info.categories] == ["cat", "fly"]
        oracle(tmp_path / "annotations/instances_all.json")

    def test_objects_without_a_class_get_one_since_readers_want_it(self, tmp_path: Path) -> None:
        images = [
            replace(image, annotations=tuple(replace(entry, category=None) for entry in image.annotations))
            for image in self.images()
        ]
        writer = Coco().writer(self.info, keeps_layout=False, splits=(None,))
        ((name, text),) = assembled(writer, images).items()
        document = json.loads(text)
        assert document["categories"][2:] == [{"id": 3, "name": "object"}]
        assert {entry["category_id"] for entry in document["annotations"]} == {3}
        oracle(make_set(tmp_path, {name: text}) / name)


def test_an_entry_of_coco_without_a_class_stays_so_and_a_picture_keeps_the_size_it_was_given(tmp_path: Path) -> None:
    source = {
        "images": [{"id": 1, "file_name": "a.jpg"}],
        "annotations": [{"id": 1, "image_id": 1, "caption": "a cat"}],
    }
    found = read(tmp_path, {"captions.json": json.dumps({**source, "categories": []})}, "a.jpg")
    documents, _ = laid_out(found, {"a.jpg": "val"}, copies=1, vary=lambda entry: entry)
    document = documents["annotations/captions_val.json"]
    assert document["images"][0] == source["images"][0]
    assert document["images"][1] == {"id": 1001, "file_name": "a_aug1.jpg", "width": 100, "height": 80}
    assert document["annotations"] == [*source["annotations"], {"id": 1001, "image_id": 1001, "caption": "a cat"}]
    assert document["categories"] == []


@pytest.mark.parametrize(
    ("source", "split", "place"),
    [
        ("a.jpg", None, "images/a.jpg"),
        ("a.jpg", "train", "images/train/a.jpg"),
        ("images/a.jpg", "val", "images/val/a.jpg"),
        ("train/images/x/a.jpg", "train", "images/train/x/a.jpg"),
        ("images/train/a.jpg", "train", "images/train/a.jpg"),
        ("train2017/a.jpg", "train", "images/train/a.jpg"),
        ("images/train/a.jpg", "val", "images/val/train/a.jpg"),
        ("deep/images/a.jpg", "val", "images/val/deep/images/a.jpg"),
    ],
)
def test_pictures_go_below_images_and_their_split(source: str, split: str | None, place: str) -> None:
    writer = CocoRelayout.of(DatasetInfo(), (split,), is_own=False)
    assert writer.place(source, split=split, category=None).image == place


@pytest.mark.parametrize(
    ("path", "family"),
    [
        ("annotations/person_keypoints_val2017.json", "person_keypoints"),
        ("instances_train.json", "instances"),
        ("train/_annotations.coco.json", "annotations_coco"),
        ("valid.json", "instances"),
        ("weird name é.json", "weird_name"),
    ],
)
def test_the_family_of_a_file_is_its_name_without_its_split(path: str, family: str) -> None:
    assert family_of(path) == family
