from __future__ import annotations

import sqlite3
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from nfold.annotations import Annotation, Category, DatasetInfo, ImageLabels, OutputImage
from nfold.annotations.rle import rle_from_runs
from nfold.formats.voc import Voc
from nfold.formats.voc.objects import VocFile, counts_from_zero, placed, read_voc
from nfold.formats.voc.writer import VocWriter
from tests.engine.formats.label_sets import assembled, make_set, mirrored, output_of, read_set
from tests.engine.formats.voc_files import pictures, voc_file, voc_object, voc_set

PART = (
    "\n\t\t<part><name>head</name><bndbox><xmin>12</xmin><ymin>22</ymin><xmax>15</xmax><ymax>25</ymax></bndbox></part>"
)


def copy_of(root: Path, text: str, **changes: Any) -> tuple[str, OutputImage]:
    """What is written for a mirrored copy of the one picture of a data set."""
    make_set(root, {"Annotations/a.xml": text}, *pictures("a"))
    read = read_set(Voc(), root)
    writer = Voc().writer(read.info, keeps_layout=True, splits=(None,))
    image = replace(output_of(read, copies=1)[1], **changes)
    return writer.encode(image).decode(), image


def read_back(text: str, origin: int = 1) -> tuple[VocFile, tuple[Annotation, ...]]:
    voc = read_voc("a.xml", text.encode())
    assert voc is not None
    assert voc.problem is None
    found = placed(voc, origin=origin, numbers={entry.name: 0 for entry in voc.objects}, path="a.xml")
    assert isinstance(found, tuple)
    return voc, found[0]


def test_only_what_has_changed_is_another_in_the_file_of_a_copy(tmp_path: Path) -> None:
    head = '<?xml version="1.0"?>\n<!-- by hand -->\n'
    more = "\n\t\t<actions><jumping>1</jumping></actions><own a='1'/>"
    text = voc_file(voc_object(box=(1, 1, 20, 30), more=more), head=head, tail="<!-- end -->")
    written, _ = copy_of(tmp_path, text, size_wh=(100, 80))
    expected = text.replace("a.jpg", "a_aug1.jpg").replace("<xmin>1<", "<xmin>81<").replace("<xmax>20<", "<xmax>100<")
    assert written == expected


def test_the_path_keeps_its_folders_and_a_name_without_ending_stays_one(tmp_path: Path) -> None:
    text = voc_file(voc_object(), name="a").replace("<size>", "<path>C:\\pictures\\a.jpg</path><size>")
    written, _ = copy_of(tmp_path, text)
    root = ET.fromstring(written)
    assert root.findtext("filename") == "a_aug1"
    assert root.findtext("path") == "C:\\pictures\\a_aug1.jpg"


def test_a_dropped_object_is_gone_with_its_parts_and_its_line(tmp_path: Path) -> None:
    text = voc_file(voc_object("dog", more=PART), voc_object("cat"), voc_object("fox", more=PART))
    make_set(tmp_path, {"Annotations/a.xml": text}, *pictures("a"))
    read = read_set(Voc(), tmp_path)
    writer = Voc().writer(read.info, keeps_layout=True, splits=(None,))
    kept = {1, 2, 3}
    image = output_of(read, copies=1, vary=lambda entry: mirrored(entry) if entry.order in kept else None)[1]
    root = ET.fromstring(writer.encode(image))
    assert [node.findtext("name") for node in root.findall("object")] == ["cat", "fox"]
    assert root.findall(".//part") == []
    assert writer.encode(image).decode().count("\n") == voc_file(voc_object("cat"), voc_object("fox")).count("\n")


def test_parts_move_with_the_picture(tmp_path: Path) -> None:
    written, _ = copy_of(tmp_path, voc_file(voc_object(more=PART)))
    assert [ET.fromstring(written).findtext(f".//part/bndbox/{tag}") for tag in ("xmin", "xmax")] == ["86", "89"]


def test_a_shape_that_does_not_follow_is_left_out(tmp_path: Path) -> None:
    written, _ = copy_of(tmp_path, voc_file(voc_object(more="\n\t\t<point><x>1</x></point>")))
    assert "point" not in written


def test_numbers_with_a_point_keep_two_decimals(tmp_path: Path) -> None:
    written, _ = copy_of(tmp_path, voc_file(voc_object(box=("11.5", "21.25", "30", "40.125"))))
    box = ET.fromstring(written).find("object/bndbox")
    assert box is not None
    assert [edge.text for edge in box] == ["71.00", "21.25", "89.50", "40.12"]


