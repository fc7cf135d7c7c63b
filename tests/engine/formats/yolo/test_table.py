from __future__ import annotations

import sqlite3

from nfold.formats import FoundFile
from nfold.formats.yolo.table import IN_TWO_SPLITS, LISTED_TWICE, ImageTable


def found(path: str) -> FoundFile:
    return FoundFile(path=path, size=1, mtime_ns=2)


def table() -> ImageTable:
    return ImageTable(sqlite3.connect("", isolation_level=None))


def test_listed_images_come_in_the_order_of_their_lists_and_the_others_after_them() -> None:
    images = table()
    for name in "abcd":
        images.add(found(f"{name}.jpg"), f"{name}.txt", None)
    assert images.add_line(found("c.jpg"), 0, "./c.jpg", "train") is None
    assert images.add_line(found("a.jpg"), 0, "./a.jpg", "train") is None
    images.add_missing("gone.jpg", "not there", "train")
    assert images.add_line(found("b.jpg"), 1, "b.jpg ", "val") is None
    entries = list(images.entries(only_in_splits=False))
    assert [entry.id for entry in entries] == ["c.jpg", "a.jpg", "gone.jpg", "b.jpg", "d.jpg"]
    assert [entry.split for entry in entries] == ["train", "train", "train", "val", None]
    assert [entry.missing for entry in entries if entry.missing] == ["not there"]
    assert len(list(images.entries(only_in_splits=True))) == 4
    assert images.lines_of("b.jpg") == {1: "b.jpg "}
    assert images.without_split(with_label=True) == (1, "d.jpg")


def test_what_is_listed_twice_stays_where_it_was_first() -> None:
    images = table()
    images.add(found("a.jpg"), None, None)
    images.add_line(found("a.jpg"), 0, "a.jpg", "train")
    assert images.add_line(found("a.jpg"), 0, "a.jpg", "train") == LISTED_TWICE
    assert images.add_line(found("a.jpg"), 1, "a.jpg", "val") == IN_TWO_SPLITS
    assert [entry.split for entry in images.entries(only_in_splits=True)] == ["train"]


def test_folders_say_only_what_nothing_else_says() -> None:
    images = table()
    for path in ("train/a.jpg", "test/b.jpg", "c.jpg"):
        images.add(found(path), None, None)
    images.fall_back_to_folders({"train", "val"})
    assert [entry.split for entry in images.entries(only_in_splits=False)] == [None, "test", None]
    assert images.has_splits()


def test_images_that_share_a_label_file_are_named() -> None:
    images = table()
    images.add(found("a.jpg"), "a.txt", "train")
    images.add(found("a.png"), "a.txt", None)
    assert images.sharing("a.txt", only_in_splits=False) == ["a.jpg", "a.png"]
    assert images.sharing("a.txt", only_in_splits=True) == ["a.jpg"]
    assert list(images.labels()) == ["a.txt", "a.txt"]
    assert images.has_label("a.txt")
    assert not images.has_label("b.txt")


def test_names_that_are_no_unicode_survive() -> None:
    images = table()
    images.add(found("caf\udce9.jpg"), "caf\udce9.txt", None)
    images.add_missing("\udce9.jpg", "no \udce9.jpg", None)
    assert {entry.id for entry in images.entries(only_in_splits=False)} == {"caf\udce9.jpg", "\udce9.jpg"}
