from __future__ import annotations

from pathlib import Path

import pytest

from nfold.errors import UnknownNameError
from nfold.formats import FORMATS, FoundFile, Scan, format_named, recognise, summarise

SHAPES = [
    (["a.jpg"], "folder", False),
    (["cat/a.jpg", "dog/a.jpg"], "class-folders", False),
    (["train/cat/a.jpg", "test/dog/a.jpg"], "class-folders", True),
    (["train/a.jpg", "test/a.jpg"], "folder", True),
    (["a/b/c.jpg"], "folder", False),
    (["train/a.jpg", "car/a.jpg"], "class-folders", False),
]


def scan_of(paths: list[str]) -> Scan:
    return summarise(FoundFile(path=path, size=1, mtime_ns=0) for path in paths)


@pytest.mark.parametrize(("paths", "name", "has_splits"), SHAPES)
def test_each_shape_is_recognised_and_the_reason_is_said(paths: list[str], name: str, has_splits: bool) -> None:
    recognition = recognise(Path(), scan_of(paths))
    assert (recognition.format, recognition.has_splits) == (name, has_splits)
    assert recognition.reason


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("paths", [paths for paths, _, _ in SHAPES])
def test_a_format_can_be_forced_on_any_shape(name: str, paths: list[str]) -> None:
    scan = scan_of(paths)
    recognition = recognise(Path(), scan, forced=name)
    assert (recognition.format, recognition.reason) == (name, "asked for by --format")
    assert recognition.has_splits == scan.has_splits
    for path in paths:
        label = FORMATS[name].label(path, has_splits=recognition.has_splits)
        assert (label.split is not None) == recognition.has_splits


def test_an_unknown_format_names_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match="There is no data set format 'coco'") as caught:
        format_named("coco")
    assert caught.value.hint == "Known: class-folders, folder."


@pytest.mark.parametrize("name", FORMATS)
def test_each_entry_goes_by_its_own_name(name: str) -> None:
    assert format_named(name).name == name
    assert isinstance(format_named(name).has_annotations, bool)
