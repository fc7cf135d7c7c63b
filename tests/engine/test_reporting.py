from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nfold.label_counts import LabelCounts
from nfold.plan.making import make_plan
from nfold.plan.table import SourceTable
from nfold.recipe import load_recipe
from nfold.reporting import labels_report, summary_of
from nfold.request import make_request
from tests.engine.data_sets import make_coco, make_yolo

Expand = Callable[..., Any]
KEEPS_ALL = {"augment": [{"HorizontalFlip": {"p": 1}}]}


def test_classes_of_objects_are_told_before_planned_and_after(tmp_path: Path, expand_inline: Expand) -> None:
    make_yolo(tmp_path / "data")
    report = expand_inline(tmp_path / "data", tmp_path / "out", copies=1, recipe=KEEPS_ALL)
    rows = {
        row.category: (row.images_before, row.images_planned, row.images_after, row.objects_before, row.objects_after)
        for row in report.labels.classes
    }
    assert rows == {"cat": (1, 2, 2, 1, 2), "dog": (2, 4, 4, 2, 4)}
    assert (report.labels.came, report.labels.kept, report.labels.dropped) == (3, 3, {})
    assert report.labels.kinds["boxes"] == 3


def test_an_image_that_holds_two_classes_of_one_name_counts_once(tmp_path: Path, expand_inline: Expand) -> None:
    make_yolo(tmp_path / "data")
    (tmp_path / "data/classes.txt").write_text("cat\ncat\n")
    report = expand_inline(tmp_path / "data", tmp_path / "out", copies=1, recipe=KEEPS_ALL)
    (row,) = report.labels.classes
    assert (row.images_before, row.images_planned, row.images_after) == (2, 4, 4)
    assert (row.objects_before, row.objects_after) == (3, 6)


def test_targets_and_their_bounds_are_told_beside_what_came_of_them(tmp_path: Path, expand_inline: Expand) -> None:
    make_yolo(tmp_path / "data")
    recipe = {"augment": [{"Rotate": {"limit": 20, "p": 1}}], "labels": {"min_visibility": 0, "min_area_px": 0}}
    report = expand_inline(tmp_path / "data", tmp_path / "out", per_class=6, recipe=recipe)
    rows = {row.category: row for row in report.labels.classes}
    for row in rows.values():
        assert row.target == 6
        assert row.images_planned >= 6
        assert row.images_planned <= row.most
        assert row.images_after <= row.images_planned


def test_what_another_format_cannot_hold_is_listed(tmp_path: Path, expand_inline: Expand) -> None:
    make_coco(tmp_path / "data")
    report = expand_inline(tmp_path / "data", tmp_path / "out", copies=0, to="create-ml", on_loss="list")
    assert report.labels.losses["points"] == 3
    assert report.labels.losses["polygons"] == 3


def test_counts_that_do_not_add_up_stop_everything(tmp_path: Path) -> None:
    make_yolo(tmp_path / "data")
    with SourceTable() as table:
        plan = make_plan(make_request(source=tmp_path / "data", target="out", copies=1), load_recipe("light"), table)
        with pytest.raises(AssertionError, match="went missing"):
            labels_report(plan, LabelCounts(came=3, kept=2))


def test_the_card_keeps_what_tells_outputs_apart(tmp_path: Path, expand_inline: Expand) -> None:
    make_yolo(tmp_path / "data")
    report = expand_inline(tmp_path / "data", tmp_path / "out", copies=1)
    assert summary_of(report)["tree_digest"] == report.tree_digest
    assert summary_of(report)["images_after"] == 4
