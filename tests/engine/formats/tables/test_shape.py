from __future__ import annotations

import pytest

from nfold.formats.tables.shape import TableShape, UnreadableTableError, is_reserved, number_in, shape_of


def shape(header: str, *rows: str) -> TableShape:
    found = shape_of([header, *rows])
    assert found is not None
    return TableShape.from_json(found.to_json())


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize(
    "file", ["filename", "file", "image", "image_path", "path", "file_name", "FilePath", "ImageID"]
)
@pytest.mark.parametrize("label", ["label", "class", "Category", "target", "LabelName"])
def test_a_column_of_pictures_and_one_of_classes_are_a_table_of_classes(delimiter: str, file: str, label: str) -> None:
    found = shape(delimiter.join(["age", label, file]))
    assert (found.file, found.label, found.box, found.delimiter) == (2, 1, None, delimiter)
    assert found.others == (0,)


@pytest.mark.parametrize(
    ("header", "box", "form"),
    [
        ("image_path,xmin,ymin,xmax,ymax,label", (1, 2, 3, 4), "corners"),
        ("filename,width,height,class,xmin,ymin,xmax,ymax", (4, 5, 6, 7), "corners"),
        ("label,x2,y2,x1,y1,image", (3, 4, 1, 2), "corners"),
        ("file,left,top,right,bottom", (1, 2, 3, 4), "corners"),
        ("ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded", (4, 6, 5, 7), "corners"),
        ('"file name";"x min";"y-min";"XMAX";"y_max"', (1, 2, 3, 4), "corners"),
        (
            "label_name,bbox_x,bbox_y,bbox_width,bbox_height,image_name,image_width,image_height",
            (1, 2, 3, 4),
            "upper_left",
        ),
    ],
)
def test_boxes_are_found_under_their_usual_names_in_any_order(header: str, box: tuple[int, ...], form: str) -> None:
    found = shape(header)
    assert (found.box, found.box_form) == (box, form)


def test_the_size_of_the_picture_is_told_from_that_of_the_box() -> None:
    found = shape("label_name,bbox_x,bbox_y,bbox_width,bbox_height,image_name,image_width,image_height")
    assert (found.width, found.height) == (6, 7)


def test_two_columns_may_name_the_picture() -> None:
    found = shape("image_path,label,filename")
    assert (found.file, found.also_file, found.others) == (2, (0,), ())


@pytest.mark.parametrize(
    "header",
    [
        "filename,x,y,w,h,label",
        "filename,bbox,label",
        "image,label,x_center,y_center,width,height",
        "filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,region_attributes",
        "filename,xmin,ymin,xmax,label",
        "filename,xmin,ymin,xmax,ymax,label,geometry",
        "filename,xmin,ymin,xmax,ymax,label,angle",
        "image_id,label,lefteye_x,lefteye_y",
        "ImageID,LabelName,XMin,XMax,YMin,YMax,XClick1X,XClick1Y",
        "filename,label,x1,y1,x2,y2,x3,y3,x4,y4",
        "ImageId,EncodedPixels",
        "filename,xmin,ymin,xmax,ymax,xmin",
        "filename,label,label",
    ],
)
def test_places_in_another_form_are_refused_and_never_copied_as_they_are(header: str) -> None:
    with pytest.raises(UnreadableTableError):
        shape_of([header, "a.jpg"])


@pytest.mark.parametrize(
    "lines",
    [
        ["a,b,c", "1,2,3"],
        ["file,source,licence", "a.jpg,me,CC0"],
        ["label,xmin,ymin,xmax,ymax", "cat,1,2,3,4"],
        ["filename"],
        ["filename", "a.jpg"],
        ["one sentence, with a comma"],
        ['"open'],
        [],
        ["a.jpg,cat"],
        ["a.jpg,1,2,3,4"],
        ["a.txt,1,2,3,4,cat"],
        ["a.jpg,1,2,3,x,cat"],
    ],
)
def test_anything_else_is_no_table_about_pictures(lines: list[str]) -> None:
    assert shape_of(lines) is None


def test_six_columns_without_a_header_are_boxes() -> None:
    found = shape_of(["a.jpg,1,2,3,4,cat", "b/c.PNG,,,,,", "a.jpg,1,2,x,4,cat"])
    assert found is not None
    assert (found.header, found.file, found.box, found.label) == (None, 0, (1, 2, 3, 4), 5)


def test_captions_alone_are_a_table_only_where_that_is_asked_for() -> None:
    lines = ["file_name,text", "a.jpg,a cat"]
    assert shape_of(lines) is None
    found = shape_of(lines, is_label_optional=True)
    assert found is not None
    assert (found.label, found.others) == (None, (1,))


@pytest.mark.parametrize(
    ("text", "number"),
    [("1", 1.0), ("-1.5", -1.5), ("1e2", 100.0), (".5", 0.5), ("", None), ("nan", None), ("1_0", None), ("0x1", None), ("1,5", None), ("١", None), ("9" * 70, None)],
)  # fmt: skip
def test_numbers_are_numbers_and_nothing_else(text: str, number: float | None) -> None:
    assert number_in(text) == number


def test_names_with_a_meaning_are_reserved() -> None:
    assert all(map(is_reserved, ["Label", "x_min", "area", "bbox", "eye_x", "", "image path"]))
    assert not any(map(is_reserved, ["confidence", "IsOccluded", "colour"]))
