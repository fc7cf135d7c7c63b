"""A file goes into the tables entry by entry; what cannot be used is named with file and place."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from nfold.errors import InputError
from nfold.formats.coco import loading as coco_loading
from nfold.formats.coco.loading import Loaded, load_documents
from nfold.formats.coco.objects import NOT_A_NUMBER
from tests.engine.formats.coco_files import CATS, coco, picture, thing


def load(root: Path, *texts: str) -> tuple[tuple[Loaded, ...], sqlite3.Connection, Counter[str]]:
    names = [f"{'ab'[number]}.json" for number in range(len(texts))]
    for name, text in zip(names, texts, strict=True):
        (root / name).write_text(text)
    scratch, repairs = sqlite3.connect("", isolation_level=None), Counter[str]()
    return load_documents(scratch, root, names, repairs), scratch, repairs


def refusal(root: Path, *texts: str) -> InputError:
    with pytest.raises(InputError) as caught:
        load(root, *texts)
    assert caught.value.hint
    return caught.value


def test_pictures_and_annotations_are_rows_and_the_rest_is_kept_in_order(tmp_path: Path) -> None:
    text = json.dumps(
        {
            "info": {"year": 2026},
            "annotations": [thing(8, 5), thing(3, 5)],
            "own": [1, {"a": None}],
            "images": [picture(5, "ä.jpg")],
            "categories": CATS,
        }
    )
    (loaded,), scratch, _ = load(tmp_path, text)
    assert loaded.keys == ["info", "annotations", "own", "images", "categories"]
    assert loaded.rest == {"info": {"year": 2026}, "own": [1, {"a": None}], "categories": CATS}
    assert (loaded.images, loaded.annotations) == (1, 2)
    assert loaded.to_raw()["largest_ids"] == [5, 8]
    rows = scratch.execute("select document, place, id, image from coco_annotations order by place").fetchall()
    assert rows == [(0, 0, 8, 5), (0, 1, 3, 5)]
    assert scratch.execute("select id, name from coco_images").fetchall() == [(5, "ä.jpg".encode())]


def test_many_entries_are_all_there(tmp_path: Path) -> None:
    count = 2_500
    images = [picture(number, f"{number}.jpg") for number in range(count)]
    (loaded,), scratch, _ = load(tmp_path, coco(images, [thing(number, number) for number in range(count)]))
    assert (loaded.images, loaded.annotations) == (count, count)
    assert scratch.execute("select count(distinct id), max(place) from coco_images").fetchone() == (count, count - 1)


@pytest.mark.parametrize("value", ["5", "a.jpg", None, 5.5, True, -1, 2**53, 10**30, [5], {}, float("nan")])
def test_an_id_that_is_no_whole_number_is_refused_with_its_place(tmp_path: Path, value: Any) -> None:
    for text, place in (
        (coco([picture(1, "a.jpg"), picture(value, "b.jpg")]), "a.json, images/1: id is"),
        (coco([picture(1, "a.jpg")], [{**thing(1, 1), "id": value}]), "a.json, annotations/0: id is"),
        (coco([picture(1, "a.jpg")], [{**thing(6, 1), "image_id": value}]), "annotations/0 (id 6): image_id is"),
    ):
        error = refusal(tmp_path, text)
        assert error.stable_code == "labels.bad_id"
        assert place in error.message
        assert "ids of copies are counted on" in str(error.hint)


def test_ids_as_tables_write_them_are_whole_numbers(tmp_path: Path) -> None:
    (loaded,), scratch, _ = load(tmp_path, coco([picture(5.0, "a.jpg")], [thing(7.0, 5.0)]))
    assert (loaded.largest_image_id, loaded.largest_annotation_id) == (5, 7)
    assert scratch.execute("select id, image from coco_annotations").fetchall() == [(7, 5)]


@pytest.mark.parametrize("key", ["images", "annotations"])
def test_an_id_that_stands_twice_is_refused_naming_both_places(tmp_path: Path, key: str) -> None:
    lists = {"images": [picture(n, f"{n}.jpg") for n in (1, 2, 3)], "annotations": [thing(n, 1) for n in (1, 2, 3)]}
    lists[key][2]["id"] = 1
    error = refusal(tmp_path, coco(lists["images"], lists["annotations"]))
    assert error.message == f"a.json: {key}/0 and {key}/2 have the same id 1."
    assert error.stable_code == "labels.duplicate_id"


def test_the_same_id_in_two_files_is_no_trouble(tmp_path: Path) -> None:
    loaded, _, _ = load(tmp_path, coco([picture(1, "a.jpg")]), coco([picture(1, "a.jpg")]))
    assert len(loaded) == 2


@pytest.mark.parametrize("name", [None, "", 5, ["a.jpg"], "\ud800.jpg"])
def test_a_picture_without_a_file_name_is_refused(tmp_path: Path, name: Any) -> None:
    error = refusal(tmp_path, coco([picture(4, name)]))
    assert error.message.startswith("a.json, images/0 (id 4): file_name")
    assert error.stable_code == "labels.bad_image"
    error.message.encode()


def test_a_name_of_bytes_that_are_no_text_is_kept_as_such(tmp_path: Path) -> None:
    _, scratch, _ = load(tmp_path, coco([picture(4, "\udcff.jpg")]))
    assert scratch.execute("select name from coco_images").fetchone() == (b"\xff.jpg",)


def test_entries_have_to_be_objects(tmp_path: Path) -> None:
    assert refusal(tmp_path, coco(["a.jpg"])).message == "a.json, images/0: an object is expected."
    assert refusal(tmp_path, coco([], [[1]])).message == "a.json, annotations/0: an object is expected."


def test_a_panoptic_file_is_refused_with_the_way_out(tmp_path: Path) -> None:
    error = refusal(tmp_path, coco([picture(1, "a.jpg")], [{"id": 1, "image_id": 1, "segments_info": []}]))
    assert error.stable_code == "labels.panoptic"
    assert "panoptic2detection" in str(error.hint)


def test_annotations_without_pictures_are_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path, '{"annotations": []}').stable_code == "labels.no_images"


def test_what_is_no_number_in_the_rest_becomes_null_and_is_counted(tmp_path: Path) -> None:
    (loaded,), _, repairs = load(tmp_path, coco([], info={"version": float("nan")}))
    assert loaded.rest["info"] == {"version": None}
    assert repairs == {NOT_A_NUMBER: 1}


def test_a_rest_that_would_fill_the_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coco_loading, "MOST_REST_CHARACTERS", 1_000)
    error = refusal(tmp_path, coco([], own=["x" * 500] * 3))
    assert error.stable_code == "labels.too_large"
    assert "'own'" in error.message
    assert "deep" in refusal(tmp_path, coco([], own=json.loads("[" * 80 + "]" * 80))).message
