from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nfold.errors import UsageError
from nfold.plan.counts import LabelTally, allot_copies, class_tally, tally
from nfold.plan.table import SourceTable, source_key, to_blob
from tests.engine.plan.tables import request, table_of

SIZES = st.dictionaries(st.sampled_from(["cat", "dog", "\udcff", "Œuf", "x y"]), st.integers(1, 9), min_size=1)
ORIGINALS = st.sampled_from(["copy", "link", "none"])


def names_of(sizes: dict[str, int], split: str = "") -> list[str]:
    return [f"{split}{label}/{number}.png" for label, size in sizes.items() for number in range(size)]


def allotted(
    names: list[str], *, has_splits: bool = False, dataset_format: str = "class-folders", **options: Any
) -> dict[str, int]:
    """Copies by source."""
    with table_of(names, has_splits=has_splits, dataset_format=dataset_format) as table:
        allot_copies(table, request(**options), has_splits=has_splits)
        return {source.id: source.copies for source in table.all()}


def images_by_class(copies: dict[str, int], originals: str) -> dict[str, int]:
    found: Counter[str] = Counter()
    for name, count in copies.items():
        found[name.split("/")[-2]] += count + (originals != "none")
    return dict(found)


def assert_even_within_classes(copies: dict[str, int]) -> None:
    by_class = defaultdict(list)
    for name, count in copies.items():
        by_class[name.split("/")[-2]].append(count)
    assert all(max(counts) - min(counts) <= 1 for counts in by_class.values())


@settings(deadline=None)
@given(sizes=SIZES, more=st.integers(0, 60), originals=ORIGINALS)
def test_a_total_is_met_exactly_and_evenly(sizes: dict[str, int], more: int, originals: str) -> None:
    total = sum(sizes.values()) + more
    copies = allotted(names_of(sizes), total=total, originals=originals)
    assert sum(copies.values()) + (len(copies) if originals != "none" else 0) == total
    assert max(copies.values()) - min(copies.values()) <= 1


@settings(deadline=None)
@given(sizes=SIZES, wanted=st.integers(1, 30), originals=ORIGINALS)
def test_each_class_has_as_many_as_are_wanted_or_as_there_were(
    sizes: dict[str, int], wanted: int, originals: str
) -> None:
    copies = allotted(names_of(sizes), per_class=wanted, originals=originals)
    expected = {label: wanted if originals == "none" else max(wanted, size) for label, size in sizes.items()}
    assert images_by_class(copies, originals) == expected
    assert_even_within_classes(copies)


@settings(deadline=None)
@given(sizes=SIZES, originals=ORIGINALS)
def test_balance_brings_each_class_to_the_size_of_the_largest(sizes: dict[str, int], originals: str) -> None:
    copies = allotted(names_of(sizes), balance=True, originals=originals)
    assert images_by_class(copies, originals) == dict.fromkeys(sizes, max(sizes.values()))
    assert_even_within_classes(copies)


@settings(deadline=None)
@given(
    sizes=SIZES,
    by_class=st.dictionaries(st.sampled_from(["cat", "dog", "\udcff"]), st.integers(0, 5)),
    rest=st.none() | st.integers(0, 4),
)
def test_class_copies_are_given_by_class_and_the_others_get_copies_or_none(
    sizes: dict[str, int], by_class: dict[str, int], rest: int | None
) -> None:
    known = {label: count for label, count in by_class.items() if label in sizes} or {next(iter(sizes)): 3}
    copies = allotted(names_of(sizes), class_copies=known, copies=rest)
    assert all(count == known.get(name.split("/")[0], rest or 0) for name, count in copies.items())


@settings(deadline=None)
@given(sizes=SIZES, more=st.integers(0, 20), data=st.data())
def test_who_gets_one_more_depends_on_the_names_alone(sizes: dict[str, int], more: int, data: st.DataObject) -> None:
    names = names_of(sizes)
    total = len(names) + more
    copies = allotted(names, total=total)
    assert allotted(data.draw(st.permutations(names)), total=total) == copies
    in_order = [copies[name] for name in sorted(copies, key=source_key)]
    assert in_order == sorted(in_order, reverse=True), "the first in the order of keys get one more"


SPLIT_NAMES = [
    f"{split}/{label}/{number}.png" for split in ("train", "VALID", "test") for label in "ab" for number in range(3)
]


@pytest.mark.parametrize("splits", [("train",), ("val",), ("train", "test"), ("train", "val", "test")])
@pytest.mark.parametrize(
    "options", [{"copies": 2}, {"class_copies": {"a": 2, "b": 2}}, {"per_class": 20}, {"balance": True}]
)
def test_only_the_splits_that_are_to_be_expanded_get_copies(splits: tuple[str, ...], options: dict[str, Any]) -> None:
    with table_of(SPLIT_NAMES, has_splits=True) as table:
        allot_copies(table, request(splits=splits, **options), has_splits=True)
        given_to = {source.split for source in table.all() if source.copies}
        assert given_to == (set() if "balance" in options else set(splits))


def test_the_tally_counts_by_split_and_class_in_the_order_of_names() -> None:
    with table_of(SPLIT_NAMES, has_splits=True) as table:
        allot_copies(table, request(copies=4), has_splits=True)
        rows = [(row.split, row.category, row.sources, row.copies) for row in tally(table)]
    assert rows == [
        ("test", "a", 3, 0),
        ("test", "b", 3, 0),
        ("train", "a", 3, 12),
        ("train", "b", 3, 12),
        ("val", "a", 3, 0),
        ("val", "b", 3, 0),
    ]


