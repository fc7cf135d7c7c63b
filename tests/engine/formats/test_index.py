from __future__ import annotations

import sqlite3
import unicodedata
from collections.abc import Iterator

import pytest

from nfold.formats import FileIndex, FoundFile


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect("", isolation_level=None)
    yield connection
    connection.close()


def found(path: str) -> FoundFile:
    return FoundFile(path=path, size=len(path), mtime_ns=1)


@pytest.fixture
def index(connection: sqlite3.Connection) -> FileIndex:
    index = FileIndex(connection)
    for path in ("b/x.png", "a/x.png", "a/x.jpg", "a/y.png"):
        index.add_image(found(path))
    for path in ("a/x.txt", "labels/y.TXT", "all.json"):
        index.add_label(path)
    return index


def test_images_come_in_the_order_of_their_ids(index: FileIndex) -> None:
    assert [file.path for file in index.images()] == ["a/x.jpg", "a/x.png", "a/y.png", "b/x.png"]
    assert next(index.images()) == found("a/x.jpg")


def test_files_are_found_by_path_name_and_stem(index: FileIndex) -> None:
    assert index.image("a/y.png") == found("a/y.png")
    assert index.image("a/x.txt") is None
    assert [file.path for file in index.images_named("x.png")] == ["a/x.png", "b/x.png"]
    assert [file.path for file in index.images_named("x.png", most=1)] == ["a/x.png"]
    assert [file.path for file in index.images_with_stem("a/x")] == ["a/x.jpg", "a/x.png"]
    assert index.images_with_stem("x") == []


def test_label_files_are_found_by_path_and_ending_in_any_case(index: FileIndex) -> None:
    assert index.label_file("a/x.txt") == "a/x.txt"
    assert index.label_file("a/x.png") is None
    assert list(index.label_files(".txt")) == ["a/x.txt", "labels/y.TXT"]
    assert list(index.label_files()) == ["a/x.txt", "all.json", "labels/y.TXT"]


def test_what_is_taken_is_accounted_for(index: FileIndex) -> None:
    index.take("a/x.png")
    index.take("b/x.png")
    assert [file.path for file in index.untaken_images()] == ["a/x.jpg", "a/y.png"]


def test_a_name_is_found_in_either_unicode_form(index: FileIndex) -> None:
    on_disk = unicodedata.normalize("NFD", "é.png")
    index.add_image(found(on_disk))
    for form in ("NFC", "NFD"):
        file = index.image(unicodedata.normalize(form, "é.png"))
        assert file is not None
        assert file.path == on_disk


def test_bytes_that_are_no_utf8_come_back_as_they_were(index: FileIndex) -> None:
    index.add_image(found("a/\udcff.png"))
    assert index.image("a/\udcff.png") == found("a/\udcff.png")


def test_it_is_filled_at_the_first_look_and_once(connection: sqlite3.Connection) -> None:
    calls = []

    def fill(index: FileIndex) -> None:
        calls.append(1)
        index.add_image(found("a.png"))

    index = FileIndex(connection, fill)
    assert calls == []
    assert index.image("a.png") == found("a.png")
    assert len(list(index.images())) == 1
    assert calls == [1]
