from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import nfold
from nfold.errors import NfoldError
from tests.conftest import write_picture

Expand = Callable[..., Any]


@pytest.fixture
def source(make_folder: Callable[..., Path]) -> Path:
    names = {
        f"{label}/{number}.png": 10 * seed + number
        for seed, label in enumerate("abc")
        for number in range(3 + 2 * seed)
    }
    return make_folder(names)


def snapshot(root: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.lstat().st_mtime_ns, path.lstat().st_size) for path in (root, *root.rglob("*"))}


OPTIONS: list[dict[str, Any]] = [
    {"copies": 0},
    {"copies": 2},
    {"copies": 1, "originals": "none"},
    {"total": 40},
    {"per_class": 6},
    {"balance": True},
    {"class_copies": "a=3", "copies": 1},
    {"copies": 1, "include": "a/*"},
    {"copies": 1, "format": "folder"},
    {"copies": 1, "split": "60/20/20"},
    {"total": 20, "split": "50/50", "group": r"/(\d)"},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_it_says_what_expand_then_does_and_writes_nothing(
    options: dict[str, Any], source: Path, tmp_path: Path, expand_inline: Expand
) -> None:
    before = snapshot(tmp_path)
    plan = nfold.dry_run(source, tmp_path / "out", **options)
    assert snapshot(tmp_path) == before
    report = expand_inline(source, tmp_path / "out", **options)
    assert report.is_whole
    assert (plan.sources, plan.files) == (report.images_before, report.images_after)
    assert [(row.split, row.category, row.before, row.after) for row in plan.classes] == [
        (row.split, row.category, row.before, row.after) for row in report.classes
    ]
    assert (plan.format, plan.recipe, plan.passed_over) == (report.format, report.recipe, report.passed_over)


def test_in_an_output_it_reads_what_is_there_and_still_writes_nothing(
    source: Path, tmp_path: Path, expand_inline: Expand
) -> None:
    target = tmp_path / "out"
    expand_inline(source, target, copies=1, split="90/10")
    for number in range(40):
        write_picture(source / f"a/new{number}.png", 1000 + number)
    before = snapshot(tmp_path)
    plan = nfold.dry_run(source, target, copies=2, split="90/10")
    assert snapshot(tmp_path) == before
    assert plan.already_there > 0
    report = expand_inline(source, target, copies=2, split="90/10")
    assert [(row.split, row.category, row.after) for row in plan.classes] == [
        (row.split, row.category, row.after) for row in report.classes
    ], "no source that has a split moves, and newcomers go where they will go"


def test_a_rehearsed_rebuild_splits_anew(source: Path, tmp_path: Path, expand_inline: Expand) -> None:
    target = tmp_path / "out"
    expand_inline(source, target, copies=1, split="90/10")
    plan = nfold.dry_run(source, target, copies=1, split="50/50", rebuild=True)
    report = expand_inline(source, target, copies=1, split="50/50", rebuild=True)
    assert [(row.split, row.category, row.after) for row in plan.classes] == [
        (row.split, row.category, row.after) for row in report.classes
    ]


def other_folder(source: Path) -> Path:
    write_picture(source.parent / "others/z.png", 5)
    return source.parent / "others"


def foreign(source: Path) -> Path:
    (source.parent / "theirs").mkdir(exist_ok=True)
    (source.parent / "theirs/thesis.tex").write_text("precious")
    return source.parent / "theirs"


REFUSED: dict[str, Callable[[Path, Path], dict[str, Any]]] = {
    "no folder": lambda source, out: {"source": source / "nowhere"},
    "output inside the input": lambda source, out: {"target": source / "out"},
    "input inside the output": lambda source, out: {"target": source.parent},
    "not ours": lambda source, out: {"target": foreign(source)},
    "another recipe": lambda source, out: {"recipe": "light"},
    "another seed": lambda source, out: {"seed": 3},
    "another split": lambda source, out: {"split": "50/50"},
    "other sources": lambda source, out: {"source": other_folder(source)},
    "no such recipe": lambda source, out: {"recipe": "lihgt"},
    "no such class": lambda source, out: {"copies": None, "class_copies": "z=3"},
    "a total that is passed already": lambda source, out: {"copies": None, "total": 3},
    "no splits": lambda source, out: {"splits": "val"},
    "no such format": lambda source, out: {"format": "coco"},
    "no images": lambda source, out: {"include": "*.nothing"},
    "one name twice": lambda source, out: {"name": "{class}_aug{copy}{ext}", "target": source.parent / "new"},
    "no wish": lambda source, out: {"copies": None},
}


@pytest.mark.parametrize("case", REFUSED)
def test_it_refuses_what_expand_refuses_and_in_the_same_words(
    case: str, source: Path, tmp_path: Path, expand_inline: Expand
) -> None:
    target = tmp_path / "out"
    expand_inline(source, target, copies=1)
    options = {"source": source, "target": target, "copies": 1, **REFUSED[case](source, target)}
    before = snapshot(tmp_path)
    with pytest.raises(NfoldError) as rehearsed:
        nfold.dry_run(**options)
    assert snapshot(tmp_path) == before
    with pytest.raises(NfoldError) as refused:
        expand_inline(**options)
    assert type(rehearsed.value) is type(refused.value)
    assert (rehearsed.value.message, rehearsed.value.stable_code) == (refused.value.message, refused.value.stable_code)


def test_the_estimate_is_of_the_right_size(example_photos: Path, tmp_path: Path) -> None:
    photos = sum(path.stat().st_size for path in example_photos.rglob("*.jpg"))
    plan = nfold.dry_run(example_photos, tmp_path / "out", copies=3)
    assert plan.bytes_estimate == pytest.approx(4 * photos, rel=0.05)
    assert (
        nfold.dry_run(example_photos, tmp_path / "out", copies=3, originals="none").bytes_estimate < plan.bytes_estimate
    )
