from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from nfold.plan.counts import LabelTally
from nfold.provenance import Explanation
from nfold.report import LabelsReport, ObjectClassReport
from nfold_cli.label_summary import explained_labels, labels_summary, planned_labels


@pytest.fixture(autouse=True)
def without_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")


def row(**changes: Any) -> ObjectClassReport:
    known: dict[str, Any] = {
        "split": None,
        "category": "cat",
        "images_before": 10,
        "images_planned": 60,
        "images_after": 58,
        "objects_before": 1200,
        "objects_after": 7000,
    }
    return ObjectClassReport(**{**known, **changes})


REPORT = LabelsReport(
    classes=(row(), row(category="dog", images_before=3)),
    kinds={"boxes": 1200},
    came=6000,
    kept=5800,
    dropped={"outside": 150, "visibility": 50},
    backgrounds=2,
    loose_boxes=9,
    looseness_mean=1.31,
    looseness_most=2.02,
    losses={"points": 7},
    repairs={"box beyond the edge": 3},
    conventions={},
)


def test_without_annotations_nothing_is_said() -> None:
    assert labels_summary(None) == []
    assert planned_labels(()) == []


def test_every_drop_and_loss_is_said_with_its_reason_and_number() -> None:
    text = "\n".join(labels_summary(REPORT))
    for words in (
        "6,000 came, 5,800 kept, 200 dropped (150 outside the picture, 50 too little visible)",
        "2 copies lost every annotation",
        "1.31",
        "2.02",
        "Left out, since the format cannot hold them: 7 key points",
        "Mended on reading: box beyond the edge (3)",
    ):
        assert words in text
    assert [line.split() for line in text.splitlines() if " cat " in f"{line} "] == [
        ["cat", "10", "60", "58", "1,200", "7,000"]
    ]


def test_what_is_not_done_is_said() -> None:
    assert labels_summary(replace(REPORT, notes=("One.", "Two.")))[-2:] == ["  Note: One.", "  Note: Two."]
    assert not any("Note" in line for line in labels_summary(REPORT))


def test_targets_and_bounds_stand_in_the_table_when_there_are_any() -> None:
    goal = replace(REPORT, classes=(row(split="train", target=60, most=64), row(split="val")))
    lines = labels_summary(goal)
    assert lines[1].split() == [
        "split",
        "class",
        "images",
        "planned",
        "after",
        "target",
        "at",
        "most",
        "objects",
        "after",
    ]
    assert lines[2].split() == ["train", "cat", "10", "60", "58", "60", "64", "1,200", "7,000"]
    assert lines[3].split() == ["val", "cat", "10", "60", "58", "-", "-", "1,200", "7,000"]


def test_a_long_table_is_cut_and_says_so() -> None:
    many = replace(REPORT, classes=tuple(row(category=f"class {number}") for number in range(25)))
    assert any("and 5 more classes; --json has them all" in line for line in labels_summary(many))


def test_a_plan_says_images_and_objects_of_each_class() -> None:
    tallies = (LabelTally(split="train", category="cat", images_before=2, images_planned=9, objects=1_500),)
    lines = planned_labels(tallies)
    assert lines[1].split() == ["split", "class", "images", "planned", "objects"]
    assert lines[2].split() == ["train", "cat", "2", "9", "1,500"]


def told(**changes: Any) -> Explanation:
    known: dict[str, Any] = {
        "file": "a_aug1.jpg",
        "source": "a.jpg",
        "source_sha256": "0",
        "copy": 1,
        "is_source": False,
        "draw": 0,
        "seed": 0,
        "recipe": "light",
        "applied": (),
        "in_words": (),
        "carried": (),
        "conversions": (),
        "split": None,
        "category": None,
        "role": None,
        "annotations_in": 3,
        "annotations": {"cat": 1, "": 1},
        "dropped": ([2, "visibility", 0.25],),
        "looseness": ([0, 1.5],),
        "mask": None,
        "mask_values": {},
        "siblings": (),
    }
    return Explanation(**{**known, **changes})


def test_an_explanation_names_what_is_there_and_what_is_not() -> None:
    assert explained_labels(told()) == [
        "  labels   2 of 3: 1 cat, 1 without a class",
        "  dropped  number 3: too little visible (0.25)",
        "  boxes    up to 1.50 times the area of what they hold",
    ]
    assert explained_labels(told(annotations_in=None)) == []
    many = explained_labels(told(dropped=tuple([n, "outside", 0.0] for n in range(30))))
    assert any("and 10 more" in line for line in many)


def test_a_picture_whose_mask_follows_is_said_to_have_one_with_its_values() -> None:
    bare: dict[str, Any] = {"annotations_in": 0, "annotations": {}, "dropped": (), "looseness": ()}
    assert explained_labels(told(**bare)) == ["  labels   none, nor has the source any"]
    masked = explained_labels(told(**bare, mask="masks/a\x1b.png", mask_values={"0": 1800, "255": 20}))
    assert masked == ["  mask     masks/a\\x1b.png: values 0 (1,800 px), 255 (20 px)"]
    (line,) = explained_labels(told(**bare, mask="m.png", mask_values={str(n): 9 for n in range(30)}))
    assert line.endswith("9 (9 px) and others; --json has more")
    (line,) = explained_labels(told(**bare, mask="m.png"))
    assert line == "  mask     m.png: not to be read"
