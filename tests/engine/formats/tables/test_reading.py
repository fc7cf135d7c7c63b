from __future__ import annotations

from pathlib import Path

import pytest

from nfold.errors import InputError
from nfold.formats.tables import CsvTables
from nfold.formats.tables import reading as csv_reading
from tests.engine.formats.label_sets import ReadSet, make_set, read_set

HEADER = "filename,xmin,ymin,xmax,ymax,label\n"


def read(root: Path, files: dict[str, str | bytes], *pictures: str, **options: tuple[str, ...]) -> ReadSet:
    return read_set(CsvTables(), make_set(root, files, *pictures), **options)


def test_a_table_of_classes_gives_each_picture_its_class(tmp_path: Path) -> None:
    found = read(tmp_path, {"labels.csv": "filename,label\nb.jpg,dog\na.jpg, cat\n"}, "a.jpg", "b.jpg", "c.jpg")
    assert [(source.id, source.label.category) for source in found.sources] == [("b.jpg", "dog"), ("a.jpg", "cat")]
    assert found.info.kinds == {"class": 2}
    assert found.info.passed_over == {"not in the label files": 1}
    assert found.info.examples == {"not in the label files": "c.jpg"}


def test_boxes_are_edges_in_the_order_of_the_rows_and_rows_need_not_be_adjacent(tmp_path: Path) -> None:
    text = HEADER + "a.jpg,0,1,10,20,cat\nb.jpg,5,5,6,6,dog\na.jpg,1.5,2,3,4.25,dog\n"
    found = read(tmp_path, {"boxes.csv": text}, "a.jpg", "b.jpg")
    assert found.boxes("a.jpg") == [(0, 1, 10, 20), (1.5, 2, 3, 4.25)]
    assert found.classes("a.jpg") == ["cat", "dog"]
    assert found.boxes("b.jpg") == [(5, 5, 6, 6)]
    assert found.info.kinds == {"boxes": 3}
    assert found.info.documents[0].path == "boxes.csv"


def test_upper_left_corner_width_and_height_are_read(tmp_path: Path) -> None:
    text = "label_name,bbox_x,bbox_y,bbox_width,bbox_height,image_name,image_width,image_height\ncat,10,20,30,40,a.jpg,100,80\n"
    found = read(tmp_path, {"t.csv": text}, "a.jpg")
    assert found.boxes("a.jpg") == [(10, 20, 40, 60)]
    labels = found.by_id["a.jpg"].labels
    assert labels is not None
    assert labels.frame_wh == (100, 80)


def test_shares_of_the_picture_are_told_from_pixels_for_the_whole_set(tmp_path: Path) -> None:
    text = "ImageID,LabelName,XMin,XMax,YMin,YMax,IsGroupOf\n0001,/m/01,0.25,0.5,0.125,1,0\n"
    found = read(tmp_path, {"train-annotations-bbox.csv": text}, "train/0001.jpg")
    (source,) = found.sources
    assert source.labels is not None
    assert source.labels.is_relative
    assert (source.id, source.label.split) == ("train/0001.jpg", "train")
    assert found.boxes(source.id) == [(0.25, 0.125, 0.5, 1)]
    assert source.labels.annotations[0].attributes == {"IsGroupOf": "0"}
    assert found.info.conventions["coordinates"] == "relative"


def test_a_table_without_a_header_has_empty_fields_for_pictures_that_hold_nothing(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        {"t.csv": "imgs/a.jpg,1,2,3,4,cat\nimgs/b.jpg,,,,,\n", "classes.csv": "cat,0\n"},
        "imgs/a.jpg",
        "imgs/b.jpg",
    )
    assert found.boxes("imgs/b.jpg") == []
    assert found.info.conventions["empty_box"] == "blank"
    assert found.info.companions == ("classes.csv",)


def test_a_box_of_zeros_says_that_there_is_none(tmp_path: Path) -> None:
    found = read(tmp_path, {"t.csv": HEADER + "a.jpg,1,2,3,4,Tree\nb.jpg,0,0,0,0,Tree\n"}, "a.jpg", "b.jpg")
    assert found.boxes("b.jpg") == []
    assert found.info.conventions["empty_box"] == "zeros"


@pytest.mark.parametrize(
    ("files", "splits"),
    [
        (
            {"train.csv": "file,label\na.jpg,x\n", "val.csv": "file,label\nb.jpg,x\n"},
            {"a.jpg": "train", "b.jpg": "val"},
        ),
        (
            {"t.csv": "file,label,split\na.jpg,x,training\nb.jpg,x,TEST\nc.jpg,x,\n"},
            {"a.jpg": "train", "b.jpg": "test", "c.jpg": None},
        ),
        ({"train/t.csv": "file,label\na.jpg,x\n"}, {"a.jpg": "train"}),
    ],
)
def test_files_columns_and_folders_say_the_split(
    tmp_path: Path, files: dict[str, str | bytes], splits: dict[str, str | None]
) -> None:
    found = read(tmp_path, files, "a.jpg", "b.jpg", "c.jpg")
    assert {source.id: source.label.split for source in found.sources} == splits


