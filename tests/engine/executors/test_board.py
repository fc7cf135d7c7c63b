from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from nfold.executors.board import Board


@pytest.fixture
def boards() -> Iterator[tuple[Board, Board]]:
    descriptor = Board.new_descriptor()
    of_worker, of_coordinator = Board(descriptor), Board(descriptor)
    os.close(descriptor)
    yield of_worker, of_coordinator
    of_worker.close()
    of_coordinator.close()


def test_the_last_name_and_the_counts_are_seen_from_the_other_side(boards: tuple[Board, Board]) -> None:
    of_worker, of_coordinator = boards
    of_worker.begin(7)
    assert (of_coordinator.item, of_coordinator.name_at_work()) == (7, None)
    for name in ("a long name", "b", "b", "ü\udcff"):
        of_worker.step(name)
        assert of_coordinator.name_at_work() == name
    assert (of_coordinator.names, of_coordinator.steps) == (3, 4)


def test_a_new_item_forgets_the_names_of_the_last(boards: tuple[Board, Board]) -> None:
    of_worker, of_coordinator = boards
    of_worker.begin(1)
    of_worker.step("a")
    of_worker.begin(2)
    assert of_coordinator.name_at_work() is None
    of_worker.step("a")
    assert of_coordinator.name_at_work() == "a"
    assert (of_coordinator.names, of_coordinator.steps) == (1, 1)


def test_an_empty_name_says_that_nothing_is_at_work(boards: tuple[Board, Board]) -> None:
    of_worker, of_coordinator = boards
    of_worker.begin(1)
    of_worker.step("a")
    of_worker.step("")
    assert of_coordinator.name_at_work() is None


def test_a_name_is_never_seen_half_written(boards: tuple[Board, Board]) -> None:
    of_worker, of_coordinator = boards
    of_worker.begin(1)
    of_worker.step("first")
    hidden = (of_worker.names + 1) % 2
    of_worker._bytes[128 + hidden * (1 << 15) :][:3] = b"sec"  # as if killed in the middle of the second
    assert of_coordinator.name_at_work() == "first"


def test_a_name_longer_than_any_path_is_refused(boards: tuple[Board, Board]) -> None:
    of_worker, of_coordinator = boards
    of_worker.begin(1)
    of_worker.step("x" * (1 << 15))
    assert of_coordinator.name_at_work() == "x" * (1 << 15)
    with pytest.raises(ValueError, match="at most"):
        of_worker.step("x" * ((1 << 15) + 1))


def test_flags_are_seen_from_the_other_side(boards: tuple[Board, Board]) -> None:
    of_worker, of_coordinator = boards
    assert not any((of_worker.is_to_stop, of_coordinator.has_left, of_coordinator.is_out_of_memory))
    of_coordinator.ask_to_stop()
    of_worker.leave()
    of_worker.give_up_for_memory()
    assert of_worker.is_to_stop
    assert of_coordinator.has_left
    assert of_coordinator.is_out_of_memory
