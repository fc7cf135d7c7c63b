from __future__ import annotations

import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nfold.annotations import Annotation, ImageLabels
from nfold.annotations.codec import decode_labels
from nfold.errors import InputError
from nfold.formats import SourceProblem
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
    with SourceTable() as table:
        first, second = sources_of([composed, decomposed])
        table.add(first)
        with pytest.raises(InputError) as caught:
            table.add(second)
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


def test_what_is_put_in_comes_out_again_with_labels_and_problem() -> None:
    labels = ImageLabels(
        annotations=(Annotation(category=0, box=(1, 2, 3, 4)),), label_file="l/a.txt", mask_file="m/a.png"
    )
    problem = SourceProblem(code="labels.bad_box", message="l/b.txt:1", hint="Mend it.")
    good, bad = sources_of(["a.png", "b.png"])
    with SourceTable() as table:
        table.add(replace(good, labels=labels))
        table.add(replace(bad, labels=labels, problem=problem))
        first, second = table.get("a.png"), table.get("b.png")
        assert first is not None
        assert second is not None
        assert table.get("c.png") is None
        assert decode_labels(first.labels or "") == labels
        assert (first.rank, first.label_target, first.mask_target, first.problem) == (0, "l/a.txt", "m/a.png", None)
        assert (second.rank, second.problem) == (1, problem)


def test_classes_are_counted_by_name_and_two_numbers_of_one_name_are_one_class() -> None:
    sources = sources_of(["a.png", "b.png", "c.png"])
    numbers = [(0, 0, 1), (2,), (1, None)]
    problem = SourceProblem(code="labels.bad_box", message="", hint="")
    with SourceTable() as table:
        for source, inside in zip(sources, numbers, strict=True):
            annotations = tuple(Annotation(category=number) for number in inside)
            table.add(replace(source, labels=ImageLabels(annotations=annotations)))
        table.add(
            replace(
                sources_of(["d.png"])[0], labels=ImageLabels(annotations=(Annotation(category=0),)), problem=problem
            )
        )
        table.name_classes(["cat", "dog", "cat"])
        rows = table.connection.execute("select id, category, objects from source_classes order by id, category")
        assert rows.fetchall() == [
            (b"a.png", b"cat", 2),
            (b"a.png", b"dog", 1),
            (b"b.png", b"cat", 1),
            (b"c.png", b"dog", 1),
        ]


def test_all_but_some_sources_can_be_forgotten_with_what_is_in_them() -> None:
    with SourceTable() as table:
        for source in sources_of(["a.png", "b.png", "c.png"]):
            table.add(replace(source, labels=ImageLabels(annotations=(Annotation(category=0),))))
        table.name_classes(["cat"])
        table.keep_only(["c.png", "a.png", "not-there.png"])
        assert sorted(planned.id for planned in table.all()) == ["a.png", "c.png"]
        rows = table.connection.execute("select id from source_classes order by id").fetchall()
        assert rows == [(b"a.png",), (b"c.png",)]
