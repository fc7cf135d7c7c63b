from __future__ import annotations

import sqlite3

import pytest

from nfold.formats import FileIndex, FoundFile
from nfold.formats.masks.pairs import Pairs, without_picture_folders


def picture_of(mask: str, *paths: str) -> str | None:
    index = FileIndex(sqlite3.connect("", isolation_level=None))
    for path in (mask, *paths):
        index.add_image(FoundFile(path=path, size=1, mtime_ns=0))
    found = Pairs(path.rpartition("/")[0] for path in (mask, *paths)).picture_of(mask, index)
    return None if found is None else found.path


@pytest.mark.parametrize(
    ("mask", "picture"),
    [
        ("masks/a.png", "images/a.jpg"),
        ("Labels/a.png", "Images/a.jpg"),
        ("train/masks/a.png", "train/images/a.jpg"),
        ("masks/train/a.png", "images/train/a.jpg"),
        ("masks/train/b/a.png", "images/train/b/a.jpg"),
        ("gt/a_gt.png", "img/a.jpg"),
        ("masks/a.png", "a.jpg"),
        ("train/masks/a.png", "train/a.jpg"),
        ("train_masks/a_mask.png", "train/a.jpg"),
        ("trainannot/a.png", "train/a.png"),
        ("a_labels.png", "a.png"),
        ("x/a_mask.png", "x/a.jpg"),
        ("a-seg.tif", "a.tif"),
        ("a.mask.png", "a.jpg"),
        ("a_MASK.png", "a.jpg"),
    ],
)
def test_a_mask_finds_its_picture(mask: str, picture: str) -> None:
    assert picture_of(mask, picture, "elsewhere/x.jpg") == picture


@pytest.mark.parametrize(
    ("mask", "others"),
    [
        ("masks/a.png", ["images/b.jpg"]),
        ("masks/a.png", ["photographs/a.jpg"]),
        ("a_mask.png", ["b/a.jpg"]),
        ("cat/a.png", ["dog/a.png"]),
        ("_mask.png", ["a.jpg"]),
    ],
)
def test_what_belongs_to_no_picture_finds_none(mask: str, others: list[str]) -> None:
    assert picture_of(mask, *others) is None


def test_a_picture_is_no_mask_of_its_mask() -> None:
    assert picture_of("images/a.png", "masks/a.png") is None


def test_folders_are_paired_by_name() -> None:
    folders = {"images/train", "images/val", "masks/train", "masks/val", "x"}
    assert list(Pairs(folders).pairs()) == [("masks/train", "images/train"), ("masks/val", "images/val")]
    assert without_picture_folders("train/images/a.jpg") == "train/a.jpg"
