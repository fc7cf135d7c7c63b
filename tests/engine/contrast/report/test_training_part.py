"""The training comparison: verdict, curves with their spread, arms."""

from __future__ import annotations

from dataclasses import replace

from nfold.contrast.report.training_part import training_section
from tests.engine.contrast.parsing import Node, parse
from tests.engine.contrast.report.test_charts import close, read_back
from tests.engine.contrast.sample import small, training


def section(**changes: object) -> Node:
    return parse(str(training_section(small(training=replace(training(), **changes)))))  # type: ignore[arg-type]


def test_without_training_there_is_no_section() -> None:
    assert training_section(small()) is None


def test_the_verdict_comes_first_and_equal_steps_are_said() -> None:
    page = section()
    assert page.one("p", class_="verdict").text == training().verdict
    assert "Each run took the same number of gradient steps: 600." in page.text


def test_unequal_steps_are_not_hidden() -> None:
    first, *rest = training().arms
    page = section(arms=(replace(first, steps=599), *rest))
    assert "did not take equally many gradient steps (No augmentation 599, Offline 600, On the fly 600)" in page.text
    assert "after equal training" not in page.text


def test_curves_and_bands_are_the_figures() -> None:
    chart = section().one("svg")
    for arm in training().arms:
        line = [(x, y / 100) for x, y in read_back(chart, chart.one("polyline", data_mode=arm.mode))]
        close(line, tuple((float(step), middle) for step, middle, _, _ in arm.curve))
        edge = read_back(chart, chart.one("polygon", data_mode=arm.mode))
        assert len(edge) == 2 * len(arm.curve)
        close([(x, y / 100) for x, y in edge[:1]], ((float(arm.curve[0][0]), arm.curve[0][3]),))


def test_each_arm_has_its_figures() -> None:
    rows = [
        [child.text for child in row.children if isinstance(child, Node)] for row in section().one("tbody").every("tr")
    ]
    assert rows[1] == ["Offline", "72.0 %", "69.8 to 74.2 %", "72.1, 74.2, 69.8", "600", "31 s", "4.2 s", "2.4 MB"]


def test_the_setting_is_told() -> None:
    text = section().text
    for words in (
        "240 images",
        "120 others",
        "cats, dogs, horses, sheep",
        "three convolutions",
        "Keras on torch",
        "3 runs",
        "0, 1, 2",
    ):
        assert words in text


def test_arms_without_curves_leave_no_hole() -> None:
    page = section(arms=tuple(replace(arm, curve=()) for arm in training().arms))
    assert not list(page.every("svg"))
    assert len(list(page.every("table"))) == 1
