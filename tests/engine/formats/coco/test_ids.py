"""Ids of copies: their own, the same on every run, and never larger than every reader keeps."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nfold.errors import InputError
from nfold.formats.coco.ids import LARGEST_ID, IdSteps, steps_for, whole_number

identities = st.integers(0, 10**9)


@given(identities, identities)
def test_a_step_is_a_power_of_ten_at_least_a_thousand_times_the_largest_id(image: int, annotation: int) -> None:
    steps = steps_for(image, annotation)
    for step, largest in ((steps.image, image), (steps.annotation, annotation)):
        assert set(str(step)) <= {"1", "0"}
        assert str(step).count("1") == 1
        assert step >= 1000 * max(largest, 1)
        assert step == 1000 or step < 10_000 * largest
    steps.check(image, annotation)


@given(st.lists(identities, unique=True, max_size=6), st.integers(1, 20))
def test_no_two_copies_have_one_id(listed: list[int], copies: int) -> None:
    steps = steps_for(max(listed, default=0), 0)
    found = [steps.image_id(copy, identity) for copy in range(copies + 1) for identity in listed]
    assert len(set(found)) == len(found)
    assert found[: len(listed)] == listed


def test_a_copy_has_the_id_of_its_source_at_the_end() -> None:
    steps = steps_for(581_929, 1_768)
    assert (steps.image, steps.annotation) == (10**9, 10**7)
    assert steps.image_id(3, 581_929) == 3_000_581_929
    assert steps.annotation_id(12, 7) == 120_000_007


def test_steps_that_were_recorded_are_used_again_as_long_as_ids_are_below_them() -> None:
    first = steps_for(5, 9)
    again = steps_for(900, 9_000, {"format": "coco", **first.to_conventions()})
    assert again == first == IdSteps(image=10_000, annotation=10_000)
    again.check(900, 9_000)
    with pytest.raises(InputError, match=r"largest annotation id is 10000, but .* begin at 10000") as caught:
        again.check(900, 10_000)
    assert caught.value.stable_code == "labels.ids_outgrown"
    assert "new folder" in str(caught.value.hint)


@pytest.mark.parametrize("value", [None, "1000", -5, 0, 1.5, True, []])
def test_a_recorded_step_that_is_none_is_not_used(value: Any) -> None:
    assert steps_for(5, 5, {"image_id_step": value}) == steps_for(5, 5)


def test_an_id_beyond_what_every_reader_keeps_is_refused_with_what_would_be_possible() -> None:
    steps = steps_for(10**11, 1)
    steps.check(10**11, 1)
    assert steps.image_id(90, 5) == 90 * 10**14 + 5
    with pytest.raises(InputError, match=r"Copy 91 of image 5 .*larger than 2\*\*53") as caught:
        steps.image_id(91, 5)
    assert caught.value.stable_code == "labels.id_too_large"
    assert caught.value.hint == "Give the images smaller ids, or make at most 90 copies."
    with pytest.raises(InputError) as none_possible:
        steps_for(10**13, 1).check(10**13, 1)
    assert none_possible.value.hint == "Give the images smaller ids."


def test_ids_are_whole_numbers_however_they_are_written() -> None:
    assert [whole_number(value) for value in (5, 5.0, 0, -3)] == [5, 5, 0, -3]
    no_ids: list[Any] = [5.5, True, "5", None, [5], float("nan"), float("inf"), 1e300, float(LARGEST_ID) * 4]
    assert [whole_number(value) for value in no_ids] == [None] * len(no_ids)
