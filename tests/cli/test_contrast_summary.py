from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from nfold.contrast.model import ArmResult, BreakEven, Contrast, Inference, ModeFigures, TrainingResult
from nfold_cli.contrast_summary import contrast_summary
from tests.engine.contrast.conftest import figures

TITLES = {
    "none": "no augmentation",
    "offline": "offline",
    "on-the-fly": "on the fly",
    "frozen": "frozen",
    "keras-layers": "Keras layers",
}


def contrast(modes: tuple[ModeFigures, ...] | None = None, **changes: Any) -> Contrast:
    known: dict[str, Any] = {
        "answer": "Offline, 3 images became 9 files; on the fly nothing was added.",
        "source": "photos",
        "format": "folder (images without labels in one folder)",
        "sources": 3,
        "sampled": 3,
        "copies": 2,
        "epochs": 2,
        "batch": 32,
        "recipe": "flip-rotate",
        "seed": 0,
        "command": "nfold compare photos",
        "modes": modes or tuple(figures(name, title=title) for name, title in TITLES.items()),
        "break_even": BreakEven(images=None, offline_epochs=None, on_the_fly_epochs=None, is_measured=False),
        "grid": (),
        "training": None,
        "skipped": {},
        "versions": {},
        "machine": "",
        "notes": ("A first note " + "that goes on and on " * 8 + "to its end.",),
    }
    return Contrast(**{**known, **changes})


def row(text: str, label: str) -> list[str]:
    (line,) = (line for line in text.splitlines() if line.strip().startswith(label))
    return line.strip().removeprefix(label).split("  ")


def cells(text: str, label: str) -> list[str]:
    return [cell.strip() for cell in row(text, label) if cell.strip()]


def test_every_figure_stands_in_its_row() -> None:
    mode = figures(
        title="on the fly",
        files_added=1234,
        bytes_added=5_600_000,
        originals_seen=(0, 2),
        repeats=7,
        once_s=75.4,
        epoch_s=(0.5, 0.7),
        augmentation_s=(0.0123, 0.0123),
        images_per_s=1500.4,
        inference=Inference(images=3, identical=1, example="a", original_hash="0", served_hash="1"),
    )
    text = contrast_summary(contrast((mode, replace(mode, inference=None, bytes_added=0))))
    expected = {
        "files added on disk": ["1,234", "1,234"],
        "bytes added on disk": ["5.6 MB", "0"],
        "images per epoch": ["3", "3"],
        "gradient steps per epoch": ["2", "2"],
        "distinct after 1 epoch": ["3", "3"],
        "distinct after 2 epochs": ["6", "6"],
        "served again, in all epochs": ["7", "7"],
        "originals per epoch": ["0-2", "0-2"],
        "augmentation, once": ["75 s", "75 s"],
        "augmentation, per epoch": ["12 ms", "12 ms"],
        "loader, per epoch": ["600 ms", "600 ms"],
        "loader, images per second": ["1,500", "1,500"],
        "images at inference": ["2 changed", "-"],
    }
    for label, figures_of_row in expected.items():
        assert cells(text, label) == figures_of_row, label


def test_it_fits_100_columns_with_all_modes_and_large_figures() -> None:
    modes = tuple(
        figures(
            name,
            title=title,
            files_added=1_001_000,
            images_per_epoch=1_001_000,
            distinct_after=(1_001_000,) * 1000,
            repeats=999_999_999,
            originals_seen=(100, 1000) * 500,
            epoch_s=(4000.0,) * 1000,
        )
        for name, title in TITLES.items()
    )
    skipped = {f"a folder/{number}" * 12: "it cannot be read " * 12 for number in range(7)}
    text = contrast_summary(contrast(modes, epochs=1000, skipped=skipped, answer="Offline, " + "and so on " * 40))
    assert max(len(line) for line in text.splitlines()) <= 100
    assert "distinct after 1,000 epochs" in text
    assert "and 2 more; --json has them" in text


def test_names_are_printed_without_what_a_terminal_would_obey() -> None:
    text = contrast_summary(contrast(skipped={"a\x1b[31m.png": "bad\x07"}, notes=("x\x1by",)))
    assert "\x1b[31m" not in text
    assert "\x07" not in text
    assert "x\\x1by" in text


def test_training_is_told_with_its_spread_and_its_verdict() -> None:
    arm = ArmResult(
        mode="offline",
        title="offline",
        accuracies=(0.5, 0.6, 0.7),
        curve=(),
        steps=1200,
        seconds=12.5,
        once_s=1.0,
        bytes_added=2000,
    )
    training = TrainingResult(
        arms=(arm,),
        train_images=80,
        held_out_images=20,
        classes=("cat", "dog"),
        seeds=(0, 1, 2),
        network="two layers",
        backend="torch",
        verdict="None is better by more than the spread.",
    )
    text = contrast_summary(contrast(training=training))
    assert cells(text, "offline ") == ["60.0 %", "50.0 %", "70.0 %", "1,200", "12 s", "2.0 kB"]
    assert "None is better by more than the spread." in text
    assert "20 images held out and never augmented" in " ".join(text.split())


@pytest.mark.parametrize("epochs", [1, 4, 10, 60])
def test_the_last_epoch_has_a_row_whichever_it_is(epochs: int) -> None:
    modes = (figures(distinct_after=tuple(range(1, epochs + 1))),)
    text = contrast_summary(contrast(modes, epochs=epochs))
    assert cells(text, f"distinct after {epochs} epoch")[-1] == str(epochs)
