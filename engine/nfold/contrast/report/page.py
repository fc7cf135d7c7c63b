"""The report of a contrast: one HTML file that opens anywhere, without a network and without JavaScript."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files
from typing import Final

from nfold.contrast.model import Contrast
from nfold.contrast.report.figures_table import table_section
from nfold.contrast.report.inference_part import inference_section
from nfold.contrast.report.markup import Child, Markup, join, name, raw, tag
from nfold.contrast.report.pictures import PictureStore, picture_section
from nfold.contrast.report.three_questions import charts_section
from nfold.contrast.report.training_part import training_section
from nfold.contrast.report.wording import count

QUESTION: Final = (
    "The images are transformed, but where are they added? With ten epochs, do we train on ten variations? "
    "And at inference?"
)


def report_html(contrast: Contrast) -> str:
    """The report as one page that refers to nothing outside itself; the same contrast gives the same text."""
    store = PictureStore()
    main = tag(
        "main",
        _opening(contrast),
        picture_section(contrast, store),
        charts_section(contrast),
        inference_section(contrast),
        training_section(contrast),
        table_section(contrast),
        _about(contrast),
    )
    script = _part("page.js")
    body = tag("body", main, store.definitions(), tag("script", raw(script)))
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", http_equiv="Content-Security-Policy", content=_policy(script)),
        tag("title", f"Added or replaced? {contrast.source}"),
        tag("style", raw(_part("page.css"))),
    )
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def _policy(script: str) -> str:
    """Nothing is ever fetched, and no script runs but our own."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    return (
        f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; base-uri 'none'"
    )


def _part(file: str) -> str:
    return files("nfold.contrast.report").joinpath(file).read_text(encoding="utf-8")


def _opening(contrast: Contrast) -> Markup:
    images = (
        f"all {contrast.sources:,}"
        if contrast.sampled == contrast.sources
        else f"{contrast.sampled:,} of {contrast.sources:,}"
    )
    setting = (
        join(name(contrast.source)),
        f"{images} images" if contrast.sources != 1 else "1 image",
        f"{count(contrast.copies, 'copy', 'copies')} of each",
        count(contrast.epochs, "epoch"),
        join("recipe ", name(contrast.recipe)),
        f"seed {contrast.seed}",
    )
    return tag(
        "header",
        tag("p", QUESTION, class_="asked"),
        tag("h1", contrast.answer),
        tag("ul", *(tag("li", part) for part in setting), class_="setting"),
    )


def _about(contrast: Contrast) -> Markup:
    versions = ", ".join(f"{library} {version}" for library, version in contrast.versions.items())
    facts: list[tuple[str, Child]] = [
        ("Source", name(contrast.source)),
        ("Read as", contrast.format),
        ("Images", f"{contrast.sampled:,} of {contrast.sources:,} were run"),
        ("Recipe", join(name(contrast.recipe), f", seed {contrast.seed}, batches of {contrast.batch:,}")),
        ("Machine", contrast.machine),
        ("Versions", versions),
    ]
    return tag(
        "section",
        tag("h2", "About this run", id="about"),
        *([tag("ul", *(tag("li", note) for note in contrast.notes), class_="notes")] if contrast.notes else []),
        tag("dl", *(tag("div", tag("dt", title), tag("dd", fact)) for title, fact in facts if fact), class_="facts"),
        _skipped(contrast),
        tag("h3", "Run it again", id="again"),
        tag(
            "div",
            tag("pre", tag("code", _unbroken(contrast.command), id="command")),
            tag("button", "Copy", type="button", hidden=True, data_copies="command"),
            class_="command",
        ),
        aria_labelledby="about",
    )


def _unbroken(command: str) -> Markup:
    """Words that are not broken at their hyphens."""
    return join(*(tag("span", word) for word in command.split(" ")), between=" ")


def _skipped(contrast: Contrast) -> Markup | None:
    if not contrast.skipped:
        return None
    rows = [
        tag("tr", tag("th", name(source), scope="row"), tag("td", reason))
        for source, reason in contrast.skipped.items()
    ]
    head = tag("thead", tag("tr", tag("th", "Source", scope="col"), tag("th", "Why", scope="col")))
    title = f"{count(len(contrast.skipped), 'source')} could not be used"
    return tag(
        "details",
        tag("summary", title),
        tag(
            "div",
            tag(
                "table",
                tag("caption", title, class_="unseen", id="skipped"),
                head,
                tag("tbody", *rows),
                class_="skipped",
            ),
            class_="scroll tall",
            role="region",
            aria_labelledby="skipped",
            tabindex=0,
        ),
        open=len(contrast.skipped) <= 5,
    )
