"""What a contrast found, on a terminal of 100 columns: the answer, the table, and what to know about it."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from nfold_cli.text import bold, count, duration, printable, size, table

if TYPE_CHECKING:
    from nfold.contrast.model import Contrast, ModeFigures, TrainingResult

_WIDTH = 98
_EPOCHS = (1, 2, 3, 5, 10, 20, 50, 100)
_MOST_NAMED = 5


def contrast_summary(contrast: Contrast) -> str:
    """The whole of it."""
    lines = [
        *(bold(line) for line in textwrap.wrap(printable(contrast.answer), _WIDTH)),
        "",
        *_wrapped(
            f"{count(contrast.sampled, 'image')}, {count(contrast.copies, 'copy', 'copies')} of each offline, "
            f"{count(contrast.epochs, 'epoch')}, batches of {contrast.batch:,}, recipe {printable(contrast.recipe)}, seed "
            f"{contrast.seed}, read as {printable(contrast.format)}"
        ),
        "",
        *table(_rows(contrast)),
        *_training(contrast.training),
        *_skipped(contrast.skipped),
        "",
        *(line for note in contrast.notes for line in _wrapped(printable(note), first="- ")),
    ]
    return "\n".join(lines) + "\n"


def _rows(contrast: Contrast) -> list[tuple[str, ...]]:
    modes = contrast.modes
    shown = [epoch for epoch in _EPOCHS if epoch < contrast.epochs] + [contrast.epochs]
    return [
        ("", *(mode.title for mode in modes)),
        _row("files added on disk", modes, lambda mode: f"{mode.files_added:,}"),
        _row("bytes added on disk", modes, lambda mode: size(mode.bytes_added) if mode.bytes_added else "0"),
        _row("images per epoch", modes, lambda mode: f"{mode.images_per_epoch:,}"),
        _row("gradient steps per epoch", modes, lambda mode: f"{mode.steps_per_epoch:,}"),
        *(
            _row(
                f"distinct after {count(epoch, 'epoch')}",
                modes,
                lambda mode, epoch=epoch: f"{mode.distinct_after[epoch - 1]:,}",
            )
            for epoch in shown
        ),
        _row("served again, in all epochs", modes, lambda mode: f"{mode.repeats:,}"),
        _row("originals per epoch", modes, lambda mode: _span(mode.originals_seen)),
        _row("augmentation, once", modes, lambda mode: _seconds(mode.once_s)),
        _row("augmentation, per epoch", modes, lambda mode: _seconds(_mean(mode.augmentation_s))),
        _row("loader, per epoch", modes, lambda mode: _seconds(_mean(mode.epoch_s))),
        _row("loader, images per second", modes, lambda mode: f"{mode.images_per_s:,.0f}"),
        _row("images at inference", modes, _at_inference),
    ]


def _row(label: str, modes: Sequence[ModeFigures], cell: Callable[..., str]) -> tuple[str, ...]:
    return (label, *(cell(mode) for mode in modes))


def _at_inference(mode: ModeFigures) -> str:
    if mode.inference is None:
        return "-"
    changed = mode.inference.images - mode.inference.identical
    return f"{changed:,} changed" if changed else "unchanged"


def _span(figures: Sequence[int]) -> str:
    least, most = min(figures), max(figures)
    return f"{least:,}" if least == most else f"{least:,}-{most:,}"


def _mean(figures: Sequence[float]) -> float:
    return sum(figures) / len(figures)


def _seconds(seconds: float) -> str:
    if seconds == 0:
        return "0"
    if seconds < 1:
        return f"{1000 * seconds:.1f} ms" if seconds < 0.01 else f"{1000 * seconds:.0f} ms"
    return duration(seconds)


def _training(found: TrainingResult | None) -> list[str]:
    if found is None:
        return []
    rows = [("trained on", "accuracy", "lowest", "highest", "steps", "seconds", "bytes added")]
    for arm in found.arms:
        rows.append(
            (
                arm.title,
                f"{100 * _mean(arm.accuracies):.1f} %",
                f"{100 * min(arm.accuracies):.1f} %",
                f"{100 * max(arm.accuracies):.1f} %",
                f"{arm.steps:,}",
                _seconds(arm.seconds),
                size(arm.bytes_added) if arm.bytes_added else "0",
            )
        )
    told = (
        f"A small network was trained on {count(found.train_images, 'image')} of "
        f"{count(len(found.classes), 'class', 'classes')}, {count(len(found.seeds), 'run')} of each, and measured on "
        f"{count(found.held_out_images, 'image')} held out and never augmented. It has {printable(found.network)}; "
        f"Keras on {found.backend}."
    )
    return ["", *_wrapped(told), *table(rows), *_wrapped(printable(found.verdict))]


def _skipped(skipped: dict[str, str]) -> list[str]:
    if not skipped:
        return []
    lines = ["", f"  Skipped {count(len(skipped), 'source')}:"]
    for source, reason in list(skipped.items())[:_MOST_NAMED]:
        lines += _wrapped(f"{printable(source)}: {printable(reason)}", first="  ")
    if len(skipped) > _MOST_NAMED:
        lines.append(f"    and {len(skipped) - _MOST_NAMED:,} more; --json has them")
    return lines


def _wrapped(text: str, *, first: str = "") -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent="  " + first, subsequent_indent="  " + " " * len(first))
