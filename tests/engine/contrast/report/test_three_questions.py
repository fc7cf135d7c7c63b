"""The three charts: their lines are the figures of the modes, and the sentences agree with them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nfold.contrast.model import BreakEven
from nfold.contrast.report.three_questions import break_even_in_words, charts_section
from tests.engine.contrast.parsing import Node, parse
from tests.engine.contrast.report.test_charts import close, read_back
from tests.engine.contrast.sample import small

EVEN = BreakEven(images=4, offline_epochs=0.7, on_the_fly_epochs=2.1, is_measured=True)


def section(**changes: object) -> Node:
    return parse(charts_section(small(**changes)))


def chart(page: Node, name: str) -> Node:
    return page.one("svg", aria_labelledby=f"{name}-title {name}-desc")


def line(page: Node, name: str, mode: str, kind: str = "line") -> list[tuple[float, float]]:
    drawing = chart(page, name)
    return read_back(drawing, drawing.one("polyline", class_=kind, data_mode=mode))


def test_different_images_are_drawn_as_they_were_counted_and_equal_modes_share_a_line() -> None:
    page = section()
    drawing = chart(page, "distinct")
    assert [node.text for node in drawing.every("text", class_="label")] == [
        "No augmentation", "Offline, Frozen", "On the fly", "Keras layers",
    ]  # fmt: skip
    for figures in small().modes:
        if figures.mode != "frozen":
            expected = tuple((float(epoch), float(seen)) for epoch, seen in enumerate(figures.distinct_after, 1))
            close(read_back(drawing, drawing.one("polyline", data_mode=figures.mode)), expected)


def test_time_goes_up_from_what_was_spent_beforehand() -> None:
    page = section()
    close(line(page, "time", "offline"), ((0, 1.5), (6, 2.41), (12, 3.33), (18, 4.26)))
    close(line(page, "time", "on-the-fly"), ((0, 0), (2, 0.71), (4, 1.43), (6, 2.16)))


def test_the_shorter_line_is_carried_on_at_its_measured_rate() -> None:
    close(line(section(), "time", "on-the-fly", "beyond"), ((6, 2.16), (18, 6.48)))
    assert not list(chart(section(), "time").every("polyline", class_="beyond", data_mode="offline"))


def test_the_break_even_is_marked_on_the_line_of_the_files() -> None:
    page = section(break_even=replace(EVEN, images=9))
    (mark,) = chart(page, "time").every("circle")
    (_, y0), (_, y1) = [(6, 2.41), (12, 3.33)]
    places = [
        pair.split(",")
        for pair in (
            chart(page, "time").one("polyline", class_="line", data_mode="offline").attributes["points"] or ""
        ).split()
    ]
    assert float(mark.attributes["cy"] or 0) == pytest.approx((float(places[1][1]) + float(places[2][1])) / 2, abs=0.02)
    assert y0 < y1
    assert "equal after 9" in [node.text for node in chart(page, "time").every("text")]


def test_a_break_even_that_is_far_away_is_told_and_not_drawn() -> None:
    page = section(break_even=replace(EVEN, images=100_000, is_measured=False))
    assert not list(chart(page, "time").every("circle"))
    assert "after 100,000 images" in page.text


def test_a_break_even_beyond_what_was_run_carries_both_lines_on() -> None:
    page = section(break_even=replace(EVEN, images=40, is_measured=False))
    assert len(list(chart(page, "time").every("polyline", class_="beyond"))) == 2
    assert len(list(chart(page, "time").every("circle"))) == 1


@pytest.mark.parametrize(
    ("even", "words"),
    [
        (EVEN, "Both have taken equally long after 4 images (0.7 epochs of the offline set or 2.1 epochs on the fly)."),
        (replace(EVEN, is_measured=False), "if the measured rates go on."),
        (BreakEven(images=None, offline_epochs=None, on_the_fly_epochs=None, is_measured=False), "never comes back."),
    ],
)
def test_the_break_even_is_said_in_words(even: BreakEven, words: str) -> None:
    assert break_even_in_words(even).endswith(words)


def test_disk_is_drawn_for_every_mode() -> None:
    bars = [float(bar.attributes["width"] or 0) for bar in chart(section(), "disk").every("rect", class_="bar")]
    assert bars == [0, 360, 0, 0, 0]
    assert "Offline: 4 files on disk, 123 kB." in section().text


def test_the_sentences_say_how_many_variations_of_each_image_there_were() -> None:
    text = section().text
    assert "Offline: 6 in the first epoch and the same 6 ever after, 3 of each image." in text
    assert "On the fly: 2 in the first epoch, 6 in the end, 3 of each image." in text
    assert "An epoch of the first has 6 images, one of the second 2." in text


def test_without_both_meanings_there_is_no_empty_figure() -> None:
    page = section(modes=tuple(figures for figures in small().modes if figures.mode == "none"))
    assert len(list(page.every("figure"))) == 2
    assert all(node.text for node in page.every("p"))
