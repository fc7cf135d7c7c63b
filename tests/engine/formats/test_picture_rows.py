from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from nfold.formats import FileIndex, FoundFile, Label, ReadContext, Scan, selector
from nfold.formats.picture_rows import (
    NamedPicture,
    PictureRows,
    Row,
    count_not_listed,
    find_picture,
    in_folder,
    missing_source,
    renamed,
    split_named,
)

FOLDERS = ("labels", "", "images")


def context(*paths: str, root: Path = Path("/nowhere"), exclude: tuple[str, ...] = ()) -> ReadContext:
    scratch = sqlite3.connect("", isolation_level=None)
    index = FileIndex(scratch)
    for path in paths:
        index.add_image(FoundFile(path=path, size=3, mtime_ns=7))
    options: dict[str, Any] = {"walk": lambda: iter(()), "files": index, "scratch": scratch}
    return ReadContext(root=root, scan=Scan(), has_splits=False, is_left_out=selector((), exclude), **options)


def look_up(context: ReadContext, written: str, folders: tuple[str, ...], **options: Any) -> NamedPicture:
    return find_picture(context, written, folders, document="t.csv", **options)


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("a.jpg", "a.jpg"),
        ("./a.jpg", "a.jpg"),
        ("images/b.jpg", "images/b.jpg"),
        ("b.jpg", "images/b.jpg"),
        ("images\\b.jpg", "images/b.jpg"),
        ("../images/b.jpg", "images/b.jpg"),
        ("/home/me/set/c.jpg", "deep/er/c.jpg"),
        ("C:\\set\\c.jpg", "deep/er/c.jpg"),
        ("e\u0301.jpg", "\u00e9.jpg"),
    ],
)
def test_a_picture_is_found_by_how_label_files_write_paths(written: str, found: str) -> None:
    files = context("a.jpg", "images/b.jpg", "deep/er/c.jpg", "\u00e9.jpg")
    picture = look_up(files, written, FOLDERS)
    assert (picture.file.path, picture.candidates) == (found, 1)


def test_the_nearest_folder_goes_first() -> None:
    assert look_up(context("a.jpg", "labels/a.jpg"), "a.jpg", FOLDERS).file.path == "labels/a.jpg"


def test_a_bare_name_that_two_folders_hold_is_told_and_not_guessed() -> None:
    picture = look_up(context("x/a.jpg", "y/a.jpg"), "a.jpg", FOLDERS)
    assert picture.candidates == 2
    source = missing_source(context(), picture, Label(split=None, category=None), "t.csv, line 4")
    assert source is not None
    assert source.problem is not None
    assert source.problem.code == "labels.missing_image"
    assert "t.csv, line 4: a.jpg could be more than one picture" in source.problem.message


def test_a_name_without_an_ending_stands_for_the_one_file_of_that_stem() -> None:
    files = context("train/0001.jpg", "a.jpg", "a.png")
    assert look_up(files, "0001", ("",), by_stem=("", "train")).file.path == "train/0001.jpg"
    assert look_up(files, "a", ("",), by_stem=("",)).candidates == 2


@pytest.mark.parametrize("written", ["../a.jpg", "/etc/passwd", "..", ".", "../../x/../a.jpg"])
def test_nothing_outside_the_source_is_meant(written: str) -> None:
    assert in_folder("", written) is None
    picture = look_up(context("b.jpg"), written, ("",))
    assert picture.candidates == 0


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("../a.jpg", "a.jpg"),
        ("/etc/passwd.jpg", "etc/passwd.jpg"),
        ("C:\\set\\a.jpg", "set/a.jpg"),
        ("..\\..\\a.jpg", "a.jpg"),
        ("//host/share/a.jpg", "host/share/a.jpg"),
        ("..", "picture without a name"),
        ("/", "picture without a name"),
    ],
)
@pytest.mark.parametrize("by_name", [True, False])
def test_a_picture_that_is_not_there_never_leads_out_of_the_source(written: str, path: str, by_name: bool) -> None:
    picture = look_up(context("b.jpg"), written, ("",), by_name=by_name)
    assert (picture.file.path, picture.candidates) == (path, 0)
    several = look_up(context("x/a.jpg", "y/a.jpg"), "/q/../a.jpg", ("",))
    assert (several.file.path, several.candidates) == ("q/a.jpg", 2)


def test_a_picture_that_is_not_there_is_not_taken_for_one_that_is() -> None:
    assert look_up(context("a.jpg"), "../a.jpg", ("",), by_name=False).file.path == "t.csv/a.jpg"
    assert look_up(context("x/a.jpg", "y/a.jpg"), "/x/a.jpg", ("",)).file.path == "t.csv/x/a.jpg"


