from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nfold.errors import InputError, UsageError
from nfold.formats.voc import Voc, reading
from nfold.formats.voc.reading import _asked_origin
from tests.engine.formats.label_sets import make_set, read_set
from tests.engine.formats.voc_files import pictures, voc_file, voc_object, voc_set


def test_lists_give_splits_and_what_they_do_not_name_is_passed_over(tmp_path: Path) -> None:
    files = voc_set("a", "b", "c", lists={"Main/train": ["b"], "Main/val": ["a"]})
    read = read_set(Voc(), make_set(tmp_path, files, *pictures("a", "b", "c")))
    assert [(source.id, source.label.split) for source in read.sources] == [
        ("JPEGImages/b.jpg", "train"),
        ("JPEGImages/a.jpg", "val"),
    ]
    assert read.info.passed_over == {
        "not in the lists of ImageSets": 1,
        "label file of a picture that the lists do not name": 1,
    }
    assert read.info.examples == {
        "not in the lists of ImageSets": "JPEGImages/c.jpg",
        "label file of a picture that the lists do not name": "Annotations/c.xml",
    }


def test_without_lists_every_picture_is_a_source_and_folders_may_split(tmp_path: Path) -> None:
    files = {"train/annotations/a.xml": voc_file(voc_object()), "val/annotations/b.xml": voc_file(voc_object("dog"))}
    read = read_set(Voc(), make_set(tmp_path, files, "train/images/a.jpg", "val/images/b.jpg"))
    assert [(source.id, source.label.split) for source in read.sources] == [
        ("train/images/a.jpg", "train"),
        ("val/images/b.jpg", "val"),
    ]
    assert [category.name for category in read.info.categories] == ["cat", "dog"]
    assert read.classes("val/images/b.jpg") == ["dog"]
    make_set(tmp_path, {"more/annotations/c.xml": voc_file()}, "more/images/c.jpg")
    assert {source.label.split for source in read_set(Voc(), tmp_path).sources} == {None}


def test_a_list_that_is_no_split_leaves_all_pictures_in(tmp_path: Path) -> None:
    files = voc_set("a", "b", lists={"Main/default": ["b"]})
    read = read_set(Voc(), make_set(tmp_path, files, *pictures("a", "b")))
    assert [source.id for source in read.sources] == ["JPEGImages/b.jpg", "JPEGImages/a.jpg"]


def test_what_misses_is_a_problem_of_one_picture(tmp_path: Path) -> None:
    files = voc_set("a", "b", "gone")
    del files["Annotations/b.xml"]
    read = read_set(Voc(), make_set(tmp_path, files, *pictures("a", "b")))
    assert read.by_id["JPEGImages/a.jpg"].problem is None
    assert read.problem("JPEGImages/b.jpg").startswith("labels.missing: No XML file describes JPEGImages/b.jpg")
    assert read.problem("JPEGImages/gone.jpg").startswith(
        "labels.missing_image: There is no picture JPEGImages/gone.jpg; Annotations/gone.xml"
    )


def test_a_listed_picture_that_misses_or_has_no_labels_is_a_problem(tmp_path: Path) -> None:
    files = voc_set("a", lists={"Main/train": ["a", "b", "gone"]})
    make_set(tmp_path, files, *pictures("a", "b"))
    read = read_set(Voc(), tmp_path)
    assert "ImageSets/Main/train.txt names it" in read.problem("JPEGImages/gone.jpg")
    assert read.problem("JPEGImages/b.jpg").startswith("labels.missing:")
    without = read_set(Voc(), tmp_path, exclude=("gone.jpg",))
    assert [source.id for source in without.sources] == ["JPEGImages/a.jpg", "JPEGImages/b.jpg"]


