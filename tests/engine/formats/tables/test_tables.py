from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from nfold.errors import InputError
from nfold.formats import FORMATS, recognise
from nfold.formats.tables import CsvTables
from tests.engine.formats.label_sets import assembled, make_set, output_of, read_set, scan_of


def recognised(root: Path) -> str | None:
    return CsvTables().recognise(root, scan_of(root))


def test_it_is_in_the_table_of_formats_before_class_folders() -> None:
    names = list(FORMATS)
    assert names.index("csv") < names.index("class-folders")


@pytest.mark.parametrize(
    ("files", "pictures", "reason"),
    [
        ({"labels.csv": "filename,label\na.jpg,x\n"}, ["a.jpg"], "tables of classes: labels.csv"),
        (
            {"t.csv": "image_path,xmin,ymin,xmax,ymax,label\na.jpg,1,2,3,4,x\n"},
            ["images/a.jpg"],
            "tables of boxes: t.csv",
        ),
        ({"t.csv": "a.jpg,1,2,3,4,x\n"}, ["deep/down/a.jpg"], "tables of boxes: t.csv"),
        ({"t.csv": "/home/x/a.jpg,1,2,3,4,x\n"}, ["pics/a.jpg"], "tables of boxes: t.csv"),
        ({"t.csv": "ImageID,LabelName\n0001,x\n"}, ["train/0001.jpg"], "tables of classes: t.csv"),
        (
            {f"{letter}.csv": f"file,label\n{letter}.jpg,x\n" for letter in "abcde"},
            ["a.jpg", "b.jpg", "c.jpg", "d.jpg", "e.jpg"],
            "tables of classes: a.csv, b.csv, c.csv and 2 more",
        ),
    ],
)
def test_tables_that_name_pictures_which_are_there_are_recognised(
    tmp_path: Path, files: dict[str, str | bytes], pictures: list[str], reason: str
) -> None:
    assert recognised(make_set(tmp_path, files, *pictures)) == reason


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"prices.csv": "name,price\nscrew,1\n"},
        {"LICENSES.csv": "file,source,licence\na.jpg,me,CC0\n"},
        {"t.csv": "filename,label\nelsewhere.jpg,x\n"},
        {"t.csv": "filename,label\nsubmission.zip,x\n"},
        {"t.csv": "filename,label\n"},
        {"t.csv": b"\xff\xfe\x00a\x00b"},
        {"t.csv": "filename,label\n" + "x" * 300 + ".jpg,x\n"},
        {"t.csv": "filename,bbox\nelsewhere.jpg,x\n"},
        {"t.csv": "filename,label\n\0.jpg,x\n"},
    ],
)
def test_other_tables_beside_pictures_are_not(tmp_path: Path, files: dict[str, str | bytes]) -> None:
    assert recognised(make_set(tmp_path, files, "a.jpg")) is None


def test_a_table_that_marks_pictures_which_are_there_in_another_way_is_not_passed_by(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="place things in the picture"):
        recognised(make_set(tmp_path, {"t.csv": "filename,bbox\na.jpg,1 2 3 4\n"}, "a.jpg"))


@pytest.mark.parametrize("header", ["filename,label", "image_path,xmin,ymin,xmax,ymax,label", "file;class"])
def test_a_table_of_nothing_but_a_header_is_refused_instead_of_passed_over(tmp_path: Path, header: str) -> None:
    make_set(tmp_path, {"labels.csv": f"{header}\n"}, "a.jpg")
    with pytest.raises(InputError, match=r"labels\.csv names no picture: there is a header .* but no row") as caught:
        recognise(tmp_path, scan_of(tmp_path))
    assert caught.value.stable_code == "labels.none"
    assert recognise(tmp_path, scan_of(tmp_path), forced="folder").format == "folder"


def test_a_header_of_another_table_or_beside_one_with_rows_is_no_error(tmp_path: Path) -> None:
    make_set(tmp_path, {"prices.csv": "name,price\n", "README.csv": "about\n"}, "a.jpg")
    assert recognise(tmp_path, scan_of(tmp_path)).format == "folder"
    make_set(tmp_path, {"train.csv": "filename,label\na.jpg,cat\n", "val.csv": "filename,label\n"})
    assert recognise(tmp_path, scan_of(tmp_path)).format == "csv"
    found = read_set(CsvTables(), tmp_path).info
    assert found.passed_over == {"table that says nothing of pictures": 2, "table without a row": 1}
    assert found.examples["table without a row"] == "val.csv"


def test_real_photographs_with_a_table_of_licences_are_no_label_tables(real_data: Path) -> None:
    assert recognised(real_data / "photos") is None


def test_real_tree_crowns_come_out_as_they_went_in(real_data: Path) -> None:
    root = real_data / "tree-crowns"
    assert recognised(root) == "tables of boxes: boxes.csv"
    found = read_set(CsvTables(), root)
    with (root / "boxes.csv").open(newline="") as file:
        rows = list(csv.reader(file))[1:]
    assert found.info.kinds == {"boxes": len(rows)} == {"boxes": 788}
    boxes = {source.id: found.boxes(source.id) for source in found.sources}
    for name, *numbers, _ in rows:
        assert tuple(map(float, numbers)) in boxes[f"images/{name}"]
    writer = CsvTables().writer(found.info, keeps_layout=True, splits=(None,))
    assert assembled(writer, output_of(found))["boxes.csv"].encode() == (root / "boxes.csv").read_bytes()
    copies = assembled(writer, output_of(found, copies=2, size=(400, 400)))["boxes.csv"].splitlines()
    assert len(copies) == 1 + 3 * 788
    assert all(0 <= int(row.split(",")[1]) < int(row.split(",")[3]) <= 400 for row in copies[789:])


