from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from nfold.errors import UsageError
from nfold.plan.balance import FAVOUR, BalancedClass, balance_classes
from nfold.plan.counts import allot_copies
from nfold.plan.table import SourceTable, source_key, to_blob
from nfold.request import LARGEST_COPIES
from tests.engine.plan.tables import request, table_of

CLASSES = ("bike", "car", "\udcff", "person", "x y")
HOLDINGS = st.dictionaries(
    st.integers(0, 40).map("{}.png".format),
    st.sets(st.sampled_from(CLASSES)),
    min_size=1,
    max_size=25,
)


def table_with(holdings: Mapping[str, set[str]], objects: int = 1) -> SourceTable:
    """A table of pictures with the classes that each of them contains."""
    table = table_of(list(holdings), dataset_format="folder")
    for name, classes in holdings.items():
        for category in classes:
            table.connection.execute(
                "insert into source_classes values (?, ?, ?, ?)",
                (source_key(name), to_blob(name), to_blob(category), objects),
            )
    return table


def balanced(
    holdings: dict[str, set[str]], target: int | None, *, counts_originals: bool = True
) -> tuple[dict[str, int], dict[str, BalancedClass]]:
    with table_with(holdings) as table:
        rows = balance_classes(
            table.connection, "true", (), target=target, option="--per-class", counts_originals=counts_originals
        )
        assert [row.category for row in rows] == sorted((row.category for row in rows), key=to_blob)
        return {source.id: source.copies for source in table.all()}, {row.category: row for row in rows}


def holders(holdings: Mapping[str, set[str]]) -> dict[str, set[str]]:
    found: defaultdict[str, set[str]] = defaultdict(set)
    for name, classes in holdings.items():
        for category in classes:
            found[category].add(name)
    return dict(found)


@settings(deadline=None, max_examples=300)
@given(holdings=HOLDINGS, target=st.none() | st.integers(1, 400), originals=st.booleans())
def test_each_class_reaches_the_target_and_none_goes_beyond_its_bound(
    holdings: dict[str, set[str]], target: int | None, originals: bool
) -> None:
    copies, rows = balanced(holdings, target, counts_originals=originals)
    by_class = holders(holdings)
    assert set(rows) == set(by_class)
    before = {category: len(names) if originals else 0 for category, names in by_class.items()}
    wanted = max((len(names) for names in by_class.values()), default=0) if target is None else target
    lacking = {category: max(0, wanted - count) for category, count in before.items()}
    for category, row in rows.items():
        planned = before[category] + sum(copies[name] for name in by_class[category])
        assert (row.before, row.target, row.planned) == (before[category], wanted, planned)
        assert planned >= wanted
        beside = {other for name in by_class[category] for other in holdings[name]} - {category}
        assert planned - max(wanted, before[category]) <= row.bound <= sum(lacking[other] for other in beside)
    assert all(0 <= count <= LARGEST_COPIES for count in copies.values())
    assert all(not copies[name] for name, classes in holdings.items() if not classes)


@settings(deadline=None)
@given(
    classes=st.lists(st.sampled_from(CLASSES), min_size=1, max_size=30),
    wish=st.one_of(st.just({"balance": True}), st.integers(1, 90).map(lambda wanted: {"per_class": wanted})),
    originals=st.sampled_from(["copy", "none"]),
)
def test_with_one_class_in_each_picture_it_is_what_class_folders_get(
    classes: list[str], wish: dict[str, Any], originals: str
) -> None:
    names = [f"{category}/{number}.png" for number, category in enumerate(classes)]
    with table_of(names) as table:
        allot_copies(table, request(**wish, originals=originals), has_splits=False)
        expected = {source.id: source.copies for source in table.all()}
    copies, rows = balanced(
        {name: {name.split("/")[0]} for name in names}, wish.get("per_class"), counts_originals=originals != "none"
    )
    assert copies == expected
    assert all(row.planned == max(row.target, row.before) and row.bound == 0 for row in rows.values())


@settings(deadline=None)
@given(holdings=HOLDINGS, target=st.integers(1, 60), data=st.data())
def test_it_depends_on_the_names_alone(holdings: dict[str, set[str]], target: int, data: st.DataObject) -> None:
    shuffled = {name: holdings[name] for name in data.draw(st.permutations(list(holdings)))}
    assert balanced(shuffled, target) == balanced(holdings, target)


