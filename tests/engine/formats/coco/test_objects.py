"""An annotation is brought into the neutral form exactly, or refused with what is wrong in it."""

from __future__ import annotations

import json
import math
from collections import Counter
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as oracle

from nfold.annotations import Annotation
from nfold.annotations.rle import decode_rle
from nfold.errors import SampleError
from nfold.formats.coco.categories import Categories
from nfold.formats.coco.objects import (
    BEYOND_EDGE,
    NO_GEOMETRY,
    NOT_A_NUMBER,
    SHORT_OUTLINE,
    frame_of,
    mend_numbers,
    shown,
    to_annotation,
)

FRAME = (100, 80)


def take(
    entry: dict[str, Any], *, frame: tuple[int, int] | None = FRAME, points: tuple[str, ...] = ()
) -> tuple[Annotation, Counter[str]]:
    categories, repairs = Categories(), Counter[str]()
    categories.add_document(0, "a.json", [{"id": 7, "name": "cat", "keypoints": list(points)}])
    annotation = to_annotation(
        {"id": 1, "image_id": 1, "category_id": 7, **entry},
        document=0,
        order=4,
        frame_wh=frame,
        categories=categories,
        repairs=repairs,
    )
    return annotation, repairs


def refusal(entry: dict[str, Any], **options: Any) -> SampleError:
    with pytest.raises(SampleError) as caught:
        take(entry, **options)
    assert caught.value.hint
    assert len(caught.value.message) < 200
    return caught.value


@pytest.mark.parametrize("entry", [{}, {"bbox": []}, {"bbox": None, "segmentation": [], "keypoints": []}])
def test_an_annotation_without_any_geometry_is_kept_and_told(entry: dict[str, Any]) -> None:
    annotation, repairs = take(entry)
    assert annotation.category == 0
    assert repairs == {NO_GEOMETRY: 1}


@pytest.mark.parametrize(
    "entry",
    [
        {"caption": "a cat"},
        {"bbox": [1, 2, 3, 4]},
        {"segmentation": [[1, 1, 9, 1, 9, 9]]},
        {"segmentation": {"size": [80, 100], "counts": [8000]}},
    ],
)
def test_captions_and_what_has_a_place_are_not(entry: dict[str, Any]) -> None:
    assert not take(entry)[1]


class TestBoxes:
    def test_edges_are_edges_to_the_last_digit(self) -> None:
        annotation, repairs = take({"bbox": [10.333333, 0, 40.125, 80]})
        assert annotation.box == (10.333333, 0, 10.333333 + 40.125, 80)
        assert (annotation.category, annotation.document, annotation.order) == (0, 0, 4)
        assert not repairs

    @pytest.mark.parametrize("box", [None, []])
    def test_there_need_be_none(self, box: Any) -> None:
        assert take({"bbox": box})[0].box is None

    @pytest.mark.parametrize(
        "box",
        [
            [0, 0, 0, 5],
            [0, 0, 5, 0],
            [5, 5, -2, 3],
            [0, 0, math.nan, 5],
            [math.nan, 0, 5, 5],
            [0, 0, math.inf, 5],
            [-math.inf, 0, 5, 5],
            [1e308, 0, 1e308, 5],
            [0, 0, 10**400, 5],
            [1e6, 0, 1e-12, 5],
            [0, 0, 5],
            [0, 0, 5, 5, 0.3],
            ["0", 0, 5, 5],
            [None, 0, 5, 5],
            [True, 0, 5, 5],
            [[0], 0, 5, 5],
            {"x": 0},
            "0 0 5 5",
            7,
            [100, 0, 5, 5],
            [0, 80, 5, 5],
            [-5, 0, 5, 5],
        ],
    )
    def test_what_is_no_box_in_the_picture_is_refused(self, box: Any) -> None:
        assert refusal({"bbox": box}).stable_code == "labels.bad_box"

    @pytest.mark.parametrize("box", [[-1, 0, 50, 50], [0, -0.5, 5, 5], [90, 0, 11, 5], [0, 70, 5, 10.1]])
    def test_one_that_stands_out_is_legal_and_counted(self, box: list[float]) -> None:
        annotation, repairs = take({"bbox": box})
        assert annotation.box is not None
        assert repairs == {BEYOND_EDGE: 1}
        assert not take({"bbox": box}, frame=None)[1]

    def test_what_rounding_does_is_not_counted(self) -> None:
        assert not take({"bbox": [-0.005, 0, 100.01, 80]})[1]


