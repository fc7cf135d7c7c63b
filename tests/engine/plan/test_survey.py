from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from nfold.executors import WorkerFailure
from nfold.images import DecodeLimits
from nfold.plan.survey import CHUNK, Surveyed, SurveyTask, chunks
from nfold.plan.table import PlannedSource
from tests.conftest import write_picture


def planned(root: Path, name: str, size: int | None = None) -> PlannedSource:
    facts = (root / name).stat() if (root / name).exists() else None
    return PlannedSource(
        id=name,
        path=name,
        size=size if size is not None else facts.st_size if facts else 1,
        mtime_ns=facts.st_mtime_ns if facts else 0,
        split=None,
        category=None,
        copies=0,
        target=name,
    )


@pytest.fixture
def look(tmp_path: Path) -> Callable[..., dict[str, Surveyed]]:
    def survey(
        *sources: PlannedSource, blamed: dict[str, WorkerFailure] | None = None, looks: bool = False
    ) -> dict[str, Surveyed]:
        task = SurveyTask(source_root=str(tmp_path), limits=DecodeLimits(max_pixels=10_000), looks=looks)
        seen: list[str] = []
        rows = task(sources, blamed or {}, seen.append)
        assert seen == [source.id for source in sources], "a sign of life before each"
        return {row.source: row for row in rows}

    return survey


def test_equal_bytes_and_equal_pixels_are_seen(look: Callable[..., dict[str, Surveyed]], tmp_path: Path) -> None:
    write_picture(tmp_path / "a.png", 1)
    write_picture(tmp_path / "a.bmp", 1)
    write_picture(tmp_path / "b.png", 2)
    shutil.copy(tmp_path / "a.png", tmp_path / "twin.png")
    found = look(*(planned(tmp_path, name) for name in ("a.png", "a.bmp", "b.png", "twin.png")))
    assert found["a.png"].sha256 == found["twin.png"].sha256 != found["a.bmp"].sha256
    assert found["a.png"].pixels == found["twin.png"].pixels == found["a.bmp"].pixels != found["b.png"].pixels


def test_what_a_picture_looks_like_is_told_when_asked_for(
    look: Callable[..., dict[str, Surveyed]], tmp_path: Path
) -> None:
    write_picture(tmp_path / "a.png", 1, width=96, height=72)
    write_picture(tmp_path / "a.jpg", 1, width=96, height=72)
    write_picture(tmp_path / "b.png", 2)
    (tmp_path / "broken.png").write_bytes(b"\x89PNG and no more")
    sources = [planned(tmp_path, name) for name in ("a.png", "a.jpg", "b.png", "broken.png")]
    assert {row.dhash for row in look(*sources).values()} == {None}
    found = {name: row.dhash for name, row in look(*sources, looks=True).items()}
    assert found["broken.png"] is None

    def apart(one: str, other: str) -> int:
        return (int(found[one] or "", 16) ^ int(found[other] or "", 16)).bit_count()

    assert apart("a.png", "a.jpg") <= 4 < apart("a.png", "b.png")


def test_what_cannot_be_used_is_passed_on_without_a_word(
    look: Callable[..., dict[str, Surveyed]], tmp_path: Path
) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8 and no more")
    write_picture(tmp_path / "vast.png", 1, width=200, height=100)
    write_picture(tmp_path / "killer.png", 2)
    found = look(
        planned(tmp_path, "broken.jpg"),
        planned(tmp_path, "vast.png"),
        planned(tmp_path, "gone.png"),
        planned(tmp_path, "killer.png"),
        planned(tmp_path, "heavy.png", size=10**12),
        blamed={"killer.png": WorkerFailure(code="worker.crashed", message="It crashed.")},
    )
    assert [(row.sha256 is not None, row.pixels is not None) for row in found.values()] == [
        (True, False),
        (True, False),
        (False, False),
        (False, False),
        (False, False),
    ]


def test_rows_carry_size_and_time_of_the_scan(look: Callable[..., dict[str, Surveyed]], tmp_path: Path) -> None:
    write_picture(tmp_path / "a.png", 1)
    source = planned(tmp_path, "a.png", size=7)
    row = look(source)["a.png"]
    assert (row.size, row.mtime_ns) == (7, source.mtime_ns)


@pytest.mark.parametrize("count", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK])
def test_sources_come_in_bites_and_none_is_lost(count: int, tmp_path: Path) -> None:
    sources = [planned(tmp_path, f"{number}.png") for number in range(count)]
    bites = list(chunks(iter(sources)))
    assert [source for bite in bites for source in bite] == sources
    assert all(0 < len(bite) <= CHUNK for bite in bites)
