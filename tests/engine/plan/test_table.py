from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nfold.errors import InputError
from nfold.plan.table import KEY_BITS, SourceTable, from_blob, source_key, to_blob
from tests.engine.plan.tables import sources_of, table_of

ODD_NAMES = [
    "a.png",
    "line\nend.png",
    "\udcff\udcfe.png",
    "é.png",
    "日本.png",
    "🎉.png",
    "\u202egnp.png",
    "x'y\".png",
    "cl\udcff/b.png",
]


def test_names_and_classes_of_any_bytes_come_out_as_they_went_in() -> None:
    with table_of(ODD_NAMES) as table:
        found = {source.id: source for source in table.all()}
    assert set(found) == set(ODD_NAMES)
    assert all(source.path == source.target == source.id for source in found.values())
    assert found["cl\udcff/b.png"].category == "cl\udcff"


@given(raw=st.binary(max_size=30))
def test_a_blob_is_the_name_as_the_file_system_has_it(raw: bytes) -> None:
    assert to_blob(from_blob(raw)) == raw


def test_a_decomposed_name_has_a_composed_id_and_keeps_its_path() -> None:
    on_disk = unicodedata.normalize("NFD", "é.png")
    with table_of([on_disk]) as table:
        (source,) = table.all()
        assert (source.id, source.path, source.target) == ("é.png", on_disk, "é.png")
        assert table.path_of("é.png") == on_disk
        assert table.path_of("e.png") is None


def test_two_spellings_of_one_name_are_refused_and_both_files_are_named() -> None:
    composed, decomposed = "é.png", unicodedata.normalize("NFD", "é.png")
    with SourceTable() as table, pytest.raises(InputError) as caught:
        table.add(sources_of([composed, decomposed]))
    assert caught.value.stable_code == "input.same_name"
    assert repr(composed) in caught.value.message
    assert repr(decomposed) in caught.value.message
    assert "--exclude" in (caught.value.hint or "")


@settings(deadline=None)
@given(numbers=st.sets(st.integers(0, 999), max_size=30), cut=st.integers(0, 1 << KEY_BITS))
def test_sources_stand_in_the_order_of_their_keys_and_a_cut_loses_none(numbers: set[int], cut: int) -> None:
    with table_of([f"{number}.png" for number in numbers]) as table:
        everything = [source.id for source in table.all()]
        parts = [source.id for source in table.between(0, cut)] + [
            source.id for source in table.between(cut, 1 << KEY_BITS)
        ]
    assert everything == parts == sorted(everything, key=source_key)
    assert len(everything) == len(numbers)


def test_a_key_is_that_of_the_name_alone() -> None:
    assert source_key("cat/a.png") == source_key("cat/a.png")
    assert 0 <= source_key("") < 1 << KEY_BITS
    assert len({source_key(f"{number}") for number in range(1000)}) == 1000
