from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from nfold.annotations import Annotation, Category, DatasetInfo, ImageLabels, LabelKind, OutputImage
from nfold.errors import UsageError
from nfold.formats.yolo import Yolo
from tests.engine.formats.label_sets import assembled, make_set, output_of, read_set

BOX = "0 0.500000 0.500000 0.250000 0.500000\n"


def info(
    *kinds: LabelKind, categories: tuple[Category, ...] = (Category(name="cat"), Category(name="no"))
) -> DatasetInfo:
    return DatasetInfo(categories=categories, kinds=dict.fromkeys(kinds, 1), conventions={"format": "other"})


def picture(*annotations: Annotation) -> OutputImage:
    return OutputImage(
        name="images/train/a.jpg",
        label_name="labels/train/a.txt",
        source="a.jpg",
        copy=0,
        rank=0,
        size_wh=(100, 80),
        split="train",
        category=None,
        labels=ImageLabels(annotations=annotations),
        annotations=annotations,
        is_untouched=False,
    )


@pytest.mark.parametrize(
    ("source", "split", "image"),
    [
        ("a.jpg", None, "images/a.jpg"),
        ("images/a.jpg", None, "images/a.jpg"),
        ("images/train/a.jpg", "train", "images/train/a.jpg"),
        ("valid/images/a.jpg", "val", "images/val/a.jpg"),
        ("train/cat/a.b.png", "val", "images/val/train/cat/a.b.png"),
        ("x/images/a.jpg", "train", "images/train/x/a.jpg"),
        ("train", "train", "images/train/train"),
    ],
)
def test_pictures_go_where_trainers_look_for_them(source: str, split: str | None, image: str) -> None:
    writer = Yolo().writer(info("boxes"), keeps_layout=False, splits=(split,))
    placement = writer.place(source, split=split, category=None)
    assert placement.image == image
    assert placement.label is not None
    assert placement.label.rsplit(".", 1)[0] == image.replace("images/", "labels/", 1).rsplit(".", 1)[0].removesuffix(
        ".txt"
    )
    assert placement.label.endswith(".txt")


@pytest.mark.parametrize(
    ("splits", "expected"),
    [
        ((None,), {"train": "images", "val": "images"}),
        (("train",), {"train": "images/train", "val": "images/train"}),
        (("test", "train", "val"), {"train": "images/train", "val": "images/val", "test": "images/test"}),
        (("val",), {"train": "images/val", "val": "images/val"}),
    ],
)
def test_data_yaml_names_splits_and_classes(splits: tuple[str | None, ...], expected: dict[str, str]) -> None:
    writer = Yolo().writer(info("boxes"), keeps_layout=False, splits=splits)
    text = assembled(writer, [])["data.yaml"]
    document = yaml.safe_load(text)
    assert document == {**expected, "nc": 2, "names": {0: "cat", 1: "no"}}
    assert ("#" in text) == ("val" not in splits)


def test_what_has_no_class_gets_one() -> None:
    for categories, names in (((), {0: "object"}), ((Category(name="cat"),), {0: "cat", 1: "object"})):
        writer = Yolo().writer(info("boxes", categories=categories), keeps_layout=False, splits=("train",))
        image = picture(Annotation(box=(0, 0, 50, 40)))
        assert writer.encode(image).startswith(str(len(names) - 1).encode())
        assert yaml.safe_load(assembled(writer, [image])["data.yaml"])["names"] == names


FLY = Category(name="fly", point_names=("head", "left", "right"), flip_index=(0, 2, 1))


def test_key_points_are_described(tmp_path: Path) -> None:
    writer = Yolo().writer(
        info("boxes", "points", categories=(FLY, Category(name="leaf"))), keeps_layout=False, splits=("train",)
    )
    text = assembled(writer, [])["data.yaml"]
    document = yaml.safe_load(text)
    assert document["kpt_shape"] == [3, 3]
    assert document["flip_idx"] == [0, 2, 1]
    assert document["kpt_names"] == {0: ["head", "left", "right"], 1: ["0", "1", "2"]}
    make_set(
        tmp_path,
        {"data.yaml": text, "labels/train/a.txt": "0 0.5 0.5 0.5 0.5" + " 0.5 0.5 2" * 3},
        "images/train/a.jpg",
    )
    assert read_set(Yolo(), tmp_path).info.categories[0] == FLY


