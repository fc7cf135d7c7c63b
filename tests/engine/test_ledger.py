from __future__ import annotations

from pathlib import Path

import pytest

from nfold.ledger import INTENTS, SURPLUS, declare, let_go, list_name, lists_by_bits, names_in_lists, read_list
from nfold.storage import LocalStorage
from tests.engine.test_manifest import file_row

ODD = ["a.png", "new\nline.png", "\udcff/é.png"]


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path)


def test_what_is_declared_is_read_back_without_rows(storage: LocalStorage) -> None:
    declare(storage, list_name(INTENTS, 3, "01"), ODD)
    assert list(read_list(storage, list_name(INTENTS, 3, "01"))) == [(name, None) for name in ODD]
    declare(storage, list_name(INTENTS, 3, "11"), [])
    assert list(read_list(storage, list_name(INTENTS, 3, "11"))) == []


def test_what_is_let_go_of_is_read_back_with_its_rows(storage: LocalStorage) -> None:
    rows = [file_row("s", file=name, applied=(["Rotate", {"angle": 0.1}],)) for name in ODD]
    let_go(storage, list_name(SURPLUS, 3, ""), rows)
    assert list(read_list(storage, list_name(SURPLUS, 3, ""))) == [(row.file, row) for row in rows]


def test_lists_are_found_by_the_range_of_the_shard_that_wrote_them(storage: LocalStorage) -> None:
    assert lists_by_bits(storage) == {}
    names = [
        list_name(folder, generation, bits)
        for folder in (INTENTS, SURPLUS)
        for generation in (1, 12)
        for bits in ("", "01")
    ]
    for name in names:
        declare(storage, name, ["a.png"])
    found = lists_by_bits(storage)
    assert set(found) == {"", "01"}
    assert sorted(name for lists in found.values() for name in lists) == sorted(names)
    assert all(name.endswith(f"-s{bits}.jsonl") for bits, lists in found.items() for name in lists)


def test_a_list_that_was_taken_away_meanwhile_names_nothing(storage: LocalStorage) -> None:
    declare(storage, list_name(INTENTS, 1, ""), ["a.png"])
    let_go(storage, list_name(SURPLUS, 1, ""), [file_row("s", file="b.png")])
    assert names_in_lists(storage, [list_name(INTENTS, 1, ""), list_name(SURPLUS, 1, ""), "gone.jsonl"]) == {
        "a.png",
        "b.png",
    }
