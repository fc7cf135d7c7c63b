from __future__ import annotations

import contextlib
import json
import time

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from nfold.errors import InvalidRecipeError
from nfold.recipe.reading import read_document

SCALARS = st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    SCALARS | st.text("abc -:#{}", max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("xyz", min_size=1), inner, max_size=3),
    max_leaves=10,
)


@given(VALUES)
def test_json_and_yaml_of_the_same_data_read_the_same(value: object) -> None:
    document = {"k": value}
    assert read_document(json.dumps(document)).data == document
    assert read_document(yaml.safe_dump(document)).data == document


def test_lines_are_remembered_by_pointer() -> None:
    lines = read_document("a: 1\nb:\n  - c/d: 2\n  - {e: 3}\n").lines
    assert lines["/b/0/c~1d"] == 3
    assert lines["/b/1/e"] == 4


def test_numbers_are_read_as_people_write_them() -> None:
    assert read_document("[1e-3, 1E3, 2.5e-1, -1e2, 0.5, 7]").data == [1e-3, 1e3, 0.25, -100.0, 0.5, 7]


def test_a_date_stays_text() -> None:
    assert read_document("name: 2024-05-01").data == {"name": "2024-05-01"}


def test_aliases_are_read_when_they_are_few() -> None:
    assert read_document("a: &flip {p: 1}\nb: *flip").data == {"a": {"p": 1}, "b": {"p": 1}}


def bomb() -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (bomb(), "expands to more than"),
        ("a: &a [*a]", "expands to more than"),
        ("[" * 200 + "]" * 200, "nested more than 32"),
        ("[" * 100_000, "nested more than 32"),
        ('{"a":' * 40_000, "nested more than 32"),
        ("- x\n" * 50_000, "more than 20000 values"),
        ('{"a": ' + "[" * 40 + "]" * 40 + "}", "nested more than 32"),
        ('{"a": [' + "1," * 30_000 + "1]}", "more than 20000 values"),
        ("x" * 300_000, "larger than 256 KiB"),
        ("é" * 200_000, "larger than 256 KiB"),
        ("a: 1\na: 2", "Line 2: the key 'a' stands twice"),
        ('{"a": {"b": 1, "b": 2}}', "'b' stands twice"),
        ("a: {<<: {b: 1}}", "merge keys"),
        ("a: !!python/object/apply:os.system [ls]", "plain data"),
        ("a: !!binary aGk=", "plain data"),
        ("a: !!set {x}", "plain data"),
        ("1: 2", "a key must be text"),
        ("a: " + "9" * 5000, "number cannot be read"),
        ('{"a": ' + "9" * 5000 + "}", "number"),
        ("a: [1, 2", "cannot be read as YAML in line"),
        ("a: \x00", "cannot be read as YAML"),
        ("a: 1\n---\nb: 2", "cannot be read as YAML"),
        ("a: *nothing", "cannot be read as YAML"),
        ("", "empty"),
    ],
)
def test_a_hostile_or_broken_document_is_refused_at_once(text: str, message: str) -> None:
    start = time.monotonic()
    with pytest.raises(InvalidRecipeError, match=message) as caught:
        read_document(text)
    assert len(caught.value.problems) == 1
    assert time.monotonic() - start < 10


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_but_never_crashes(text: str) -> None:
    with contextlib.suppress(InvalidRecipeError):
        read_document(text)
