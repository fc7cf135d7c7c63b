from __future__ import annotations

import sqlite3

import pytest

from nfold.annotations import ImageLabels, OutputImage
from nfold.formats.plain import PathWriter


@pytest.mark.parametrize(
    ("by_class", "source", "split", "category", "expected"),
    [
        (False, "a/b.png", None, None, "a/b.png"),
        (False, "a/b.png", "train", "a", "train/a/b.png"),
        (True, "a/b.png", "train", "a", "train/a/b.png"),
        (True, "a/sub/b.png", None, "a", "a/sub/b.png"),
        (True, "images/b.png", "val", "cat", "val/cat/b.png"),
        (True, "images/b.png", None, None, "images/b.png"),
    ],
)
def test_a_source_goes_below_its_split_and_its_class(
    by_class: bool, source: str, split: str | None, category: str | None, expected: str
) -> None:
    placed = PathWriter(by_class=by_class).place(source, split=split, category=category)
    assert (placed.image, placed.label, placed.mask) == (expected, None, None)


def test_there_is_no_label_file_to_write() -> None:
    writer = PathWriter()
    image = OutputImage(
        name="a.png",
        label_name=None,
        source="a.png",
        copy=1,
        rank=0,
        size_wh=(1, 1),
        split=None,
        category=None,
        labels=ImageLabels(),
        annotations=(),
        is_untouched=False,
    )
    assert writer.assembled() == ()
    with pytest.raises(AssertionError):
        writer.encode(image)
    with pytest.raises(AssertionError):
        writer.assemble("x", lambda: iter(()), lambda text: None, sqlite3.connect(":memory:"))