def test_a_picture_of_two_splits_or_two_label_files_is_a_problem(tmp_path: Path) -> None:
    files = voc_set("a", "b", lists={"Main/train": ["a", "b"], "Main/val": ["a"]})
    files["JPEGImages/b.xml"] = files["Annotations/b.xml"]
    read = read_set(Voc(), make_set(tmp_path, files, *pictures("a", "b")))
    assert read.problem("JPEGImages/a.jpg") == (
        "labels.duplicate: ImageSets/Main/train.txt and ImageSets/Main/val.txt both name JPEGImages/a.jpg, which can be in one split only."
    )
    assert (
        read.problem("JPEGImages/b.jpg")
        == "labels.duplicate: Annotations/b.xml and JPEGImages/b.xml both describe JPEGImages/b.jpg."
    )


def test_an_ambiguous_label_file_is_a_problem_of_both_pictures(tmp_path: Path) -> None:
    files = {"Annotations/a.xml": voc_file(voc_object(), name="a")}
    read = read_set(Voc(), make_set(tmp_path, files, "JPEGImages/a.jpg", "JPEGImages/a.png"))
    assert [source.problem.code for source in read.sources if source.problem] == ["labels.duplicate"] * 2


def test_one_zero_anywhere_decides_how_all_pixels_are_counted(tmp_path: Path) -> None:
    files = voc_set("a", "b")
    make_set(tmp_path, files, *pictures("a", "b"))
    read = read_set(Voc(), tmp_path)
    assert read.boxes("JPEGImages/a.jpg") == [(10, 20, 30, 40)]
    assert read.info.conventions == {"format": "voc", "voc_origin": 1}
    make_set(tmp_path, {"Annotations/b.xml": voc_file(voc_object(box=(0, 5, 10, 10)))})
    read = read_set(Voc(), tmp_path)
    assert read.boxes("JPEGImages/a.jpg") == [(11, 21, 30, 40)]
    assert read.info.conventions["voc_origin"] == 0
    recorded = read_set(Voc(), tmp_path, recorded={"voc_origin": 1})
    assert recorded.boxes("JPEGImages/a.jpg") == [(10, 20, 30, 40)]
    assert recorded.info.repairs == {"box beyond the picture's edge, clipped in copies": 1}


def test_the_user_decides_first_and_only_between_two() -> None:
    def asked(**options: Any) -> int | None:
        return _asked_origin(SimpleNamespace(options=options, recorded={"voc_origin": 1}))  # type: ignore[arg-type]

    assert asked(voc_origin=0) == 0
    assert asked(voc_origin="1") == 1
    assert asked() == 1
    with pytest.raises(UsageError, match="it is 0 or 1"):
        asked(voc_origin=2)


def test_masks_go_with_their_pictures_and_need_no_xml(tmp_path: Path) -> None:
    files = voc_set("a", lists={"Segmentation/train": ["a", "b"]})
    masks = [
        "SegmentationClass/a.png",
        "SegmentationClass/b.png",
        "SegmentationClass/z.png",
        "SegmentationObject/a.png",
    ]
    read = read_set(Voc(), make_set(tmp_path, files, *pictures("a", "b"), *masks))
    found = {source.id: source.labels for source in read.sources}
    assert [labels and labels.mask_file for labels in found.values()] == [
        "SegmentationClass/a.png",
        "SegmentationClass/b.png",
    ]
    assert [source.problem for source in read.sources] == [None, None]
    assert read.info.kinds == {"boxes": 1, "semantic": 2}
    assert read.info.mask_fill == 255
    assert read.info.passed_over == {
        "mask without a picture": 1,
        "mask of single objects (SegmentationObject), which does not follow": 1,
    }


def test_masks_are_no_pictures_where_there_are_no_lists(tmp_path: Path) -> None:
    read = read_set(
        Voc(), make_set(tmp_path, voc_set("a"), *pictures("a"), "SegmentationClass/a.png", "SegmentationClass/z.png")
    )
    assert [source.id for source in read.sources] == ["JPEGImages/a.jpg"]
    assert read.info.passed_over == {"mask without a picture": 1}


