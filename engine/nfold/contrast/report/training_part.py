"""Does it matter? The training comparison of the report: the verdict, the curves, the arms."""

from __future__ import annotations

from nfold.contrast.model import ArmResult, Contrast, TrainingResult
from nfold.contrast.report.axes import plain
from nfold.contrast.report.charts import Frame, Line, line_chart
from nfold.contrast.report.figures_table import scrolling
from nfold.contrast.report.markup import Markup, join, name, tag
from nfold.contrast.report.wording import colour_of, count, mean, percent, seconds, size


def training_section(contrast: Contrast) -> Markup | None:
    """The comparison; None where nothing was trained."""
    training = contrast.training
    if training is None:
        return None
    return tag(
        "section",
        tag("h2", "Does it matter?", id="training"),
        tag("p", training.verdict, class_="verdict"),
        tag(
            "div",
            _curves(training) if any(arm.curve for arm in training.arms) else None,
            tag("p", _setting(training)),
            class_="comparison",
        ),
        _arms(training),
        aria_labelledby="training",
    )


def _setting(training: TrainingResult) -> Markup:
    names = join(*(name(one) for one in training.classes), between=", ")
    return join(
        f"{_steps(training)} Trained on {count(training.train_images, 'image')}, measured on "
        f"{training.held_out_images:,} others that were never trained on and never augmented. "
        f"{count(len(training.classes), 'class', 'classes')} (",
        names,
        f"); {training.network}; Keras on {training.backend}; {count(len(training.seeds), 'run')} of each arm, seeds "
        f"{', '.join(map(str, training.seeds))}.",
    )


def _steps(training: TrainingResult) -> str:
    steps = {arm.steps for arm in training.arms}
    if len(steps) == 1:
        return f"Each run took the same number of gradient steps: {steps.pop():,}."
    listed = ", ".join(f"{arm.title} {arm.steps:,}" for arm in training.arms)
    return (
        f"The runs did not take equally many gradient steps ({listed}), so that they cannot be compared as they stand."
    )


def _curves(training: TrainingResult) -> Markup:
    lines = [
        Line(
            mode=arm.mode,
            label=arm.title,
            points=tuple((float(step), middle) for step, middle, _, _ in arm.curve),
            band=tuple((float(step), lowest, highest) for step, _, lowest, highest in arm.curve),
        )
        for arm in training.arms
        if arm.curve
    ]
    told = "; ".join(f"{arm.title} ends at {percent(arm.curve[-1][1])}" for arm in training.arms if arm.curve)
    frame = Frame(
        name="training-curves",
        title="Accuracy on held-out images over gradient steps",
        description=f"{told}. The bands go from the lowest to the highest seed.",
        x_title="gradient steps (band: lowest to highest seed)",
        y_title="accuracy on held-out images, %",
        x_words=lambda step: count(int(step), "step"),
        y_words=percent,
        y_from_zero=False,
        y_tick=lambda part: plain(round(part * 100, 6)),
    )
    return tag("figure", line_chart(frame, lines), class_="curves")


def _arms(training: TrainingResult) -> Markup:
    titles = (
        "Arm",
        "Accuracy, mean",
        "Lowest to highest",
        "Each seed",
        "Gradient steps",
        "A run takes",
        "Beforehand",
        "Disk",
    )
    head = tag("tr", *(tag("th", title, scope="col") for title in titles))
    body = [_arm(arm) for arm in training.arms]
    caption = (
        "Accuracy on held-out images after equal training" if len({arm.steps for arm in training.arms}) == 1 else "Arms"
    )
    return scrolling("arms-table", caption, tag("thead", head), tag("tbody", *body), class_="figures arms")


def _arm(arm: ArmResult) -> Markup:
    lowest, highest = min(arm.accuracies), max(arm.accuracies)
    values = (
        percent(mean(arm.accuracies)),
        f"{lowest * 100:.1f} to {percent(highest)}",
        ", ".join(f"{one * 100:.1f}" for one in arm.accuracies),
        f"{arm.steps:,}",
        seconds(arm.seconds),
        seconds(arm.once_s),
        size(arm.bytes_added),
    )
    return tag(
        "tr", tag("th", arm.title, scope="row", class_=colour_of(arm.mode)), *(tag("td", value) for value in values)
    )
