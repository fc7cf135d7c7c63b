"""Every picture comes once, with what all files say of it; what is wrong with one of them is told with file and place."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from nfold.annotations.codec import digest_of_labels
from nfold.formats.coco import Coco
from tests.engine.formats.coco_files import coco, one, picture, read, refusal, thing
from tests.engine.formats.label_sets import ReadSet


def captions(images: list[Any], *texts: tuple[int, str]) -> str:
    entries = [{"id": n, "image_id": image, "caption": text} for n, (image, text) in enumerate(texts, 1)]
    return json.dumps({"images": images, "annotations": entries})


class TestShares:
    def test_a_set_whose_boxes_are_all_in_shares_is_refused(self, tmp_path: Path) -> None:
        boxes = [thing(1, 1, bbox=[0.25, 0.25, 0.375, 0.4]), thing(2, 2, bbox=[0, 0, 1, 1])]
        error = refusal(tmp_path, {"x.json": coco([picture(1, "a.jpg"), picture(2, "b.jpg")], boxes)}, "a.jpg", "b.jpg")
        assert error.stable_code == "labels.shares"
        assert error.message.startswith("x.json, annotations/0 (id 1): ")
        assert "shares of the picture" in error.message

    def test_one_box_in_shares_costs_its_picture_and_no_other(self, tmp_path: Path) -> None:
        boxes = [thing(1, 1, bbox=[0.25, 0.25, 0.375, 0.4]), thing(2, 1), thing(3, 2), thing(4, 2, bbox=[0, 0, 1, 1])]
        text = coco([picture(1, "a.jpg"), picture(2, "b.jpg")], boxes)
        found = read(tmp_path, {"x.json": text}, "a.jpg", "b.jpg")
        assert found.problem("a.jpg").startswith("labels.bad_box: x.json, annotations/0 (id 1): the bbox is smaller")
        assert len(found.boxes("b.jpg")) == 2


class TestSources:
    def test_pictures_come_in_the_order_of_the_file_with_their_objects_in_theirs(self, tmp_path: Path) -> None:
        text = coco(
            [picture(9, "b.jpg"), picture(2, "a.jpg")],
            [thing(1, 2), thing(7, 9, bbox=[0, 0, 5, 5]), thing(4, 2, category_id=2, bbox=[1, 1, 2, 2])],
        )
        found = read(tmp_path, {"x.json": text}, "a.jpg", "b.jpg")
        assert [source.id for source in found.sources] == ["b.jpg", "a.jpg"]
        assert found.boxes("a.jpg") == [(10, 20, 40, 60), (1, 1, 3, 3)]
        assert found.classes("a.jpg") == ["cat", "dog"]
        labels = found.by_id["a.jpg"].labels
        assert labels is not None
        assert [annotation.order for annotation in labels.annotations] == [0, 2]
        assert (labels.places, labels.frame_wh, labels.is_relative) == ({0: 1}, (100, 80), False)
        assert labels.raw == {0: picture(2, "a.jpg")}

    def test_a_picture_without_objects_is_a_source_too(self, tmp_path: Path) -> None:
        found = read(tmp_path, {"x.json": coco([picture(1, "a.jpg")])}, "a.jpg")
        assert found.boxes("a.jpg") == []

    def test_what_is_in_it_is_counted_by_kind(self, tmp_path: Path) -> None:
        rings = [[1, 1, 5, 1, 5, 5], [7, 7, 9, 7, 9, 9]]
        annotations = [
            thing(1, 1, segmentation=rings),
            thing(2, 1, segmentation=rings[:1], keypoints=[1, 1, 2]),
            thing(3, 1, segmentation={"size": [80, 100], "counts": [8000]}, iscrowd=1, score=0.5),
        ]
        found = read(tmp_path, {"x.json": coco([picture(1, "a.jpg")], annotations)}, "a.jpg")
        assert found.info.kinds == {
            "boxes": 3,
            "parts": 1,
            "polygons": 1,
            "points": 1,
            "masks": 1,
            "crowd": 1,
            "attributes": 1,
        }

    def test_the_convention_of_ids_is_recorded_and_one_that_was_is_kept(self, tmp_path: Path) -> None:
        first = read(tmp_path, {"x.json": one()}, "a.jpg").info.conventions
        assert first == {"format": "coco", "image_id_step": 1000, "annotation_id_step": 1000}
        again = read(tmp_path, {"x.json": coco([picture(77, "a.jpg")], [thing(900, 77)])}, recorded=first)
        assert again.info.conventions == first

    def test_pictures_that_no_file_lists_are_counted_with_an_example(self, tmp_path: Path) -> None:
        found = read(tmp_path, {"x.json": one(), "notes.json": "{}"}, "a.jpg", "b.jpg", "c.jpg")
        assert found.info.passed_over == {"not in the label files": 2, "JSON file that is not COCO": 1}
        assert found.info.examples == {"not in the label files": "b.jpg", "JSON file that is not COCO": "notes.json"}

    def test_annotations_of_a_picture_that_is_not_listed_are_counted_with_an_example(self, tmp_path: Path) -> None:
        text = coco([picture(1, "a.jpg")], [thing(1, 1), thing(2, 77), thing(3, 78)])
        found = read(tmp_path, {"x.json": text}, "a.jpg")
        assert len(found.boxes("a.jpg")) == 1
        assert found.info.passed_over == {"annotation of a picture that its file does not list": 2}
        assert list(found.info.examples.values()) == ["x.json, annotations/1 (id 2)"]

    def test_annotations_of_pictures_that_the_user_left_out_are_not_counted(self, tmp_path: Path) -> None:
        found = read(tmp_path, {"x.json": one()}, "a.jpg", exclude=("a.jpg",))
        assert found.sources == []
        assert not found.info.passed_over

    def test_places_that_cannot_be_varied_are_told(self, tmp_path: Path) -> None:
        text = one(face_box=[1, 1, 2, 2], lefthand_kpts=[1, 1, 2])
        assert set(read(tmp_path, {"x.json": text}, "a.jpg").info.repairs) == {
            "'face_box', which is not varied: left out of copies",
            "'lefthand_kpts', which is not varied: left out of copies",
        }


class TestSeveralFiles:
    def files(self) -> dict[str, str]:
        images = [picture(1, "a.jpg"), picture(2, "b.jpg")]
        person = [{"id": 1, "name": "cat", "keypoints": ["nose", "tail"]}]
        return {
            "annotations/captions_val2017.json": captions(images, (1, "a cat"), (1, "two cats"), (2, "é")),
            "annotations/instances_val2017.json": coco(images, [thing(5, 2), thing(6, 1, category_id=2)]),
            "annotations/person_keypoints_val2017.json": coco(
                images[:1], [thing(5, 1, keypoints=[4, 4, 2, 0, 0, 0])], categories=person
            ),
        }

    def test_about_the_same_pictures_are_put_together(self, tmp_path: Path) -> None:
        found = read(tmp_path, self.files(), "val2017/a.jpg", "val2017/b.jpg")
        assert [source.id for source in found.sources] == ["val2017/a.jpg", "val2017/b.jpg"]
        labels = found.by_id["val2017/a.jpg"].labels
        assert labels is not None
        assert [(entry.document, entry.order, entry.category) for entry in labels.annotations] == [
            (0, 0, None),
            (0, 1, None),
            (1, 1, 1),
            (2, 0, 0),
        ]
        assert labels.annotations[0].attributes == {"caption": "a cat"}
        assert labels.annotations[3].points == ((4.5, 4.5, 2), (0.0, 0.0, 0))
        assert labels.places == {0: 0, 1: 0, 2: 0}
        assert {source.label.split for source in found.sources} == {"val"}
        assert found.info.categories[0].point_names == ("nose", "tail")
        assert len(found.info.documents) == 3

    def test_that_give_a_picture_two_sizes_contradict_each_other(self, tmp_path: Path) -> None:
        files = {"a.json": one(), "b.json": coco([picture(1, "a.jpg", width=50)])}
        found = read(tmp_path, files, "a.jpg")
        assert found.problem("a.jpg") == (
            "labels.size_mismatch: b.json, images/0 (id 1): the size is 50 x 80, in a.json, images/0 (id 1) it is 100 x 80."
        )

    def test_of_several_splits_must_not_name_one_picture(self, tmp_path: Path) -> None:
        files = {"instances_train.json": one(), "instances_val.json": coco([picture(4, "a.jpg"), picture(5, "b.jpg")])}
        found = read(tmp_path, files, "images/a.jpg", "images/b.jpg")
        assert found.problem("images/a.jpg") == (
            "labels.two_splits: images/a.jpg is in train (instances_train.json, images/0 (id 1)) "
            "and in val (instances_val.json, images/0 (id 4))."
        )
        assert found.by_id["images/b.jpg"].problem is None

    def test_that_number_their_classes_differently_are_refused(self, tmp_path: Path) -> None:
        other = coco([picture(1, "b.jpg")], categories=[{"id": 1, "name": "horse"}])
        error = refusal(tmp_path, {"a.json": one(), "b.json": other}, "a.jpg", "b.jpg")
        assert error.stable_code == "labels.contradiction"


def problem(root: Path, text: str) -> str:
    found = read(root, {"x.json": text}, "a.jpg")
    return found.problem("a.jpg")


class TestProblems:
    @pytest.mark.parametrize(
        "box",
        [
            [math.nan, 0, 5, 5],
            [0, 0, math.inf, 5],
            [1e308, 0, 1e308, 5],
            [5, 5, -3, 4],
            [5, 5, 0, 4],
            [200, 5, 3, 4],
            ["1", 2, 3, 4],
        ],
    )
    def test_a_bad_box_costs_its_picture_and_no_other(self, tmp_path: Path, box: list[Any]) -> None:
        text = coco([picture(1, "a.jpg"), picture(2, "b.jpg")], [thing(1, 2), thing(8, 1, bbox=box)])
        found = read(tmp_path, {"x.json": text}, "a.jpg", "b.jpg")
        assert found.problem("a.jpg").startswith("labels.bad_box: x.json, annotations/1 (id 8): the bbox")
        assert found.boxes("b.jpg") == [(10, 20, 40, 60)]
        assert found.info.kinds == {"boxes": 1}

    def test_an_unknown_class_is_named_with_its_place(self, tmp_path: Path) -> None:
        assert problem(tmp_path, one(category_id=77)) == (
            "labels.unknown_class: x.json, annotations/0 (id 1): category_id 77 is in no list of categories of this file."
        )

    def test_a_file_without_classes_knows_none(self, tmp_path: Path) -> None:
        assert problem(tmp_path, one().replace("categories", "classes")).startswith("labels.unknown_class")

    def test_a_picture_that_is_listed_twice_is_named_with_both_places(self, tmp_path: Path) -> None:
        text = coco([picture(1, "a.jpg"), picture(2, "a.jpg")], [thing(1, 1), thing(2, 2)])
        assert problem(tmp_path, text) == ("labels.duplicate: x.json, images/1 (id 2): images/0 is the same picture.")

    def test_a_width_that_is_none_is_named(self, tmp_path: Path) -> None:
        text = coco([picture(1, "a.jpg", width=-5)])
        assert problem(tmp_path, text).startswith("labels.bad_value: x.json, images/0 (id 1): the width is -5")

    def test_run_lengths_of_another_picture_are_named(self, tmp_path: Path) -> None:
        text = one(segmentation={"size": [10, 10], "counts": [100]})
        assert problem(tmp_path, text).startswith("labels.size_mismatch: x.json, annotations/0 (id 1)")

    def test_an_entry_that_is_nested_deeply_is_a_problem(self, tmp_path: Path) -> None:
        deep = "[" * 200 + "]" * 200
        assert "deep" in problem(tmp_path, one(own=7).replace('"own": 7', f'"own": {deep}'))

    def test_so_is_one_that_can_be_read_but_not_from_within_more_calls(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        loads = json.loads

        def load(text: str) -> Any:
            if "deep" in text:
                raise RecursionError
            return loads(text)

        monkeypatch.setattr(json, "loads", load)
        expected = "labels.bad_value: x.json, annotations/0 (id 1): it is nested too deeply."
        assert problem(tmp_path, one(own="deep")) == expected


def labelled(found: ReadSet, identity: str) -> Any:
    labels = found.by_id[identity].labels
    assert labels is not None
    return labels


def test_what_is_said_of_a_picture_is_the_same_wherever_in_the_file_it_stands(tmp_path: Path) -> None:
    images, annotations = [picture(1, "a.jpg"), picture(2, "b.jpg")], [thing(1, 1), thing(2, 2), thing(3, 1)]
    names = ("a.jpg", "b.jpg", "c.jpg")
    before = read(tmp_path / "1", {"x.json": coco(images, annotations)}, *names)
    more = coco([picture(9, "c.jpg"), *reversed(images)], [thing(9, 9), annotations[1], annotations[0], annotations[2]])
    after = read(tmp_path / "2", {"x.json": more}, *names)
    assert labelled(before, "a.jpg") != labelled(after, "a.jpg")
    for name in ("a.jpg", "b.jpg"):
        assert digest_of_labels(labelled(before, name)) == digest_of_labels(labelled(after, name))
    changed = read(tmp_path / "3", {"x.json": coco(images, [thing(1, 1), thing(3, 1, score=1)])}, *names)
    assert digest_of_labels(labelled(changed, "a.jpg")) != digest_of_labels(labelled(before, "a.jpg"))


def test_a_folder_without_coco_files_is_refused(tmp_path: Path) -> None:
    error = refusal(tmp_path, {"x.json": "{}"}, "a.jpg")
    assert error.stable_code == "labels.none"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (one()[:-2], "labels.unreadable"),
        (one() + "}", "labels.unreadable"),
        (one().encode("utf-16"), "labels.encoding"),
        (one().encode() + b"\xff", "labels.encoding"),
        (coco([picture("a", "a.jpg")]), "labels.bad_id"),
        (coco([picture(1, "a.jpg"), picture(1, "b.jpg")]), "labels.duplicate_id"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_by_name(tmp_path: Path, text: str | bytes, code: str) -> None:
    error = refusal(tmp_path, {"labels/x.json": text}, "a.jpg")
    assert error.stable_code == code
    assert error.message.startswith("labels/x.json")


def test_a_mark_of_byte_order_is_allowed(tmp_path: Path) -> None:
    assert len(read(tmp_path, {"x.json": b"\xef\xbb\xbf" + one().encode()}, "a.jpg").boxes("a.jpg")) == 1


def test_categories_that_are_null_are_none(tmp_path: Path) -> None:
    found = read(tmp_path, {"x.json": coco([picture(1, "a.jpg")], categories=None)}, "a.jpg")
    assert found.info.categories == ()
    assert Coco().writer(found.info, keeps_layout=True, splits=(None,)).assembled() == ("x.json",)
