"""The tables of the report: all figures of all modes, and those of each epoch."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from nfold.contrast.model import Contrast, ModeFigures
from nfold.contrast.report.markup import Child, Markup, tag
from nfold.contrast.report.wording import colour_of, mean, rate, seconds, share, size, span

Figure = Callable[[ModeFigures], str]


def table_section(contrast: Contrast) -> Markup:
    """Everything that was counted and timed."""
    rows = _rows(contrast)
    body = [
        tag(
            "tr",
            tag("th", title, tag("small", explained), scope="row"),
            *(tag("td", figure(figures)) for figures in contrast.modes),
        )
        for title, explained, figure in rows
    ]
    heads = [tag("th", figures.title, scope="col", class_=colour_of(figures.mode)) for figures in contrast.modes]
    said = [
        tag("div", tag("dt", figures.title, class_=colour_of(figures.mode)), tag("dd", figures.says))
        for figures in contrast.modes
    ]
    return tag(
        "section",
        tag("h2", "All the figures", id="figures"),
        tag("dl", *said, class_="modes"),
        scrolling(
            "figures-table",
            f"{contrast.sampled:,} images, {contrast.epochs:,} epochs, in each mode",
            tag("thead", tag("tr", tag("th", "What was counted", scope="col"), *heads)),
            tag("tbody", *body),
        ),
        tag("details", tag("summary", "The figures of each epoch"), _each_epoch(contrast)),
        aria_labelledby="figures",
    )


def scrolling(key: str, caption: Child, *parts: Markup, class_: str = "figures") -> Markup:
    """A table in a box of its own that scrolls sideways where it is too wide, by keyboard as well."""
    table = tag("table", *parts, class_=class_, aria_labelledby=key)
    box = tag("div", table, class_="scroll", role="region", aria_labelledby=key, tabindex=0)
    return tag("figure", tag("figcaption", caption, id=key), box, class_="boxed")


def _rows(contrast: Contrast) -> list[tuple[str, str, Figure]]:
    epochs = contrast.epochs
    last = f"after {epochs:,} epochs" if epochs != 1 else "after one epoch"
    return [
        ("Files added", "that were not there before", lambda m: f"{m.files_added:,}"),
        ("Disk space added", "what they weigh", lambda m: size(m.bytes_added)),
        ("Images in an epoch", "that a trainer is given", lambda m: f"{m.images_per_epoch:,}"),
        ("Gradient steps in an epoch", f"batches of {contrast.batch:,}", lambda m: f"{m.steps_per_epoch:,}"),
        ("Different images after epoch 1", "by their pixels", lambda m: f"{m.distinct_after[0]:,}"),
        (f"Different images {last}", "by their pixels", lambda m: f"{m.distinct_after[-1]:,}"),
        ("Images served again", "that this mode had served before", lambda m: f"{m.repeats:,}"),
        ("Untouched originals in an epoch", "equal to their source, pixel for pixel", _originals),
        ("Augmentation beforehand", "before the first epoch", lambda m: seconds(m.once_s)),
        ("Augmentation in an epoch", "mean over the epochs", lambda m: seconds(mean(m.augmentation_s))),
        ("Loading in an epoch", "reading, decoding, augmentation; mean", lambda m: seconds(mean(m.epoch_s))),
        ("Loader", "images a second, one thread", lambda m: rate(m.images_per_s)),
        ("Unchanged at inference", "images that come as they are", _unchanged),
    ]


def _originals(figures: ModeFigures) -> str:
    seen = figures.originals_seen
    if min(seen) == max(seen):
        return share(seen[0], figures.images_per_epoch)
    return f"{span(seen)} of {figures.images_per_epoch:,}"


def _unchanged(figures: ModeFigures) -> str:
    if figures.inference is None:
        return "does not apply"
    return f"{figures.inference.identical:,} of {figures.inference.images:,}"


def _each_epoch(contrast: Contrast) -> Markup:
    bodies = []
    for title, figures_of in (
        ("Different images so far", lambda m: [f"{seen:,}" for seen in m.distinct_after]),
        ("Untouched originals", lambda m: [f"{seen:,}" for seen in m.originals_seen]),
        ("Loading", lambda m: [seconds(spent) for spent in m.epoch_s]),
        ("Augmentation", lambda m: [seconds(spent) for spent in m.augmentation_s]),
    ):
        bodies.append(_group(title, contrast.modes, contrast.epochs, figures_of))
    heads = [tag("th", f"{epoch:,}", scope="col") for epoch in range(1, contrast.epochs + 1)]
    head = tag("thead", tag("tr", tag("th", "Epoch", scope="col"), *heads))
    return scrolling("epochs-table", "Epoch by epoch", head, *bodies, class_="figures epochs")


def _group(
    title: str, modes: Sequence[ModeFigures], epochs: int, figures_of: Callable[[ModeFigures], list[str]]
) -> Markup:
    rows = [
        tag(
            "tr",
            tag("th", figures.title, scope="row", class_=colour_of(figures.mode)),
            *(tag("td", value) for value in figures_of(figures)),
        )
        for figures in modes
    ]
    head = tag("tr", tag("th", title, scope="rowgroup"), tag("td", colspan=epochs), class_="group")
    return tag("tbody", head, *rows)
