from __future__ import annotations

import json
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from nfold.label_counts import LabelCounts
from nfold.manifest import DIGEST_MODULUS, SkipRow
from nfold.report import MOST_LISTED, Totals
from nfold.shard import ClassCount, ShardReport

NUMBERS = st.integers(0, 10**6)
SHARDS = st.builds(
    ShardReport,
    bits=st.just(""),
    classes=st.dictionaries(
        st.tuples(st.sampled_from([None, "train"]), st.sampled_from([None, "cat"])),
        st.builds(ClassCount, sources=NUMBERS, originals=NUMBERS, copies=NUMBERS),
    ),
    **dict.fromkeys(("input_bytes", "output_bytes", "files", "written", "removed", "retained"), NUMBERS),
    skipped=st.lists(st.builds(SkipRow, source=st.text(), code=st.sampled_from("ab"), message=st.just(""))).map(tuple),
    short=st.dictionaries(st.text(), st.integers(1, 9), max_size=3),
    set_aside=st.lists(st.text(), max_size=2).map(tuple),
    conversions=st.dictionaries(st.sampled_from(["x", "y"]), NUMBERS),
    digest=st.integers(0, DIGEST_MODULUS - 1),
    labels=st.builds(LabelCounts, came=NUMBERS, kept=NUMBERS),
    changed=st.booleans(),
)


@given(st.lists(SHARDS, max_size=5))
def test_totals_are_the_sums_of_the_shards(shards: list[ShardReport]) -> None:
    totals = Totals()
    for shard in shards:
        totals.add(shard)
    for name in ("input_bytes", "output_bytes", "files", "written", "removed", "retained"):
        assert getattr(totals, name) == sum(getattr(shard, name) for shard in shards)
    for place, count in totals.classes.items():
        there = [shard.classes[place] for shard in shards if place in shard.classes]
        assert (count.sources, count.copies) == (sum(one.sources for one in there), sum(one.copies for one in there))
    assert totals.labels.came == sum(shard.labels.came for shard in shards)
    assert totals.digest == sum(shard.digest for shard in shards) % DIGEST_MODULUS
    assert sum(totals.skipped_by_code.values()) == sum(len(shard.skipped) for shard in shards)
    assert totals.copies_missing == sum(sum(shard.short.values()) for shard in shards)
    assert totals.short_count == sum(len(shard.short) for shard in shards)
    assert totals.changed == any(shard.changed for shard in shards)


def test_lists_stop_where_they_could_grow_with_the_data_and_counts_do_not() -> None:
    totals = Totals()
    skipped = tuple(SkipRow(source=f"{number}", code="c", message="m") for number in range(300))
    for shard in range(5):
        totals.add(
            ShardReport(
                bits="",
                classes={},
                **dict.fromkeys(
                    ("input_bytes", "output_bytes", "files", "written", "removed", "retained", "digest"), 0
                ),
                skipped=skipped,
                short={f"{shard}-{number}": 1 for number in range(300)},
                set_aside=tuple(f"{number}" for number in range(300)),
                conversions={},
                labels=LabelCounts(came=2, kept=1, dropped=Counter(area=1)),
                changed=False,
            )
        )
    assert len(totals.skipped) == len(totals.short) == len(totals.set_aside) == MOST_LISTED
    assert (totals.labels.came, totals.labels.kept, totals.labels.dropped) == (10, 5, {"area": 5})
    assert totals.skipped_by_code["c"] == totals.short_count == totals.copies_missing == 1500


def test_a_report_is_one_json_object(make_folder, expand_inline, tmp_path) -> None:  # type: ignore[no-untyped-def]
    report = expand_inline(make_folder({"\u00e9/a.png": 1}), tmp_path / "out", copies=1)
    document = json.loads(json.dumps(report.to_json()))
    assert document["is_whole"] is True
    assert document["classes"] == [{"split": None, "category": "\u00e9", "before": 1, "after": 2, "planned": 2}]
