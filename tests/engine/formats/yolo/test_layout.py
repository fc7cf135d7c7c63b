from __future__ import annotations

from pathlib import Path

import pytest

from nfold.errors import InputError
from nfold.formats.yolo.layout import find_label_folders, matching, sampled
from tests.engine.formats.label_sets import make_set, scan_of

BOX = "0 0.5 0.5 0.1 0.1\n"


@pytest.mark.parametrize(
    ("image", "label"),
    [
        ("images/a.jpg", "labels/a.txt"),
        ("images/train/a.jpg", "labels/train/a.txt"),
        ("train/images/a.b.jpg", "train/labels/a.b.txt"),
        ("images/x/images/a.jpg", "images/x/labels/a.txt"),
        ("images/train/deep/a.jpg", "labels/train/deep/a.txt"),
        ("images/a.jpg", "labels_yolo/a.txt"),
        ("pictures/a.jpg", "annotations/a.txt"),
        ("a.jpg", "a.txt"),
        ("obj/a.jpg", "obj/a.txt"),
        ("train/a.jpg", "train/labels/a.txt"),
        ("a.jpg", "labels/a.txt"),
    ],
)
def test_a_label_file_is_found_and_its_image_from_it(tmp_path: Path, image: str, label: str) -> None:
    scan = scan_of(make_set(tmp_path, {label: BOX}, image))
    folders = find_label_folders(tmp_path, scan)
    assert label in set(folders.candidates(image))
    assert image.removesuffix(".jpg") in set(folders.images_of(label))
    assert matching(tmp_path, scan, folders) == [label]
    assert str(folders)


def test_labels_go_before_other_folders_of_text_and_before_text_beside_the_images(tmp_path: Path) -> None:
    make_set(tmp_path, {"labels/a.txt": BOX, "labels_seg/a.txt": BOX, "images/a.txt": "a cat"}, "images/a.jpg")
    assert list(find_label_folders(tmp_path, scan_of(tmp_path)).candidates("images/a.jpg")) == ["labels/a.txt"]


def test_of_two_folders_the_one_that_reads_like_labels_holds(tmp_path: Path) -> None:
    make_set(tmp_path, {"labels_yolo/a.txt": BOX, "labelTxt/a.txt": "imagesource:x\n"}, "images/a.jpg")
    assert list(find_label_folders(tmp_path, scan_of(tmp_path)).candidates("images/a.jpg")) == ["labels_yolo/a.txt"]


def test_two_folders_that_both_read_like_labels_are_an_error(tmp_path: Path) -> None:
    make_set(tmp_path, {"labels_box/a.txt": BOX, "labels_seg/a.txt": BOX}, "images/a.jpg")
    with pytest.raises(InputError, match="labels_box, labels_seg") as caught:
        find_label_folders(tmp_path, scan_of(tmp_path))
    assert caught.value.hint


def test_samples_leave_names_of_classes_aside_and_end_at_a_whole_line(tmp_path: Path) -> None:
    make_set(tmp_path, {"a.txt": BOX * 20_000, "b.txt": "", "c.txt": "hello", "classes.txt": "cat"})
    assert sampled(tmp_path, ["a.txt", "b.txt", "c.txt", "classes.txt", "gone.txt"]) == {True: 1, None: 1, False: 1}
