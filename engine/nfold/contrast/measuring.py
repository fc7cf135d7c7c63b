"""Run all modes, one after the other, on the same sample."""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from nfold.contrast.keras_layers import KerasLayers, keras_is_missing, keras_versions
from nfold.contrast.model import ModeFigures
from nfold.contrast.modes import MODES, Mode, Setting
from nfold.contrast.observing import ModeObserver
from nfold.contrast.pictures import MOST_COPIES, SOURCES, ModeGrid
from nfold.events import Observer, Progressed, StageBegan
from nfold.versions import build_facts, nfold_version
from nfold.workers import worker_count


@dataclass(slots=True, kw_only=True)
class Measured:
    """What the modes gave, by their names, in the order of the columns.

    Attributes:
        figures: Of each mode.
        grids: Small pictures of each mode.
        skipped: Sources that a mode could not use, with the reason.
        notes: What a reader should know.
    """

    figures: dict[str, ModeFigures] = field(default_factory=dict)
    grids: dict[str, ModeGrid] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def measure(setting: Setting, *, epochs: int, batch: int, observe: Observer) -> Measured:
    """Run every mode for all epochs; Keras' own layers only where Keras is installed."""
    measured = Measured()
    modes = dict(MODES)
    missing = keras_is_missing()
    if missing is None:
        modes[KerasLayers.name] = KerasLayers
    else:
        measured.notes.append(missing)
    if setting.copies > MOST_COPIES:
        measured.notes.append(f"The pictures show the first {MOST_COPIES} copies of an image; the figures count all.")
    done, total = 0, epochs * len(modes)

    def count_epoch() -> None:
        nonlocal done
        done += 1
        observe(Progressed(done=done, total=total))

    observe(StageBegan(stage="compare"))
    for kind in modes.values():
        with kind(setting) as mode:
            _run(mode, setting, measured, epochs=epochs, batch=batch, on_epoch=count_epoch)
    return measured


def _run(
    mode: Mode, setting: Setting, measured: Measured, *, epochs: int, batch: int, on_epoch: Callable[[], None]
) -> None:
    sample = setting.sample
    grid = ModeGrid(sources=frozenset(sample.order[:SOURCES]), counts_copies=mode.counts_copies, epochs=epochs)
    observer = ModeObserver(mode=mode, batch=batch, originals=sample.originals, grid=grid)
    measured.figures[mode.name], prepared = observer.run(epochs, on_epoch)
    measured.grids[mode.name] = grid
    measured.skipped.update(mode.skipped)
    measured.notes.extend(prepared.notes)
    if observer.counts_differ:
        measured.notes.append(
            f"Not every epoch of '{mode.title}' served as many images as its first: files changed meanwhile."
        )


def measured_on(measured: Measured) -> tuple[dict[str, str], str]:
    """Versions of what made the pixels, and the machine in words."""
    versions = {"nfold": nfold_version(), "Python": platform.python_version(), **build_facts().libraries}
    if KerasLayers.name in measured.figures:
        versions |= keras_versions()
    cores = worker_count(None)
    return versions, f"{_processor()}, {cores} {'core' if cores == 1 else 'cores'}"


def _processor() -> str:
    listing = Path("/proc/cpuinfo")
    if listing.is_file():
        for line in listing.read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()