class TestOutlines:
    def test_several_rings_stay_several_and_in_order(self) -> None:
        rings = [[1, 2, 30.5, 2, 30.5, 40.25], [50, 50, 60, 50, 60, 60, 50, 60]]
        annotation, _ = take({"segmentation": rings})
        assert annotation.rings == tuple(tuple(map(float, ring)) for ring in rings)
        assert annotation.mask is None

    def test_a_ring_of_two_corners_is_left_out_of_copies_and_counted(self) -> None:
        annotation, repairs = take({"segmentation": [[1, 2, 3, 4], [1, 1, 5, 1, 5, 5], []]})
        assert len(annotation.rings) == 1
        assert repairs == {SHORT_OUTLINE: 2}
        assert annotation.raw["segmentation"][0] == [1, 2, 3, 4]

    @pytest.mark.parametrize(
        "value",
        [
            [[1, 2, 3, 4, 5]],
            [1, 2, 3, 4, 5, 6],
            [[1, 2, 3, math.nan, 5, 6]],
            [[1, 2, 3, 1e308, 5, 6]],
            [[1, 2, "3", 4, 5, 6]],
            [[[1, 2], [3, 4], [5, 6]]],
            "outline",
            5,
            math.nan,
        ],
    )
    def test_what_is_no_outline_is_refused(self, value: Any) -> None:
        assert refusal({"segmentation": value}).stable_code == "labels.bad_value"


class TestPixels:
    mask = np.zeros((80, 100), np.uint8)
    mask[10:30, 5:50] = 1

    def test_packed_run_lengths_stay_as_they_are(self) -> None:
        packed = oracle.encode(np.asfortranarray(self.mask))
        counts = packed["counts"].decode()
        annotation, _ = take({"segmentation": {"size": [80, 100], "counts": counts}, "iscrowd": 1})
        assert annotation.mask is not None
        assert annotation.mask.counts == counts
        assert annotation.crowd
        assert np.array_equal(decode_rle(annotation.mask), self.mask == 1)

    def test_plain_run_lengths_are_the_same_pixels(self) -> None:
        flat = self.mask.T.reshape(-1)
        ends = [0, *(np.flatnonzero(np.diff(flat)) + 1).tolist(), len(flat)]
        plain = {"size": [80, 100], "counts": [b - a for a, b in pairwise(ends)]}
        annotation, _ = take({"segmentation": plain})
        assert annotation.mask is not None
        assert annotation.mask.counts == oracle.frPyObjects(plain, 80, 100)["counts"].decode()
        assert annotation.raw["segmentation"] == plain

    @pytest.mark.parametrize(
        ("value", "code"),
        [
            ({"size": [80, 100], "counts": [8001]}, "labels.bad_value"),
            ({"size": [80, 100], "counts": [4000, -1, 4001]}, "labels.bad_value"),
            ({"size": [80, 100], "counts": [4000.0, 4000.0]}, "labels.bad_value"),
            ({"size": [80, 100], "counts": [10**30]}, "labels.bad_value"),
            ({"size": [80, 100], "counts": "???"}, "labels.bad_value"),
            ({"size": [80, 100], "counts": "é"}, "labels.bad_value"),
            ({"size": [80, 100], "counts": "o" * 50}, "labels.bad_value"),
            ({"size": [80, 100], "counts": None}, "labels.bad_value"),
            ({"size": [80, 100]}, "labels.bad_value"),
            ({"counts": [8000]}, "labels.bad_value"),
            ({"size": [80, -100], "counts": [8000]}, "labels.bad_value"),
            ({"size": "80x100", "counts": [8000]}, "labels.bad_value"),
            ({"size": [True, 8000], "counts": [8000]}, "labels.bad_value"),
            ({"size": [100, 80], "counts": [8000]}, "labels.size_mismatch"),
        ],
    )
    def test_damaged_ones_and_those_of_another_picture_are_refused(self, value: Any, code: str) -> None:
        assert refusal({"segmentation": value}).stable_code == code

    def test_a_mask_of_an_absurd_size_is_refused_without_being_made(self) -> None:
        refusal({"segmentation": {"size": [10**6, 10**6], "counts": [10**12]}}, frame=None)


class TestPoints:
    names = ("nose", "tail")

    def test_points_are_centres_of_pixels(self) -> None:
        annotation, _ = take({"keypoints": [0, 0, 2, 99, 79.25, 1]}, points=self.names)
        assert annotation.points == ((0.5, 0.5, 2), (99.5, 79.75, 1))

    @pytest.mark.parametrize("lost", [[0, 0, 0], [math.nan, 0, 0], [None, None, 0], [12, 13, 0]])
    def test_what_is_not_labelled_has_no_place(self, lost: list[Any]) -> None:
        annotation, _ = take({"keypoints": [1, 1, 2, *lost]}, points=self.names)
        assert annotation.points[1] == (0.0, 0.0, 0)

    @pytest.mark.parametrize(
        "value",
        [
            [1, 1],
            [1, 1, 2],
            [1, 1, 2, 3, 3, 3],
            [1, 1, 2, 3, 3, None],
            [1, 1, 2, 3, math.nan, 2],
            [1, 1, 2, 3, 1e308, 2],
            [1, 1, 2, "3", 3, 2],
            [1, 1, 2, 3, 3, True],
            {"nose": [1, 1]},
            "points",
        ],
    )
    def test_what_is_no_list_of_points_of_the_class_is_refused(self, value: Any) -> None:
        assert refusal({"keypoints": value}, points=self.names).stable_code == "labels.bad_value"

    def test_points_without_a_class_are_refused(self) -> None:
        assert "no category" in refusal({"keypoints": [1, 1, 2], "category_id": None}).message

    def test_a_class_without_names_gets_as_many_as_its_first_object_has(self) -> None:
        assert len(take({"keypoints": [1, 1, 2] * 4})[0].points) == 4


