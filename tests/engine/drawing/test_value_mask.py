from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nfold.annotations import Category
from nfold.drawing.palette import class_colour
from nfold.drawing.value_mask import tint, values_of
from tests.engine.drawing.conftest import changed, grey

NAMED = [
    Category(name="background", raw={"value": 0}),
    Category(name="road", raw={"value": 7}),
    Category(name="sky", raw={"value": 3}),
]


def mask_of(*values: int, dtype: type = np.uint8) -> np.ndarray:
    """Columns of ten pixels, one for each value."""
    return np.repeat(np.array(values, dtype=dtype), 10)[None].repeat(20, axis=0)


def test_classes_are_told_by_the_value_they_name() -> None:
    found = {value.value: value for value in values_of(mask_of(0, 3, 7), NAMED)}
    assert (found[3].name, found[3].colour) == ("sky", class_colour(2))
    assert (found[7].name, found[7].colour) == ("road", class_colour(1))
    assert found[0].colour is None
    assert found[7].share == pytest.approx(1 / 3)


def test_no_class_is_guessed_from_a_place_in_a_list() -> None:
    found = values_of(mask_of(0, 1), [Category(name="aeroplane"), Category(name="bicycle")])
    assert [value.name for value in found] == ["background", "value 1"]


def test_255_is_ignored_in_8_bits_and_an_object_in_16() -> None:
    assert values_of(mask_of(0, 255), [])[1].is_ignored
    deep = values_of(mask_of(0, 255, dtype=np.uint16), [])[1]
    assert (deep.is_ignored, deep.name) == (False, None)
    named = values_of(mask_of(0, 255), [Category(name="edge", raw={"value": 255})])[1]
    assert (named.is_ignored, named.name) == (False, "edge")


def test_many_values_are_objects() -> None:
    assert all(value.name is None for value in values_of(mask_of(*range(1, 40)), []))


def test_a_class_at_0_that_is_no_background_is_tinted() -> None:
    assert values_of(mask_of(0), [Category(name="water", raw={"value": 0})])[0].colour == class_colour(0)


def test_colours_are_values_and_pure_blue_is_not_ignored() -> None:
    mask = np.zeros((4, 4, 3), np.uint8)
    mask[:2] = (0, 0, 255)
    blue = values_of(mask, [])[1]
    assert (blue.value, blue.is_ignored) == (255, False)


def test_each_value_gets_its_tint_and_the_background_none() -> None:
    picture = grey(30, 20)
    result = tint(picture, mask_of(0, 3, 7), NAMED)
    assert not changed(picture, result)[:, :10].any()
    for column, place in [(15, 2), (25, 1)]:
        expected = 128 * 0.58 + np.array(class_colour(place)) * 0.42
        assert np.abs(result[10, column] - expected).max() <= 1
    assert (picture == 128).all()


def test_edges_between_values_are_strong() -> None:
    result = tint(grey(30, 20), mask_of(0, 3, 7), NAMED).astype(int)
    sky = np.array(class_colour(2))
    assert np.abs(result[10, 10] - sky).max() < np.abs(result[10, 15] - sky).max()


def test_what_is_ignored_is_striped_in_grey() -> None:
    result = tint(grey(200, 200, 40), np.full((200, 200), 255, np.uint8), [])
    assert (result == result[..., :1]).all()
    assert len(np.unique(result)) == 2


@pytest.mark.parametrize("size", [(1, 1), (7, 5), (60, 40)])
def test_a_mask_is_brought_to_the_size_of_the_picture(size: tuple[int, int]) -> None:
    result = tint(grey(*size), mask_of(3, 7), NAMED)
    assert result.shape == (size[1], size[0], 3)


@given(
    arrays(
        st.sampled_from([np.uint8, np.uint16, np.int32, np.bool_]),
        st.one_of(
            st.tuples(st.integers(0, 6), st.integers(0, 6)),
            st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(1, 4)),
        ),
    )
)
def test_any_mask_can_be_laid_over_any_picture(mask: np.ndarray) -> None:
    assert tint(grey(9, 4), mask, NAMED).shape == (4, 9, 3)
    assert sum(value.share for value in values_of(mask, [])) == pytest.approx(1.0 if mask.size else 0.0)