HOLDINGS = {
    "train/a.png": {"cat": 2},
    "train/b.png": {"cat": 1, "dog": 3},
    "train/c.png": {"dog": 1},
    "train/none.png": {},
    "val/d.png": {"cat": 4},
}


def table_of_objects(holdings: dict[str, dict[str, int]] = HOLDINGS) -> SourceTable:
    """Pictures with so many objects of each class."""
    table = table_of(list(holdings), has_splits=True, dataset_format="folder")
    table.connection.executemany(
        "insert into source_classes values (?, ?, ?, ?)",
        [
            (source_key(name), to_blob(name), to_blob(category), objects)
            for name, found in holdings.items()
            for category, objects in found.items()
        ],
    )
    return table


class TestObjects:
    """Where pictures hold labelled objects, one picture counts for several classes."""

    @pytest.mark.parametrize(
        ("options", "expected"),
        [
            ({"class_copies": "cat=3,dog=1"}, {"train/a.png": 3, "train/b.png": 3, "train/c.png": 1}),
            ({"class_copies": "cat=1,dog=3"}, {"train/a.png": 1, "train/b.png": 3, "train/c.png": 3}),
            (
                {"class_copies": "cat=0", "copies": 2},
                {"train/c.png": 2, "train/none.png": 2},
            ),
            ({"per_class": 4, "splits": "val"}, {"val/d.png": 3}),
            ({"class_copies": "cat=1", "splits": "val"}, {"val/d.png": 1}),
            ({"copies": 1}, dict.fromkeys(("train/a.png", "train/b.png", "train/c.png", "train/none.png"), 1)),
        ],
        ids=str,
    )
    def test_copies(self, options: dict[str, Any], expected: dict[str, int]) -> None:
        with table_of_objects() as table:
            allot_copies(table, request(**options), has_splits=True)
            assert {source.id: source.copies for source in table.all() if source.copies} == expected

    @pytest.mark.parametrize("originals", ["copy", "none"])
    def test_what_was_planned_is_told_and_the_tally_agrees(self, originals: str) -> None:
        with table_of_objects() as table:
            planned = allot_copies(table, request(per_class=9, originals=originals), has_splits=True)
            rows = class_tally(table, counts_originals=originals != "none")
        assert {row.category: row.planned for row in planned} == {
            row.category: row.images_planned for row in rows if row.split == "train"
        }
        assert all(row.planned >= row.target == 9 for row in planned)

    def test_the_tally_counts_images_and_objects_in_the_order_of_names(self) -> None:
        with table_of_objects() as table:
            assert allot_copies(table, request(copies=2), has_splits=True) == []
            rows = class_tally(table)
        assert rows == [
            LabelTally(split="train", category="cat", images_before=2, images_planned=6, objects=3),
            LabelTally(split="train", category="dog", images_before=2, images_planned=6, objects=4),
            LabelTally(split="val", category="cat", images_before=1, images_planned=1, objects=4),
        ]
        with table_of(["a.png"], dataset_format="folder") as table:
            assert class_tally(table) == []

    def test_an_unknown_class_and_a_split_without_objects_are_refused(self) -> None:
        with table_of_objects() as table, pytest.raises(UsageError, match="there is no class 'cow'") as caught:
            allot_copies(table, request(class_copies="dog=1,cow=3"), has_splits=True)
        assert caught.value.hint == "Classes: cat, dog."
        with (
            table_of_objects({"train/a.png": {}, "val/b.png": {"cat": 1}}) as table,
            pytest.raises(UsageError, match="--balance: no training image has a labelled object"),
        ):
            allot_copies(table, request(balance=True), has_splits=True)


class TestRefused:
    def test_a_total_below_what_is_there(self) -> None:
        with pytest.raises(UsageError, match="--total 5: there are 6 training images already") as caught:
            allotted(names_of({"a": 6}), total=5)
        assert "6 or more" in (caught.value.hint or "")
        assert sum(allotted(names_of({"a": 6}), total=5, originals="none").values()) == 5

    @pytest.mark.parametrize("options", [{"per_class": 20}, {"balance": True}])
    def test_classes_where_there_are_none(self, options: dict[str, Any]) -> None:
        option = "--balance" if "balance" in options else "--per-class"
        with pytest.raises(UsageError, match=f"{option} needs a class for every training image"):
            allotted(["a.png", "b.png"], dataset_format="folder", **options)
        with pytest.raises(UsageError, match="images without one"):
            allotted(["x/a.png", "b.png"], **options)

    def test_an_unknown_class_with_those_that_there_are(self) -> None:
        with pytest.raises(UsageError, match="--class-copies: there is no class 'cow'") as caught:
            allotted(names_of({"cat": 1, "dog": 2}), class_copies="cow=3")
        assert caught.value.hint == "Classes: cat, dog."
        with pytest.raises(UsageError) as caught:
            allotted(["a.png"], dataset_format="folder", class_copies="cow=3")
        assert caught.value.hint == "Classes: none."

    def test_splits_where_there_are_none(self) -> None:
        with pytest.raises(UsageError, match="--splits train,val: this data set has no splits"):
            allotted(names_of({"cat": 1}), copies=1, splits="train,val")
