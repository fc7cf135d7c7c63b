from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from tests.engine.data_sets import MAKERS, make_yolo

from nfold.annotations import OutputImage
from nfold.formats import FORMATS, Source
from nfold.testing import check_format


def test_there_is_a_data_set_for_every_entry_of_the_table() -> None:
    assert set(MAKERS) == set(FORMATS)


@pytest.mark.parametrize("name", FORMATS)
def test_every_entry_of_the_table_keeps_the_contract(name: str, tmp_path: Path) -> None:
    root = tmp_path / "data"
    MAKERS[name](root)
    (tmp_path / "work").mkdir()
    check_format(name, root, tmp_path / "work")


class Spoilt:
    """A format of which one method is another one."""

    def __init__(self, good: Any, **wrong: Any) -> None:
        self._good = good
        self._wrong = wrong

    def __getattr__(self, name: str) -> Any:
        return self._wrong[name] if name in self._wrong else getattr(self._good, name)


@dataclass(frozen=True)
class SpoiltWriter:
    """A writer that shifts every box by a pixel, or forgets the last one."""

    good: Any
    shift: float = 0
    forgets: bool = False

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.good, name)

    def encode(self, image: OutputImage) -> bytes:
        moved = tuple(replace(entry, box=tuple(v + self.shift for v in entry.box or ())) for entry in image.annotations)
        data: bytes = self.good.encode(replace(image, annotations=moved[:-1] if self.forgets else moved))
        return data


def checked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, **wrong: Any) -> None:
    monkeypatch.setitem(FORMATS, "yolo", Spoilt(FORMATS["yolo"], **wrong))  # type: ignore[arg-type, call-overload]
    make_yolo(tmp_path / "data")
    (tmp_path / "work").mkdir()
    check_format("yolo", tmp_path / "data", tmp_path / "work")


class TestWhatBreaksTheContract:
    def test_a_spoilt_format_that_does_nothing_wrong_passes(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        checked(monkeypatch, tmp_path)

    def test_another_name(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        with pytest.raises(AssertionError, match="calls itself 'darknet'"):
            checked(monkeypatch, tmp_path, name="darknet")

    def test_boxes_that_are_shifted(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        good = FORMATS["yolo"]
        with pytest.raises(AssertionError, match="nowhere near"):
            checked(monkeypatch, tmp_path, writer=lambda *a, **k: SpoiltWriter(good=good.writer(*a, **k), shift=1))

    def test_a_box_that_is_forgotten(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        good = FORMATS["yolo"]
        with pytest.raises(AssertionError, match="holds"):
            checked(monkeypatch, tmp_path, writer=lambda *a, **k: SpoiltWriter(good=good.writer(*a, **k), forgets=True))

    def test_a_source_that_is_not_handed_over(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        good = FORMATS["yolo"]

        def read(context: Any, take: Callable[[Source], None]) -> Any:
            return good.read(context, lambda source: None if source.id.endswith("aug1.png") else take(source))

        with pytest.raises(AssertionError, match="is not in the output"):
            checked(monkeypatch, tmp_path, read=read)

    def test_a_data_set_that_is_written_to(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        good = FORMATS["yolo"]

        def read(context: Any, take: Callable[[Source], None]) -> Any:
            (context.root / "labels/one.txt").write_text("")
            return good.read(context, take)

        with pytest.raises(AssertionError):
            checked(monkeypatch, tmp_path, read=read)
