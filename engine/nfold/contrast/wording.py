"""The findings in sentences. Each is made of the figures: were these others, the sentence would be another."""

from __future__ import annotations

from collections.abc import Sequence

from nfold.contrast.model import BreakEven, Inference, ModeFigures


def what_a_trainer_gets(*, images: int, distinct_after: Sequence[int], files: int) -> str:
    """One sentence about a mode."""
    stored = f"{_count(files, 'file')} written" if files else "nothing stored"
    return f"{_count(images, 'image')} an epoch, {_novelty(images, distinct_after)}; {stored}."


def answer(*, sources: int, offline: ModeFigures, on_the_fly: ModeFigures) -> str:
    """Whether images are added or replaced, how many variations there are, and what comes at inference, in one sentence."""
    return f"{_offline(sources, offline)}; {_on_the_fly(on_the_fly)}; {_inference(on_the_fly.inference)}."


def _offline(sources: int, figures: ModeFigures) -> str:
    images, distinct = figures.images_per_epoch, figures.distinct_after
    became = f"Offline, {_count(sources, 'image')} became {_count(images, 'file')}"
    if len(distinct) == 1:
        return f"{became}, {distinct[0]:,} of them distinct, which every epoch will show again"
    if distinct[-1] == distinct[0]:
        apart = "" if distinct[0] == images else f", {distinct[0]:,} of them distinct,"
        return f"{became}{apart} that a trainer sees again and again, in every epoch the same"
    return (
        f"{became}, of which a trainer saw {distinct[0]:,} distinct ones in the first epoch and {distinct[-1]:,} in all"
    )


def _on_the_fly(figures: ModeFigures) -> str:
    images, distinct = figures.images_per_epoch, figures.distinct_after
    epochs = len(distinct)
    added = "nothing was added" if not figures.files_added else f"{_count(figures.files_added, 'file')} were added"
    shown = f"on the fly {added}: each epoch showed {_count(images, 'image')}, {_novelty(images, distinct)}"
    return f"{shown}, {distinct[-1]:,} distinct ones after {_count(epochs, 'epoch')}"


def _inference(found: Inference | None) -> str:
    if found is None:
        return "what comes at inference could not be looked at"
    if found.identical == found.images:
        return "at inference images pass unchanged"
    return f"at inference only {found.identical:,} of {_count(found.images, 'image')} passed unchanged"


def _novelty(images: int, distinct_after: Sequence[int]) -> str:
    if all(seen == images * epoch for epoch, seen in enumerate(distinct_after, 1)):
        return "every one new" if len(distinct_after) > 1 else "no two alike"
    if distinct_after[0] == distinct_after[-1] and len(distinct_after) > 1:
        return "the same ones in every epoch"
    return f"{distinct_after[-1]:,} of {images * len(distinct_after):,} new when they came"


def break_even_in_words(found: BreakEven, epochs: int) -> str:
    """When offline has paid for itself."""
    if found.images is None:
        return "Offline never catches up with on the fly here: its loader takes as long for an image, or longer."
    where = (
        f"within the {_count(epochs, 'epoch')} that were run"
        if found.is_measured
        else "beyond what was run, so the measured rates were carried on"
    )
    return (
        f"The time that offline spends beforehand has come back after {_count(found.images, 'served image')}: "
        f"{found.offline_epochs:.1f} of its own epochs, {found.on_the_fly_epochs:.1f} of those on the fly ({where})."
    )


def notes_on_figures(offline: ModeFigures, *, sampled: int | None, available: int, prepares: bool) -> list[str]:
    """What a reader of any run should know.

    Args:
        offline: Its figures.
        sampled: How many images were run, where there are more; else None.
        available: Training images of the folder.
        prepares: Whether the recipe has a stage that every image goes through.
    """
    notes = [
        "Every mode ran in one thread, and expand with one worker, so that seconds compare; in practice "
        "both go to all cores. What offline takes once is counted from when that worker stands ready, a second or two after its start.",
        f"Offline writes a folder of its own: the originals are in it, too ({_count(offline.files_added, 'file')} "
        "altogether, labels included; nfold's own record of the run is not counted).",
    ]
    if sampled is not None:
        notes.append(
            f"{sampled:,} of {available:,} training images were run, chosen by the hashes of their "
            "names; --sample takes more."
        )
    if prepares:
        notes.append(
            "The recipe prepares every image, so an original is the prepared one; written as JPEG it is not the same any more."
        )
    return notes


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
