from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

import nfold
from nfold.assembly import RECORD
from nfold.ledger import INTENTS, SURPLUS
from nfold.manifest import FileRow, PartHeader, SourceRecord, encode_part, part_name
from nfold.storage import LocalStorage
from nfold.sweep import SweepReport, remove_build, sweep_surplus
from tests.conftest import tree, write_picture
from tests.engine.test_placing import row_of


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path / "out")


def list_surplus(storage: LocalStorage, rows: Iterable[FileRow], name: str = "2-s.jsonl") -> None:
    storage.put(f"{SURPLUS}/{name}", "\n".join(json.dumps(row.to_json()) for row in rows).encode())


def claim(storage: LocalStorage, rows: Iterable[FileRow], bits: str = "", generation: int = 1) -> None:
    records = [SourceRecord(files=[row]) for row in rows]
    storage.put(part_name(bits), encode_part(PartHeader(bits=bits, generation=generation, digest="0"), records))


def sweep(storage: LocalStorage) -> tuple[SweepReport, list[tuple[int, list[str]]]]:
    announced: list[tuple[int, list[str]]] = []
    report = sweep_surplus(storage, lambda count, names: announced.append((count, names)))
    return report, announced


def test_without_lists_nothing_happens(storage: LocalStorage) -> None:
    assert sweep(storage) == (SweepReport(removed=0, kept=()), [])


def test_what_is_listed_goes_with_its_empty_folders_and_is_announced_first(storage: LocalStorage) -> None:
    rows = [row_of(storage, f"c/{number}.png", b"data", source=f"{number}") for number in range(12)]
    storage.put("d/stays.png", b"data")
    list_surplus(storage, rows)
    report, ((count, names),) = sweep(storage)
    assert report == SweepReport(removed=12, kept=())
    assert (count, names) == (12, sorted(row.file for row in rows)[:10])
    assert set(tree(storage.root)) == {"d/stays.png"}
    assert not storage.exists("c")
    assert storage.names_in(SURPLUS) == []


def test_what_was_changed_since_stays_and_is_named(storage: LocalStorage) -> None:
    rows = [row_of(storage, name, b"data", source=name) for name in ("a.png", "b.png", "gone.png")]
    list_surplus(storage, rows)
    storage.put("a.png", b"edited")
    storage.remove("gone.png")
    assert sweep(storage)[0] == SweepReport(removed=1, kept=("a.png",))
    assert storage.read("a.png") == b"edited"


def test_what_its_source_claims_again_by_now_stays(storage: LocalStorage) -> None:
    rows = [row_of(storage, name, b"data", source=name) for name in ("a.png", "b.png")]
    claim(storage, rows[:1])
    list_surplus(storage, rows, "2-s.jsonl")
    list_surplus(storage, rows, "1-s.jsonl")
    report, announced = sweep(storage)
    assert report.removed == 1
    assert {*announced[0][1]} == {"b.png"}
    assert set(tree(storage.root)) == {"a.png"}


def test_what_was_assembled_by_now_stays_though_a_killed_run_meant_it_for_a_picture(storage: LocalStorage) -> None:
    storage.put("a_aug1.txt", b"a.png")
    storage.put("b_aug1.txt", b"b.png")
    storage.put(f"{INTENTS}/1-i.jsonl", b'{"file": "a_aug1.txt"}\n{"file": "b_aug1.txt"}\n')
    with storage.lines(RECORD) as write:
        write(json.dumps({"file": "a_aug1.txt", "sha256": "0", "size": 5, "mtime_ns": 0}))
    report, announced = sweep(storage)
    assert announced == [(1, ["b_aug1.txt"])]
    assert report == SweepReport(removed=1, kept=())
    assert set(tree(storage.root)) == {"a_aug1.txt"}


def test_of_two_parts_the_newer_one_claims(storage: LocalStorage) -> None:
    row = row_of(storage, "a.png", b"data", source="a.png")
    claim(storage, [row], generation=1)
    from nfold.plan.table import KEY_BITS, source_key

    claim(storage, [], bits=f"{source_key('a.png'):0{KEY_BITS}b}"[:1], generation=2)
    list_surplus(storage, [row])
    assert sweep(storage)[0].removed == 1


def test_a_former_build_goes_whole_and_what_was_changed_is_set_aside(storage: LocalStorage) -> None:
    rows = [row_of(storage, name, b"data", source=name) for name in ("a.png", "c/b.png")]
    claim(storage, rows)
    list_surplus(storage, rows)
    storage.put("a.png", b"edited")
    storage.put("theirs.txt", b"theirs")
    (kept,) = remove_build(storage)
    assert storage.read(kept) == b"edited"
    assert set(tree(storage.root)) == {"theirs.txt"}
    assert storage.names_in(SURPLUS) == storage.names_in(".nfold/parts") == []


class TestNamesThatChangeHands:
    """A copy's file name becomes that of an original: the source of the copy has gone, and a new one is called so."""

    def test_a_copy_that_was_taken_into_the_sources_is_not_swept_away(
        self, make_folder: Callable[..., Path], expand_inline: Callable[..., Any], tmp_path: Path
    ) -> None:
        source, target = make_folder({"a.png": 1, "b.png": 2}), tmp_path / "out"
        expand_inline(source, target, copies=1)
        shutil.copy(target / "a_aug1.png", source / "a_aug1.png")
        (source / "a.png").unlink()
        report = expand_inline(source, target, copies=1)
        assert nfold.verify(target).is_sound
        assert len(tree(target)) == report.images_after == 4

    def test_a_new_source_may_have_the_name_of_a_former_copy(
        self, make_folder: Callable[..., Path], expand_inline: Callable[..., Any], tmp_path: Path
    ) -> None:
        source, target = make_folder({"a.png": 1, "b.png": 2}), tmp_path / "out"
        expand_inline(source, target, copies=1)
        write_picture(source / "a_aug1.png", 9)
        (source / "a.png").unlink()
        report = expand_inline(source, target, copies=1)
        assert (report.kept, len(tree(target))) == ((), 4)
