from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nfold.annotations import Category, DatasetInfo
from nfold.formats import FORMATS
from nfold.plan.notes import notes_on_labels
from nfold.recipe import load_recipe
from nfold.rehearsal import dry_run
from tests.engine.data_sets import MAKERS

FLIP = {"augment": [{"HorizontalFlip": {"p": 0.5}}, {"Rotate": {"limit": 9, "p": 1}}]}
TURN = {"augment": [{"Rotate": {"limit": 9, "p": 1}}]}
KEEP = {
    "augment": [{"Affine": {"translate_px": {"x": [-15, -15], "y": [0, 0]}, "p": 1}}],
    "labels": {"outside": "keep", "min_visibility": 0},
}
SILENT = "Left and right key points stay as they are in mirrored copies"


def points_in(root: Path, names: list[str], **category: Any) -> Path:
    MAKERS["coco"](root)
    document = json.loads((root / "instances.json").read_text())
    for entry in document["categories"]:
        entry |= {"keypoints": names, **category}
    (root / "instances.json").write_text(json.dumps(document))
    return root


@pytest.mark.parametrize(
    ("names", "recipe", "is_said"),
    [
        (["head", "tail"], FLIP, True),
        (["head", "tail"], TURN, False),
        (["left_eye", "right_eye"], FLIP, False),
        (["head", "tail"], {**FLIP, "labels": {"swap": {"head": "tail", "tail": "head"}}}, False),
    ],
)
def test_that_left_and_right_stay_is_said_where_a_recipe_mirrors_and_nothing_names_them(
    names: list[str], recipe: dict[str, Any], is_said: bool, tmp_path: Path, expand_inline: Callable[..., Any]
) -> None:
    source = points_in(tmp_path / "data", names)
    report = expand_inline(source, tmp_path / "out", copies=1, recipe=recipe)
    assert any(note.startswith(SILENT) for note in report.labels.notes) == is_said
    assert report.to_json()["labels"]["notes"] == report.labels.notes
    assert dry_run(source, tmp_path / "other", copies=1, recipe=recipe).notes == report.labels.notes


def test_a_data_set_that_says_that_none_change_places_is_believed(tmp_path: Path) -> None:
    source = points_in(tmp_path / "data", ["head", "tail"], flip_index=[0, 1])
    assert dry_run(source, tmp_path / "out", copies=1, recipe=FLIP).notes == ()


def test_the_points_of_a_pose_set_without_flip_idx_are_named_by_their_class(tmp_path: Path) -> None:
    MAKERS["yolo"](tmp_path / "data")
    (tmp_path / "data/classes.txt").unlink()
    text = "train: images\nnames: [fly, bee]\nkpt_shape: [2, 2]\n"
    (tmp_path / "data/data.yaml").write_text(text)
    for path in (tmp_path / "data/labels").iterdir():
        path.write_text("1 0.5 0.5 0.4 0.4 0.4 0.4 0.6 0.6\n")
    [note] = dry_run(tmp_path / "data", tmp_path / "out", copies=1, recipe=FLIP).notes
    assert note.startswith(SILENT + " (of fly, bee): ")
    assert "flip_idx" in note
    assert "labels: swap:" in note
    (tmp_path / "data/data.yaml").write_text(text + "flip_idx: [1, 0]\n")
    assert dry_run(tmp_path / "data", tmp_path / "out", copies=1, recipe=FLIP).notes == ()


def test_of_many_classes_a_few_are_named() -> None:
    categories = tuple(Category(name=f"c{number}", point_names=("0", "1")) for number in range(5))
    info = DatasetInfo(categories=categories, kinds={"points": 9})
    [note] = notes_on_labels(info, load_recipe(FLIP), target="coco")
    assert "(of c0, c1, c2 and 2 more)" in note


@pytest.mark.parametrize("name", ["coco", "create-ml", "csv", "hf-metadata", "voc", "yolo"])
def test_that_labels_are_cut_although_the_recipe_keeps_them_is_said_where_it_is_so(
    name: str, tmp_path: Path, expand_inline: Callable[..., Any]
) -> None:
    MAKERS[name](tmp_path / "data")
    report = expand_inline(tmp_path / "data", tmp_path / "out", copies=1, recipe=KEEP)
    is_cut = any(f"cut at the edge when {name} is written" in note for note in report.labels.notes)
    assert is_cut == (name != "coco")
    assert report.labels.kept == 3
    if name == "coco":
        document = json.loads((tmp_path / "out/instances.json").read_text())
        assert min(entry["bbox"][0] for entry in document["annotations"]) < 0
    assert dry_run(tmp_path / "data", tmp_path / "to", copies=1, recipe=KEEP, to="coco").notes == ()


def test_what_has_no_shape_is_not_cut() -> None:
    recipe = load_recipe(KEEP)
    assert notes_on_labels(DatasetInfo(kinds={"semantic": 2}), recipe, target="masks") == ()
    assert notes_on_labels(DatasetInfo(kinds={"class": 2}), recipe, target="folder") == ()
    assert notes_on_labels(DatasetInfo(kinds={"boxes": 2}), load_recipe(FLIP), target="voc") == ()
    assert "coco" in FORMATS
