from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nfold.errors import UsageError
from nfold.plan import families as module
from nfold.plan.families import Families, Hashed, Likeness, SimilarPair, join_alike

EDGES = st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19)), max_size=25)


def reached(count: int, edges: list[tuple[int, int]]) -> list[set[int]]:
    """The oracle: sets by walking along the edges."""
    found = [{number} for number in range(count)]
    for _ in range(count):
        for one, other in edges:
            union = found[one] | found[other]
            for number in union:
                found[number] = union
    return found


@given(edges=EDGES)
def test_what_is_joined_over_any_number_of_steps_has_one_root_which_is_the_smallest(
    edges: list[tuple[int, int]],
) -> None:
    families = Families(20)
    joins = [families.join(one, other) for one, other in edges]
    expected = reached(20, edges)
    assert [families.root(number) for number in range(20)] == [min(members) for members in expected]
    assert sum(joins) == 20 - len({min(members) for members in expected})
    assert all(families.sizes[min(members)] == len(members) for members in expected)


@given(exact=EDGES, alike=EDGES, limit=st.integers(1, 8))
def test_what_likeness_brought_together_leaves_out_a_part_that_was_too_large_before(
    exact: list[tuple[int, int]], alike: list[tuple[int, int]], limit: int
) -> None:
    families = Families(20)
    for one, other in exact:
        families.join(one, other)
    families.settle()
    for one, other in alike:
        families.join(one, other)
    before, after = reached(20, exact), reached(20, exact + alike)
    for number in range(20):
        part = max(len(before[member]) for member in after[number])
        size = len(after[number])
        assert families.brought_together(number, limit) == (size if part <= limit else size - part)


def test_a_copy_goes_its_own_way() -> None:
    families = Families(3)
    other = families.copy()
    other.join(0, 2)
    assert (families.root(2), other.root(2), len(other)) == (2, 0, 3)


def alike(
    rows: list[Hashed], bits: int, *, count: int | None = None, exact: tuple[tuple[int, int], ...] = ()
) -> tuple[Likeness, Families]:
    families = Families(count or len(rows))
    for one, other in exact:
        families.join(one, other)
    ordered = sorted(rows, key=lambda row: (row[0] or b"", row[1], row[2]))
    return join_alike(families, lambda: ordered, bits, "picture {}".format), families


def hashed(numbers: list[int], category: bytes | None = None, start: int = 0) -> list[Hashed]:
    return [(category, f"{number:016x}", start + rank) for rank, number in enumerate(numbers)]


@settings(deadline=None)
@given(numbers=st.lists(st.integers(0, 2**9), min_size=2, max_size=20), bits=st.integers(0, 3), classes=st.data())
def test_the_sets_are_those_of_comparing_each_with_each_of_its_class(
    numbers: list[int], bits: int, classes: st.DataObject
) -> None:
    of = [classes.draw(st.sampled_from([b"cat", b"dog"])) for _ in numbers]
    rows = [(category, f"{number:016x}", rank) for rank, (category, number) in enumerate(zip(of, numbers, strict=True))]
    likeness, families = alike(rows, bits, count=1000)
    near = [
        (one, other)
        for other in range(len(numbers))
        for one in range(other)
        if of[one] == of[other] and (numbers[one] ^ numbers[other]).bit_count() <= bits
    ]
    expected = reached(len(numbers), near)
    assert [families.root(rank) for rank in range(len(numbers))] == [min(members) for members in expected]
    assert likeness.count == len(likeness.pairs) == len(numbers) - len({min(members) for members in expected})
    assert [pair.bits for pair in likeness.pairs] == sorted(pair.bits for pair in likeness.pairs)
    for pair in likeness.pairs:
        one, other = int(pair.one.split()[1]), int(pair.other.split()[1])
        assert one < other
        assert of[one] == of[other]
        assert pair.bits == (numbers[one] ^ numbers[other]).bit_count() <= bits


class TestTooLarge:
    def chain(self, length: int) -> list[int]:
        """Each one bit from the next, the ends far from each other."""
        return [(1 << number) - 1 for number in range(length)]

    def test_five_percent_are_one_group_and_more_are_refused_with_the_figure(self) -> None:
        likeness, _ = alike(hashed(self.chain(5)), 1, count=100)
        assert likeness.count == 4
        with pytest.raises(UsageError) as caught:
            alike(hashed(self.chain(9)), 1, count=100)
        assert caught.value.stable_code == "split.all_alike"
        assert "--group-similar 1: 9 of 100 images (9.0 %)" in caught.value.message
        assert re.search(r"Two of them: picture \d and picture \d \(1 of 64 bits apart\)", caught.value.message)
        assert "With --group-similar 0 every group is small enough" in (caught.value.hint or "")

    def test_two_may_always_be_one_group(self) -> None:
        assert alike(hashed([1, 1]), 0)[0].pairs == (SimilarPair(one="picture 0", other="picture 1", bits=0),)
        with pytest.raises(UsageError, match=r"3 of 3 images \(100\.0 %\)"):
            alike(hashed([1, 1, 1]), 0)

    @pytest.mark.parametrize(("step", "fits"), [(1, 0), (3, 2), (6, 5)])
    def test_the_hint_is_the_largest_number_of_bits_that_would_do(self, step: int, fits: int) -> None:
        numbers = [(1 << (step * number)) - 1 for number in range(10)]
        with pytest.raises(UsageError) as caught:
            alike(hashed(numbers), 12, count=100)
        assert f"With --group-similar {fits} " in (caught.value.hint or "")
        assert alike(hashed(numbers), fits, count=100)[0].count == 0

    def test_where_no_number_would_do_another_way_is_named(self) -> None:
        with pytest.raises(UsageError) as caught:
            alike(hashed([7] * 10), 6, count=100)
        assert "leave it out, or say what belongs together with --group" in (caught.value.hint or "")

    def test_a_group_that_is_too_large_anyway_may_take_in_others(self) -> None:
        exact = tuple((0, number) for number in range(1, 20))
        rows = hashed([0] * 20) + hashed([1, 3, 3 << 40], start=20)
        likeness, families = alike(rows, 1, count=100, exact=exact)
        assert (likeness.count, families.sizes[0]) == (2, 22)
        with pytest.raises(UsageError, match="6 of 100"):
            alike(hashed([0] * 20) + hashed(self.chain(7)[1:], start=20), 1, count=100, exact=exact)

    def test_a_vast_set_is_not_searched_to_the_end(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "FOLLOWED_TO_THE_END", 50)
        with pytest.raises(UsageError, match="at least 6 of 100 images") as caught:
            alike(hashed(self.chain(30)), 9, count=100)
        assert "Try --group-similar 4" in (caught.value.hint or "")
        with pytest.raises(UsageError) as caught:
            alike(hashed([5] * 30), 0, count=100)
        assert "at any distance" in (caught.value.hint or "")

    def test_of_many_pairs_the_nearest_are_listed_and_all_are_counted(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "MOST_PAIRS", 3)
        rows: list[Any] = []
        for number, apart in enumerate([4, 0, 3, 1, 4, 2, 0]):
            base = 0x1111 << (8 * number)
            rows += hashed([base, base ^ ((1 << apart) - 1) << 56], category=b"%d" % number, start=len(rows))
        likeness, _ = alike(rows, 4, count=100)
        assert (likeness.count, [pair.bits for pair in likeness.pairs]) == (7, [0, 0, 1])
