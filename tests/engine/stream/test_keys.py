from __future__ import annotations

import contextlib
import hashlib
import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nfold.stream.keys import ArchiveKeys, plain_key


def keys_of(sources: list[str]) -> dict[str, str]:
    with contextlib.closing(ArchiveKeys(sources)) as keys:
        return {source: keys.of(source) for source in sources}


def digits(source: str, count: int = 8) -> str:
    return hashlib.sha256(source.encode("utf-8", "surrogateescape")).hexdigest()[:count]


@pytest.mark.parametrize(
    ("source", "key"),
    [
        ("cat/a.jpg", "cat/a"),
        ("a.b.c.jpg", "a_b_c"),
        ("v1.2/a.b.jpg", "v1.2/a_b"),
        (".jpg", "_jpg"),
        ("d/.hidden.png", "d/_hidden"),
        ("zwölf/größe 1.png", "zwölf/größe 1"),
        ("two\nlines/a\tb.png", "two_lines/a_b"),
        ("__MACOSX__/a.jpg", "_MACOSX__/a"),
        ("b/__x__/a.jpg", "b/__x__/a"),
        ("bad\udcff.jpg", "bad\udcff"),
    ],
)
def test_a_key_is_the_id_without_its_ending_and_without_dots_in_the_file_name(source: str, key: str) -> None:
    assert plain_key(source) == key
    assert keys_of([source]) == {source: key}


def test_all_sources_that_would_share_a_key_are_told_apart_by_their_hash() -> None:
    sources = ["a.b.jpg", "a_b.jpg", "a.jpg", "a.png", "c.jpg"]
    assert keys_of(sources) == {
        "a.b.jpg": f"a_b-{digits('a.b.jpg')}",
        "a_b.jpg": f"a_b-{digits('a_b.jpg')}",
        "a.jpg": f"a-{digits('a.jpg')}",
        "a.png": f"a-{digits('a.png')}",
        "c.jpg": "c",
    }


def test_a_source_that_is_called_as_another_ones_key_with_its_hash_is_told_apart_from_it() -> None:
    taken = f"a-{digits('a.jpg')}"
    keys = keys_of(["a.jpg", "a.png", f"{taken}.jpg"])
    assert len(set(keys.values())) == 3
    assert keys["a.jpg"] == f"a-{digits('a.jpg', 16)}"
    assert keys["a.png"] == f"a-{digits('a.png')}"


names = st.text(alphabet="ab_.-/\n", min_size=1, max_size=7).filter(
    lambda name: not name.startswith("/") and not name.endswith("/") and "//" not in name
)


@given(
    st.sets(names.map(lambda name: name + ".jpg") | names.map(lambda name: name + ".png"), max_size=30), st.integers()
)
def test_keys_are_distinct_and_depend_on_no_order_and_are_split_at_the_right_dot(sources: set[str], seed: int) -> None:
    listed = sorted(sources)
    keys = keys_of(listed)
    assert len(set(keys.values())) == len(keys)
    random.Random(seed).shuffle(listed)
    assert keys_of(listed) == keys
    for key in keys.values():
        # as webdataset.tariterators.base_plus_ext has it
        found = re.match(r"^((?:.*/|)[^.]+)[.]([^/]*)$", f"{key}.mask.png")
        assert found is not None
        assert found.groups() == (key, "mask.png")
