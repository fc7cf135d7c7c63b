from __future__ import annotations

import json
from collections import Counter, defaultdict
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nfold.errors import UsageError
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
    table: SourceTable,
    sha256: dict[str, str] | None = None,
    pixels: dict[str, str] | None = None,
    dhash: dict[str, str] | None = None,
) -> list[Surveyed]:
    return [
        Surveyed(
            source=source.id,
            size=source.size,
            mtime_ns=source.mtime_ns,
            sha256=(sha256 or {}).get(source.id),
            pixels=(pixels or {}).get(source.id),
            dhash=(dhash or {}).get(source.id),
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
    dhash: dict[str, str] | None = None,
    similar: int | None = None,
) -> dict[str, str | None]:
    """Split by source id; None for one that is refused."""
    book = SplitBook(table, storage)
    book.enter(survey(table, sha256, pixels, dhash))
    book.assign(shares, group, similar)
    return {source.id: None if source.problem else source.split for source in table.all()}


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
            refused = {source.id: source.problem for source in table.all() if source.problem}
        assert [(name, problem.code) for name, problem in refused.items()] == [("bridge.png", "split.bridge")]
        assert "images in train and in val" in refused["bridge.png"].message
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

    def test_a_known_source_that_other_bytes_have_made_a_relative_of_another_split_is_left_out(
        self, storage: LocalStorage
    ) -> None:
        names = [f"{number}.png" for number in range(10)]
        own = {name: name for name in names}
        with table_of(names) as table:
            first = split(table, (50, 50), storage=storage, sha256=own, pixels=own)
        one, other = (next(name for name in names if first[name] == place) for place in ("train", "val"))
        with table_of(names) as table:
            now = {**own, other: one}
            assert split(table, (50, 50), storage=storage, sha256=now, pixels=now) == {**first, other: None}
        rows = {row["source"]: row for row in map(json.loads, storage.read(SPLIT_RECORD).splitlines())}
        assert [name for name, row in rows.items() if row.get("late")] == [other]
        with table_of(names) as table:
            book = SplitBook(table, storage)
            assert list(book.unknown()) == []
            book.assign((50, 50), None)
            again = {source.id: None if source.problem else source.split for source in table.all()}
            assert again == {**first, other: None}, "as long as it is so, though nobody looks again"
        with table_of(names) as table:
            now = {**own, other: "something else"}
            assert split(table, (50, 50), storage=storage, sha256=now, pixels=now) == first
        assert "late" not in storage.read(SPLIT_RECORD).decode()

    def test_other_bytes_alone_move_and_refuse_nobody(self, storage: LocalStorage) -> None:
        names = [f"{number}.png" for number in range(10)]
        with table_of(names) as table:
            first = split(table, (50, 50), storage=storage, sha256={name: name for name in names})
        with table_of(names) as table:
            assert split(table, (50, 50), storage=storage, sha256={name: f"new {name}" for name in names}) == first


class TestLikeness:
    def hashes(self, count: int) -> dict[str, str]:
        """Pictures in pairs that are one bit apart, each pair far from the others."""
        return {
            f"{label}/{number}.png": f"{(0xF << (4 * (number // 2 % 16))) * (1 + 16 * (number // 32)) ^ number % 2:016x}"
            for label in ("a", "b")
            for number in range(count)
        }

    def test_like_pictures_of_a_class_are_in_one_split(self) -> None:
        dhash = self.hashes(32)
        with table_of(dhash) as table:
            book = SplitBook(table, None)
            book.enter(survey(table, dhash=dhash))
            likeness = book.assign((50, 50), None, 1)
            where = {source.id: source.split for source in table.all()}
        assert all(where[f"{a}/{n}.png"] == where[f"{a}/{n + 1}.png"] for a in "ab" for n in range(0, 32, 2))
        assert set(where.values()) == {"train", "val"}
        assert likeness.count == len(likeness.pairs) == 32
        assert {(pair.bits, pair.one[0] == pair.other[0]) for pair in likeness.pairs} == {(1, True)}
        with table_of(dhash) as table:
            assert set(split(table, (50, 50), dhash=dhash).values()) == {"train", "val"}

    def test_without_classes_all_pictures_are_one_class(self) -> None:
        dhash = {f"{number}.png": "0" * 16 if number < 2 else f"{0xFFF << number:016x}" for number in range(40)}
        with table_of(dhash, dataset_format="folder") as table:
            where = split(table, (50, 50), dhash=dhash, similar=0)
        assert where["0.png"] == where["1.png"]

    def test_a_newcomer_follows_what_it_looks_like_and_the_record_keeps_the_fingerprints(self, tmp_path: Path) -> None:
        storage, dhash = LocalStorage(tmp_path), self.hashes(32)
        old = {name: value for name, value in dhash.items() if int(name[2:-4]) % 2 == 0}
        with table_of(old) as table:
            first = split(table, (40, 30, 30), storage=storage, dhash=old, similar=1)
        kept = {row["source"]: row["dhash"] for row in map(json.loads, storage.read(SPLIT_RECORD).splitlines())}
        assert kept == old
        with table_of({**old, **dhash}) as table:
            book = SplitBook(table, storage)
            newcomers = {source.id for source in book.unknown()}
            book.enter(row for row in survey(table, dhash=dhash) if row.source in newcomers)
            book.assign((40, 30, 30), None, 1)
            where = {source.id: source.split for source in table.all()}
        assert newcomers == set(dhash) - set(old)
        assert all(
            where[name] == first[name.replace(f"{n}.png", f"{n - n % 2}.png")]
            for name in dhash
            for n in [int(name[2:-4])]
        )

    def test_one_that_looks_like_two_splits_is_refused(self, tmp_path: Path) -> None:
        storage = LocalStorage(tmp_path)
        dhash = {f"{number}.png": f"{0x3 << number:016x}" for number in range(0, 60, 3)}
        with table_of(dhash, dataset_format="folder") as table:
            first = split(table, (50, 50), storage=storage, dhash=dhash, similar=2)
        one, other = (next(name for name in dhash if first[name] == place) for place in ("train", "val"))
        dhash["x.png"] = f"{int(dhash[one], 16) | int(dhash[other], 16):016x}"
        with table_of(
            {**dhash, **dict.fromkeys((f"more{number}.png" for number in range(60)), "")}, dataset_format="folder"
        ) as table:
            assert split(table, (50, 50), storage=storage, dhash=dhash, similar=2)["x.png"] is None

    def test_where_a_record_has_no_fingerprints_they_are_asked_for(self, tmp_path: Path) -> None:
        storage, names = LocalStorage(tmp_path), ["a.png", "b.png", "broken.png"]
        seen = {"a.png": "p", "b.png": "q"}
        with table_of(names) as table:
            split(table, (50, 50), storage=storage, pixels=seen, dhash={"a.png": "0" * 16})
        with table_of(names) as table:
            assert [source.id for source in SplitBook(table, storage).unknown(looks=True)] == ["b.png"]
        with table_of(names) as table:
            assert list(SplitBook(table, storage).unknown()) == []

    def test_too_many_that_look_alike_are_refused_with_their_names(self) -> None:
        names = [f"{number}.png" for number in range(30)]
        with (
            table_of(names, dataset_format="folder") as table,
            pytest.raises(UsageError, match=r"30 of 30 images .* Two of them: \d+\.png and \d+\.png \(0 of 64"),
        ):
            split(table, (50, 50), dhash=dict.fromkeys(names, "0" * 16), similar=3)


def test_what_a_group_is_known_by_goes_with_each_source() -> None:
    with table_of(["patient1_a.png", "patient1_b.png", "other.png"]) as table:
        split(table, (50, 50), group=r"(patient\d)_")
        groups = {source.id: source.group for source in table.all()}
    assert groups["patient1_a.png"] == groups["patient1_b.png"] == '["patient1"]'
    assert groups["other.png"] is None
