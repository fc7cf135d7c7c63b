from __future__ import annotations

import json
from typing import Any

import pytest

from nfold.errors import InputError
from nfold.formats.json_records import (
    class_in,
    is_number,
    name_in,
    numbers_in,
    parse_record,
    record_text,
    scaled_area,
    size_in,
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no valid JSON"),
        ('{"a": 1', "no valid JSON"),
        ("[1]", "no JSON object"),
        ("7", "no JSON object"),
        ('{"a": ' + "9" * 5000 + "}", "too many digits"),
        ('{"a": ' + "[" * 150 + "]" * 150 + "}", "nested too deeply"),
        ('{"a": ' + "[" * 100_000, "nested too deeply"),
    ],
)
def test_what_is_no_record_is_refused_with_its_place(text: str, words: str) -> None:
    with pytest.raises(InputError, match=f"^x.jsonl, line 3: .*{words}") as caught:
        parse_record(text, "x.jsonl, line 3")
    assert caught.value.stable_code == "labels.unreadable"


@pytest.mark.parametrize(
    "value", [{"a": "é"}, {"a": "\ud800 é"}, {"a": float("nan")}, {"a": 10**30, "b": [1.5, None, True]}]
)
@pytest.mark.parametrize("like", ["ascii", "é"])
def test_a_record_is_one_line_of_utf_8_that_says_the_same(value: Any, like: str) -> None:
    text = record_text(value, like)
    assert "\n" not in text
    assert repr(json.loads(text.encode("utf-8"))) == repr(value)


def test_letters_are_written_as_they_were() -> None:
    assert record_text({"a": "é"}, "é") == '{"a": "é"}'
    assert record_text({"a": "é"}, "plain") == '{"a": "\\u00e9"}'


def test_names_are_texts_that_a_file_could_have() -> None:
    assert name_in(" a.jpg ") == "a.jpg"
    assert [name_in(value) for value in ("", "  ", None, 3, ["a"], "a\0b", "\ud800")] == [None] * 7


def test_classes_are_texts_or_whole_numbers() -> None:
    assert [class_in(value) for value in ("cat", 0, -3)] == ["cat", "0", "-3"]
    assert [class_in(value) for value in (True, 1.0, None, [], 10**400)] == [None] * 5


def test_numbers_are_finite_and_no_truth_values() -> None:
    assert numbers_in([1, 2.5]) == (1.0, 2.5)
    assert [numbers_in(value) for value in ("12", [True], ["1"], [float("inf")], [float("nan")], None)] == [None] * 6
    assert not is_number(10**400)


def test_a_size_is_two_whole_numbers_of_pixels() -> None:
    assert size_in({"width": 3, "height": 4}) == (3, 4)
    for record in (
        {},
        {"width": 3},
        {"width": 3.0, "height": 4},
        {"width": True, "height": 4},
        {"width": 0, "height": 4},
    ):
        assert size_in(record) is None


def test_an_area_grows_with_its_box() -> None:
    assert scaled_area(100, 0.5) == 50
    assert scaled_area(100.0, 0.333) == 33.3
    assert scaled_area(None, 2) is None
    assert scaled_area("big", 2) == "big"