def test_the_size_is_that_of_the_copy_and_stays_what_it_was_when_it_said_nothing(tmp_path: Path) -> None:
    written, _ = copy_of(tmp_path, voc_file(voc_object()), size_wh=(640, 480))
    assert ET.fromstring(written).findtext("size/width") == "640"
    written, _ = copy_of(tmp_path, voc_file(voc_object(), size=(0, 0)))
    assert ET.fromstring(written).findtext("size/width") == "0"


@pytest.mark.parametrize(
    ("box", "after", "flag", "expected"),
    [
        ((11, 21, 30, 40), (0.0, 20.0, 10.0, 40.0), "0", "1"),
        ((11, 21, 30, 40), (5.0, 20.0, 10.0, 40.0), "0", "0"),
        ((1, 21, 30, 40), (0.0, 20.0, 10.0, 40.0), "0", "0"),
        ((11, 21, 30, 40), (5.0, 20.0, 10.0, 40.0), "1", "1"),
    ],
)
def test_truncated_is_said_of_a_box_that_the_copy_cuts(
    box: Any, after: Any, flag: str, expected: str, tmp_path: Path
) -> None:
    text = voc_file(voc_object(box=box, flags=f"\t\t<truncated>{flag}</truncated>\n"))
    _, image = copy_of(tmp_path, text)
    changed = replace(image, annotations=(replace(image.annotations[0], box=after),))
    writer = VocWriter(
        categories=("cat",), origin=1, is_ours=True, documents=(), keeps_layout=True, has_masks=False, splits=(None,)
    )
    assert ET.fromstring(writer.encode(changed)).findtext("object/truncated") == expected


sizes = st.integers(1, 400)
parts_of_one = st.floats(0, 1)


@given(
    sizes,
    sizes,
    st.tuples(parts_of_one, parts_of_one, parts_of_one, parts_of_one),
    st.sampled_from([0, 1]),
    st.booleans(),
)
def test_whatever_box_is_written_is_read_again_inside_the_picture(
    width: int, height: int, shares: Any, origin: int, whole: bool
) -> None:
    (x0, x1), (y0, y1) = (
        sorted((shares[0] * width, shares[2] * width)),
        sorted((shares[1] * height, shares[3] * height)),
    )
    # A box below a pixel in the corner is taken for one in shares, and no copy holds one.
    assume(not (x1 <= 2 and x1 - x0 < 1 and y1 <= 2 and y1 - y0 < 1))
    text = voc_file(voc_object(box=(1, 1, 1 + (not whole) * 0.5, 2)), size=(width, height))
    labels = ImageLabels(
        annotations=(Annotation(category=0, box=(0, 0, 1, 2)),), frame_wh=(width, height), raw={-1: _packed(text)}
    )
    image = image_of(labels, (Annotation(category=0, box=(x0, y0, x1, y1)),), (width, height))
    writer = VocWriter(
        categories=("cat",),
        origin=origin,
        is_ours=True,
        documents=(),
        keeps_layout=True,
        has_masks=False,
        splits=(None,),
    )
    for written in (writer.encode(image), replace(writer, is_ours=False).encode(image)):
        voc, found = read_back(written.decode(), origin)
        box = found[0].box
        assert box is not None
        assert 0 <= box[0] < box[2] <= width
        assert 0 <= box[1] < box[3] <= height
        assert max(abs(a - b) for a, b in zip(box, (x0, y0, x1, y1), strict=True)) <= 1.001
        assert not (origin and counts_from_zero(voc))


def _packed(text: str) -> str:
    from nfold.formats.voc.objects import pack

    return pack(text.encode())


def image_of(
    labels: ImageLabels, annotations: tuple[Annotation, ...], size: tuple[int, int] = (100, 80), **options: Any
) -> OutputImage:
    values: dict[str, Any] = {
        "name": "JPEGImages/a.jpg",
        "label_name": "Annotations/a.xml",
        "source": "a.jpg",
        "copy": 0,
        "rank": 0,
        "split": None,
        "category": None,
        "is_untouched": False,
    }
    return OutputImage(**{**values, **options}, size_wh=size, labels=labels, annotations=annotations)


