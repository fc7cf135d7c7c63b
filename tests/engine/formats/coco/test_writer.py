"""Files written in their own places: originals value for value, copies after them with ids and names of their own."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nfold.annotations import Annotation, ImageLabels, OutputImage
from nfold.errors import InputError
from nfold.formats.coco import Coco
from nfold.formats.coco.writer import name_in_file, write_document
from tests.engine.formats.coco_files import CATS, coco, copies, originals, picture, read, refusal, thing, written
from tests.engine.formats.label_sets import assembled, output_of

ODD: dict[str, Any] = {
    "info": {"year": 2026, "ü": [1.0, 1e-7, 12345678901234567890, -0.0]},
    "licenses": [{"id": 3, "url": None}],
    "annotations": [
        thing(40, 2, bbox=[10.333333, 20.1, 30.0, 40], score=0.25),
        thing(7, 9, attributes={"occluded": True, "deep": [{}]}, category_id=5),
        thing(8, 2, area=1200.0000001, caption="half \ud800 and é"),
    ],
    "own list": [[], {}, None, False, ""],
    "images": [picture(9, "b.jpg", date_captured="2026", own={"a": 1}), picture(2, "sub/é.JPG"), picture(5, "c.jpg")],
    "categories": [{"id": 5, "name": "dog", "supercategory": "animal"}, {"id": 1, "name": "cat", "skeleton": [[1, 2]]}],
}
NAMES = ("b.jpg", "sub/é.JPG", "c.jpg")


def odd(root: Path, **options: Any) -> Any:
    return read(root, {"labels/x.json": json.dumps(ODD)}, *NAMES, **options)


def same(one: Any, other: Any) -> bool:
    """Equal to the last digit and in the same order; 1 and 1.0 are two things."""
    return json.dumps(one) == json.dumps(other)


class TestOriginals:
    @pytest.mark.parametrize("number", [0, 1, 3])
    def test_stay_value_for_value_in_their_order_whatever_is_added(self, tmp_path: Path, number: int) -> None:
        found = odd(tmp_path)
        document = written(found, output_of(found, copies=number))["labels/x.json"]
        assert same(originals(document, ODD), ODD)
        assert len(document["images"]) == 3 * (number + 1)
        assert len(document["annotations"]) == 3 * (number + 1)

    def test_that_prepare_has_changed_keep_ids_and_names(self, tmp_path: Path) -> None:
        found = odd(tmp_path)
        images = output_of(
            found, copies=1, is_untouched=False, size=(50, 40), vary=lambda entry: replace(entry, box=(0, 0, 5, 5))
        )
        document = written(found, images)["labels/x.json"]
        kept = originals(document, ODD)
        assert [entry["id"] for entry in kept["images"]] == [9, 2, 5]
        assert [entry["id"] for entry in kept["annotations"]] == [40, 7, 8]
        assert kept["images"][0] == {**ODD["images"][0], "width": 50, "height": 40}
        assert kept["annotations"][1] == {**ODD["annotations"][1], "bbox": [0, 0, 5, 5], "area": 25}

    def test_may_be_missing_altogether(self, tmp_path: Path) -> None:
        found = odd(tmp_path)
        images = [image for image in output_of(found, copies=1) if image.copy]
        document = written(found, images)["labels/x.json"]
        assert [entry["id"] for entry in document["images"]] == [10_009, 10_002, 10_005]


class TestCopies:
    def test_have_ids_that_end_in_those_of_their_sources(self, tmp_path: Path) -> None:
        found = odd(tmp_path)
        document = written(found, output_of(found, copies=2))["labels/x.json"]
        images = copies(document, ODD, "images")
        assert [entry["id"] for entry in images] == [10_009, 20_009, 10_002, 20_002, 10_005, 20_005]
        assert [entry["file_name"] for entry in images][:3] == ["b_aug1.jpg", "b_aug2.jpg", "sub/é_aug1.JPG"]
        annotations = copies(document, ODD, "annotations")
        assert [(entry["id"], entry["image_id"]) for entry in annotations] == [
            (100_007, 10_009),
            (200_007, 20_009),
            (100_040, 10_002),
            (100_008, 10_002),
            (200_040, 20_002),
            (200_008, 20_002),
        ]

    def test_keep_all_that_is_not_geometry(self, tmp_path: Path) -> None:
        found = odd(tmp_path)
        document = written(found, output_of(found, copies=1))["labels/x.json"]
        by_id = {entry["id"]: entry for entry in document["annotations"]}
        source, copy = by_id[7], by_id[100_007]
        assert copy == {**source, "id": 100_007, "image_id": 10_009, "bbox": [60, 20, 30, 40]}
        assert copies(document, ODD, "images")[0] == {**ODD["images"][0], "id": 10_009, "file_name": "b_aug1.jpg"}

    def test_are_numbered_as_an_earlier_run_recorded_it(self, tmp_path: Path) -> None:
        recorded = {"format": "coco", "image_id_step": 10**6, "annotation_id_step": 10**7}
        found = odd(tmp_path, recorded=recorded)
        document = written(found, output_of(found, copies=1))["labels/x.json"]
        assert copies(document, ODD, "images")[0]["id"] == 1_000_009
        assert copies(document, ODD, "annotations")[0]["id"] == 10_000_007
        too_small = odd(tmp_path, recorded={**recorded, "image_id_step": 9})
        with pytest.raises(InputError) as caught:
            Coco().writer(too_small.info, keeps_layout=True, splits=(None,))
        assert caught.value.stable_code == "labels.ids_outgrown"

    def test_whose_ids_would_be_too_large_are_refused_before_any_work(self, tmp_path: Path) -> None:
        found = read(tmp_path, {"x.json": coco([picture(2**52, "a.jpg")])}, "a.jpg")
        with pytest.raises(InputError, match=r"2\*\*53") as caught:
            Coco().writer(found.info, keeps_layout=True, splits=(None,))
        assert caught.value.stable_code == "labels.id_too_large"
        assert (
            refusal(tmp_path / "b", {"x.json": coco([picture(2**53, "a.jpg")])}, "a.jpg").stable_code == "labels.bad_id"
        )

    def test_too_many_are_refused_with_what_is_possible(self, tmp_path: Path) -> None:
        found = read(tmp_path, {"x.json": coco([picture(10**12, "a.jpg")])}, "a.jpg")
        assert len(written(found, output_of(found, copies=9))["x.json"]["images"]) == 10
        with pytest.raises(InputError) as caught:
            written(found, output_of(found, copies=10))
        assert caught.value.hint == "Give the images smaller ids, or make at most 9 copies."


class TestSeveralFiles:
    def test_each_gets_its_own_pictures_and_objects(self, tmp_path: Path) -> None:
        boxes = coco([picture(1, "a.jpg"), picture(2, "b.jpg")], [thing(1, 1), thing(2, 2)])
        words = {"images": [picture(2, "b.jpg")], "annotations": [{"id": 1, "image_id": 2, "caption": "b"}]}
        found = read(tmp_path, {"boxes.json": boxes, "words.json": json.dumps(words)}, "a.jpg", "b.jpg")
        images = output_of(found, copies=1, vary=lambda entry: entry)
        documents = written(found, images)
        assert same(originals(documents["boxes.json"], json.loads(boxes)), json.loads(boxes))
        assert same(originals(documents["words.json"], words), words)
        assert copies(documents["words.json"], words, "images") == [picture(10_002, "b_aug1.jpg")]
        assert copies(documents["words.json"], words, "annotations") == [
            {"id": 10_001, "image_id": 10_002, "caption": "b"}
        ]

    def test_each_keeps_its_own_order(self, tmp_path: Path) -> None:
        names = ["a.jpg", "b.jpg", "c.jpg"]
        sources = {
            "1.json": coco([picture(n, name) for n, name in enumerate(names)], [thing(n, n) for n in range(3)]),
            "2.json": coco(
                [picture(n, name) for n, name in reversed(list(enumerate(names)))], [thing(n, n) for n in (1, 2, 0)]
            ),
        }
        found = read(tmp_path, sources, *names)
        documents = written(found, output_of(found, copies=1))
        for name, text in sources.items():
            assert same(originals(documents[name], json.loads(text)), json.loads(text))

    def test_without_a_list_of_annotations_get_none(self, tmp_path: Path) -> None:
        source = {"images": [picture(1, "a.jpg")], "categories": CATS}
        found = read(tmp_path, {"x.json": json.dumps(source)}, "a.jpg")
        document = written(found, output_of(found, copies=1))["x.json"]
        assert list(document) == ["images", "categories"]
        assert len(document["images"]) == 2


def image(source: str, name: str) -> OutputImage:
    return OutputImage(
        name=name,
        label_name=None,
        source=source,
        copy=1,
        rank=0,
        size_wh=(1, 1),
        split=None,
        category=None,
        labels=ImageLabels(),
        annotations=(Annotation(),),
        is_untouched=False,
    )


@pytest.mark.parametrize(
    ("file_name", "source", "name", "expected"),
    [
        ("a.jpg", "a.jpg", "a.jpg", "a.jpg"),
        ("a.jpg", "a.jpg", "a_aug1.jpg", "a_aug1.jpg"),
        ("a.jpg", "images/a.jpg", "images/a_aug1.png", "a_aug1.png"),
        ("sub/a.jpg", "images/sub/a.jpg", "images/sub/a_aug1.jpg", "sub/a_aug1.jpg"),
        ("sub\\a.jpg", "images/sub/a.jpg", "images/sub/a_aug1.jpg", "sub\\a_aug1.jpg"),
        ("/data/sub/a.jpg", "sub/a.jpg", "sub/a_aug1.jpg", "/data/sub/a_aug1.jpg"),
        ("C:\\data\\a.jpg", "sub/a.jpg", "sub/a_aug1.jpg", "C:\\data\\a_aug1.jpg"),
        ("../images/a.jpg", "images/a.jpg", "images/a_aug1.jpg", "../images/a_aug1.jpg"),
        ("./a.jpg", "a.jpg", "a_aug1.jpg", "./a_aug1.jpg"),
        ("a\u0308.jpg", "images/ä.jpg", "images/ä_aug1.jpg", "ä_aug1.jpg"),
        ("a.jpg", "bba.jpg", "bba_aug1.jpg", "bba_aug1.jpg"),
        ("a.jpg", "images/a.jpg", "images/more/a_aug1.jpg", "more/a_aug1.jpg"),
    ],
)
def test_a_copy_is_called_as_its_source_is(file_name: str, source: str, name: str, expected: str) -> None:
    assert name_in_file(file_name, image(source, name)) == expected


def test_an_object_is_written_in_lines_and_empty_lists_as_such() -> None:
    parts: list[str] = []
    write_document(parts.append, [("a", {"b": 1}), ("images", iter(["1", "2"])), ("annotations", iter([]))])
    text = "".join(parts)
    assert text == '{\n"a": {"b": 1},\n"images": [\n1,\n2\n],\n"annotations": []\n}\n'


@given(st.dictionaries(st.text(), st.lists(st.integers())))
def test_any_keys_come_back(sections: dict[str, list[int]]) -> None:
    parts: list[str] = []
    write_document(parts.append, ((key, iter([str(n) for n in value])) for key, value in sections.items()))
    assert json.loads("".join(parts)) == sections
    "".join(parts).encode()


def test_the_same_is_written_again(tmp_path: Path) -> None:
    found = odd(tmp_path)
    writer = Coco().writer(found.info, keeps_layout=True, splits=(None,))
    images = output_of(found, copies=2)
    assert assembled(writer, images) == assembled(writer, images)
    with pytest.raises(AssertionError, match="no label file belongs to"):
        writer.encode(images[0])
    assert writer.place("sub/a.jpg", split="val", category=None).image == "sub/a.jpg"
