from __future__ import annotations

import json
from collections import Counter, defaultdict
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nfold.plan.splitting import SPLIT_RECORD, SplitBook
from nfold.plan.survey import Surveyed
from nfold.plan.table import SourceTable
from nfold.storage import LocalStorage
from tests.engine.plan.tables import table_of

SHARES = st.sampled_from(
    [(80, 10, 10), (90, 10), (34, 33, 33), (1, 99), (50, 0, 50), (60, 25, 15), (98, 1, 1), (100, 0)]
)
NAMES = ("train", "val", "test")


def survey(
    table: SourceTable, sha256: dict[str, str] | None = None, pixels: dict[str, str] | None = None
) -> list[Surveyed]:
    return [
        Surveyed(
            source=source.id,
            size=source.size,
            mtime_ns=source.mtime_ns,
            sha256=(sha256 or {}).get(source.id),
            pixels=(pixels or {}).get(source.id),
        )
        for source in table.all()
    ]


def split(
    table: SourceTable,
    shares: tuple[int, ...],
    *,
    storage: LocalStorage | None = None,
    group: str | None = None,
    sha256: dict[str, str] | None = None,
    pixels: dict[str, str] | None = None,
) -> dict[str, str | None]:
    """Split by source id; None for one that is refused."""
    book = SplitBook(table, storage)
    book.enter(survey(table, sha256, pixels))
    book.assign(shares, group)
    return {source.id: None if source.refused else source.split for source in table.all()}


@settings(deadline=None)
@given(shares=SHARES, sizes=st.dictionaries(st.sampled_from(["cat", "dog", "\udcff"]), st.integers(1, 130), min_size=1))
def test_each_class_is_divided_by_the_shares_to_within_one(shares: tuple[int, ...], sizes: dict[str, int]) -> None:
    with table_of([f"{label}/{number}.png" for label, size in sizes.items() for number in range(size)]) as table:
        where = split(table, shares)
    for label, size in sizes.items():
        counts = Counter(place for source, place in where.items() if source.startswith(f"{label}/"))
        assert set(counts) <= {name for name, share in zip(NAMES, shares, strict=False) if share}
        for name, share in zip(NAMES, shares, strict=False):
            assert abs(counts[name] - share * size / 100) < 1


RELATIONS = st.dictionaries(
    st.sampled_from([f"{number}.png" for number in range(14)]), st.sampled_from("abcd"), max_size=9
)


@settings(deadline=None)
@given(sha256=RELATIONS, pixels=RELATIONS, groups=RELATIONS)
def test_whoever_is_related_over_any_number_of_steps_is_in_one_split(
    sha256: dict[str, str], pixels: dict[str, str], groups: dict[str, str]
) -> None:
    names = {
        f"{number}.png": f"{number}{'-' + groups[f'{number}.png'] if f'{number}.png' in groups else ''}.png"
        for number in range(14)
    }
    with table_of(names.values()) as table:
        where = split(
            table,
            (40, 30, 30),
            group=r"-(\w)",
            sha256={names[name]: value for name, value in sha256.items()},
            pixels={names[name]: value for name, value in pixels.items()},
        )
    related = defaultdict(set)
    for one, other in combinations(names, 2):
        if any(table.get(one) is not None and table.get(one) == table.get(other) for table in (sha256, pixels, groups)):
            related[one].add(other)
            related[other].add(one)
    for name in names:
        reached, pending = {name}, [name]
        while pending:
            pending += (new := related[pending.pop()] - reached)
            reached |= new
        assert len({where[names[member]] for member in reached}) == 1, reached


def test_a_split_depends_on_the_names_and_not_on_the_order_of_files() -> None:
    names = [f"{label}/{number}.png" for label in "ab" for number in range(20)]
    with table_of(names) as table, table_of(reversed(names)) as other:
        assert split(table, (70, 20, 10)) == split(other, (70, 20, 10))


def test_the_whole_match_counts_when_the_expression_has_no_groups() -> None:
    with table_of([f"scene{number % 4}_{number}.png" for number in range(24)]) as table:
        where = split(table, (50, 50), group=r"^scene\d")
    assert len({(source[:6], place) for source, place in where.items()}) == 4
    assert set(where.values()) == {"train", "val"}


