from __future__ import annotations

import pytest

from nfold.annotations.mirroring import check_swap, mirror_order, without_sides
from nfold.annotations.model import Category
from nfold.errors import UsageError

FACE = (
    "nose",
    "left_eye",
    "right_eye",
    "LeftEar",
    "RightEar",
    "L_hip",
    "R_hip",
    "mouth_left",
    "mouth_right",
    "left_foot",
)


def test_names_that_differ_in_left_and_right_alone_change_places() -> None:
    assert mirror_order(Category(name="person", point_names=FACE), {}) == (0, 2, 1, 4, 3, 6, 5, 8, 7, 9)


def test_words_that_only_begin_like_left_are_no_sides() -> None:
    names = ("leftover", "rightover", "copyright", "copyleft", "a", "b")
    assert mirror_order(Category(name="x", point_names=names), {}) is None


def test_what_the_data_set_says_comes_before_names_and_what_the_recipe_says_before_both() -> None:
    category = Category(name="x", point_names=("left", "right", "top", "bottom"), flip_index=(0, 1, 3, 2))
    assert mirror_order(category, {}) == (0, 1, 3, 2)
    assert mirror_order(category, {"left": "bottom", "bottom": "left"}) == (3, 1, 2, 0)
    assert mirror_order(category, {"other": "thing", "thing": "other"}) == (0, 1, 3, 2)


def test_points_without_names_and_pairs_stay_in_order() -> None:
    assert mirror_order(Category(name="x"), {}) is None
    assert mirror_order(Category(name="x", flip_index=(0, 1, 2)), {}) is None
    assert mirror_order(Category(name="x", flip_index=(1, 0)), {}) == (1, 0)


def test_a_swap_of_points_that_the_data_do_not_have_is_refused_by_name() -> None:
    categories = [Category(name="person", point_names=FACE)]
    check_swap({"left_eye": "right_eye", "right_eye": "left_eye"}, categories)
    check_swap({}, [])
    with pytest.raises(UsageError, match="'left_eey'") as caught:
        check_swap({"left_eey": "nose", "nose": "left_eey"}, categories)
    assert "left_eye" in (caught.value.hint or "")
    with pytest.raises(UsageError, match="do not have: 'a', 'b'"):
        check_swap({"a": "b", "b": "a"}, [Category(name="x")])


def test_a_swap_across_classes_is_refused() -> None:
    categories = [Category(name="cat", point_names=("ear",)), Category(name="dog", point_names=("tail",))]
    with pytest.raises(UsageError, match=r"'cat'.*ear: tail"):
        check_swap({"ear": "tail", "tail": "ear"}, categories)


def test_classes_of_which_nothing_says_what_changes_places_are_found() -> None:
    silent = Category(name="fly", point_names=("0", "1", "2"))
    told = [
        Category(name="person", point_names=FACE),
        Category(name="hand", point_names=("0", "1"), flip_index=(0, 1)),
        Category(name="ball", point_names=("middle",)),
        Category(name="box"),
    ]
    assert without_sides([silent, *told], {}) == [silent]
    assert without_sides([silent], {"other": "thing"}) == [silent]
    assert without_sides([silent], {"0": "1", "1": "0"}) == []
