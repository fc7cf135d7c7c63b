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


DAMAGED: dict[str, tuple[str | bytes, str]] = {
    "cut": ("0 0.5 0.5\n", "in its line 1, it has 3 values"),
    "comments": ("# boxes\n" + BOX, "in its line 1, '#' is no number"),
    "commas": (BOX.replace(" ", ","), "in its line 1, '0,0.5,0.5,0.25,0.5' is no number"),
    "pixels": ("0 70 55 60 50\n", "in its line 1, the box lies outside the picture"),
    "few pixels": ("0 3 3 5 5\n", "its numbers are no shares of the picture"),
    "utf-16": (BOX.encode("utf-16"), "in its line 1, it is no UTF-8 text"),
}


@pytest.mark.parametrize(
    ("label", "image"), [("labels/a.txt", "images/a.jpg"), ("a.txt", "a.jpg"), ("txt/a.txt", "a.jpg")]
)
@pytest.mark.parametrize("name", DAMAGED)
def test_label_files_of_which_none_can_be_read_are_refused_with_an_example(
    tmp_path: Path, label: str, image: str, name: str
) -> None:
    text, why = DAMAGED[name]
    make_set(tmp_path, {label: text}, image)
    with pytest.raises(InputError) as caught:
        recognise(tmp_path, scan_of(tmp_path))
    assert caught.value.stable_code == "labels.unreadable"
    assert f"{label} for example" in caught.value.message
    assert why in caught.value.message
    for choice in ("--format yolo", "data.yaml", "--format class-folders"):
        assert choice in str(caught.value.hint)
    assert recognise(tmp_path, scan_of(tmp_path), forced="class-folders").format == "class-folders"


@pytest.mark.parametrize("text", ["a photo of a cat", ""])
def test_in_a_folder_of_labels_words_and_nothing_are_refused_too(tmp_path: Path, text: str) -> None:
    make_set(tmp_path, {"labels/a.txt": text, "labels/b.txt": ""}, "images/a.jpg", "images/b.jpg")
    with pytest.raises(InputError, match=r"labels/a\.txt for example") as caught:
        recognise(tmp_path, scan_of(tmp_path))
    assert caught.value.stable_code == "labels.unreadable"


def test_of_several_folders_of_labels_of_which_none_can_be_read_one_is_named(tmp_path: Path) -> None:
    make_set(tmp_path, {"labels_a/a.txt": "0 0.5", "annot_b/a.txt": "0 0.5"}, "images/a.jpg")
    with pytest.raises(InputError, match=r"annot_b/a\.txt for example"):
        recognise(tmp_path, scan_of(tmp_path))


def test_a_label_file_that_is_a_link_to_nowhere_is_no_reason_to_lose_the_others(tmp_path: Path) -> None:
    make_set(tmp_path, {"labels/b.txt": "0 0.5"}, "images/a.jpg", "images/b.jpg")
    (tmp_path / "labels/a.txt").symlink_to("gone")
    with pytest.raises(InputError, match=r"labels/a\.txt for example, .*it cannot be read: No such file"):
        recognise(tmp_path, scan_of(tmp_path))


def test_one_whole_label_file_among_many_damaged_ones_makes_a_label_set(tmp_path: Path) -> None:
    names = [f"{number:02}" for number in range(60)]
    files: dict[str, str | bytes] = {f"labels/{name}.txt": "0 0.5 0.5\n" for name in names}
    make_set(tmp_path, files | {"labels/59.txt": BOX}, *(f"images/{name}.jpg" for name in names))
    assert recognise(tmp_path, scan_of(tmp_path)).format == "yolo"
    found = read_set(Yolo(), tmp_path)
    assert sum(source.problem is not None for source in found.sources) == 59
    assert found.boxes("images/59.jpg")


@pytest.mark.parametrize(
    "files",
    [
        {"a.txt": "a photo of a cat, 35 mm", "b.txt": "2 dogs"},
        {"a.txt": "1girl, solo, 4k, 8k", "b.txt": ""},
        {"a.txt": "a cat", "b.txt": "1 2 3", "c.txt": "a dog"},
        {"captions/a.txt": "a cat"},
        {"txt/a.txt": "a cat on a mat", "txt/b.txt": "two dogs"},
    ],
)
def test_captions_beside_photos_make_no_label_set(tmp_path: Path, files: dict[str, str | bytes]) -> None:
    make_set(tmp_path, files, "a.jpg", "b.jpg", "c.jpg")
    assert recognise(tmp_path, scan_of(tmp_path)).format == "folder"


def test_captions_beside_the_images_of_class_folders_make_no_label_set(tmp_path: Path) -> None:
    make_set(tmp_path, {"label/a.txt": "a cat", "other/a.txt": "a dog"}, "label/a.jpg", "other/a.jpg")
    assert recognise(tmp_path, scan_of(tmp_path)).format == "class-folders"
