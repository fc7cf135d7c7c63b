"""What a model is given when nothing is being trained, with the hashes side by side."""

from __future__ import annotations

from nfold.contrast.model import Contrast, Inference, ModeFigures
from nfold.contrast.report.figures_table import scrolling
from nfold.contrast.report.markup import Markup, name, tag
from nfold.contrast.report.wording import colour_of, count, listed, short_hash


def inference_section(contrast: Contrast) -> Markup | None:
    """What was looked at; None where no mode has anything of the kind."""
    looked_at = [(figures, figures.inference) for figures in contrast.modes if figures.inference is not None]
    if not looked_at:
        return None
    head = tag(
        "tr",
        *(tag("th", title, scope="col") for title in ("Mode", "Original", "Served", "Pixels", "Of all", "Example")),
    )
    return tag(
        "section",
        tag("h2", "And at inference?", id="inference"),
        tag("p", _answer(contrast, looked_at), class_="lead"),
        scrolling(
            "inference-table",
            "Hashes of the pixels of one image, and how many of all came unchanged",
            tag("thead", head),
            tag("tbody", *(_row(figures, found) for figures, found in looked_at)),
            class_="figures hashes",
        ),
        aria_labelledby="inference",
    )


def _answer(contrast: Contrast, looked_at: list[tuple[ModeFigures, Inference]]) -> str:
    changed = [figures.title for figures, found in looked_at if found.identical != found.images]
    files = [figures.title for figures in contrast.modes if figures.inference is None]
    said = []
    if changed:
        said.append(f"With training switched off, not every image comes as it is: {listed(changed)} changes some.")
    else:
        said.append("With training switched off, every image comes with the pixels of the original. Nothing is varied.")
    if files:
        said.append(
            f"{listed(files)}: there is nothing to switch off. The copies are files for training, and a model is given the image itself."
        )
    return " ".join(said)


def _row(figures: ModeFigures, found: Inference) -> Markup:
    same = found.original_hash == found.served_hash
    return tag(
        "tr",
        tag("th", figures.title, scope="row", class_=colour_of(figures.mode)),
        tag("td", tag("code", short_hash(found.original_hash), title=found.original_hash)),
        tag("td", tag("code", short_hash(found.served_hash), title=found.served_hash)),
        tag("td", "the same" if same else "different", class_="same" if same else "different"),
        tag("td", f"{found.identical:,} of {count(found.images, 'image')} as they are"),
        tag("td", name(found.example)),
    )
