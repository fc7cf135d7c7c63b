from __future__ import annotations

from typing import Any

import pytest

from nfold.recipe.values import check_value, expected

RANGE = {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "integer"}], "minItems": 2, "maxItems": 2}
EITHER = {"anyOf": [RANGE, {"type": "integer", "minimum": 0}, {"type": "null"}]}


@pytest.mark.parametrize("value", [3, 0, None, [1, 2], 3.0])
def test_a_fitting_value_has_no_problems(value: Any) -> None:
    assert check_value(value, EITHER, "/x") == []


@pytest.mark.parametrize(
    ("value", "pointer", "message"),
    [
        (-1, "/x", "-1 is too small: the smallest value is 0."),
        ([1, "2"], "/x/1", "'2' is not a whole number."),
        (True, "/x", "true is not a list of 2 whole numbers or a whole number or null."),
        ({"a": 1}, "/x", "A mapping is not a list of 2 whole numbers or a whole number or null."),
    ],
)
def test_the_problem_is_that_of_the_form_that_was_meant(value: Any, pointer: str, message: str) -> None:
    (problem,) = check_value(value, EITHER, "/x")
    assert (problem.pointer, problem.message) == (pointer, message)


def test_a_number_in_quotes_gets_a_hint() -> None:
    (problem,) = check_value("0.5", {"type": "number"}, "/x")
    assert problem.hint == "Leave the quotes away: it is text, and a number is needed."


def test_a_word_that_is_nearly_right_gets_a_hint() -> None:
    (problem,) = check_value("linaer", {"enum": ["linear", "cubic"]}, "/x")
    assert problem.hint == "Did you mean 'linear'?"


def test_true_is_not_the_number_one() -> None:
    assert check_value(True, {"enum": [1, 2]}, "/x")
    assert check_value(True, {"type": "integer"}, "/x")


def test_an_exclusive_bound_excludes_itself() -> None:
    schema = {"type": "number", "exclusiveMinimum": 0, "maximum": 1}
    assert check_value(0, schema, "/x")
    assert not check_value(0.001, schema, "/x")
    assert check_value(1.001, schema, "/x")


def test_text_and_lists_are_bounded() -> None:
    assert check_value("x" * 1001, {"type": "string"}, "/x")
    assert check_value([1] * 65, {"type": "array", "items": {"type": "number"}}, "/x")
    assert check_value({str(n): 1 for n in range(65)}, {"type": "object"}, "/x")


def test_keys_of_a_mapping_are_checked() -> None:
    schema = {"type": "object", "propertyNames": {"enum": ["up", "down"]}, "additionalProperties": {"type": "number"}}
    assert [p.pointer for p in check_value({"up": 1, "dwn": 2, "down": "x"}, schema, "/x")] == ["/x/dwn", "/x/down"]


def test_what_is_expected_reads_as_english() -> None:
    assert expected(EITHER) == "a list of 2 whole numbers or a whole number or null"
