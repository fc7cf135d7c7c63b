from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nfold.formats.base import SPLIT_SPELLINGS, below_source, split_of
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


@given(
    st.lists(st.sampled_from(["..", ".", "", "a", "b.jpg", "C:", "\0", "...", "~"]), max_size=6), st.sampled_from("/\\")
)
def test_no_path_leads_out_of_the_source(parts: list[str], separator: str) -> None:
    path = below_source(separator.join(parts))
    assert not {"", ".", ".."} & set(path.split("/")) or not path
    assert not path.startswith("/")
    assert not {"\\", ":", "\0"} & set(path)
    assert below_source(path) == path


def test_a_path_within_the_source_stays_as_it_is() -> None:
    assert below_source("train/images/a b.jpg") == "train/images/a b.jpg"
