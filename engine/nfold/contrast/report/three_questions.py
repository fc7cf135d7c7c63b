"""The three charts of the report: where images are added, how many different ones are seen, and what it costs in time."""

from __future__ import annotations

from itertools import accumulate
from typing import Final

from nfold.contrast.model import BreakEven, Contrast, ModeFigures
from nfold.contrast.report.axes import Point, height_at, plain
from nfold.contrast.report.charts import Bar, Frame, Line, Mark, bar_chart, line_chart, united
from nfold.contrast.report.markup import Child, Markup, tag
from nfold.contrast.report.wording import count, listed, rate, seconds, size

_FAR: Final = 3
"""A break-even beyond so many times what was served would squeeze everything else: it is told, not drawn."""


def charts_section(contrast: Contrast) -> Markup:
    """Three questions, each with its answer and its chart."""
    return tag(
        "section",
        tag("h2", "Three questions, counted", id="questions"),
        tag(
            "div",
            _figure("Where are they added?", _where(contrast), _disk_chart(contrast)),
            _figure(
                f"{count(contrast.epochs, 'epoch')}: how many different pictures?",
                _many(contrast),
                _distinct_chart(contrast),
            ),
            _figure("What does it cost in time?", _time(contrast), _time_chart(contrast)),
            class_="charts",
        ),
        aria_labelledby="questions",
    )


def _figure(question: str, answer: Child, chart: Markup | None) -> Markup | None:
    if chart is None:
        return None
    return tag("figure", tag("figcaption", tag("h3", question), tag("p", answer)), chart, class_="question")


def _where(contrast: Contrast) -> str:
    adding = [figures for figures in contrast.modes if figures.files_added]
    others = [figures.title for figures in contrast.modes if not figures.files_added]
    said = [f"{one.title}: {count(one.files_added, 'file')} on disk, {size(one.bytes_added)}." for one in adding]
    if others:
        said.append(f"{listed(others)}: nowhere. The pictures exist only while they are used.")
    return " ".join(said)


def _disk_chart(contrast: Contrast) -> Markup:
    bars = [
        Bar(
            mode=figures.mode,
            label=figures.title,
            figure=figures.bytes_added,
            words=f"{size(figures.bytes_added)} in {count(figures.files_added, 'file')}"
            if figures.files_added
            else "nothing",
        )
        for figures in contrast.modes
    ]
    told = "; ".join(f"{bar.label}: {bar.words}" for bar in bars)
    return bar_chart("disk", "Disk space that each mode adds", f"{told}.", bars)


def _many(contrast: Contrast) -> str:
    pair = _pair(contrast)
    said = [_variety(figures, contrast) for figures in pair or contrast.modes]
    lengths = [figures.images_per_epoch for figures in pair]
    if len(lengths) == 2 and lengths[0] > lengths[1] > 0:
        said.append(f"An epoch of the first has {lengths[0]:,} images, one of the second {lengths[1]:,}.")
    return " ".join(said)


def _variety(figures: ModeFigures, contrast: Contrast) -> str:
    first, last = figures.distinct_after[0], figures.distinct_after[-1]
    each = last / contrast.sampled if contrast.sampled else 0.0
    of_each = f"{each:.0f}" if each == int(each) else f"about {each:.1f}"
    if last == first and contrast.epochs > 1:
        return (
            f"{figures.title}: {last:,} in the first epoch and the same {last:,} ever after, {of_each} of each image."
        )
    return f"{figures.title}: {first:,} in the first epoch, {last:,} in the end, {of_each} of each image."


def _distinct_chart(contrast: Contrast) -> Markup:
    lines = [
        Line(
            mode=figures.mode,
            label=figures.title,
            points=tuple((float(epoch), float(seen)) for epoch, seen in enumerate(figures.distinct_after, 1)),
        )
        for figures in contrast.modes
    ]
    told = "; ".join(f"{figures.title}: {', '.join(map(str, figures.distinct_after))}" for figures in contrast.modes)
    frame = Frame(
        name="distinct",
        title="Different images seen up to the end of each epoch",
        description=f"{told}.",
        x_title="epoch",
        y_title="different images so far",
        x_words=lambda epoch: f"epoch {plain(epoch)}",
        y_words=lambda seen: count(int(seen), "different image"),
        y_whole=True,
    )
    return line_chart(frame, united(lines))


def _time(contrast: Contrast) -> str:
    said = []
    for figures in _pair(contrast):
        before = f"{seconds(figures.once_s)} beforehand, then " if figures.once_s else ""
        said.append(f"{figures.title}: {before}{rate(figures.images_per_s)} images a second.")
    if len(said) == 2:
        said.append(break_even_in_words(contrast.break_even))
    return " ".join(said)


def break_even_in_words(even: BreakEven) -> str:
    """When the time spent beforehand has come back, in one sentence."""
    if even.images is None:
        return "The time that offline spends beforehand never comes back."
    how = "" if even.is_measured else ", if the measured rates go on"
    epochs = []
    if even.offline_epochs is not None:
        epochs.append(f"{even.offline_epochs:,.1f} epochs of the offline set")
    if even.on_the_fly_epochs is not None:
        epochs.append(f"{even.on_the_fly_epochs:,.1f} epochs on the fly")
    after = f" ({' or '.join(epochs)})" if epochs else ""
    return f"Both have taken equally long after {count(even.images, 'image')}{after}{how}."


def _time_chart(contrast: Contrast) -> Markup | None:
    pair = _pair(contrast)
    if not pair:
        return None
    even = contrast.break_even.images if len(pair) == 2 else None
    most = max(figures.images_per_epoch * len(figures.epoch_s) for figures in pair)
    if even is not None and even > _FAR * most:
        even = None
    reach = float(most if even is None else max(most, round(even * 1.15)))
    lines = [_time_line(figures, reach) for figures in pair]
    mark = None
    if even is not None:
        (offline,) = [line for line in lines if line.mode == "offline"]
        way = (*offline.points, *offline.carried_on)
        mark = Mark(x=float(even), y=height_at(way, float(even)), label=f"equal after {even:,}")
    told = "; ".join(_time_told(figures) for figures in pair)
    frame = Frame(
        name="time",
        title="Seconds that the loader has taken for so many images",
        description=f"{told}. {break_even_in_words(contrast.break_even)} What is dashed was not run: the measured rate goes on.",
        x_title="images served (dashed: measured rate, carried on)",
        y_title="seconds, one thread",
        x_words=lambda images: count(int(images), "image"),
        y_words=seconds,
    )
    return line_chart(frame, lines, mark)


def _time_line(figures: ModeFigures, reach: float) -> Line:
    spent = [figures.once_s, *(figures.once_s + total for total in accumulate(figures.epoch_s))]
    served = [float(epoch * figures.images_per_epoch) for epoch in range(len(spent))]
    beyond: tuple[Point, ...] = ()
    if reach > served[-1] > 0:
        each = (spent[-1] - spent[0]) / served[-1]
        beyond = ((reach, spent[-1] + each * (reach - served[-1])),)
    return Line(
        mode=figures.mode, label=figures.title, points=tuple(zip(served, spent, strict=True)), carried_on=beyond
    )


def _time_told(figures: ModeFigures) -> str:
    total = figures.once_s + sum(figures.epoch_s)
    served = figures.images_per_epoch * len(figures.epoch_s)
    return f"{figures.title}: {seconds(figures.once_s)} before the first image, {seconds(total)} after {count(served, 'image')}"


def _pair(contrast: Contrast) -> list[ModeFigures]:
    return [figures for figures in contrast.modes if figures.mode in ("offline", "on-the-fly")]
