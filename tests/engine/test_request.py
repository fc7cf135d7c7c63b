from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nfold.errors import UsageError
from nfold.request import LARGEST_COPIES, ExpansionRequest, make_request, read_class_copies, read_count, read_shares


def request(**options: Any) -> ExpansionRequest:
    return make_request(**{"source": "photos", "target": "out", **options})


BAD = [
    ({"copies": -1}, "--copies: "),
    ({"copies": LARGEST_COPIES + 1}, "--copies: "),
    ({"copies": "many"}, "--copies: "),
    ({"copies": 1.5}, "--copies: "),
    ({"copies": "9" * 5000}, "--copies: "),
    ({"total": 0}, "--total: "),
    ({"total": 10**30}, "--total: "),
    ({"per_class": 0}, "--per-class: "),
    ({"per_class": 10**30}, "--per-class: "),
    ({"balance": "perhaps"}, "--balance: "),
    ({"class_copies": "cat"}, "--class-copies: 'cat' is not of the form"),
    ({"class_copies": "cat=3,"}, "--class-copies: '' is not of the form"),
    ({"class_copies": "cat=x"}, "--class-copies: 'cat=x' is not of the form"),
    ({"class_copies": "cat=-1"}, "--class-copies: 'cat=-1' is not of the form"),
    ({"class_copies": "cat=²"}, "--class-copies: 'cat=²' is not of the form"),
    ({"class_copies": "cat=1001"}, "--class-copies: "),
    ({"class_copies": "cat=1,cat=2"}, "--class-copies: 'cat' is there twice"),
    ({"class_copies": {"cat": "x"}}, "--class-copies: "),
    ({"seed": -1}, "--seed: "),
    ({"seed": 2**64}, "--seed: "),
    ({"seed": "x"}, "--seed: "),
    ({"split": "80"}, "--split 80: "),
    ({"split": "80/30"}, "--split 80/30: "),
    ({"split": "0/100"}, "--split 0/100: "),
    ({"split": "50/25/25/0"}, "--split 50/25/25/0: "),
    ({"split": "80/-10/30"}, "--split 80/-10/30: "),
    ({"split": "8²/18"}, "--split 8²/18: "),
    ({"split": "80/20", "group": "("}, "--group is no regular expression"),
    ({"group": "x"}, "--group says which images --split keeps together"),
    ({"group_similar": 4}, "--group-similar says which images --split keeps together"),
    ({"group_similar": 17, "split": "80/20"}, "--group-similar: "),
    ({"group_similar": -1, "split": "80/20"}, "--group-similar: "),
    ({"group_similar": "few", "split": "80/20"}, "--group-similar: "),
    ({"splits": "train,holdout"}, "--splits train,holdout: choose from train, val, test"),
    ({"splits": ""}, "--splits : choose from"),
    ({"originals": "move"}, "--originals: "),
    ({"name": "{stem}{ext}"}, "--name {stem}{ext}: "),
    ({"max_pixels": "50X"}, "--max-pixels: '50X' is no number such as 50M"),
    ({"max_pixels": "-1"}, "--max-pixels: "),
    ({"max_pixels": 0}, "--max-pixels: "),
    ({"max_pixels": "2G"}, "--max-pixels: "),
    ({"max_pixels": "9" * 400}, "--max-pixels: "),
    ({"max_pixels": "inf"}, "--max-pixels: "),
    ({"damaged": "mend"}, "--damaged: "),
    ({"workers": 0}, "--workers: "),
    ({"workers": 257}, "--workers: "),
    ({"workers": "²"}, "--workers: "),
    ({"rebuild": True, "allow_mixed": True}, "--rebuild starts again and --allow-mixed goes on"),
    ({"source": None}, "--source: "),
    ({"target": 5}, "--target: "),
    ({"include": 5}, "--include: "),
    ({"colour": "blue"}, "--colour: "),
    ({"format": 3}, "--format: "),
]


