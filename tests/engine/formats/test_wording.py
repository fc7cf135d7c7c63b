from __future__ import annotations

import pytest

from nfold.formats.wording import counted, listed


@pytest.mark.parametrize(
    ("number", "words"), [(0, "0 images"), (1, "1 image"), (2, "2 images"), (1200, "1,200 images")]
)
def test_one_is_singular_and_all_else_is_plural(number: int, words: str) -> None:
    assert counted(number, "image") == words


def test_a_plural_may_be_its_own_word() -> None:
    assert [counted(number, "class", "classes") for number in (1, 2)] == ["1 class", "2 classes"]


@pytest.mark.parametrize(("items", "words"), [("", ""), ("a", "a"), ("ab", "a and b"), ("abcd", "a, b, c and d")])
def test_a_list_has_commas_and_one_and(items: str, words: str) -> None:
    assert listed(items) == words
