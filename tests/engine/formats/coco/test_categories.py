"""Classes of several files become one list; contradictions are named with both places."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nfold.errors import InputError
from nfold.formats.coco.categories import FLIP_KEYS, Categories


def classes(*lists: Any) -> Categories:
    found = Categories()
    for number, entries in enumerate(lists):
        found.add_document(number, f"{'ab'[number]}.json", entries)
    return found


def refusal(*lists: Any) -> InputError:
    with pytest.raises(InputError) as caught:
        classes(*lists)
    assert caught.value.hint
    return caught.value


def person(**more: Any) -> dict[str, Any]:
    return {"id": 1, "name": "person", "keypoints": ["nose", "left_eye", "right_eye"], **more}


def test_ids_may_have_gaps_and_any_order() -> None:
    found = classes([{"id": 90, "name": "c"}, {"id": 1, "name": "a"}, {"id": 5.0, "name": "b"}])
    assert [category.name for category in found.listed()] == ["c", "a", "b"]
    assert [found.index(0, identity) for identity in (90, 1, 5, 2)] == [0, 1, 2, None]
    assert found.has_list(0)
    assert not found.has_list(1)


def test_unknown_keys_stay_with_a_class() -> None:
    entry = {"id": 1, "name": "cat", "supercategory": "animal", "skeleton": [[1, 2]], "colour": "#fff"}
    assert classes([entry]).listed()[0].raw == entry


def test_files_may_list_the_same_classes_and_others() -> None:
    found = classes([{"id": 1, "name": "cat"}], [{"id": 2, "name": "dog"}, {"id": 1, "name": "cat"}])
    assert [category.name for category in found.listed()] == ["cat", "dog"]
    assert (found.index(0, 1), found.index(1, 1), found.index(1, 2), found.index(0, 2)) == (0, 0, 1, None)


def test_key_points_of_one_file_belong_to_the_class_of_that_name_in_all() -> None:
    found = classes([{"id": 1, "name": "person"}], [person()])
    assert found.listed()[0].point_names == ("nose", "left_eye", "right_eye")
    assert classes([person()], [{"id": 1, "name": "person"}]).listed() == found.listed()
    assert found.point_count(0) == 3


def test_two_ids_of_one_name_are_one_class() -> None:
    found = classes([{"id": 0, "name": "tree"}, {"id": 1, "name": "tree"}])
    assert len(found.listed()) == 1
    assert found.index(0, 0) == found.index(0, 1) == 0


def test_an_id_that_means_two_things_in_two_files_is_refused_naming_both() -> None:
    error = refusal([{"id": 1, "name": "cat"}], [{"id": 1, "name": "dog"}])
    assert error.message == "Category 1 is 'cat' in a.json and 'dog' in b.json."
    assert error.stable_code == "labels.contradiction"


def test_other_key_points_for_one_name_are_refused() -> None:
    error = refusal([person()], [person(keypoints=["nose"])])
    assert error.message.startswith("b.json, categories/0: 'person' has other key points")


def test_an_id_that_stands_twice_in_a_file_is_refused() -> None:
    error = refusal([{"id": 3, "name": "cat"}, {"id": 3, "name": "cat"}])
    assert error.message == "a.json, categories/1: id 3 stands there twice."


@pytest.mark.parametrize(
    "entries",
    [
        {"1": "cat"},
        "cat",
        [1],
        [{"name": "cat"}],
        [{"id": "1", "name": "cat"}],
        [{"id": True, "name": "cat"}],
        [{"id": 1.5, "name": "cat"}],
        [{"id": 1}],
        [{"id": 1, "name": ""}],
        [{"id": 1, "name": 7}],
        [{"id": 1, "name": "\ud800"}],
        [person(keypoints="nose")],
        [person(keypoints=["nose", 3])],
        [person(keypoints=["\udfff"])],
    ],
)
def test_a_list_that_cannot_be_used_is_refused_with_its_place(entries: Any) -> None:
    error = refusal(entries)
    assert error.stable_code == "labels.bad_category"
    assert error.message.startswith("a.json, categories")
    error.message.encode()


def test_points_that_nobody_named_are_numbered_once_they_were_seen() -> None:
    found = classes([{"id": 1, "name": "cat"}])
    assert found.point_count(0) is None
    assert found.point_count(None) is None
    found.note_point_count(0, 2)
    found.note_point_count(0, 5)
    assert found.point_count(0) == 2
    assert found.listed()[0].point_names == ("point1", "point2")


class TestFlipIndex:
    @pytest.mark.parametrize("key", FLIP_KEYS)
    def test_it_is_read_under_each_name_in_use(self, key: str) -> None:
        assert classes([person(**{key: [0, 2, 1]})]).listed()[0].flip_index == (0, 2, 1)

    def test_without_one_nothing_is_said(self) -> None:
        assert classes([person()]).listed()[0].flip_index is None

    @given(st.permutations(range(6)))
    def test_only_an_exchange_of_pairs_is_taken_and_else_entries_are_named(self, order: list[int]) -> None:
        names = [f"p{number}" for number in range(6)]
        entry = {"id": 1, "name": "fly", "keypoints": names, "flip_index": order}
        wrong = [index for index in range(6) if order[order[index]] != index]
        if not wrong:
            assert classes([entry]).listed()[0].flip_index == tuple(order)
            return
        error = refusal([entry])
        assert error.stable_code == "labels.bad_flip_index"
        first = wrong[0]
        assert f"entry {first} ('p{first}') is {order[first]}" in error.message

    @pytest.mark.parametrize("flips", [[0, 1], [0, 1, 3], [0, 1, -1], [0, 1, "2"], [0, 1, True], "012", 5, [0, 1, 2.0]])
    def test_what_is_no_list_of_places_is_refused(self, flips: Any) -> None:
        error = refusal([person(flip_index=flips)])
        assert error.stable_code == "labels.bad_flip_index"
        assert error.message.startswith("a.json, categories/0 'person': flip_index")


def test_more_classes_than_are_read_are_refused_with_their_number() -> None:
    error = refusal([{"id": number, "name": f"c{number}"} for number in range(100_000)])
    assert error.stable_code == "labels.too_many_classes"
    assert "more than 65,536 different classes; there are 100,000 categories in all" in error.message