@pytest.mark.parametrize(("options", "words"), BAD, ids=lambda value: str(value)[:40])
def test_a_bad_value_is_a_usage_error_that_names_the_option(options: dict[str, Any], words: str) -> None:
    needed = {} if {"copies", "total", "per_class", "class_copies", "balance"} & options.keys() else {"copies": 1}
    with pytest.raises(UsageError) as caught:
        request(**needed, **options)
    assert words in caught.value.message
    assert caught.value.message.endswith(".")
    assert caught.value.hint


def test_each_of_several_bad_values_is_named() -> None:
    with pytest.raises(UsageError) as caught:
        request(copies=-1, seed="x", originals="move")
    assert all(f"--{name}: " in caught.value.message for name in ("copies", "seed", "originals"))


class TestOneWish:
    WISHES = ({"copies": 2}, {"total": 9}, {"per_class": 9}, {"balance": True}, {"class_copies": {"cat": 1}})

    def test_one_has_to_be_there(self) -> None:
        for options in ({}, {"balance": False}, {"class_copies": {}}, {"copies": None}):
            with pytest.raises(UsageError, match="say how many: --copies N"):
                request(**options)

    @pytest.mark.parametrize("one", range(5))
    @pytest.mark.parametrize("other", range(5))
    def test_two_are_one_too_many_but_for_copies_by_class_and_for_the_rest(self, one: int, other: int) -> None:
        wishes = {**self.WISHES[one], **self.WISHES[other]}
        if one == other or set(wishes) == {"copies", "class_copies"}:
            request(**wishes)
        else:
            with pytest.raises(UsageError, match="cannot be asked for together"):
                request(**wishes)

    def test_no_copies_at_all_is_a_wish(self) -> None:
        assert request(copies=0).copies == 0


class TestReading:
    @pytest.mark.parametrize(
        ("text", "count"),
        [
            ("50M", 50_000_000),
            ("50m", 50_000_000),
            (" 2.5 K ", 2500),
            ("1G", 10**9),
            ("7", 7),
            (12, 12),
            ("0.5M", 500_000),
        ],
    )
    def test_a_count_with_or_without_a_letter(self, text: object, count: int) -> None:
        assert read_count(text) == count
        assert request(copies=1, max_pixels=text).max_pixels == count

    @given(st.integers(1, 2**30))
    def test_a_count_in_digits_is_that_count(self, count: int) -> None:
        assert read_count(str(count)) == count

    @given(
        st.dictionaries(
            st.text("ab=é ", min_size=1).map(str.strip).filter(bool), st.integers(0, LARGEST_COPIES), min_size=1
        )
    )
    def test_a_table_of_copies_is_read_as_it_is_written(self, table: dict[str, int]) -> None:
        text = ",".join(f"{name}={count}" for name, count in table.items())
        assert request(class_copies=text).class_copies == request(class_copies=table).class_copies == table
        assert read_class_copies(table) is table

    @pytest.mark.parametrize(
        ("text", "shares"),
        [
            ("80/10/10", (80, 10, 10)),
            ("90/10", (90, 10)),
            ("100/0", (100, 0)),
            ("70/0/30", (70, 0, 30)),
            (" 50 / 50 ", (50, 50)),
        ],
    )
    def test_shares(self, text: str, shares: tuple[int, ...]) -> None:
        assert read_shares(text) == shares

    def test_a_list_may_be_one_text(self) -> None:
        asked = request(copies=1, include="*.png", exclude=["a", "b"], splits="train, val,")
        assert (asked.include, asked.exclude, asked.splits) == (("*.png",), ("a", "b"), ("train", "val"))
        assert request(copies=1, include="a,b.png").include == ("a,b.png",), "a pattern may hold a comma"


def test_a_request_cannot_be_changed_and_equal_ones_are_equal() -> None:
    asked = request(copies=1)
    with pytest.raises(ValueError, match="frozen"):
        asked.copies = 2  # type: ignore[misc]
    assert asked == request(copies="1", source=Path("photos"))


def test_every_field_is_described() -> None:
    for name, field in ExpansionRequest.model_fields.items():
        assert (field.description or "").endswith("."), name
