from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nfold.leaks import find_leaks
from nfold.manifest import PartHeader, SourceRecord, SourceRow, encode_part, part_name
from nfold.report import Leak
from nfold.storage import LocalStorage
from tests.engine.test_manifest import file_row


def source_row(source: str, split: str | None) -> SourceRow:
    return SourceRow(source=source, sha256="s", size=1, mtime_ns=1, pixels="p", build="b", split=split)


@pytest.fixture
def leaks_among(tmp_path: Path) -> Callable[..., list[Leak]]:
    """Leaks of an output of these files: (split, copy) and pixels by name."""

    def find(files: dict[str, tuple[str | None, int, str]]) -> list[Leak]:
        storage = LocalStorage(tmp_path)
        records = [
            SourceRecord(source=source_row(name, split), files=[file_row(name, copy, file=name, pixels=pixels)])
            for name, (split, copy, pixels) in files.items()
        ]
        storage.put(part_name(""), encode_part(PartHeader(bits="", generation=1, digest="0"), records))
        return list(find_leaks(storage))

    return find


def test_equal_pixels_in_train_and_elsewhere_are_a_leak(leaks_among: Callable[..., list[Leak]]) -> None:
    found = leaks_among(
        {
            "t1": ("train", 0, "A"),
            "t2": ("train", 1, "B"),
            "t3": ("train", 0, "C"),
            "v": ("val", 0, "A"),
            "e": ("test", 0, "B"),
        }
    )
    assert found == [
        Leak(held_out="v", trained_on="t1", from_input=True),
        Leak(held_out="e", trained_on="t2", from_input=False),
    ]


@pytest.mark.parametrize(
    "files",
    [
        {"a": ("train", 0, "A"), "b": ("train", 0, "A")},
        {"a": ("val", 0, "A"), "b": ("test", 0, "A")},
        {"a": (None, 0, "A"), "b": (None, 0, "A")},
        {"a": ("train", 0, "A"), "b": ("val", 0, "B")},
    ],
    ids=["both trained on", "both held out", "no splits", "unlike"],
)
def test_anything_else_is_none(files: dict[str, tuple[str | None, int, str]], leaks_among: Callable[..., Any]) -> None:
    assert leaks_among(files) == []


def test_a_name_that_is_no_utf_8_does_no_harm(leaks_among: Callable[..., list[Leak]]) -> None:
    (leak,) = leaks_among({"t\udcff": ("train", 0, "A"), "v\udcff": ("val", 0, "A")})
    assert leak.from_input


def test_a_run_reports_what_the_input_leaks_and_a_split_of_its_own_leaks_nothing(
    make_folder: Callable[..., Path], expand_inline: Callable[..., Any], tmp_path: Path
) -> None:
    source = make_folder({"train/a/x.png": 1, "train/a/y.png": 2, "test/a/z.png": 3})
    shutil.copy(source / "train/a/y.png", source / "test/a/twin.png")
    report = expand_inline(source, tmp_path / "out", copies=1)
    assert [(leak.held_out, leak.trained_on) for leak in report.leaks] == [("test/a/twin.png", "train/a/y.png")]
    flat = make_folder(8, folder="flat")
    for number in range(8):
        shutil.copy(flat / f"picture{number}.png", flat / f"twin{number}.png")
    assert expand_inline(flat, tmp_path / "split", copies=1, split="50/50").leaks_count == 0
