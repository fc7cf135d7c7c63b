"""What is written for a copy: shapes of the kind they were, and numbers that agree with what pycocotools makes of them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as oracle

from nfold.annotations import Annotation
from nfold.annotations.rle import encode_rle, rle_runs
from nfold.formats.coco.shapes import bounds_of, copied_entry, new_entry, to_json
from tests.engine.formats.coco_files import decoded

PIXELS = np.zeros((80, 100), np.uint8)
PIXELS[10:30, 5:50] = 1
MASK = encode_rle(PIXELS)
RAW = {"id": 4, "image_id": 2, "category_id": 9, "score": 0.5, "iscrowd": 0}


def copied(raw: dict[str, Any], **shapes: Any) -> dict[str, Any]:
    return copied_entry(Annotation(raw={**RAW, **raw}, **shapes))


def area_by_oracle(rings: list[list[float]]) -> float:
    # Ten times as large, since pycocotools draws outlines a little too wide.
    large = [[10 * value for value in ring] for ring in rings]
    packed = oracle.merge(oracle.frPyObjects(large, 1000, 1000))
    return float(oracle.area(packed)) / 100


class TestCopies:
    def test_what_is_not_geometry_stays(self) -> None:
        assert copied({"attributes": {"a": [1]}}) == {**RAW, "attributes": {"a": [1]}}

    def test_a_key_that_was_not_there_is_not_added(self) -> None:
        entry = copied({}, box=(1, 2, 3, 4), rings=((1, 2, 3, 2, 3, 4),), points=((1, 1, 2),))
        assert entry == RAW

    def test_places_that_are_not_varied_are_left_out(self) -> None:
        entry = copied({"face_box": [1, 2, 3, 4], "dp_I": [1], "segments_info": [], "lefthand_kpts": [1]})
        assert entry == RAW

    def test_a_box_is_written_by_its_edges_to_hundredths(self) -> None:
        entry = copied({"bbox": [0, 0, 5, 5]}, box=(10.333333, 0.0, 50.458333, 80.0))
        assert entry["bbox"] == [10.33, 0.0, 40.13, 80.0]

    @given(st.floats(0, 99.9), st.floats(0.01, 100))
    def test_a_written_box_is_never_empty_and_hardly_beyond_the_picture(self, left: float, width: float) -> None:
        right = min(left + width, 100.0)
        x, _, wide, _ = copied({"bbox": [0, 0, 5, 5]}, box=(left, 0.0, right, 80.0))["bbox"]
        assert wide >= 0.01
        assert x >= 0
        assert x + wide <= 100.0 + 0.01

    def test_without_a_box_it_goes_round_what_is_there_and_never_stays_the_old_one(self) -> None:
        assert copied({"bbox": [0, 0, 5, 5]}, mask=MASK)["bbox"] == [5, 10, 45, 20]
        assert copied({"bbox": [0, 0, 5, 5]})["bbox"] == []

    def test_outlines_stay_outlines_part_by_part(self) -> None:
        rings = ((1.0, 2.0, 30.555, 2.0, 30.0, 40.0), (50.0, 50.0, 60.0, 50.0, 60.0, 60.0))
        entry = copied({"segmentation": [[0, 0, 1, 0, 1, 1]]}, rings=rings)
        assert entry["segmentation"] == [[1.0, 2.0, 30.55, 2.0, 30.0, 40.0], [50.0, 50.0, 60.0, 50.0, 60.0, 60.0]]

    def test_packed_run_lengths_stay_packed_and_plain_ones_plain(self) -> None:
        packed = copied({"segmentation": {"size": [1, 1], "counts": "x", "own": 1}}, mask=MASK)["segmentation"]
        assert packed == {"size": [80, 100], "counts": MASK.counts, "own": 1}
        plain = copied({"segmentation": {"size": [1, 1], "counts": [1]}}, mask=MASK)["segmentation"]
        assert plain == {"size": [80, 100], "counts": rle_runs(MASK)}
        assert np.array_equal(decoded(oracle.frPyObjects(plain, 80, 100)), PIXELS)

    def test_points_are_written_as_centres_and_lost_ones_as_zeros(self) -> None:
        points = ((0.5, 0.5, 2), (0.0, 0.0, 0), (12.345, 79.5, 1))
        entry = copied({"keypoints": [9] * 9, "num_keypoints": 3}, points=points)
        assert entry["keypoints"] == [0, 0, 2, 0, 0, 0, 11.85, 79, 1]
        assert entry["num_keypoints"] == 2
        assert "num_keypoints" not in copied({"keypoints": [9] * 9}, points=points)


class TestArea:
    def test_of_a_mask_it_is_its_pixels(self) -> None:
        entry = copied({"area": 7, "segmentation": {"size": [1, 1], "counts": "x"}}, mask=MASK)
        assert entry["area"] == oracle.area({"size": [80, 100], "counts": MASK.counts.encode()}) == 900

    def test_of_a_box_it_grows_as_the_box_does(self) -> None:
        assert copied({"area": 50, "bbox": [0, 0, 10, 10]}, box=(0, 0, 20, 10))["area"] == 100
        assert copied({"area": 50.5})["area"] == 50.5

    @pytest.mark.parametrize("former", [[0, 0, 1e-300, 5], [0, 0, 1e-200, 1e-200], []])
    def test_a_former_box_of_no_size_gives_no_infinite_area(self, former: list[float]) -> None:
        to_json(copied({"area": 5e8, "bbox": former}, box=(0, 0, 20, 10)))

    def test_what_is_no_number_stays(self) -> None:
        assert copied({"area": None}, box=(0, 0, 20, 10))["area"] is None

    @settings(max_examples=50, deadline=None)
    @given(
        st.lists(
            st.lists(st.integers(0, 99), min_size=6, max_size=6).map(lambda values: [float(v) for v in values]),
            min_size=1,
            max_size=4,
        )
    )
    def test_of_triangles_that_may_overlap_it_is_that_of_their_union(self, rings: list[list[float]]) -> None:
        area = copied({"area": 1, "segmentation": rings}, rings=tuple(map(tuple, rings)))["area"]
        expected = area_by_oracle(rings)
        assert area == pytest.approx(expected, abs=8 + 0.02 * expected)

    def test_a_part_within_another_adds_nothing(self) -> None:
        rings = ((0.0, 0.0, 10.0, 0.0, 10.0, 10.0, 0.0, 10.0), (2.0, 2.0, 4.0, 2.0, 4.0, 4.0, 2.0, 4.0))
        assert copied({"area": 1, "segmentation": [[1]]}, rings=rings)["area"] == pytest.approx(100)


class TestNewEntries:
    def test_a_box_of_another_format(self) -> None:
        entry = new_entry(Annotation(category=2, box=(1, 2, 11, 22), attributes={"difficult": True}))
        assert entry == {
            "category_id": 3,
            "bbox": [1, 2, 10, 20],
            "area": 200,
            "segmentation": [],
            "iscrowd": 0,
            "attributes": {"difficult": True},
        }

    def test_an_oriented_box_becomes_an_outline(self) -> None:
        entry = new_entry(Annotation(category=0, corners=(10, 0, 20, 10, 10, 20, 0, 10)))
        assert entry["segmentation"] == [[10, 0, 20, 10, 10, 20, 0, 10]]
        assert entry["bbox"] == [0, 0, 20, 20]
        assert entry["area"] == 200

    def test_a_mask_is_packed(self) -> None:
        entry = new_entry(Annotation(category=0, mask=MASK, crowd=True))
        assert entry["segmentation"] == {"size": [80, 100], "counts": MASK.counts}
        assert (entry["bbox"], entry["area"], entry["iscrowd"]) == ([5, 10, 45, 20], 900, 1)

    def test_points_alone_have_a_box_round_those_that_are_labelled(self) -> None:
        entry = new_entry(Annotation(category=0, points=((10.5, 20.5, 2), (0, 0, 0), (30.5, 25.5, 1))))
        assert entry["keypoints"] == [10, 20, 2, 0, 0, 0, 30, 25, 1]
        assert entry["num_keypoints"] == 2
        assert entry["bbox"] == [10.5, 20.5, 20, 5]

    def test_a_class_alone_has_no_box(self) -> None:
        assert new_entry(Annotation(category=0)) == {"category_id": 1}

    def test_an_attribute_that_is_no_number_does_not_break_the_file(self) -> None:
        attributes = {"score": float("nan"), "deep": [float("inf")]}
        entry = new_entry(Annotation(box=(0, 0, 1, 1), attributes=attributes))
        assert json.loads(to_json(entry))["attributes"] == {"score": None, "deep": [None]}
        assert attributes["deep"] == [float("inf")]


def test_bounds_are_those_of_the_best_shape_that_is_known() -> None:
    everything = Annotation(mask=MASK, rings=((0, 0, 9, 0, 9, 9),), points=((1, 1, 2),))
    assert bounds_of(everything) == (5, 10, 50, 30)
    assert bounds_of(replace(everything, mask=None)) == (0, 0, 9, 9)
    assert bounds_of(replace(everything, mask=None, rings=())) == (1, 1, 1, 1)
    assert bounds_of(Annotation()) is None


@given(st.text())
def test_text_is_written_as_it_is_and_half_characters_as_escapes(text: str) -> None:
    line = to_json({"name": text, "half": "\ud800"})
    line.encode()
    assert json.loads(line) == {"name": text, "half": "\ud800"}
    assert to_json("Äpfel") == '"Äpfel"'


def test_a_number_that_is_none_is_never_written() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        to_json({"area": float("nan")})