def test_split_folders_of_pictures_say_the_split_where_nothing_else_does(tmp_path: Path) -> None:
    found = read(tmp_path, {"t.csv": "file,label\ntrain/a.jpg,x\nvalid/b.jpg,x\n"}, "train/a.jpg", "valid/b.jpg")
    assert [source.label.split for source in found.sources] == ["train", "val"]


def test_a_table_for_each_picture_is_the_label_file_of_that_picture(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "labels/a.csv": HEADER + "a.jpg,1,2,3,4,cat\n",
        "labels/b.csv": HEADER + "b.jpg,5,6,7,8,dog\n",
        "images/c.csv": HEADER,
    }
    found = read(tmp_path, files, "images/a.jpg", "images/b.jpg", "images/c.jpg")
    named = {source.id: source.labels.label_file for source in found.sources if source.labels}
    assert named == {"images/a.jpg": "labels/a.csv", "images/b.jpg": "labels/b.csv", "images/c.jpg": "images/c.csv"}
    assert found.boxes("images/c.jpg") == []
    assert found.info.documents == ()


def test_other_tables_are_passed_over_and_counted(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        {"t.csv": "file,label\na.jpg,x\n", "prices.csv": "name,price\nscrew,1\n", "latin.csv": b"\xe4,\xf6\n"},
        "a.jpg",
    )
    assert found.info.passed_over == {"table that says nothing of pictures": 2}


def test_a_picture_that_is_not_there_is_skipped_with_file_and_line(tmp_path: Path) -> None:
    found = read(tmp_path, {"t.csv": "file,label\na.jpg,x\ngone.jpg,x\n"}, "a.jpg")
    assert found.problem("gone.jpg") == "labels.missing_image: t.csv, line 3: there is no picture gone.jpg."


def test_pictures_that_the_user_left_out_are_not_missed(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"t.csv": "file,label\na.jpg,x\nb.jpg,x\n"}
    found = read(tmp_path, files, "a.jpg", "b.jpg", exclude=("b*",))
    assert [source.id for source in found.sources] == ["a.jpg"]
    found = read(tmp_path, files, include=("b*",))
    assert [source.id for source in found.sources] == ["b.jpg"]


@pytest.mark.parametrize(
    ("files", "code", "words"),
    [
        ({"t.csv": "file,label\na.jpg,x\n,x\n"}, "labels.bad_value", "t.csv, line 3: the row names no picture"),
        ({"t.csv": b"file,label\na.jpg,x\na.jpg,\xe4\n"}, "labels.encoding", "t.csv, line 3: byte 7"),
        ({"t.csv": 'file,label\na.jpg,x\na.jpg,"x\n'}, "labels.unreadable", "t.csv, line 3: a quoted field"),
        ({"t.csv": HEADER + "a.jpg,.1,.1,.2,.2,x\na.jpg,.1,.1,.2,.2,x\na.jpg,1,2,30,40,x\n"}, "labels.mixed_coordinates", "t.csv, line 4"),
        ({"s.csv": HEADER + "a.jpg,1,2,3,4,x\n", "t.csv": HEADER + "a.jpg,1,2,3,4,x\n"}, "labels.duplicate", "s.csv and t.csv both list a.jpg"),
        ({"all.csv": HEADER + "a.jpg,1,2,3,4,x\n", "train.csv": HEADER + "a.jpg,1,2,3,4,x\n"}, "labels.duplicate", "both list"),
        ({"notes.csv": "name,price\n"}, "labels.missing", "no CSV file"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_the_whole_set_is_refused_with_file_and_line(
    tmp_path: Path, files: dict[str, str | bytes], code: str, words: str
) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, files, "a.jpg")
    assert caught.value.stable_code == code
    assert words in caught.value.message


def test_too_many_classes_or_tables_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_reading, "MOST_CLASSES", 2)
    rows = "".join(f"a.jpg,1,2,3,4,class {number}\n" for number in range(3))
    with pytest.raises(InputError, match="line 4: more than 2 different classes"):
        read(tmp_path, {"t.csv": HEADER + rows}, "a.jpg")
    monkeypatch.setattr(csv_reading, "MOST_TABLES", 1)
    with pytest.raises(InputError, match="2 label tables"):
        read(tmp_path, {"t.csv": HEADER + "a.jpg,1,2,3,4,x\n", "u.csv": HEADER + "b.jpg,1,2,3,4,x\n"}, "a.jpg", "b.jpg")


def test_classes_that_are_numbers_come_in_the_order_of_numbers(tmp_path: Path) -> None:
    rows = "".join(f"a.jpg,1,2,3,4,{label}\n" for label in ["10", "b", "2", "a", "2"])
    found = read(tmp_path, {"t.csv": HEADER + rows}, "a.jpg")
    assert [category.name for category in found.info.categories] == ["2", "10", "a", "b"]


def test_captions_go_along_in_metadata_csv(tmp_path: Path) -> None:
    found = read(tmp_path, {"train/metadata.csv": "file_name,text\na.jpg,a cat\n"}, "train/a.jpg")
    assert [(source.id, source.label.split, source.label.category) for source in found.sources] == [
        ("train/a.jpg", "train", None)
    ]