@pytest.mark.parametrize("identity", [8, "7", 7.5, True, [7], math.nan, math.inf, 10**400])
def test_a_class_that_is_not_in_the_list_is_refused(identity: Any) -> None:
    error = refusal({"category_id": identity})
    assert error.stable_code == "labels.unknown_class"
    assert "in no list of categories" in error.message


def test_a_class_may_be_missing_or_written_as_tables_do() -> None:
    assert take({"category_id": None, "caption": "a cat"})[0].category is None
    assert take({"category_id": 7.0})[0].category == 0


@pytest.mark.parametrize("crowd", [2, "1", [], math.nan, {}])
def test_crowd_is_yes_or_no(crowd: Any) -> None:
    assert "iscrowd" in refusal({"iscrowd": crowd}).message


def test_unknown_keys_are_kept_and_told_as_attributes() -> None:
    extra = {"score": 0.5, "attributes": {"occluded": True}, "caption": "é", "deep": {"a": [1, {"b": None}]}}
    annotation, repairs = take({"bbox": [1, 1, 5, 5], "area": 25, "face_box": [1, 2, 3, 4], **extra})
    assert annotation.attributes == {"score": 0.5, "occluded": True, "caption": "é", "deep": extra["deep"]}
    assert {key: annotation.raw[key] for key in extra} == extra
    assert annotation.raw["face_box"] == [1, 2, 3, 4]
    assert not repairs


def test_what_is_no_number_beside_the_geometry_becomes_null_and_is_counted() -> None:
    annotation, repairs = take(
        {"bbox": [1, 1, 5, 5], "score": math.nan, "area": math.inf, "deep": {"a": [1, -math.inf]}}
    )
    assert annotation.raw["score"] is annotation.raw["area"] is None
    assert annotation.raw["deep"] == {"a": [1, None]}
    assert repairs == {NOT_A_NUMBER: 3}
    json.dumps(annotation.raw, allow_nan=False)


def test_an_area_beyond_all_bounds_is_refused() -> None:
    assert "area" in refusal({"area": 10**400}).message


def test_what_is_nested_without_end_is_refused() -> None:
    value: Any = 1
    for _ in range(100):
        value = [value]
    assert "deep" in refusal({"attributes": {"a": value}}).message


class TestFrames:
    def test_width_and_height_as_numbers_or_unknown(self) -> None:
        assert frame_of({"width": 640, "height": 480.0}) == (640, 480)
        assert frame_of({"width": 640}) is None
        assert frame_of({"width": None, "height": 5}) is None
        assert frame_of({"width": 0, "height": 0}) is None

    @pytest.mark.parametrize("side", [-1, 0.5, "640", True, False, [640], 1e308, 10**400, math.nan, 10**8])
    def test_what_is_no_number_of_pixels_is_refused(self, side: Any) -> None:
        with pytest.raises(SampleError, match="the height is"):
            frame_of({"width": 640, "height": side})


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
KEYS = ("category_id", "bbox", "segmentation", "keypoints", "area", "iscrowd", "attributes", "score", "face_box")


@given(st.dictionaries(st.sampled_from(KEYS), anything))
def test_whatever_stands_in_an_annotation_ends_in_a_plain_error_or_in_clean_numbers(entry: dict[str, Any]) -> None:
    try:
        annotation, _ = take(entry)
    except SampleError as error:
        assert error.stable_code.startswith("labels.")  # noqa: PT017 - either is right
        return
    json.dumps(annotation.raw, allow_nan=False)
    assert annotation.box is None or all(map(math.isfinite, annotation.box))


@given(anything)
def test_a_value_in_a_message_is_short_and_printable(value: Any) -> None:
    assert len(shown(value)) < 400
    shown(value).encode()


def test_a_clean_value_stays_the_same_object() -> None:
    value = {"a": [1, 2.5, "x", {"b": None}]}
    repairs = Counter[str]()
    assert mend_numbers(value, repairs) is value
    assert not repairs