def test_a_real_table_of_one_picture_is_its_label_file(real_data: Path) -> None:
    found = read_set(CsvTables(), real_data / "detection")
    labels = found.by_id["OSBS_029.jpg"].labels
    assert labels is not None
    assert labels.label_file == "OSBS_029.csv"
    assert len(labels.annotations) == 61
    writer = CsvTables().writer(found.info, keeps_layout=True, splits=(None,))
    (original,) = output_of(found)
    assert (
        hashlib.sha256(writer.encode(original)).digest()
        == hashlib.sha256((real_data / "detection/OSBS_029.csv").read_bytes()).digest()
    )


FIELDS = st.one_of(
    st.sampled_from(["a.jpg", "b.jpg", "c.jpg", "../a.jpg", "\\", "", " ", "0", "1", "-1", "0.5", "99999", "1e308", "nan", "x", "train", '"', '"a"', '""', "é", "\ud7ff"]),
    st.text(max_size=6),
)  # fmt: skip
PICTURE = st.sampled_from(["a.jpg", "b.jpg", "a.jpg", "gone.jpg", "x/b.jpg"])
LOW = st.sampled_from(["0", "1", "5", "20", "-1", "7.25"] * 4 + ["40.5", "", "1e3"])
HIGH = st.sampled_from(["30", "40", "50.5", "60", "70"] * 4 + ["5", "0", ""])


def table(header: str, *fields: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[str, list[list[str]]]]:
    """Mostly sound rows, with a stray one among them."""
    rows = st.lists(
        st.one_of(*[st.tuples(*fields).map(list)] * 20, st.lists(FIELDS, min_size=1, max_size=9)),
        min_size=1,
        max_size=6,
    )
    return st.tuples(st.just(header), rows)


NAMES = st.sampled_from(["cat", "dog", "7"] * 5 + [""])
TABLES = st.one_of(
    table("filename,label", PICTURE, NAMES),
    table("filename,xmin,ymin,xmax,ymax,label", PICTURE, LOW, LOW, HIGH, HIGH, NAMES),
    table(
        "label_name,bbox_x,bbox_y,bbox_width,bbox_height,image_name,area", NAMES, LOW, LOW, HIGH, HIGH, PICTURE, HIGH
    ),
    table("a.jpg,1,2,3,4,x", PICTURE, LOW, LOW, HIGH, HIGH, NAMES),
    table(
        "filename,width,height,class,xmin,ymin,xmax,ymax",
        PICTURE,
        st.just("100"),
        st.just("80"),
        NAMES,
        LOW,
        LOW,
        HIGH,
        HIGH,
    ),
)
HEADERS = st.sampled_from(
    [
        "filename,label",
        "filename,xmin,ymin,xmax,ymax,label",
        "filename,width,height,class,xmin,ymin,xmax,ymax,area",
        "image;label;split",
        "label_name,bbox_x,bbox_y,bbox_width,bbox_height,image_name",
        "\ufefffile\tlabel",
        "a.jpg,1,2,3,4,x",
        "",
    ]
)


@settings(
    max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None
)
@given(
    st.one_of(TABLES, TABLES, st.tuples(HEADERS, st.lists(st.lists(FIELDS, min_size=1, max_size=10), max_size=5))),
    st.sampled_from([",", ",", ";", "\t"]),
    st.sampled_from(["\n", "\r\n"] * 5 + ["\r"]),
    st.sampled_from([b"", b"\n"] * 5 + [b"\xff", b'"', b"\0"]),
)
def test_no_table_brings_a_traceback_and_what_is_read_can_be_written_and_read_again(
    tmp_path_factory: pytest.TempPathFactory,
    rows_of: tuple[str, list[list[str]]],
    delimiter: str,
    newline: str,
    tail: bytes,
) -> None:
    root = tmp_path_factory.mktemp("set")
    header, rows = rows_of
    text = newline.join([header.replace(",", delimiter), *(delimiter.join(row) for row in rows)])
    make_set(root, {"t.csv": text.encode("utf-8", "replace") + tail}, "a.jpg", "b.jpg")
    data_format = CsvTables()
    try:
        data_format.recognise(root, scan_of(root))
        found = read_set(data_format, root)
    except InputError as error:
        event(f"{error.stable_code}, with a hint: {error.hint is not None}")
        return
    images = output_of(found, copies=1)
    event(f"{len(images)} pictures written")
    writer = data_format.writer(found.info, keeps_layout=True, splits=(None,))
    out: dict[str, str | bytes] = dict(assembled(writer, images))
    out |= {image.label_name: writer.encode(image) for image in images[:1] if image.label_name}
    again_root = make_set(root / "again", out, *(image.name for image in images))
    if any(image.labels.annotations or image.category for image in images):
        again = read_set(data_format, again_root)
        assert {source.id for source in again.sources} >= {
            image.source for image in images if image.labels.annotations and not image.label_name
        }
        assert all(source.problem is None for source in again.sources)
