from __future__ import annotations

import itertools
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from nfold.plan import sharding
from nfold.plan.sharding import FEWEST_SHARDS, FILES_PER_SHARD, KeyRange, cut_ranges, make_shards
from nfold.plan.table import KEY_BITS, source_key
from tests.engine.plan.tables import table_of

NUMBERS = st.lists(st.integers(0, 400), unique=True, max_size=120)
PREFIXES = st.text("01", max_size=6)


def names_of(numbers: list[int]) -> list[str]:
    return [f"{number}.png" for number in numbers]


def bits_of(source: str) -> str:
    return f"{source_key(source):0{KEY_BITS}b}"


@settings(deadline=None)
@given(numbers=NUMBERS, copies=st.integers(0, 40))
def test_ranges_are_disjoint_and_cover_every_key(numbers: list[int], copies: int) -> None:
    with table_of(dict.fromkeys(names_of(numbers), copies)) as table:
        ranges = cut_ranges(table)
    assert ranges[0].first == 0
    assert ranges[-1].end == 1 << KEY_BITS
    assert all(former.end == later.first for former, later in itertools.pairwise(ranges))


@settings(deadline=None)
@given(numbers=NUMBERS, copies=st.integers(0, 300), buckets=st.sampled_from([3, 18]))
def test_no_range_holds_more_than_the_size_unless_it_cannot_be_halved(
    numbers: list[int], copies: int, buckets: int
) -> None:
    with patch.object(sharding, "_BUCKET_BITS", buckets), table_of(dict.fromkeys(names_of(numbers), copies)) as table:
        most = max(1, min(FILES_PER_SHARD, len(numbers) * (1 + copies) // FEWEST_SHARDS))
        for wanted in cut_ranges(table):
            inside = [source.id for source in table.between(wanted.first, wanted.end)]
            in_one_bucket = len({bits_of(source)[:buckets] for source in inside}) <= 1
            assert len(inside) * (1 + copies) <= most or in_one_bucket
            assert len(wanted.bits) <= buckets


@settings(deadline=None)
@given(numbers=NUMBERS, more=NUMBERS)
def test_sources_that_come_or_go_change_no_other_key(numbers: list[int], more: list[int]) -> None:
    with table_of(names_of(numbers)) as few, table_of(names_of(sorted({*numbers, *more}))) as many:
        keys = dict(few.connection.execute("select id, key from sources").fetchall())
        keys_among_many = dict(many.connection.execute("select id, key from sources").fetchall())
    assert keys.items() <= keys_among_many.items()


@settings(deadline=None)
@given(
    numbers=NUMBERS,
    copies=st.integers(0, 20),
    former=st.sets(PREFIXES, max_size=12),
    listed=st.sets(PREFIXES, max_size=6),
)
def test_every_source_is_in_one_shard_with_every_former_part_and_list_that_may_speak_of_it(
    numbers: list[int], copies: int, former: set[str], listed: set[str]
) -> None:
    parts = {bits: f"s{bits}.jsonl" for bits in former}
    lists = {bits: (f"1-s{bits}.jsonl", f"2-s{bits}.jsonl") for bits in listed}
    with table_of(dict.fromkeys(names_of(numbers), copies)) as table:
        ranges = cut_ranges(table)
        shards = list(make_shards(table, ranges, parts, lists))
    assert sorted(source.id for shard in shards for source in shard.sources) == sorted(names_of(numbers))
    for shard in shards:
        assert all(bits_of(source.id).startswith(shard.range.bits) for source in shard.sources)
        overlapping = {
            bits
            for bits in former | listed
            if KeyRange(bits=bits).first < shard.range.end and shard.range.first < KeyRange(bits=bits).end
        }
        assert sorted(shard.former_parts) == sorted(parts[bits] for bits in overlapping & former)
        assert sorted(shard.former_lists) == sorted(name for bits in overlapping & listed for name in lists[bits])
        assert shard.sources or shard.former_parts or shard.former_lists
        assert len(shard) == len(shard.sources)
    untouched = {wanted.bits for wanted in ranges} - {shard.range.bits for shard in shards}
    assert not any(bits.startswith(empty) or empty.startswith(bits) for bits in former | listed for empty in untouched)


def test_a_range_is_what_begins_with_its_bits() -> None:
    assert (KeyRange(bits="").first, KeyRange(bits="").end) == (0, 1 << KEY_BITS)
    assert KeyRange(bits="01").first == 1 << (KEY_BITS - 2)
    assert KeyRange(bits="01").end == KeyRange(bits="10").first


def test_a_small_job_is_cut_into_enough_shards_for_every_core() -> None:
    with table_of(dict.fromkeys(names_of(list(range(64))), 5)) as table:
        busy = [shard for shard in make_shards(table, cut_ranges(table), {}, {}) if shard.sources]
    assert len(busy) >= FEWEST_SHARDS


def test_heavy_labels_make_smaller_shards() -> None:
    with table_of([f"{number}.png" for number in range(400)]) as table:
        light = len(cut_ranges(table))
        table.connection.execute("update sources set labels = ?", ("x" * 1_000_000,))
        shards = list(make_shards(table, cut_ranges(table), {}))
        assert len(shards) > 4 * light
        assert max(sum(len(source.labels or "") for source in shard.sources) for shard in shards) < 16_000_000
