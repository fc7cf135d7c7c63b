from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nfold.formats.base import SPLIT_SPELLINGS, split_of
from nfold.request import SPLIT_NAMES


@given(spelling=st.sampled_from(sorted(SPLIT_SPELLINGS)), data=st.data())
def test_a_split_is_known_in_any_case(spelling: str, data: st.DataObject) -> None:
    cases = data.draw(st.lists(st.booleans(), min_size=len(spelling), max_size=len(spelling)))
    written = "".join(letter.upper() if is_upper else letter for letter, is_upper in zip(spelling, cases, strict=True))
    assert split_of(written) == SPLIT_SPELLINGS[spelling]


@pytest.mark.parametrize("name", ["", "trains", "train ", "cat", "tset", "validate", "тест"])
def test_any_other_folder_is_no_split(name: str) -> None:
    assert split_of(name) is None


def test_every_spelling_means_a_split_that_a_request_may_name() -> None:
    assert set(SPLIT_SPELLINGS.values()) == set(SPLIT_NAMES)