@settings(deadline=None)
@given(holdings=HOLDINGS, target=st.integers(1, 300))
def test_no_source_of_the_scarcest_class_gets_far_more_than_an_even_share(
    holdings: dict[str, set[str]], target: int
) -> None:
    by_class = holders(holdings)
    # With one class in need there is one turn: its share is known.
    assume(by_class)
    scarce = min(by_class, key=lambda category: (len(by_class[category]), to_blob(category)))
    others = {name: classes for name, classes in holdings.items() if classes}
    filler = {f"filler{number}.png": set(by_class) - {scarce} for number in range(target)}
    copies, _ = balanced({**others, **filler}, target)
    lacking = target - len(by_class[scarce])
    assert max(copies.values()) <= FAVOUR * max(0, -(-lacking // len(by_class[scarce])))


def test_copies_go_where_they_do_no_harm() -> None:
    holdings = {f"both{number}.png": {"bike", "person"} for number in range(5)}
    holdings |= {f"bike{number}.png": {"bike"} for number in range(5)}
    holdings |= {f"person{number}.png": {"person"} for number in range(15)}
    copies, rows = balanced(holdings, None)
    assert rows["person"].planned == 20
    assert {name: count for name, count in copies.items() if count} == {f"bike{number}.png": 2 for number in range(5)}
    assert rows["bike"].planned == 20
    assert rows["person"].bound == 10


def test_copies_go_where_they_help_another_class_too() -> None:
    holdings = {f"both{number}.png": {"bike", "car"} for number in range(3)}
    holdings |= {f"bike{number}.png": {"bike"} for number in range(3)}
    holdings |= {f"car{number}.png": {"car"} for number in range(3)}
    holdings |= {f"person{number}.png": {"person"} for number in range(9)}
    copies, rows = balanced(holdings, None)
    assert {name: count for name, count in copies.items() if count} == {f"both{number}.png": 1 for number in range(3)}
    assert (rows["bike"].planned, rows["car"].planned) == (9, 9)


def test_copies_of_earlier_turns_count_for_an_even_hand() -> None:
    holdings = {"both.png": {"bike", "car"}} | {f"car{number}.png": {"car"} for number in range(9)}
    copies, rows = balanced(holdings, 100)
    assert copies["both.png"] == 99
    assert rows["car"].planned == 10 + 99
    copies, rows = balanced(holdings, 30)
    assert copies["both.png"] == 29
    assert rows["car"].planned == 10 + 29
    assert sum(copies.values()) == 29
    holdings |= {"bike.png": {"bike"}}
    copies, rows = balanced(holdings, 50)
    assert (copies["both.png"], copies["bike.png"]) == (24, 24)
    assert rows["car"].planned == 50
    lacking = 50 - 10 - 24
    assert sorted(count for name, count in copies.items() if name.startswith("car")) == sorted(
        lacking // 9 + (number < lacking % 9) for number in range(9)
    )


def test_what_cannot_be_reached_is_refused_with_the_most_that_can() -> None:
    holdings = {"a.png": {"rare"}, "b.png": {"rare", "car"}, "c.png": {"car"}, "d.png": {"car"}}
    with pytest.raises(UsageError) as caught:
        balanced(holdings, 2003)
    assert "rare (2,002)" in caught.value.message
    assert "car" not in caught.value.message
    assert "--per-class 2002" in (caught.value.hint or "")
    copies, rows = balanced(holdings, 2002)
    assert copies["a.png"] == copies["b.png"] == LARGEST_COPIES
    assert rows["rare"].planned == 2002
    assert rows["car"].planned == 2002
    with pytest.raises(UsageError, match=r"rare \(2,000\)"):
        balanced(holdings, 2001, counts_originals=False)


def test_only_the_sources_of_the_condition_count_and_get_copies() -> None:
    holdings = {f"{number}.png": {"bike"} if number % 2 else {"car"} for number in range(12)}
    with table_with(holdings) as table:
        table.connection.execute("update sources set split = case when id < ? then 'val' else 'train' end", (b"4",))
        rows = balance_classes(
            table.connection, "split in (?)", ("train",), target=7, option="--per-class", counts_originals=True
        )
        where = Counter((source.split, bool(source.copies)) for source in table.all())
        before = {row.category: row.before for row in rows}
        in_train = [source.id for source in table.all() if source.split == "train"]
    assert where["val", True] == 0
    assert before == Counter(next(iter(holdings[name])) for name in in_train)


def test_nothing_is_left_behind_in_the_database() -> None:
    with table_with({"a.png": {"x"}, "b.png": {"y"}, "c.png": {"y"}}) as table:
        names = "select name from sqlite_master order by 1"
        before = table.connection.execute(names).fetchall()
        for target in (5, 10**9, 5):
            try:
                balance_classes(table.connection, "true", (), target=target, option="o", counts_originals=True)
            except UsageError:
                assert target == 10**9
            assert table.connection.execute(names).fetchall() == before
            assert not table.connection.in_transaction


def test_a_class_that_an_earlier_turn_has_filled_is_spared() -> None:
    holdings = {"0.png": {"a", "b"}, "1.png": {"b", "c"}, "2.png": {"b", "c"}, "3.png": {"c"}}
    copies, rows = balanced(holdings, 4)
    assert copies == {"0.png": 3, "1.png": 0, "2.png": 0, "3.png": 1}
    assert {category: row.planned for category, row in rows.items()} == {"a": 4, "b": 6, "c": 4}
