from __future__ import annotations

from pathlib import Path

import pytest

from nfold.errors import InputError
from nfold.formats.yolo import Yolo
from tests.engine.formats.label_sets import ReadSet, make_set, read_set

BOX = "0 0.5 0.5 0.1 0.1\n"


def splits(read: ReadSet) -> dict[str, str | None]:
    return {source.id: source.label.split for source in read.sources}


def test_data_yaml_says_which_folder_is_which_split(tmp_path: Path) -> None:
    make_set(
        tmp_path,
        {"data.yaml": "train: [images/one, images/two]\nval: images/three\nnames: [a]\n"},
        "images/one/a.jpg",
        "images/two/deep/b.jpg",
        "images/three/c.jpg",
        "images/test/d.jpg",
        "images/other/e.jpg",
    )
    read = read_set(Yolo(), tmp_path)
    assert splits(read) == {
        "images/one/a.jpg": "train",
        "images/two/deep/b.jpg": "train",
        "images/three/c.jpg": "val",
        "images/test/d.jpg": "test",
    }
    assert read.info.passed_over == {"in no split of data.yaml or of an image list": 1}
    assert read.info.examples == {"in no split of data.yaml or of an image list": "images/other/e.jpg"}


def test_a_folder_within_a_folder_has_its_own_split_and_one_folder_for_two_splits_is_the_first(tmp_path: Path) -> None:
    make_set(
        tmp_path,
        {"data.yaml": "train: images\nval: images/held\ntest: images\nnames: [a]\n"},
        "images/a.jpg",
        "images/held/b.jpg",
    )
    read = read_set(Yolo(), tmp_path)
    assert splits(read) == {"images/a.jpg": "train", "images/held/b.jpg": "val"}
    assert read.info.repairs == {"picture in two splits, taken for the first": 1}


@pytest.mark.parametrize("prefix", ["./images/", "images/", "/old/place/images/", "data/images/", "..\\images\\"])
def test_a_list_names_its_images_wherever_it_was_written(tmp_path: Path, prefix: str) -> None:
    make_set(
        tmp_path,
        {
            "data.yaml": "train: train.txt\nval: val.txt\nnames: [a]\n",
            "train.txt": f"{prefix}b.jpg\n\n{prefix}a.jpg\n",
            "val.txt": f"{prefix}c.jpg\r\n{prefix}gone.jpg",
        },
        "images/a.jpg",
        "images/b.jpg",
        "images/c.jpg",
        "images/unlisted.jpg",
    )
    read = read_set(Yolo(), tmp_path)
    assert [source.id for source in read.sources][:3] == ["images/b.jpg", "images/a.jpg", "images/c.jpg"]
    assert [source.label.split for source in read.sources] == ["train", "train", "val", "val"]
    problem = read.sources[3].problem
    assert problem is not None
    assert problem.code == "labels.missing_image"
    assert "val.txt, line 2" in problem.message
    assert read.info.passed_over == {"in no split of data.yaml or of an image list": 1}


def test_a_listed_image_that_the_user_left_out_is_not_missed(tmp_path: Path) -> None:
    make_set(
        tmp_path,
        {
            "data.yaml": "train: train.txt\nval: train.txt\nnames: [a]\n",
            "train.txt": "./images/a.jpg\n./images/b.jpg\n",
        },
        "images/a.jpg",
        "images/b.jpg",
    )
    assert splits(read_set(Yolo(), tmp_path, exclude=("b.jpg",))) == {"images/a.jpg": "train"}


def test_darknet_lists_are_found_through_the_data_file_or_by_their_names(tmp_path: Path) -> None:
    files = {
        "obj.names": "cat\n",
        "train.txt": "data/obj/a.jpg\n",
        "valid.txt": "data/obj/b.jpg\n",
        "obj/a.txt": BOX,
        "obj/b.txt": BOX,
    }
    for folder, extra in (("named", {"obj.data": "train = data/train.txt\nvalid = data/valid.txt\n"}), ("guessed", {})):
        root = make_set(tmp_path / folder, {**files, **extra}, "obj/a.jpg", "obj/b.jpg")
        read = read_set(Yolo(), root)
        assert splits(read) == {"obj/a.jpg": "train", "obj/b.jpg": "val"}
        assert [document.path for document in read.info.documents] == ["train.txt", "valid.txt"]
        assert read.info.companions == tuple(sorted(["obj.names", *extra]))


def test_without_anything_else_folders_are_splits(tmp_path: Path) -> None:
    make_set(tmp_path, {"labels/valid/a.txt": BOX}, "images/valid/a.jpg", "images/training/b.jpg", "logo.png")
    read = read_set(Yolo(), tmp_path)
    assert splits(read) == {"images/training/b.jpg": "train", "images/valid/a.jpg": "val"}
    assert read.info.passed_over == {"in no split folder": 1}


def test_labelled_images_outside_of_the_split_folders_are_an_error(tmp_path: Path) -> None:
    make_set(tmp_path, {"labels/train/a.txt": BOX, "labels/b.txt": BOX}, "images/train/a.jpg", "images/b.jpg")
    with pytest.raises(InputError, match=r"images/b\.jpg") as caught:
        read_set(Yolo(), tmp_path)
    assert caught.value.stable_code == "labels.no_split"


def test_an_entry_that_leads_nowhere_is_mentioned(tmp_path: Path) -> None:
    make_set(
        tmp_path, {"data.yaml": "train: ../train/images\ntest: ../test/images\nnames: [a]\n"}, "train/images/a.jpg"
    )
    assert read_set(Yolo(), tmp_path).info.repairs == {"data.yaml: nothing is at 'test: ../test/images'": 1}


@pytest.mark.parametrize("text", [b"\xff\n", b"a" * 100_000, b"\0\n"])
def test_a_list_that_is_no_text_is_an_error(tmp_path: Path, text: bytes) -> None:
    make_set(tmp_path, {"data.yaml": "train: train.txt\nnames: [a]\n", "train.txt": text}, "images/a.jpg")
    with pytest.raises(InputError, match=r"train\.txt, line 1"):
        read_set(Yolo(), tmp_path)


def test_a_list_of_other_things_is_no_list(tmp_path: Path) -> None:
    make_set(tmp_path, {"labels/a.txt": BOX, "train.txt": "how we trained it\n"}, "images/a.jpg")
    assert splits(read_set(Yolo(), tmp_path)) == {"images/a.jpg": None}
