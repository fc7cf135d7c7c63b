from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest

from nfold.annotations import Annotation, Category, DatasetInfo, ImageLabels, OutputImage
from nfold.formats.tables import CsvTables
from nfold.formats.tables.canonical import NewTables, place_in_images
from tests.engine.formats.label_sets import assembled, make_set, output_of, read_set

INFO = DatasetInfo(categories=(Category(name="cat"), Category(name="dog, big")), kinds={"boxes": 3})


def picture(name: str, *annotations: Annotation, split: str | None = None, category: str | None = None) -> OutputImage:
    return OutputImage(
        name=name,
        label_name=None,
        source=name,
        copy=0,
        rank=0,
        size_wh=(100, 80),
        split=split,
        category=category,
        labels=ImageLabels(annotations=annotations, raw={0: {"text": "of another format"}}),
        annotations=annotations,
        is_untouched=True,
    )


def tables(info: DatasetInfo, splits: tuple[str | None, ...], *images: OutputImage) -> dict[str, str]:
    return assembled(CsvTables().writer(info, keeps_layout=False, splits=splits), list(images))


@pytest.mark.parametrize(
    ("source", "split", "place"),
    [
        ("a.jpg", None, "images/a.jpg"),
        ("a.jpg", "val", "images/val/a.jpg"),
        ("train/cat/a.jpg", "train", "images/train/cat/a.jpg"),
        ("valid/images/a.jpg", "val", "images/val/a.jpg"),
        ("images/train/a.jpg", "train", "images/train/a.jpg"),
        ("images/a.jpg", None, "images/a.jpg"),
        ("test/a.jpg", "train", "images/train/test/a.jpg"),
        ("train", "train", "images/train/train"),
    ],
)
def test_pictures_go_below_images_and_their_split(source: str, split: str | None, place: str) -> None:
    assert place_in_images(source, split) == place


def test_boxes_come_out_in_the_columns_that_deepforest_reads() -> None:
    cat = Annotation(category=0, box=(1, 2, 3.456, 4), raw={"foreign": 1})
    dog = Annotation(category=1, box=(0, 0, 100, 80), attributes={"confidence": 0.5, "label": "x", "tags": ["a", "b"]})
    out = tables(INFO, (None,), picture("images/a.jpg", cat, dog), picture("images/b.jpg"))
    rows = list(csv.reader(io.StringIO(out["annotations.csv"], newline="")))
    assert rows == [
        ["image_path", "xmin", "ymin", "xmax", "ymax", "label", "confidence", "attribute_label", "tags"],
        ["images/a.jpg", "1", "2", "3.46", "4", "cat", "", "", ""],
        ["images/a.jpg", "0", "0", "100", "80", "dog, big", "0.5", "x", '["a", "b"]'],
        ["images/b.jpg", "0", "0", "0", "0", "cat", "", "", ""],
    ]


def test_there_is_a_table_for_each_split() -> None:
    images = [
        picture(f"images/{split}/a.jpg", Annotation(category=0, box=(1, 2, 3, 4)), split=split)
        for split in ("train", "val")
    ]
    out = tables(INFO, ("train", "val"), *images)
    assert {name: text.splitlines()[1:] for name, text in out.items()} == {
        "annotations_train.csv": ["images/train/a.jpg,1,2,3,4,cat"],
        "annotations_val.csv": ["images/val/a.jpg,1,2,3,4,cat"],
    }


def test_classes_of_pictures_come_out_as_filename_and_label() -> None:
    out = tables(DatasetInfo(), (None,), picture("images/cat/a.jpg", category='a "cat"'), picture("images/b.jpg"))
    assert out == {"labels.csv": 'filename,label\nimages/cat/a.jpg,"a ""cat"""\n'}


def test_pictures_with_classes_and_boxes_get_two_tables() -> None:
    info = replace(INFO, kinds={"boxes": 1, "class": 1})
    out = tables(info, (None,), picture("images/a.jpg", Annotation(category=0, box=(1, 2, 3, 4)), category="zoo"))
    assert set(out) == {"annotations.csv", "labels.csv"}


def test_outlines_become_the_boxes_around_them_and_crowds_are_not_written() -> None:
    outline = Annotation(category=0, rings=((1, 1, 9, 1, 5, 7),))
    crowd = Annotation(category=0, box=(1, 2, 3, 4), crowd=True)
    out = tables(INFO, (None,), picture("images/a.jpg", outline, crowd))
    assert out["annotations.csv"].splitlines()[1:] == ["images/a.jpg,1,1,9,7,cat"]


def test_no_column_of_classes_where_there_are_none(tmp_path: Path) -> None:
    out = tables(DatasetInfo(kinds={"boxes": 1}), (None,), picture("images/a.jpg", Annotation(box=(1, 2, 3, 4))))
    assert out["annotations.csv"] == "image_path,xmin,ymin,xmax,ymax\nimages/a.jpg,1,2,3,4\n"


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    cat = Annotation(category=0, box=(1, 2, 3.456, 4), attributes={"odd": 'line\r\nbreak, \0 and "quote"'})
    dog = Annotation(category=1, box=(0.001, 0, 0.002, 80))
    out = tables(
        INFO,
        ("train",),
        picture("images/train/a.jpg", cat, dog, split="train"),
        picture("images/train/b.jpg", split="train"),
    )
    found = read_set(CsvTables(), make_set(tmp_path, dict(out), "images/train/a.jpg", "images/train/b.jpg"))
    assert found.boxes("images/train/a.jpg") == [(1, 2, 3.46, 4), (0, 0, 0.01, 80)]
    assert found.classes("images/train/a.jpg") == ["cat", "dog, big"]
    assert found.boxes("images/train/b.jpg") == []
    assert [source.label.split for source in found.sources] == ["train", "train"]


@pytest.mark.parametrize(
    ("row", "copy"), [("1,2,3,4", "97,2,99,4"), (".01,.02,.03,.045", "97,1.6,99,3.6"), ("1,2,3.5,4", "96.5,2,99,4")]
)
def test_whole_pixels_stay_whole_in_a_new_split(tmp_path: Path, row: str, copy: str) -> None:
    found = read_set(CsvTables(), make_set(tmp_path, {"t.csv": f"file,x1,y1,x2,y2,label\na.jpg,{row},paw\n"}, "a.jpg"))
    writer = NewTables.of(found.info, (None,))
    text = assembled(writer, output_of(found, copies=1, place=lambda source: f"images/{source.id}"))["annotations.csv"]
    assert text.splitlines()[2] == f"images/a_aug1.jpg,{copy},paw"
    assert writer.decimals == (0 if row == "1,2,3,4" else 2)


def test_further_columns_of_tables_of_our_own_survive_a_new_split(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "boxes.csv": "file,x1,y1,x2,y2,label,who\na.jpg,1,2,3,4,paw,me\n",
        "classes.csv": "file,label,age\na.jpg,cat,7\nb.jpg,dog,\n",
    }
    found = read_set(CsvTables(), make_set(tmp_path, files, "a.jpg", "b.jpg"))
    writer = NewTables.of(found.info, (None,))
    assert assembled(writer, output_of(found, place=lambda source: f"images/{source.id}")) == {
        "annotations.csv": "image_path,xmin,ymin,xmax,ymax,label,who\nimages/a.jpg,1,2,3,4,paw,me\nimages/b.jpg,0,0,0,0,paw,\n",
        "labels.csv": "filename,label,age\nimages/a.jpg,cat,7\nimages/b.jpg,dog,\n",
    }
