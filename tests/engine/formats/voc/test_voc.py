from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest

from nfold.formats.voc import Voc
from tests.engine.formats.label_sets import assembled, make_set, output_of, read_set, scan_of
from tests.engine.formats.voc_files import pictures, voc_file, voc_object, voc_set


@pytest.mark.parametrize(
    ("files", "images", "is_voc"),
    [
        (voc_set("a", "b"), pictures("a", "b"), True),
        ({"a.xml": voc_file()}, ["a.jpg"], True),
        (
            {
                "a.xml": '﻿<?xml version="1.0"?><!-- <x/> --><!DOCTYPE annotation [<!ELEMENT a (b)>]>\n<annotation verified="yes">'
            },
            ["a.jpg"],
            True,
        ),
        ({"a.xml": "<annotations><image/></annotations>"}, ["a.jpg"], False),
        ({"a.xml": "<project/>"}, ["a.jpg"], False),
        ({"a.xml": ""}, ["a.jpg"], False),
        ({"a.txt": "<annotation>"}, ["a.jpg"], False),
        ({}, ["JPEGImages/a.jpg", "SegmentationClass/a.png"], True),
        ({}, ["images/a.jpg", "labels/a.png"], False),
    ],
)
def test_a_folder_is_recognised_by_what_its_files_say(
    files: dict[str, str], images: list[str], is_voc: bool, tmp_path: Path
) -> None:
    reason = Voc().recognise(tmp_path, scan_of(make_set(tmp_path, files, *images)))
    assert (reason is not None) == is_voc
    assert reason is None or reason.startswith("Pascal VOC: ")


def test_the_reason_counts_the_files(tmp_path: Path) -> None:
    scan = scan_of(make_set(tmp_path, voc_set("a", "b"), *pictures("a", "b")))
    assert Voc().recognise(tmp_path, scan) == "Pascal VOC: 2 XML files, such as those in Annotations"


@pytest.mark.parametrize(
    ("folder", "count", "kinds", "origin"),
    [
        ("blood-cells", 60, {"boxes": 783, "attributes": 199}, 1),
        ("tree-crowns", 36, {"boxes": 788}, 0),
        ("detection", 2, {"boxes": 37}, 1),
    ],
)
def test_real_data_sets_are_read_whole_and_written_as_they_were(
    folder: str, count: int, kinds: dict[str, int], origin: int, real_data: Path
) -> None:
    root = real_data / folder
    assert Voc().recognise(root, scan_of(root)) is not None
    read = read_set(Voc(), root)
    assert (len(read.sources), read.info.kinds, read.info.conventions["voc_origin"]) == (count, kinds, origin)
    writer = Voc().writer(read.info, keeps_layout=True, splits=(None,))
    for image in output_of(read, vary=lambda entry: entry, is_untouched=False):
        labels = image.labels
        if labels.label_file is None or labels.frame_wh is None:
            continue
        written = writer.encode(replace(image, size_wh=labels.frame_wh))
        assert written == (root / labels.label_file).read_bytes(), "what has not changed is written as it was"
    for name, text in assembled(writer, output_of(read)).items():
        assert text == (root / name).read_text()


def boxes_by_element_tree(text: bytes) -> list[tuple[str | None, list[int]]]:
    """What most readers of VOC do."""
    root = ET.fromstring(text)
    return [
        (node.findtext("name"), [int(node.findtext(f"bndbox/{tag}") or "") for tag in ("xmin", "ymin", "xmax", "ymax")])
        for node in root.iter("object")
    ]


def test_another_reader_finds_the_mirrored_boxes_of_copies(real_data: Path) -> None:
    root = real_data / "blood-cells"
    read = read_set(Voc(), root)
    writer = Voc().writer(read.info, keeps_layout=True, splits=("train", "val"))
    size = (640, 480)

    def mirror(annotation):  # type: ignore[no-untyped-def]
        x_min, y_min, x_max, y_max = annotation.box
        return replace(annotation, box=(size[0] - x_max, y_min, size[0] - x_min, y_max))

    images = output_of(read, copies=1, vary=mirror, size=size)
    copies = [image for image in images if image.copy]
    assert len(copies) == 60
    for image in copies:
        before = boxes_by_element_tree((root / (image.labels.label_file or "")).read_bytes())
        after = boxes_by_element_tree(writer.encode(image))
        # counted from 1, both ends inside: the pixel x goes to 641 - x
        assert after == [(name, [641 - box[2], box[1], 641 - box[0], box[3]]) for name, box in before]


def test_torchvision_reads_what_is_written(tmp_path: Path, real_data: Path) -> None:
    voc = pytest.importorskip(
        "torchvision.datasets.voc", reason="torchvision is not installed; ElementTree stands in above"
    )
    read = read_set(Voc(), real_data / "tree-crowns")
    writer = Voc().writer(replace(read.info, conventions={}), keeps_layout=False, splits=("train",))
    output = tmp_path / "VOCdevkit" / "VOC2012"
    images = output_of(
        read, place=lambda source: writer.place(source.id, split="train", category=None).image, size=(400, 400)
    )
    for image in images:
        stem = re.sub(r"^JPEGImages/|\.jpg$", "", image.name)
        make_set(output, {f"Annotations/{stem}.xml": writer.encode(image)})
        (output / "JPEGImages").mkdir(exist_ok=True)
        (output / image.name).write_bytes((real_data / "tree-crowns" / image.source).read_bytes())
    make_set(output, assembled(writer, [replace(image, split="train") for image in images]))
    found = voc.VOCDetection(tmp_path, year="2012", image_set="train")
    assert len(found) == 36
    assert sum(len(target["annotation"].get("object", ())) for _, target in found) == 788


def test_a_copy_of_a_file_in_a_list_of_voc_object_is_valid(tmp_path: Path) -> None:
    read = read_set(Voc(), make_set(tmp_path, {"a.xml": voc_file(voc_object(), size=(100, 80))}, "a.jpg"))
    writer = Voc().writer(read.info, keeps_layout=True, splits=(None,))
    copy = output_of(read, copies=1)[1]
    make_set(tmp_path, {"a_aug1.xml": writer.encode(copy)}, "a_aug1.jpg")
    again = read_set(Voc(), tmp_path)
    assert again.boxes("a_aug1.jpg") == [(70, 20, 90, 40)]
    assert [source.problem for source in again.sources] == [None, None]
