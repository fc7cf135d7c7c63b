from __future__ import annotations

from pathlib import Path

import pytest

from nfold.errors import InputError
from nfold.formats import recognise
from nfold.formats.yolo import Yolo
from tests.engine.formats.label_sets import make_set, read_set, scan_of

BOX = "0 0.5 0.5 0.25 0.5\n"


@pytest.mark.parametrize(
    ("files", "pictures"),
    [
        ({"labels/A.txt": BOX}, ["images/a.jpg"]),
        ({"labels/a.jpg.txt": BOX, "labels/README.txt": "hello"}, ["images/a.jpg", "images/b.jpg"]),
        ({"train/labels/A.txt": BOX}, ["train/images/a.jpg", "val/images/b.jpg"]),
        ({"images/labels/A.txt": BOX}, ["images/a.jpg"]),
        ({"A.txt": BOX, "classes.txt": "cat"}, ["a.jpg"]),
    ],
)
def test_label_files_of_which_none_belongs_to_an_image_are_refused(
    tmp_path: Path, files: dict[str, str | bytes], pictures: list[str]
) -> None:
    make_set(tmp_path, files, *pictures)
    with pytest.raises(InputError) as caught:
        recognise(tmp_path, scan_of(tmp_path))
    assert caught.value.stable_code == "labels.none"
    assert next(iter(files)) in caught.value.message
    assert pictures[0] in caught.value.message
    assert "capital and small letters" in str(caught.value.hint)


def test_so_are_they_when_data_yaml_names_classes_and_images(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"data.yaml": "names: [cat]\ntrain: images\n", "labels/A.txt": BOX}
    make_set(tmp_path, files, "images/a.jpg", "images/b.jpg")
    assert recognise(tmp_path, scan_of(tmp_path)).format == "yolo"
    with pytest.raises(InputError, match=r"labels/A\.txt, for example, and the image images/a\.jpg") as caught:
        read_set(Yolo(), tmp_path)
    assert caught.value.stable_code == "labels.none"


@pytest.mark.parametrize(
    "files",
    [
        {"labels/A.txt": BOX, "labels/b.txt": ""},
        {"labels/A.txt": BOX, "labels/b.txt": BOX},
        {"labels/notes.txt": "hello"},
        {"labels/A.txt": ""},
        {},
    ],
)
def test_a_set_in_which_one_belongs_or_that_has_none_is_read(tmp_path: Path, files: dict[str, str | bytes]) -> None:
    make_set(tmp_path, {"data.yaml": "names: [cat]\ntrain: images\n", **files}, "images/a.jpg", "images/b.jpg")
    assert len(read_set(Yolo(), tmp_path).sources) == 2


def test_label_files_of_images_that_were_left_out_are_no_strangers(tmp_path: Path) -> None:
    make_set(tmp_path, {"data.yaml": "names: [cat]", "labels/a.txt": BOX}, "images/a.jpg", "images/b.jpg")
    assert len(read_set(Yolo(), tmp_path, exclude=("a.jpg",)).sources) == 1


@pytest.mark.parametrize(
    "files",
    [
        {"notes.txt": "hello", "README.txt": "0 5 5"},
        {"notes.txt": BOX},
        {"label/list.txt": "a 1 1 1\nb 1 1 1"},
        {"labels/hello.txt": ""},
    ],
)
def test_other_text_beside_pictures_makes_no_label_set(tmp_path: Path, files: dict[str, str | bytes]) -> None:
    make_set(tmp_path, files, "a.jpg", "images/b.jpg")
    assert recognise(tmp_path, scan_of(tmp_path)).format == "folder"


def test_another_reading_can_be_forced(tmp_path: Path) -> None:
    make_set(tmp_path, {"labels/A.txt": BOX}, "images/a.jpg")
    assert recognise(tmp_path, scan_of(tmp_path), forced="folder").format == "folder"
