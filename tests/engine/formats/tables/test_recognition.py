from __future__ import annotations

from pathlib import Path

import pytest

from nfold.errors import InputError
from nfold.formats import recognise
from nfold.formats.tables.recognition import LabelTable, label_table, looks_like_picture
from tests.engine.formats.label_sets import make_set, scan_of


def look(root: Path, data: str | bytes, name: str = "t.csv") -> LabelTable | None:
    make_set(root, {name: data})
    return label_table(root, name, lambda _, written: looks_like_picture(written))


@pytest.mark.parametrize(
    ("data", "has_mark", "newline", "has_rows"),
    [
        (b"file,label\na.jpg,x\n", False, "\n", True),
        (b"\xef\xbb\xbffile;label\r\na.jpg;x\r\n", True, "\r\n", True),
        (b"file,label", False, "\n", False),
        (b"a.jpg,1,2,3,4,x\r\n", False, "\r\n", True),
    ],
)
def test_how_a_table_is_written_is_seen(
    tmp_path: Path, data: bytes, has_mark: bool, newline: str, has_rows: bool
) -> None:
    table = look(tmp_path, data)
    assert table is not None
    assert (table.has_mark, table.newline, table.has_rows) == (has_mark, newline, has_rows)


@pytest.mark.parametrize(
    "data",
    [
        "",
        "\n\n",
        "name,price\nscrew,1\n",
        "file,label\nnotes.txt,x\nsound.wav,y\n",
        b"\x00\xff\xfe\x01",
        b"PK\x03\x04 a spreadsheet with another ending",
        "file,bbox\nnotes.txt,1\n",
    ],
)
def test_what_names_no_pictures_is_no_label_table(tmp_path: Path, data: str | bytes) -> None:
    assert look(tmp_path, data) is None


def test_pictures_marked_in_a_way_that_is_not_read_are_refused_with_the_column(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"t\.csv is a table about pictures, but the columns x, y, w, h place"
    ) as caught:
        look(tmp_path, "filename,x,y,w,h,label\na.jpg,1,2,3,4,cat\n")
    assert caught.value.stable_code == "labels.unsupported"


def test_a_table_larger_than_what_is_looked_at_is_not_cut_in_a_row(tmp_path: Path) -> None:
    assert look(tmp_path, "a.jpg,1,2,3,4,cat\n" * 10_000) is not None
    assert look(tmp_path, "file,label\n" + "a.jpg,cat\n" * 10_000) is not None


@pytest.mark.parametrize(
    ("name", "split"),
    [("train.csv", "train"), ("val/labels.csv", "val"), ("test/train.csv", "train"), ("labels.csv", None)],
)
def test_name_or_folder_of_a_table_say_the_split(tmp_path: Path, name: str, split: str | None) -> None:
    table = look(tmp_path, "file,label\na.jpg,x\n", name)
    assert table is not None
    assert table.split == split


def test_captions_are_a_table_in_metadata_csv_alone(tmp_path: Path) -> None:
    assert look(tmp_path, "file_name,text\na.jpg,a cat\n") is None
    assert look(tmp_path, "file_name,text\na.jpg,a cat\n", "train/metadata.csv") is not None


def test_old_line_ends_are_seen_here_and_refused_when_the_rows_are_read(tmp_path: Path) -> None:
    assert look(tmp_path, "file,label\ra.jpg,x\r") is not None
    assert look(tmp_path, "file,label\na\u2028.jpg,x\n") is not None


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize(
    "row", ["filename\tlabel\r\na.jpg\tcat\r\n", "filename,xmin,ymin,xmax,ymax,class\na.jpg,1,2,30,40,cat\n"]
)
def test_a_table_about_pictures_in_utf_16_is_refused_by_name(tmp_path: Path, encoding: str, row: str) -> None:
    make_set(tmp_path, {"annotations.csv": f"\ufeff{row}".encode(encoding)}, "a.jpg")
    with pytest.raises(InputError, match=r"^annotations\.csv is a table about pictures in UTF-16") as caught:
        recognise(tmp_path, scan_of(tmp_path))
    assert caught.value.stable_code == "labels.encoding"
    assert "UTF-8" in str(caught.value.hint)


def test_a_table_about_something_else_in_utf_16_is_nobodys_business(tmp_path: Path) -> None:
    make_set(tmp_path, {"prices.csv": "\ufeffarticle\tprice\r\ntea\t3\r\n".encode("utf-16-le")}, "a.jpg")
    assert recognise(tmp_path, scan_of(tmp_path)).format == "folder"