def test_what_is_not_there_is_a_source_with_a_reason() -> None:
    source = missing_source(
        context(), look_up(context(), "a.jpg", ("sub",)), Label(split="val", category=None), "t.csv, line 2"
    )
    assert source is not None
    assert (source.id, source.label.split) == ("sub/a.jpg", "val")
    assert source.problem is not None
    assert "there is no picture sub/a.jpg" in source.problem.message


def test_what_the_user_left_out_is_not_missed(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images/a.jpg").touch()
    files = context(root=tmp_path, exclude=("images",))
    picture = look_up(files, "a.jpg", ("", "images"))
    assert missing_source(files, picture, Label(split=None, category=None), "t.csv, line 2") is None


def test_rows_come_back_by_picture_in_the_order_of_first_naming() -> None:
    first, second = (NamedPicture(file=FoundFile(path=name, size=1, mtime_ns=2), candidates=1) for name in "ba")
    with PictureRows(context()) as rows:
        for place, picture in enumerate([first, second, first, second, first]):
            rows.add(picture, Row(document=1 - place % 2, place=place, text=f"row {place}"))
        found = [(picture.file.path, [row.text for row in group]) for picture, group in rows.groups()]
    assert found == [("b", ["row 0", "row 2", "row 4"]), ("a", ["row 1", "row 3"])]


def test_more_pictures_than_are_remembered_still_get_one_group_each() -> None:
    with PictureRows(context()) as rows:
        for place in range(12_000):
            picture = NamedPicture(file=FoundFile(path=f"{place % 6000}.jpg", size=1, mtime_ns=2), candidates=1)
            rows.add(picture, Row(document=0, place=place, text=""))
        groups = [len(group) for _, group in rows.groups()]
    assert groups == [2] * 6000


def test_the_index_fills_itself_before_the_transaction_and_an_error_ends_it() -> None:
    scratch = sqlite3.connect("", isolation_level=None)
    index = FileIndex(scratch, lambda files: files.add_image(FoundFile(path="a.jpg", size=1, mtime_ns=2)))
    options: dict[str, Any] = {"walk": lambda: iter(()), "files": index, "scratch": scratch}
    reading = ReadContext(root=Path(), scan=Scan(), has_splits=False, is_left_out=selector((), ()), **options)
    found = []

    def break_off() -> None:
        with PictureRows(reading):
            found.append((scratch.in_transaction, look_up(reading, "a.jpg", ("",)).candidates))
            raise LookupError

    with pytest.raises(LookupError):
        break_off()
    assert found == [(True, 1)]
    assert not scratch.in_transaction


def test_pictures_that_nothing_names_are_counted() -> None:
    files = context("a.jpg", "b.jpg", "c.jpg")
    files.files.take("b.jpg")
    assert count_not_listed(files) == ({"not in the label files": 2}, {"not in the label files": "a.jpg"})
    for path in ("a.jpg", "c.jpg"):
        files.files.take(path)
    assert count_not_listed(files) == ({}, {})


@pytest.mark.parametrize(
    ("written", "source", "name", "expected"),
    [
        ("a.jpg", "a.jpg", "a_aug1.jpg", "a_aug1.jpg"),
        ("a.jpg", "images/a.jpg", "images/a_aug1.jpg", "a_aug1.jpg"),
        ("./images/a.jpg", "images/a.jpg", "images/a_aug1.png", "./images/a_aug1.png"),
        ("C:\\set\\a.jpg", "x/a.jpg", "x/a_aug1.jpg", "C:\\set\\a_aug1.jpg"),
        ("/set/a.jpg", "x/a.jpg", "x/a_aug1.jpg", "/set/a_aug1.jpg"),
        ("0001", "train/0001.jpg", "train/0001_aug1.jpg", "0001_aug1"),
        ("a.jpg", "images/a.jpg", "images/copies/a_aug1.jpg", "copies/a_aug1.jpg"),
        ("images\\a.jpg", "images/a.jpg", "copies/a_aug1.jpg", "copies\\a_aug1.jpg"),
        ("0001", "train/0001.jpg", "train/x/0001_aug1.jpg", "x/0001_aug1"),
    ],
)
def test_a_copy_is_written_as_its_source_is(written: str, source: str, name: str, expected: str) -> None:
    assert renamed(written, source, name) == expected


@pytest.mark.parametrize(
    ("path", "split"),
    [
        ("train.csv", "train"),
        ("x/annotations_val.csv", "val"),
        ("validation-annotations-bbox.csv", "val"),
        ("TEST2017.csv", "test"),
        ("trainval.csv", None),
        ("train_test.csv", None),
        ("labels.csv", None),
        ("train/labels.csv", None),
    ],
)
def test_a_split_is_found_in_the_name_of_a_file(path: str, split: str | None) -> None:
    assert split_named(path) == split
