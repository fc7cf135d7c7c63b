from __future__ import annotations

from pathlib import Path

import pytest

from nfold.formats.tables import CsvTables
from tests.engine.formats.label_sets import make_set, read_set

SIZED = "filename,width,height,class,xmin,ymin,xmax,ymax\n"


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ("a.jpg,100,80,x,1,2,3\n", "labels.bad_value: t.csv, line 2: 7 fields where the table has 8 columns."),
        ("a.jpg,100,80,x,1,2,3,4,5\n", "labels.bad_value: t.csv, line 2: 9 fields"),
        ("a.jpg,100,80,x,1,2,three,4\n", "labels.bad_box: t.csv, line 2: 1, 2, three, 4 are not four numbers."),
        ("a.jpg,100,80,x,1,2,nan,4\n", "labels.bad_box"),
        ("a.jpg,100,80,x,1,2,inf,4\n", "labels.bad_box"),
        (
            "a.jpg,100,80,x,1,2,1e308,4\n",
            "labels.bad_box: t.csv, line 2: the box 1, 2, 1e308, 4 has a coordinate beyond",
        ),
        ("a.jpg,100,80,x,1,2,1e999,4\n", "labels.bad_box: t.csv, line 2: the box 1, 2, 1e999, 4 has a coordinate"),
        ("a.jpg,100,80,x,1,2,,4\n", "labels.bad_box"),
        ("a.jpg,100,80,x,5,2,3,4\n", "labels.bad_box: t.csv, line 2: the box 5, 2, 3, 4 has no area: -2 wide"),
        ("a.jpg,100,80,x,5,2,5,4\n", "labels.bad_box"),
        ("a.jpg,100,80,x,200,2,300,4\n", "labels.bad_box: t.csv, line 2: the box 200, 2, 300, 4 lies wholly outside"),
        ("a.jpg,100,80,,1,2,3,4\n", "labels.unknown_class: t.csv, line 2: the box has no class."),
        ("a.jpg,0,80,x,1,2,3,4\n", "labels.bad_value: t.csv, line 2: 0 x 80 is no width and height"),
        ("a.jpg,100.5,80,x,1,2,3,4\n", "labels.bad_value"),
        ("a.jpg,1e300,80,x,1,2,3,4\n", "labels.bad_value"),
        ("a.jpg,100,,x,1,2,3,4\n", "labels.bad_value"),
        ("a.jpg,100,80,x,1,2,3,4\na.jpg,100,81,x,1,2,3,4\n", "labels.size_mismatch: t.csv, line 3"),
        (
            "a.jpg,100,80,x,1,2,3,4\na.jpg,100,80,,,,,\n",
            "labels.bad_value: t.csv, line 3: the row says that a.jpg holds nothing",
        ),
    ],
)
def test_one_bad_row_costs_its_picture_and_no_other(tmp_path: Path, rows: str, problem: str) -> None:
    root = make_set(tmp_path, {"t.csv": SIZED + rows + "b.jpg,100,80,x,1,2,3,4\n"}, "a.jpg", "b.jpg")
    found = read_set(CsvTables(), root)
    assert found.problem("a.jpg").startswith(problem)
    assert found.boxes("b.jpg") == [(1, 2, 3, 4)]
    assert found.info.kinds == {"boxes": 1}


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        (
            {"t.csv": "file,label\na.jpg,x\na.jpg,y\n"},
            "labels.duplicate: t.csv, line 3: the class is y, in another row x.",
        ),
        ({"t.csv": "file,label\na.jpg,\n"}, "labels.missing: t.csv, line 2"),
        ({"t.csv": "file,label,split\na.jpg,x,holdout\n"}, "labels.bad_value: t.csv, line 2: holdout is no split"),
        (
            {"t.csv": "file,label,split\na.jpg,x,val\na.jpg,x,train\n"},
            "labels.duplicate: t.csv, line 3: the picture is in train",
        ),
        (
            {"train.csv": "file,label\na.jpg,x\n", "val.csv": "file,label\na.jpg,x\n"},
            "labels.duplicate: train.csv and val.csv both list a.jpg: it is in train and in val.",
        ),
    ],
)
def test_rows_that_contradict_each_other_cost_their_picture(
    tmp_path: Path, files: dict[str, str | bytes], problem: str
) -> None:
    assert read_set(CsvTables(), make_set(tmp_path, files, "a.jpg")).problem("a.jpg").startswith(problem)


def test_a_box_beyond_the_edge_is_taken_and_counted_where_the_size_is_known(tmp_path: Path) -> None:
    rows = "a.jpg,100,80,x,-1,2,30,40\na.jpg,100,80,x,1,2,30,40\nb.jpg,,,x,-1,2,30,40\n"
    found = read_set(CsvTables(), make_set(tmp_path, {"t.csv": SIZED + rows}, "a.jpg", "b.jpg"))
    assert found.info.repairs == {"box beyond the picture's edge, clipped in copies": 1}
    assert found.boxes("a.jpg")[0] == (-1, 2, 30, 40)


def test_a_class_from_one_table_and_boxes_from_another_go_together(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "boxes.csv": "file,x1,y1,x2,y2,label\na.jpg,1,2,3,4,paw\n",
        "classes.csv": "file,label\na.jpg,cat\n",
    }
    found = read_set(CsvTables(), make_set(tmp_path, files, "a.jpg"))
    assert found.by_id["a.jpg"].label.category == "cat"
    assert found.classes("a.jpg") == ["paw"]
    assert found.info.kinds == {"boxes": 1, "class": 1}


def test_a_table_of_boxes_without_classes_is_read(tmp_path: Path) -> None:
    found = read_set(CsvTables(), make_set(tmp_path, {"t.csv": "file,x1,y1,x2,y2\na.jpg,1,2,3,4\n"}, "a.jpg"))
    assert found.classes("a.jpg") == [None]


def test_shares_are_held_against_the_whole_picture_and_not_its_size(tmp_path: Path) -> None:
    rows = "a.jpg,100,80,x,1.0,0.1,1.02,0.2\nb.jpg,100,80,x,-0.01,0.1,0.5,0.2\n"
    found = read_set(CsvTables(), make_set(tmp_path, {"t.csv": SIZED + rows}, "a.jpg", "b.jpg"))
    assert "lies wholly outside the picture" in found.problem("a.jpg")
    assert found.info.repairs == {"box beyond the picture's edge, clipped in copies": 1}