def test_flip_idx_is_what_data_or_names_say_and_is_left_out_where_nothing_says_it() -> None:
    plain = Category(name="a", point_names=("x", "y"))
    writer = Yolo().writer(info("points", categories=(plain,)), keeps_layout=False, splits=("train",))
    assert "flip_idx" not in yaml.safe_load(assembled(writer, [])["data.yaml"])
    sided = Category(name="a", point_names=("nose", "left_eye", "right_eye"))
    writer = Yolo().writer(info("points", categories=(sided,)), keeps_layout=False, splits=("train",))
    assert yaml.safe_load(assembled(writer, [])["data.yaml"])["flip_idx"] == [0, 2, 1]
    said = replace(plain, flip_index=(0, 1))
    writer = Yolo().writer(info("points", categories=(said,)), keeps_layout=False, splits=("train",))
    assert yaml.safe_load(assembled(writer, [])["data.yaml"])["flip_idx"] == [0, 1]
    one, other = replace(plain, flip_index=(0, 1)), replace(plain, flip_index=(1, 0))
    writer = Yolo().writer(info("points", categories=(one, other)), keeps_layout=False, splits=("train",))
    assert "flip_idx" not in yaml.safe_load(assembled(writer, [])["data.yaml"])


def test_classes_with_different_numbers_of_points_cannot_be_written() -> None:
    categories = (FLY, Category(name="bee", point_names=("head",)))
    with pytest.raises(UsageError, match="'fly' has 3, 'bee' has 1") as caught:
        Yolo().writer(info("points", categories=categories), keeps_layout=False, splits=("train",))
    assert caught.value.stable_code == "labels.pose"


@pytest.mark.parametrize(
    ("kinds", "values"),
    [
        (("boxes",), 5),
        (("boxes", "polygons"), 9),
        (("masks",), 9),
        (("oriented", "points"), 9),
        (("boxes", "points"), 14),
    ],
)
def test_the_kind_of_line_that_says_most_is_chosen(kinds: tuple[LabelKind, ...], values: int) -> None:
    writer = Yolo().writer(info(*kinds, categories=(FLY,)), keeps_layout=False, splits=("train",))
    text = writer.encode(picture(Annotation(category=0, box=(0, 0, 50, 40))))
    assert len(text.split()) == values


def test_writers_travel_to_workers() -> None:
    for keeps_layout in (True, False):
        writer = Yolo().writer(info("boxes"), keeps_layout=keeps_layout, splits=("train",))
        assert pickle.loads(pickle.dumps(writer)) == writer


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_lists_keep_the_lines_of_originals_and_get_those_of_copies(tmp_path: Path, newline: str) -> None:
    files = {
        "data.yaml": "train: train.txt\nval: val.txt\nnames: [cat]\n",
        "train.txt": newline.join(["./images/b.jpg", "  ./images/a.jpg ", "/old/images/c.jpg"]),
        "val.txt": newline.join(["images/d.jpg", "./images/a.jpg", "images/gone.jpg", ""]),
        "labels/a.txt": BOX,
    }
    read = read_set(Yolo(), make_set(tmp_path, files, *(f"images/{name}.jpg" for name in "abcd")))
    writer = Yolo().writer(read.info, keeps_layout=True, splits=("train", "val"))
    written = assembled(
        writer, [image for image in output_of(read, copies=1) if not image.copy or image.split == "train"]
    )
    assert written["train.txt"].split(newline) == [
        "./images/b.jpg",
        "  ./images/a.jpg ",
        "./images/c.jpg",
        "./images/b_aug1.jpg",
        "  ./images/a_aug1.jpg ",
        "./images/c_aug1.jpg",
        "",
    ]
    # a picture in two lists comes first in the second, since it was met before the others
    assert written["val.txt"].split(newline) == ["./images/a.jpg", "images/d.jpg", ""]
    assert "data.yaml" in read.info.companions


def test_data_yaml_is_written_from_what_was_read(tmp_path: Path) -> None:
    read = read_set(
        Yolo(),
        make_set(tmp_path, {"data.yaml": "path: /x\ntrain: images\nval: images\nnames: [cat]\n"}, "images/a.jpg"),
    )
    writer = Yolo().writer(read.info, keeps_layout=True, splits=("train",))
    assert assembled(writer, output_of(read)) == {"data.yaml": "train: images\nval: images\nnames: [cat]\n"}


def test_new_splits_keep_the_lines_of_what_did_not_move(tmp_path: Path) -> None:
    files = {"labels/a.txt": "0  .5 .5 .25 .5\n", "classes.txt": "cat\n"}
    read = read_set(Yolo(), make_set(tmp_path, files, "images/a.jpg"))
    writer = Yolo().writer(read.info, keeps_layout=False, splits=("train", "val"))
    (image,) = output_of(read, is_untouched=True)
    assert writer.encode(image) == b"0  .5 .5 .25 .5\n"
    assert writer.place("images/a.jpg", split="val", category=None).label == "labels/val/a.txt"
    assert yaml.safe_load(assembled(writer, [image])["data.yaml"])["names"] == {0: "cat"}
