from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nfold.formats import FoundFile, Label, summarise
from nfold.formats.class_folders import ClassFolders
from tests.conftest import tree


def recognised(*paths: str) -> str | None:
    return ClassFolders().recognise(Path(), summarise(FoundFile(path=path, size=1, mtime_ns=0) for path in paths))


@pytest.mark.parametrize(
    ("paths", "has_splits"),
    [
        (("cat/a.jpg", "dog/b.jpg"), False),
        (("cat/a.jpg",), False),
        (("train/cat/a.jpg", "val/cat/b.jpg", "Test/dog/c.jpg"), True),
        (("train/cat/a.jpg",), True),
        (("train/a.jpg", "cat/b.jpg"), False),
        (("trains/a.jpg", "valves/b.jpg"), False),
    ],
)
def test_one_folder_for_each_class_is_recognised(paths: tuple[str, ...], has_splits: bool) -> None:
    reason = recognised(*paths)
    assert reason is not None
    assert ("split" in reason) == has_splits


@pytest.mark.parametrize(
    "paths",
    [
        ("a.jpg",),
        ("cat/a.jpg", "b.jpg"),
        ("cat/a.jpg", "cat/deep/b.jpg"),
        ("cat/deep/a.jpg",),
        ("train/a.jpg", "val/b.jpg"),
        ("train/cat/a.jpg", "val/b.jpg"),
        ("train/cat/a.jpg", "dog/b.jpg"),
        ("train/cat/deep/a.jpg",),
    ],
)
def test_any_other_shape_is_not(paths: tuple[str, ...]) -> None:
    assert recognised(*paths) is None


@pytest.mark.parametrize(
    ("path", "has_splits", "label"),
    [
        ("cat/a.jpg", False, Label(split=None, category="cat")),
        ("cat/deep/deeper/a.jpg", False, Label(split=None, category="cat")),
        ("a.jpg", False, Label(split=None, category=None)),
        ("TRAINING/cat/a.jpg", True, Label(split="train", category="cat")),
        ("Valid/cat/a.jpg", True, Label(split="val", category="cat")),
        ("test/a.jpg", True, Label(split="test", category=None)),
        ("train/a.jpg", False, Label(split=None, category="train")),
        ("cl\udcff/a.jpg", False, Label(split=None, category="cl\udcff")),
    ],
)
def test_the_first_folder_that_is_no_split_names_the_class(path: str, has_splits: bool, label: Label) -> None:
    assert ClassFolders().label(path, has_splits=has_splits) == label


def test_a_class_called_train_beside_others_is_a_class(
    make_folder: Callable[..., Path], expand_inline: Callable[..., Any], tmp_path: Path
) -> None:
    source = make_folder({"train/a.png": 1, "bus/b.png": 2, "tram/c.png": 3})
    report = expand_inline(source, tmp_path / "out", copies=1)
    assert [(row.split, row.category, row.after) for row in report.classes] == [
        (None, "bus", 2),
        (None, "train", 2),
        (None, "tram", 2),
    ]


def test_the_spelling_of_splits_and_classes_stays_in_the_output(
    make_folder: Callable[..., Path], expand_inline: Callable[..., Any], tmp_path: Path
) -> None:
    source = make_folder({"Training/Cat/a.png": 1, "DEV/Cat/b.png": 2, "testing/Dog/c.png": 3})
    report = expand_inline(source, tmp_path / "out", copies=1)
    assert set(tree(tmp_path / "out")) == {
        "Training/Cat/a.png",
        "Training/Cat/a_aug1.png",
        "DEV/Cat/b.png",
        "testing/Dog/c.png",
    }
    assert {(row.split, row.category) for row in report.classes} == {("train", "Cat"), ("val", "Cat"), ("test", "Dog")}
