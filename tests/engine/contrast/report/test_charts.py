"""Charts: what is drawn is what was measured, read back from the drawing by its own axes."""

from __future__ import annotations

import pytest

from nfold.contrast.report.charts import Bar, Frame, Line, Mark, bar_chart, line_chart, united
from nfold.contrast.report.markup import Markup
from tests.engine.contrast.parsing import Node, parse

POINTS = ((1.0, 9.0), (2.0, 18.0), (3.0, 22.0))


def frame(**changes: object) -> Frame:
    values = {
        "name": "seen", "title": "Seen <so far>", "description": "All of them.", "x_title": "epoch", "y_title": "images",
        "x_words": lambda x: f"epoch {x:.0f}", "y_words": lambda y: f"{y:g} images", **changes,
    }  # fmt: skip
    return Frame(**values)  # type: ignore[arg-type]


def figures_of(chart: Node, axis: str) -> tuple[float, float]:
    """Slope and start of an axis: figure = start + slope x place, from the first and the last tick."""
    named = list(chart.every("text", class_=f"tick-{axis}"))
    shift = 4.0 if axis == "y" else 0.0
    ticks = [(float(node.attributes[axis] or 0) - shift, float(node.text.replace(",", ""))) for node in named]
    (p0, f0), (p1, f1) = ticks[0], ticks[-1]
    slope = (f1 - f0) / (p1 - p0)
    return slope, f0 - slope * p0


def read_back(chart: Node, node: Node) -> list[tuple[float, float]]:
    (xs, x0), (ys, y0) = figures_of(chart, "x"), figures_of(chart, "y")
    places = [pair.split(",") for pair in (node.attributes["points"] or "").split()]
    return [(x0 + xs * float(x), y0 + ys * float(y)) for x, y in places]


def close(found: list[tuple[float, float]], expected: tuple[tuple[float, float], ...]) -> None:
    assert len(found) == len(expected)
    for (x, y), (wanted_x, wanted_y) in zip(found, expected, strict=True):
        assert (x, y) == (pytest.approx(wanted_x, abs=0.02), pytest.approx(wanted_y, abs=0.1))


def test_the_points_of_a_line_are_its_figures() -> None:
    chart = parse(line_chart(frame(), [Line(mode="offline", label="Offline", points=POINTS)])).one("svg")
    close(read_back(chart, chart.one("polyline", class_="line")), POINTS)
    assert [node.text for node in chart.every("path", class_="point")] == [
        f"Offline, epoch {x:.0f}: {y:g} images" for x, y in POINTS
    ]


def test_what_was_not_measured_is_another_line_that_starts_where_the_measured_one_ends() -> None:
    line = Line(mode="offline", label="Offline", points=POINTS, carried_on=((6.0, 40.0),))
    chart = parse(line_chart(frame(), [line])).one("svg")
    close(read_back(chart, chart.one("polyline", class_="line")), POINTS)
    close(read_back(chart, chart.one("polyline", class_="beyond")), (POINTS[-1], (6.0, 40.0)))


def test_a_band_goes_along_the_highest_and_back_along_the_lowest() -> None:
    band = ((1.0, 8.0, 10.0), (2.0, 15.0, 20.0))
    chart = parse(line_chart(frame(), [Line(mode="none", label="None", points=POINTS[:2], band=band)])).one("svg")
    close(read_back(chart, chart.one("polygon")), ((1.0, 10.0), (2.0, 20.0), (2.0, 15.0), (1.0, 8.0)))


def test_a_mark_stands_at_its_figures_with_its_words() -> None:
    line = Line(mode="offline", label="Offline", points=POINTS)
    chart = parse(line_chart(frame(), [line], Mark(x=2.0, y=18.0, label="equal after 2"))).one("svg")
    mark, (place, *_) = chart.one("circle"), [chart.one("polyline").attributes["points"]]
    assert f"{mark.attributes['cx']},{mark.attributes['cy']}" == (place or "").split()[1]
    assert "equal after 2" in [node.text for node in chart.every("text")]


def test_who_does_not_see_a_chart_is_told() -> None:
    chart = parse(line_chart(frame(), [Line(mode="none", label="None", points=POINTS)])).one("svg")
    assert (chart.attributes["role"], chart.attributes["aria-labelledby"]) == ("img", "seen-title seen-desc")
    assert chart.one(id="seen-title").text == "Seen <so far>"
    assert chart.one(id="seen-desc").text == "All of them."
    assert [node.text for node in chart.every("text", class_="axis")] == ["images", "epoch"]


def test_a_line_carries_its_name_and_the_colour_of_its_mode() -> None:
    lines = [
        Line(mode=mode, label=f"<{mode}>", points=((0.0, start), (5.0, start + 3)))
        for mode, start in (("none", 0.0), ("frozen", 9.0))
    ]
    chart = parse(line_chart(frame(), lines)).one("svg")
    assert [node.text for node in chart.every("text", class_="label")] == ["<none>", "<frozen>"]
    assert [node.text for node in chart.every("text", class_="m-frozen")] == ["<frozen>"]


def test_points_of_different_modes_differ_in_shape() -> None:
    shapes = set()
    for mode in ("none", "offline", "on-the-fly", "frozen", "keras-layers"):
        chart = parse(line_chart(frame(), [Line(mode=mode, label=mode, points=POINTS)]))
        shapes.add(next(chart.every("path")).attributes["d"])
    assert len(shapes) == 5


def test_lines_that_lie_on_one_another_are_one_with_both_names() -> None:
    lines = [Line(mode=mode, label=mode, points=POINTS) for mode in ("offline", "frozen")]
    lines.append(Line(mode="none", label="none", points=POINTS[:2]))
    assert [(line.mode, line.label) for line in united(lines)] == [("offline", "offline, frozen"), ("none", "none")]


@pytest.mark.parametrize(
    "points", [((1.0, 0.0),), ((0.0, 0.0), (1.0, 0.0)), tuple((float(x), 1e9) for x in range(500))]
)
def test_one_point_nothing_at_all_and_very_many_are_drawn(points: tuple[tuple[float, float], ...]) -> None:
    markup: Markup = line_chart(frame(), [Line(mode="none", label="None", points=points)])
    assert "nan" not in markup
    assert "inf" not in markup
    assert len(list(parse(markup).every("path"))) == (len(points) if len(points) < 40 else 0)


def test_bars_are_as_long_as_their_figures() -> None:
    bars = [Bar(mode="none", label="None", figure=0, words="nothing"), Bar(mode="offline", label="Offline", figure=300, words="300 B"),
            Bar(mode="frozen", label="Frozen", figure=75, words="75 B")]  # fmt: skip
    chart = parse(bar_chart("disk", "Disk", "Bytes.", bars)).one("svg")
    assert [float(bar.attributes["width"] or 0) for bar in chart.every("rect", class_="bar")] == [0, 360, 90]
    assert [node.text for node in chart.every("text")] == ["None", "nothing", "Offline", "300 B", "Frozen", "75 B"]


def test_bars_of_nothing_are_drawn() -> None:
    chart = parse(bar_chart("disk", "Disk", "Bytes.", [Bar(mode="none", label="None", figure=0, words="nothing")]))
    assert chart.one("rect", class_="bar").attributes["width"] == "0"