def test_objects_of_other_formats_are_written_as_readers_of_voc_expect() -> None:
    info = DatasetInfo(categories=(Category(name="a & b"), Category(name="dog")), conventions={"format": "coco"})
    writer = Voc().writer(info, keeps_layout=False, splits=("train",))
    annotations = (
        Annotation(category=0, box=(0.2, 0, 50.4, 80), attributes={"truncated": True, "colour": "<red>"}),
        Annotation(category=1, rings=((10, 10, 20, 10, 20, 30),)),
        Annotation(category=1, corners=(10, 10, 20, 10, 20, 30, 10, 30)),
        Annotation(mask=rle_from_runs([80 * 10 + 5, 3, 80 * 90 - 8], height=80, width=100)),
        Annotation(category=1, points=((1, 2, 2),)),
    )
    written = writer.encode(image_of(ImageLabels(), annotations))
    root = ET.fromstring(written)
    assert [node.findtext("name") for node in root.findall("object")] == ["a & b", "dog", "dog", "unknown"]
    boxes = [[edge.text for edge in box] for box in root.findall("object/bndbox")]
    assert boxes == [["1", "1", "50", "80"], ["11", "11", "20", "30"], ["11", "11", "20", "30"], ["11", "6", "11", "8"]]
    first = root.find("object")
    assert first is not None
    assert (first.findtext("truncated"), first.findtext("difficult"), first.findtext("pose")) == (
        "1",
        "0",
        "Unspecified",
    )
    assert read_back(written.decode())[0].objects[0].attributes == {"truncated": 1, "colour": "<red>"}
    assert root.findtext("folder") == "JPEGImages"


def test_the_layout_is_that_of_voc_with_one_list_for_each_split() -> None:
    info = DatasetInfo(categories=(Category(name="dog"),), kinds={"semantic": 2})
    writer = Voc().writer(info, keeps_layout=False, splits=("train", "val"))
    place = writer.place("train/images/x/a.png", split="train", category=None)
    assert (place.image, place.label, place.mask) == (
        "JPEGImages/train/x/a.png",
        "Annotations/train/x/a.xml",
        "SegmentationClass/train/x/a.png",
    )
    images = [
        image_of(ImageLabels(mask_file="m.png"), (), name="JPEGImages/x/a.jpg", split="train"),
        image_of(ImageLabels(), (), name="JPEGImages/b.jpg", split="val"),
        image_of(ImageLabels(), (), name="JPEGImages/x/a_aug1.jpg", split="train", copy=1),
    ]
    assert assembled(writer, images) == {
        "ImageSets/Main/train.txt": "x/a\nx/a_aug1\n",
        "ImageSets/Main/val.txt": "b\n",
        "ImageSets/Segmentation/train.txt": "x/a\n",
        "ImageSets/Segmentation/val.txt": "",
    }
    alone = Voc().writer(DatasetInfo(), keeps_layout=False, splits=(None,))
    assert alone.assembled() == ("ImageSets/Main/trainval.txt",)
    assert alone.place("a.jpg", split=None, category=None).mask is None


def test_lists_keep_their_lines_and_name_the_copies(tmp_path: Path) -> None:
    lists = {
        "Main/train": ["b", "a"],
        "Main/val": ["c"],
        "Main/cat_train": ["a -1", "b  1"],
        "Main/trainval": ["b", "c", "a"],
    }
    read = read_set(Voc(), make_set(tmp_path, voc_set("a", "b", "c", lists=lists), *pictures("a", "b", "c")))
    writer = Voc().writer(read.info, keeps_layout=True, splits=("train", "val"))
    images = [image for image in output_of(read, copies=1) if not (image.copy and image.split == "val")]
    assert assembled(writer, images) == {
        "ImageSets/Main/cat_train.txt": "a -1\nb  1\na_aug1 -1\nb_aug1  1\n",
        "ImageSets/Main/train.txt": "b\na\nb_aug1\na_aug1\n",
        "ImageSets/Main/trainval.txt": "b\nc\na\nb_aug1\na_aug1\n",
        "ImageSets/Main/val.txt": "c\n",
    }


def test_a_new_split_keeps_what_files_of_ours_say(tmp_path: Path) -> None:
    make_set(tmp_path, {"Annotations/a.xml": voc_file(voc_object(more="<own/>"))}, *pictures("a"))
    read = read_set(Voc(), tmp_path)
    writer = Voc().writer(read.info, keeps_layout=False, splits=("train",))
    assert b"<own/>" in writer.encode(output_of(read, copies=1)[1])


def test_the_writer_travels_to_workers() -> None:
    import pickle

    writer = Voc().writer(DatasetInfo(), keeps_layout=False, splits=(None,))
    assert pickle.loads(pickle.dumps(writer)) == writer
    assert sqlite3.connect("") is not None
