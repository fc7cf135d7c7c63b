"""Every kind of file can be made again; what tests/engine/test_provenance.py says of pictures holds for labels."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nfold.errors import MissingFileError, SampleError
from nfold.regeneration import regenerate
from tests.conftest import tree
from tests.engine.data_sets import MAKERS, make_coco, make_yolo

Expand = Callable[..., Any]
ABOUT_ONE = ("coco", "masks", "voc", "yolo")
GEOMETRY = {"augment": [{"HorizontalFlip": {"p": 0.5}}, {"Affine": {"rotate": [-9, 9], "p": 1}}]}


def names_of(target: Path) -> list[str]:
    parts = (target / ".nfold/parts").iterdir()
    rows = [json.loads(line) for part in parts for line in part.read_text().splitlines()[1:]]
    return sorted(row["file"] for row in rows if row["kind"] == "file")


@pytest.mark.parametrize("name", ABOUT_ONE)
@pytest.mark.parametrize("options", [{}, {"split": "50/50"}, {"to": "voc", "on_loss": "list"}])
def test_pictures_masks_and_label_files_are_made_again_byte_for_byte(
    name: str, options: dict[str, Any], tmp_path: Path, expand_inline: Expand
) -> None:
    MAKERS[name](tmp_path / "data")
    expand_inline(tmp_path / "data", tmp_path / "out", copies=2, recipe=GEOMETRY, **options)
    names = names_of(tmp_path / "out")
    assert len(names) >= 4
    for file in names:
        made = regenerate(tmp_path / "out", file)
        assert (file, made.same_bytes, made.on_disk) == (file, True, True)
        assert made.data == (tmp_path / "out" / file).read_bytes()


def test_prepared_originals_are_made_again_too(tmp_path: Path, expand_inline: Expand) -> None:
    make_yolo(tmp_path / "data")
    recipe = {**GEOMETRY, "prepare": [{"Resize": {"height": 30, "width": 44}}]}
    expand_inline(tmp_path / "data", tmp_path / "out", copies=1, recipe=recipe)
    assert all(regenerate(tmp_path / "out", file).same_bytes for file in names_of(tmp_path / "out"))


def test_a_folder_that_was_moved_is_named_with_source(tmp_path: Path, expand_inline: Expand) -> None:
    make_yolo(tmp_path / "data")
    expand_inline(tmp_path / "data", tmp_path / "out", copies=1)
    shutil.move(tmp_path / "data", tmp_path / "moved")
    assert regenerate(tmp_path / "out", "labels/one_aug1.txt", source=tmp_path / "moved").same_bytes


def test_labels_that_have_changed_since_are_told(tmp_path: Path, expand_inline: Expand) -> None:
    make_yolo(tmp_path / "data")
    expand_inline(tmp_path / "data", tmp_path / "out", copies=1)
    (tmp_path / "data/labels/one.txt").write_text("0 0.5 0.5 0.1 0.1\n")
    before = tree(tmp_path / "out")
    with pytest.raises(SampleError, match=r"labels of images/one\.png have changed") as caught:
        regenerate(tmp_path / "out", "images/one_aug1.png")
    assert caught.value.stable_code == "source.changed"
    assert tree(tmp_path / "out") == before


def test_a_file_about_many_pictures_is_told_as_such(tmp_path: Path, expand_inline: Expand) -> None:
    make_coco(tmp_path / "data")
    expand_inline(tmp_path / "data", tmp_path / "out", copies=1)
    with pytest.raises(MissingFileError, match="about many pictures"):
        regenerate(tmp_path / "out", "instances.json")
