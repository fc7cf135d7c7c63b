"""Charts as inline SVG: lines over a count, with bands and a mark, and bars.

Places are in units of the drawing, which is as wide as a telephone shows it one to one; y grows downwards. A chart
carries its title and a description for those who do not see it, and each point tells its figure when it is pointed at.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from nfold.contrast.report.axes import Axis, Point, number, plain, ticks
from nfold.contrast.report.direct_labels import Box, place_labels
from nfold.contrast.report.markup import Markup, tag
from nfold.contrast.report.wording import colour_of

WIDTH: Final = 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 12, 26, 40
_BAR_ROW, _BAR = 46, 14
_MOST_POINTS: Final = 40
"""On a line with more of them, single points would only be noise."""

Words = Callable[[float], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line.

    Attributes:
        mode: Which gives it its colour and the shape of its points.
        label: As it is written at the line.
        points: Figures (x, y), x rising.
        band: Figures (x, lowest, highest) around it.
        carried_on: Figures (x, y) that were not measured but follow from those that were; drawn dashed.
    """

    mode: str
    label: str
    points: tuple[Point, ...]
    band: tuple[tuple[float, float, float], ...] = ()
    carried_on: tuple[Point, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A figure (x, y) that is pointed out, with what it says."""

    x: float
    y: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What a line chart says around its lines.

    Attributes:
        name: Part of the ids; one of its own in a page.
        title: What the chart shows.
        description: What it shows, in sentences.
        x_title: What x counts.
        y_title: What y measures, with its unit.
        x_words: A figure of x in words, for a single point.
        y_words: A figure of y in words.
        x_whole: Whether x counts things.
        y_whole: Whether y does.
        y_from_zero: Whether y starts at nothing.
        height: In units of the drawing.
        y_tick: How a tick of y is written.
    """

    name: str
    title: str
    description: str
    x_title: str
    y_title: str
    x_words: Words
    y_words: Words
    x_whole: bool = True
    y_whole: bool = False
    y_from_zero: bool = True
    height: int = 240
    y_tick: Words = plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bar: its mode, name, figure, and the figure in words."""

    mode: str
    label: str
    figure: float
    words: str


def line_chart(frame: Frame, lines: Sequence[Line], mark: Mark | None = None) -> Markup:
    """Lines over a common count, each with its name beside it."""
    x_ticks, y_ticks = _ticks(frame, lines, mark)
    across = Axis(lowest=x_ticks[0], highest=x_ticks[-1], start=_LEFT, end=WIDTH - _RIGHT)
    upward = Axis(lowest=y_ticks[0], highest=y_ticks[-1], start=frame.height - _BOTTOM, end=_TOP)

    def place(point: Point) -> Point:
        return across.place(point[0]), upward.place(point[1])

    drawn = [[place(point) for point in (*line.points, *line.carried_on)] for line in lines]
    return _svg(
        frame.name,
        frame.title,
        frame.description,
        (WIDTH, frame.height),
        _grid(frame, across, upward, x_ticks, y_ticks),
        *(_band(line, across, upward) for line in lines if line.band),
        *(_line(line, frame, place) for line in lines),
        None if mark is None else _mark(mark, place, upward, frame),
        *_names(
            lines,
            drawn,
            [_edge(line, across, upward) for line in lines],
            frame,
            None if mark is None else (mark, place((mark.x, mark.y))),
        ),
    )


def bar_chart(name: str, title: str, description: str, bars: Sequence[Bar]) -> Markup:
    """Bars from left to right, one below the other, each with its name and its figure."""
    most = max((bar.figure for bar in bars), default=0.0)
    axis = Axis(lowest=0.0, highest=most or 1.0, start=0.0, end=float(WIDTH))
    rows: list[Markup] = []
    for row, bar in enumerate(bars):
        top = row * _BAR_ROW
        rows += [
            tag("text", bar.label, class_=f"label {colour_of(bar.mode)}", x=0, y=top + 14),
            tag("text", bar.words, class_="figure", x=WIDTH, y=top + 14, text_anchor="end"),
            tag("rect", class_="trough", x=0, y=top + 21, width=WIDTH, height=_BAR, rx=2),
            tag(
                "rect",
                class_=f"bar {colour_of(bar.mode)}",
                x=0,
                y=top + 21,
                width=number(axis.place(bar.figure)),
                height=_BAR,
                rx=2,
            ),
        ]
    return _svg(name, title, description, (WIDTH, len(bars) * _BAR_ROW), *rows)


def _svg(name: str, title: str, description: str, size: tuple[int, int], *parts: Markup | None) -> Markup:
    return tag(
        "svg",
        tag("title", title, id=f"{name}-title"),
        tag("desc", description, id=f"{name}-desc"),
        *parts,
        class_="chart",
        viewBox=f"0 0 {size[0]} {size[1]}",
        role="img",
        aria_labelledby=f"{name}-title {name}-desc",
    )


def _ticks(frame: Frame, lines: Sequence[Line], mark: Mark | None) -> tuple[tuple[float, ...], tuple[float, ...]]:
    points = [point for line in lines for point in (*line.points, *line.carried_on)]
    if mark is not None:
        points.append((mark.x, mark.y))
    xs = [x for x, _ in points]
    ys = [y for _, y in points] + [y for line in lines for _, *pair in line.band for y in pair]
    lowest = 0.0 if frame.y_from_zero else min(ys)
    return (
        ticks(min(xs), max(xs), most=6, whole=frame.x_whole),
        ticks(lowest, max(ys), most=5, whole=frame.y_whole),
    )


def _grid(frame: Frame, across: Axis, upward: Axis, x_ticks: Sequence[float], y_ticks: Sequence[float]) -> Markup:
    parts: list[Markup] = []
    for tick in y_ticks:
        y = upward.place(tick)
        kind = "base" if tick == y_ticks[0] else "rule"
        parts.append(tag("line", class_=kind, x1=_LEFT, y1=number(y), x2=number(across.end), y2=number(y)))
        parts.append(
            tag("text", frame.y_tick(tick), class_="tick tick-y", x=_LEFT - 7, y=number(y + 4), text_anchor="end")
        )
    for tick in x_ticks:
        x = number(across.place(tick))
        parts.append(
            tag("text", plain(tick), class_="tick tick-x", x=x, y=number(upward.start + 16), text_anchor="middle")
        )
    middle = number((across.start + across.end) / 2)
    parts.append(tag("text", frame.y_title, class_="axis", x=0, y=11))
    parts.append(tag("text", frame.x_title, class_="axis", x=middle, y=frame.height - 5, text_anchor="middle"))
    return tag("g", *parts)


def _band(line: Line, across: Axis, upward: Axis) -> Markup:
    corners = _points(_edge(line, across, upward))
    return tag("polygon", class_=f"band {colour_of(line.mode)}", points=corners, data_mode=line.mode)


def _edge(line: Line, across: Axis, upward: Axis) -> list[Point]:
    """Around a band."""
    upper = [(x, highest) for x, _, highest in line.band]
    lower = [(x, lowest) for x, lowest, _ in reversed(line.band)]
    return [(across.place(x), upward.place(y)) for x, y in (*upper, *lower)]


def _line(line: Line, frame: Frame, place: Callable[[Point], Point]) -> Markup:
    measured = [place(point) for point in line.points]
    parts = [tag("polyline", class_="line", points=_points(measured), data_mode=line.mode)]
    if line.carried_on:
        beyond = [measured[-1], *(place(point) for point in line.carried_on)]
        parts.append(tag("polyline", class_="beyond", points=_points(beyond), data_mode=line.mode))
    if len(line.points) <= _MOST_POINTS:
        for (x, y), spot in zip(line.points, measured, strict=True):
            says = f"{line.label}, {frame.x_words(x)}: {frame.y_words(y)}"
            parts.append(tag("path", tag("title", says), class_="point", d=_shape(line.mode, *spot)))
    return tag("g", *parts, class_=colour_of(line.mode))


def _mark(mark: Mark, place: Callable[[Point], Point], upward: Axis, frame: Frame) -> Markup:
    x, y = (number(value) for value in place((mark.x, mark.y)))
    return tag(
        "g",
        tag("line", class_="drop", x1=x, y1=y, x2=x, y2=number(upward.start)),
        tag("circle", tag("title", f"{mark.label}: {frame.x_words(mark.x)}"), class_="mark", cx=x, cy=y, r="5.5"),
    )


def _names(
    lines: Sequence[Line],
    drawn: Sequence[Sequence[Point]],
    edges: Sequence[Sequence[Point]],
    frame: Frame,
    mark: tuple[Mark, Point] | None,
) -> list[Markup]:
    labels: list[tuple[str, Sequence[Point]]] = [(line.label, way) for line, way in zip(lines, drawn, strict=True)]
    kinds = [f"label {colour_of(line.mode)}" for line in lines]
    obstacles = [list(way) for way in (*drawn, *edges) if way]
    if mark is not None:
        said, spot = mark
        # Placed first, since there is only one place for it. Around it everything is in the way.
        labels.insert(0, (said.label, [spot]))
        kinds.insert(0, "label said")
        obstacles.append([(spot[0] + dx, spot[1] + dy) for dx in (-6, 6) for dy in (-6, 6)])
        obstacles.append([spot, (spot[0], float(frame.height - _BOTTOM))])
    inside = Box(left=_LEFT, top=_TOP - 12, right=WIDTH, bottom=frame.height - _BOTTOM)
    spots = place_labels(labels, obstacles, inside)
    return [
        tag("text", text, class_=kind, x=number(spot.x), y=number(spot.y), text_anchor=spot.anchor)
        for (text, _), kind, spot in zip(labels, kinds, spots, strict=True)
    ]


def _points(places: Sequence[Point]) -> str:
    return " ".join(f"{number(x)},{number(y)}" for x, y in places)


def _shape(mode: str, x: float, y: float) -> str:
    """A point in the shape of its mode, so that colour is never the only difference."""
    corners = {
        "offline": ((-3, -3), (3, -3), (3, 3), (-3, 3)),
        "frozen": ((0, -4.2), (4.2, 0), (0, 4.2), (-4.2, 0)),
        "keras-layers": ((0, -4), (3.8, 3), (-3.8, 3)),
    }.get(mode)
    if corners is None:
        radius = 2.4 if mode == "none" else 3.2
        return (
            f"M{number(x - radius)},{number(y)}a{radius},{radius} 0 1 0 {2 * radius:g},0"
            f"a{radius},{radius} 0 1 0 {-2 * radius:g},0z"
        )
    return "M" + "L".join(f"{number(x + dx)},{number(y + dy)}" for dx, dy in corners) + "z"


def united(lines: Sequence[Line], between: str = ", ") -> tuple[Line, ...]:
    """Lines that lie on one another as one, with all their names."""
    found: dict[tuple[Point, ...], Line] = {}
    for line in lines:
        known = found.get(line.points)
        if known is None:
            found[line.points] = line
        else:
            found[line.points] = Line(
                mode=known.mode,
                label=known.label + between + line.label,
                points=known.points,
                band=known.band,
                carried_on=known.carried_on,
            )
    return tuple(found.values())
