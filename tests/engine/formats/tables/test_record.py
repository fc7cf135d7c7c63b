from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nfold.errors import InputError
from nfold.formats.tables.record import read_records, split_record, value_of, with_value

VALUES = st.lists(st.text(st.sampled_from('ab,;"\n\t é'), max_size=6), min_size=1, max_size=5)


def written(values: list[str], delimiter: str) -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="\n").writerow(values)
    return out.getvalue().removesuffix("\n")


def records(text: str, delimiter: str = ",") -> list[tuple[int, list[str]]]:
    lines = enumerate(text.split("\n"), start=1)
    return [
        (number, [value_of(field) for field in fields]) for number, _, fields in read_records(lines, delimiter, "a.csv")
    ]


@given(VALUES, st.sampled_from(",;\t"))
def test_what_the_csv_module_writes_is_read(values: list[str], delimiter: str) -> None:
    text = written(values, delimiter)
    if not text.strip(" \t"):
        assert records(text, delimiter) == []
        return
    ((number, read),) = records(text, delimiter)
    assert number == 1
    assert read == [value.strip(" \t") for value in values]


@given(VALUES, st.sampled_from(",;\t"))
def test_fields_joined_again_are_the_record(values: list[str], delimiter: str) -> None:
    text = written(values, delimiter)
    assert delimiter.join(split_record(text, delimiter)) == text


@given(st.text(st.sampled_from('ab,"\n é'), max_size=8), st.sampled_from(["x", '"x"', ' "x"', "", "  x"]))
def test_a_field_with_a_new_value_says_it_and_keeps_its_quotes(value: str, field: str) -> None:
    new = with_value(field, value, ",")
    assert (
        next(csv.reader(io.StringIO(new + ",z", newline=""), skipinitialspace=True)) == [value, "z"]
        or value.strip() != value
    )
    assert value_of(new) == value.strip(" \t")
    if '"' in field:
        assert new.lstrip().startswith('"')


def test_records_know_the_line_in_which_they_begin() -> None:
    assert records('a,b\n\n"x\ny",2\n  \nz,3') == [(1, ["a", "b"]), (3, ["x\ny", "2"]), (6, ["z", "3"])]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('a,b\nc,"d', "line 2: a quoted field does not end"),
        ('a,b\n"c"d,e', "line 2: there is text between a closing quote and the next field"),
        ("a,b\n" + "x" * 70_000, "line 2: the row is longer"),
        ('a,b\n"' + "x\n" * 70_000, "line 2: the row is longer"),
    ],
)
def test_what_is_no_csv_is_refused_with_its_line(text: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        records(text)
    assert f"a.csv, {words}" in caught.value.message


def test_a_quote_within_a_field_is_a_letter() -> None:
    assert records('5" nail,b') == [(1, ['5" nail', "b"])]
