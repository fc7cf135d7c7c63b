from __future__ import annotations

import sqlite3

import pytest

from nfold.formats import FileIndex, FoundFile, Scan, summarise
from nfold.formats.voc.places import Places, is_mask, picture_folders, without_picture_folders


def places_of(*paths: str) -> Places:
    files = [FoundFile(path=path, size=1, mtime_ns=0) for path in paths]
    index = FileIndex(sqlite3.connect("", isolation_level=None))
    for file in files:
        index.add_image(file)
    return Places(index, summarise(files))


@pytest.mark.parametrize(
    ("label", "name", "picture"),
    [
        ("Annotations/a.xml", "", "JPEGImages/a.jpg"),
        ("annotations_voc/a.xml", "", "images/a.png"),
        ("train/annotations/a.xml", "", "train/images/a.jpg"),
        ("annotations/train/a.xml", "", "images/train/a.jpg"),
        ("VOC2007/Annotations/a.xml", "", "VOC2007/JPEGImages/a.jpg"),
        ("a.xml", "", "a.jpg"),
        ("images/a.xml", "", "images/a.jpg"),
        ("labels/a.xml", "", "a.jpg"),
        ("labels/a.xml", "b.jpg", "elsewhere/b.jpg"),
    ],
)
def test_the_picture_of_a_label_file_is_found(label: str, name: str, picture: str) -> None:
    found = places_of(picture, "other/x.jpg").pictures_of(label, name)
    assert [file.path for file in found] == [picture]


def test_what_lies_beside_a_label_file_goes_before_what_lies_elsewhere() -> None:
    places = places_of("train/a.jpg", "images/a.jpg")
    assert [file.path for file in places.pictures_of("train/a.xml", "")] == ["train/a.jpg"]


def test_of_two_pictures_of_one_stem_the_named_one_is_meant() -> None:
    places = places_of("JPEGImages/a.jpg", "JPEGImages/a.png")
    assert [file.path for file in places.pictures_of("Annotations/a.xml", "a.png")] == ["JPEGImages/a.png"]
    assert len(places.pictures_of("Annotations/a.xml", "")) == 2


def test_a_name_that_two_pictures_have_says_nothing() -> None:
    assert places_of("x/b.jpg", "y/b.jpg").pictures_of("labels/a.xml", "b.jpg") == []


def test_a_mask_is_no_picture_but_goes_with_one() -> None:
    places = places_of("JPEGImages/a.jpg", "SegmentationClass/a.png", "SegmentationClass/b.png")
    assert places.pictures_of("Annotations/b.xml", "b.png") == []
    mask = places.mask_of("JPEGImages/a.jpg")
    assert mask is not None
    assert mask.path == "SegmentationClass/a.png"
    assert places.mask_of("JPEGImages/c.jpg") is None
    assert is_mask("x/SegmentationObject/a.png")
    assert not is_mask("segmentation.png")


@pytest.mark.parametrize("name", ["a", "a.jpg", "JPEGImages/a.jpg", "JPEGImages/a"])
def test_a_list_may_name_a_picture_by_stem_file_name_or_path(name: str) -> None:
    found = places_of("VOC/JPEGImages/a.jpg", "JPEGImages/b.jpg").picture_named("VOC/", name)
    assert found is not None
    assert found.path == "VOC/JPEGImages/a.jpg"


@pytest.mark.parametrize(
    ("label", "expected"),
    [("Annotations/a.xml", "JPEGImages/a.png"), ("a.xml", "a.png"), ("images/a.xml", "images/a.png")],
)
def test_a_missing_picture_has_a_place_where_it_would_lie(label: str, expected: str) -> None:
    places = places_of("JPEGImages/z.jpg")
    assert places.expected_picture(label, "a.png") == expected
    assert places.expected_picture(label, "").endswith("a.jpg")


def test_folders_of_pictures_keep_their_spelling() -> None:
    assert picture_folders(Scan()) == ()
    scan = summarise(
        FoundFile(path=path, size=1, mtime_ns=0) for path in ("Images/a.jpg", "x/JPEGImages/a.jpg", "y/a.jpg")
    )
    assert picture_folders(scan) == ("JPEGImages", "Images")
    assert without_picture_folders("train/images/x/a.jpg") == "train/x/a.jpg"