class TestLater:
    @pytest.fixture
    def storage(self, tmp_path: Path) -> LocalStorage:
        return LocalStorage(tmp_path)

    def test_the_record_keeps_every_source_where_it_is(self, storage: LocalStorage) -> None:
        names = [f"{number}.png" for number in range(30)]
        with table_of(names) as table:
            first = split(table, (60, 20, 20), storage=storage)
        with table_of([*names[5:], *(f"new{number}.png" for number in range(50))]) as table:
            second = split(table, (60, 20, 20), storage=storage)
        assert {name: second[name] for name in names[5:]} == {name: first[name] for name in names[5:]}

    def test_newcomers_are_placed_by_their_names_in_the_proportion_of_the_shares(self, storage: LocalStorage) -> None:
        with table_of(["0.png"]) as table:
            split(table, (60, 30, 10), storage=storage)
        count = 4000
        with table_of(["0.png", *(f"new{number}.png" for number in range(count))]) as table:
            where = split(table, (60, 30, 10), storage=storage)
        counts = Counter(place for name, place in where.items() if name != "0.png")
        expected = {"train": 0.6 * count, "val": 0.3 * count, "test": 0.1 * count}
        chi_square = sum((counts[name] - expected[name]) ** 2 / expected[name] for name in NAMES)
        assert chi_square < 13.82, f"two degrees of freedom, one in a thousand: {counts}"

    def test_a_newcomer_goes_where_it_would_have_gone_in_other_company(
        self, storage: LocalStorage, tmp_path: Path
    ) -> None:
        places = []
        for folder, company in (("a", []), ("b", [f"other{number}.png" for number in range(30)])):
            kept = LocalStorage(tmp_path / folder)
            with table_of(["0.png"]) as table:
                split(table, (60, 30, 10), storage=kept)
            newcomers = [f"new{number}.png" for number in range(20)]
            with table_of(["0.png", *company, *newcomers]) as table:
                where = split(table, (60, 30, 10), storage=kept)
            places.append([where[name] for name in newcomers])
        assert places[0] == places[1]

    def test_a_newcomer_follows_its_relatives(self, storage: LocalStorage) -> None:
        names = [f"{number}.png" for number in range(20)]
        same = {f"{prefix}{number}.png": str(number) for prefix in ("", "copy_of_") for number in range(20)}
        with table_of(names) as table:
            first = split(table, (50, 30, 20), storage=storage, pixels=same)
        with table_of([*names, *(f"copy_of_{name}" for name in names)]) as table:
            second = split(table, (50, 30, 20), storage=storage, pixels=same)
        assert all(second[f"copy_of_{name}"] == first[name] for name in names)

    def test_a_bridge_between_two_splits_is_refused_and_says_which(self, storage: LocalStorage) -> None:
        names = [f"{number}.png" for number in range(10)]
        with table_of(names) as table:
            first = split(table, (50, 50), storage=storage, sha256={name: name for name in names})
        one, other = (next(name for name in names if first[name] == place) for place in ("train", "val"))
        with table_of([*names, "bridge.png"]) as table:
            relations = {
                "sha256": {**{name: name for name in names}, "bridge.png": one},
                "pixels": {other: "p", "bridge.png": "p"},
            }
            second = split(table, (50, 50), storage=storage, **relations)
            refused = {source.id: source.refused for source in table.all() if source.refused}
        assert list(refused) == ["bridge.png"]
        assert "images in train and in val" in (refused["bridge.png"] or "")
        assert {name: second[name] for name in names} == first
        recorded = {json.loads(line)["source"] for line in storage.read(SPLIT_RECORD).splitlines()}
        assert recorded == set(names), "it may find a place later"

    def test_only_what_is_new_or_changed_is_looked_at_again(self, storage: LocalStorage) -> None:
        with table_of(["a.png", "b.png", "\udcff.png"]) as table:
            split(table, (50, 50), storage=storage)
        with table_of(["a.png", "b.png", "\udcff.png", "c.png"]) as table:
            table.connection.execute("update sources set mtime_ns = 99 where id = ?", (b"b.png",))
            assert {source.id for source in SplitBook(table, storage).unknown()} == {"b.png", "c.png"}

    def test_a_rehearsal_reads_the_record_and_writes_none(self, storage: LocalStorage) -> None:
        with table_of(["a.png", "b.png"]) as table:
            split(table, (50, 50), storage=storage)
        record = storage.read(SPLIT_RECORD)
        with table_of(["a.png", "b.png", "c.png"]) as table:
            book = SplitBook(table, storage, records=False)
            book.enter(survey(table))
            book.assign((50, 50), None)
        assert storage.read(SPLIT_RECORD) == record