def test_other_xml_is_passed_over_and_class_lists_are_companions(tmp_path: Path) -> None:
    files = {
        **voc_set("a"),
        "project.xml": "<project/>",
        "labelmap.txt": "cat",
        "notes.txt": "x",
        "broken.xml": "<annotation>",
    }
    read = read_set(Voc(), make_set(tmp_path, files, *pictures("a")))
    assert read.info.passed_over == {"XML that describes no picture": 1}
    assert read.info.companions == ("labelmap.txt",)
    assert read.problem("broken.jpg").startswith("labels.unreadable: broken.xml is not well-formed XML")


def test_two_data_sets_in_one_folder_keep_their_lists_apart(tmp_path: Path) -> None:
    files = {
        f"{year}/{name}": text
        for year in ("VOC2007", "VOC2012")
        for name, text in voc_set("a", lists={"Main/train" if year == "VOC2007" else "Main/val": ["a"]}).items()
    }
    read = read_set(Voc(), make_set(tmp_path, files, "VOC2007/JPEGImages/a.jpg", "VOC2012/JPEGImages/a.jpg"))
    assert {source.id: (source.label.split, source.problem) for source in read.sources} == {
        "VOC2007/JPEGImages/a.jpg": ("train", None),
        "VOC2012/JPEGImages/a.jpg": ("val", None),
    }


def test_names_in_another_unicode_form_and_bytes_that_are_no_text_are_found(tmp_path: Path) -> None:
    files = {"Annotations/ä.xml": voc_file(voc_object()), "ImageSets/Main/train.txt": "ä\n"}
    read = read_set(Voc(), make_set(tmp_path, files, "JPEGImages/a\u0308.jpg"))
    assert [(source.id, source.problem) for source in read.sources] == [("JPEGImages/ä.jpg", None)]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(noise=st.binary(max_size=60), other=st.binary(max_size=60))
def test_whatever_files_hold_no_traceback_comes_out(
    noise: bytes, other: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = make_set(
        tmp_path_factory.mktemp("voc"),
        {"Annotations/a.xml": noise, "Annotations/b.xml": b"<annotation>" + other + b"</annotation>"},
        *pictures("a", "b"),
    )
    read = read_set(Voc(), root)
    assert {"JPEGImages/a.jpg", "JPEGImages/b.jpg"} <= {source.id for source in read.sources}


def test_more_classes_than_are_read_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_CLASSES", 2)
    files: dict[str, str | bytes] = {f"{name}.xml": voc_file(voc_object(f"class {name}")) for name in "abc"}
    with pytest.raises(InputError, match=r"c\.xml: more than 2 different classes") as caught:
        read_set(Voc(), make_set(tmp_path, files, "a.jpg", "b.jpg", "c.jpg"))
    assert caught.value.stable_code == "labels.too_many_classes"


SHARE = (0.25, 0.25, 0.6, 0.6)


def test_a_set_whose_boxes_are_all_in_shares_is_refused(tmp_path: Path) -> None:
    files = {f"Annotations/{stem}.xml": voc_file(voc_object(box=SHARE), name=f"{stem}.jpg") for stem in "ab"}
    with pytest.raises(InputError, match=r"^Annotations/a\.xml, line \d+: .* all 2 boxes") as caught:
        read_set(Voc(), make_set(tmp_path, files, *pictures("a", "b")))
    assert caught.value.stable_code == "labels.shares"


def test_one_box_in_shares_costs_its_picture_and_no_other(tmp_path: Path) -> None:
    files = voc_set("a", "b") | {"Annotations/a.xml": voc_file(voc_object(), voc_object(box=SHARE))}
    read = read_set(Voc(), make_set(tmp_path, files, *pictures("a", "b")))
    assert read.problem("JPEGImages/a.jpg").startswith("labels.bad_box: Annotations/a.xml, line ")
    assert "look like shares of the picture" in read.problem("JPEGImages/a.jpg")
    assert read.by_id["JPEGImages/b.jpg"].problem is None
