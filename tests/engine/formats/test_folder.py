from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nfold.formats import FoundFile, Label, summarise
from nfold.formats.folder import PlainFolder
from tests.conftest import tree


def reason_for(*paths: str) -> str:
    reason = PlainFolder().recognise(Path(), summarise(FoundFile(path=path, size=1, mtime_ns=0) for path in paths))
    assert reason is not None, "it takes every folder"
    return reason


@pytest.mark.parametrize(
    ("paths", "words"),
    [
        (("a.jpg", "b.jpg"), "in one folder"),
        (("a.jpg", "c/d/b.jpg"), "in nested folders"),
        (("train/a.jpg", "val/b.jpg"), "in split folders"),
        (("train/a.jpg", "val/c/d/b.jpg"), "in nested folders"),
    ],
)
def test_the_reason_says_how_the_images_lie(paths: tuple[str, ...], words: str) -> None:
    assert words in reason_for(*paths)
    assert "--format" not in reason_for(*paths)


def test_when_nearly_all_lie_in_class_folders_the_reason_says_how_to_read_them_so() -> None:
    reason = reason_for("stray.jpg", *(f"cat/{number}.jpg" for number in range(1999)))
    assert "all but 1 lie one folder deep, and --format class-folders takes that folder as their class" in reason
    assert "all but 1 lie" in reason_for("train/stray.jpg", "train/cat/1.jpg", "val/cat/2.jpg")
    assert "--format" not in reason_for("a.jpg", "cat/b.jpg"), "half is not nearly all"


@pytest.mark.parametrize(
    ("path", "has_splits", "split"),
    [
        ("a.jpg", False, None),
        ("train/a.jpg", False, None),
        ("Valid/c/a.jpg", True, "val"),
        ("train/a.jpg", True, "train"),
    ],
)
def test_no_image_has_a_class_and_splits_count_when_all_have_one(
    path: str, has_splits: bool, split: str | None
) -> None:
    assert PlainFolder().label(path, has_splits=has_splits) == Label(split=split, category=None)


def test_a_nested_folder_keeps_its_tree(
    make_folder: Callable[..., Path], expand_inline: Callable[..., Any], tmp_path: Path
) -> None:
    source = make_folder({"a.png": 1, "x/a.png": 2, "x/y/z/a.png": 3, "x.jpg/a.png": 4})
    report = expand_inline(source, tmp_path / "out", copies=2)
    assert report.format.startswith("folder")
    names = {path.relative_to(source).as_posix() for path in source.rglob("*.png")}
    assert set(tree(tmp_path / "out")) == names | {
        name.replace(".png", f"_aug{copy}.png") for name in names for copy in (1, 2)
    }


def test_flat_splits_are_splits(
    make_folder: Callable[..., Path], expand_inline: Callable[..., Any], tmp_path: Path
) -> None:
    source = make_folder({"train/a.png": 1, "val/b.png": 2, "val/deep/c.png": 3})
    expand_inline(source, tmp_path / "out", copies=1)
    assert set(tree(tmp_path / "out")) == {"train/a.png", "train/a_aug1.png", "val/b.png", "val/deep/c.png"}
