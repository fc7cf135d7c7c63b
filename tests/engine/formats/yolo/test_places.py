from __future__ import annotations

from pathlib import Path

import pytest

from nfold.formats.yolo.places import Place, find_place, relative_to
from tests.engine.formats.label_sets import make_set


@pytest.mark.parametrize(
    ("file", "path", "entry", "found", "is_direct"),
    [
        ("data.yaml", None, "images/train", "images/train", True),
        ("data.yaml", ".", "./images/train/", "images/train", True),
        ("data.yaml", None, "../images/train", "images/train", False),
        ("data.yaml", "/content/set", "images/train", "images/train", False),
        ("data.yaml", "../set", "images/train", "images/train", False),
        ("data.yaml", "C:\\set", "images\\train", "images/train", False),
        ("data.yaml", None, "/content/set/images/train", "images/train", False),
        ("cfg/data.yaml", None, "../images/train", "images/train", True),
        ("cfg/data.yaml", "..", "images/train", "images/train", False),
        ("data.yaml", "images", "train", "images/train", False),
        ("data.yaml", None, ".", "", True),
        ("data.yaml", None, "train.txt", "train.txt", True),
        ("obj.data", None, "data/train.txt", "train.txt", False),
        ("data.yaml", None, "images/test", None, False),
        ("data.yaml", "/content/set", "images/test", None, False),
        ("data.yaml", None, "../../etc", None, False),
        ("data.yaml", None, "images/train/a.jpg", None, False),
        ("data.yaml", None, "\0", None, False),
    ],
)
def test_an_entry_leads_where_it_led_before_the_folder_was_moved(
    tmp_path: Path, file: str, path: str | None, entry: str, found: str | None, is_direct: bool
) -> None:
    make_set(tmp_path, {file: "", "train.txt": ""}, "images/train/a.jpg", "test/x.jpg")
    place = find_place(tmp_path, file, path, entry)
    if found is None:
        assert place is None
    else:
        assert place == Place(path=found, is_list=found.endswith(".txt"), is_direct=is_direct)


def test_the_folder_that_was_read_is_known_by_its_whole_path(tmp_path: Path) -> None:
    make_set(tmp_path, {"data.yaml": ""}, "images/train/a.jpg", "train/a.jpg")
    place = find_place(tmp_path, "data.yaml", str(tmp_path / "images"), "train")
    assert place == Place(path="images/train", is_list=False, is_direct=False)


@pytest.mark.parametrize(
    ("folder", "path", "written"), [("", "a/b", "a/b"), ("cfg", "a/b", "../a/b"), ("", "", "."), ("a", "a/b", "b")]
)
def test_a_path_is_written_from_the_folder_of_the_file(folder: str, path: str, written: str) -> None:
    assert relative_to(folder, path) == written
