"""Pages of an output: together they are all of it, in one order, whatever was asked before, and after it was written anew."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

import nfold
from nfold_service.work import looking
from nfold_service.work.looking import look_through
from tests.conftest import write_picture

CLASSES = ("a", "b", "rare")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("looking")
    for number in range(240):
        write_picture(home / "source" / CLASSES[number % 2] / f"{number}.png", number, width=8, height=8)
    write_picture(home / "source" / "rare" / "240.png", 240, width=8, height=8)
    nfold.expand(home / "source", home / "output", copies=1, workers=1)
    return home


def looked(home: Path, first: int, most: int, category: str | None) -> dict[str, Any]:
    return look_through(output=str(home / "output"), first=first, most=most, category=category, say=lambda data: None)


def names(page: dict[str, Any]) -> list[str]:
    return [one["source"] for one in page["sources"]]


def test_pages_in_any_order_are_slices_of_the_whole(home: Path) -> None:
    for category in (None, *CLASSES):
        looking._counted.clear()
        whole = names(looked(home, 0, 1000, category))
        assert len(whole) == {None: 241, "a": 120, "b": 120, "rare": 1}[category]
        assert len(set(whole)) == len(whole)
        looking._counted.clear()
        chance = random.Random(7)
        for _ in range(60):
            first, most = chance.randrange(250), chance.choice((1, 7, 60))
            page = looked(home, first, most, category)
            assert names(page) == whole[first : first + most], (category, first, most)
            assert page["next"] == (first + most if first + most < len(whole) else None)


def test_a_page_reads_only_the_parts_that_it_needs(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked(home, 0, 1000, None)
    read: list[str] = []
    original = looking.records_by_part

    def watched(storage: Any) -> Any:
        for name, records in original(storage):
            yield name, _noting(read, name, records)

    monkeypatch.setattr(looking, "records_by_part", watched)
    assert len(list(original(looking.LocalStorage(home / "output")))) >= 4, "too small to show anything"
    looked(home, 240, 1, None)
    looked(home, 0, 1, "rare")
    assert len(read) == 2


def _noting(read: list[str], name: str, records: Any) -> Any:
    read.append(name)
    yield from records


def test_an_output_that_was_written_anew_is_looked_through_anew(home: Path) -> None:
    assert len(names(looked(home, 0, 1000, None))) == 241
    extra = home / "source" / "rare" / "extra.png"
    write_picture(extra, 999, width=8, height=8)
    nfold.expand(home / "source", home / "output", copies=1, workers=1)
    assert "rare/extra.png" in names(looked(home, 0, 1000, "rare"))
    assert looked(home, 1, 5, "rare")["next"] is None
    extra.unlink()
    nfold.expand(home / "source", home / "output", copies=1, workers=1)
    assert names(looked(home, 0, 5, "rare")) == ["rare/240.png"]


def test_an_output_without_a_manifest_has_no_pages(tmp_path: Path) -> None:
    (tmp_path / "output").mkdir()
    assert looked(tmp_path, 0, 10, None) == {"sources": [], "next": None}


def test_counts_of_few_outputs_are_kept(home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(looking, "MOST_COUNTED", 2)
    for number in range(4):
        (tmp_path / str(number) / "output" / ".nfold" / "parts").mkdir(parents=True)
        looked(tmp_path / str(number), 0, 1, None)
    assert len(looking._counted) == 2
