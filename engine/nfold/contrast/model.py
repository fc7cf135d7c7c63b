"""What a contrast found: plain figures and small pictures, as the table, the JSON file and the report show them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Inference:
    """What a mode gives when nothing is being trained.

    Attributes:
        images: How many were looked at.
        identical: How many came with the pixels of the original.
        example: Id of one of them.
        original_hash: Pixel hash of that source.
        served_hash: Pixel hash of what came.
    """

    images: int
    identical: int
    example: str
    original_hash: str
    served_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeFigures:
    """One mode, run for all epochs; every figure was counted or timed while it ran.

    Attributes:
        mode: "none", "offline", "on-the-fly", "frozen" or "keras-layers".
        title: As the table's column is headed.
        says: One sentence: what a trainer gets.
        files_added: Files that were not there before.
        bytes_added: What they weigh on disk.
        images_per_epoch: Images that one epoch served.
        steps_per_epoch: Gradient steps of one epoch: batches, the last one may be smaller.
        distinct_after: Distinct images seen up to the end of each epoch, by pixel hash; one figure an epoch.
        originals_seen: Images equal to their untouched source that each epoch served.
        repeats: Images served, over all epochs, that had been served before.
        once_s: Seconds of augmentation before the first epoch.
        epoch_s: Seconds that the loader took for each epoch: reading, decoding, augmentation; one thread.
        augmentation_s: Seconds of augmentation within each epoch.
        images_per_s: What the loader gave over all epochs.
        inference: What it gives with nothing being trained; None where the mode has nothing of the kind (files on disk).
    """

    mode: str
    title: str
    says: str
    files_added: int
    bytes_added: int
    images_per_epoch: int
    steps_per_epoch: int
    distinct_after: tuple[int, ...]
    originals_seen: tuple[int, ...]
    repeats: int
    once_s: float
    epoch_s: tuple[float, ...]
    augmentation_s: tuple[float, ...]
    images_per_s: float
    inference: Inference | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakEven:
    """When the time that offline spends beforehand has come back.

    Attributes:
        images: Served images after which both have taken equally long; None when offline never catches up.
        offline_epochs: The same in epochs of the offline set, of S x (N+1) images.
        on_the_fly_epochs: The same in epochs of the stream, of S images.
        is_measured: Whether that lies within the epochs that were run; else the measured rates were carried on.
    """

    images: int | None
    offline_epochs: float | None
    on_the_fly_epochs: float | None
    is_measured: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GridCell:
    """A picture of the grid.

    Attributes:
        jpeg: A small picture.
        pixels: Hash of the full one.
        caption: "original", "copy 3", "epoch 3" ...
        is_new: Whether this mode had not served it in an earlier epoch.
    """

    jpeg: bytes
    pixels: str
    caption: str
    is_new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """What a trainer sees of one source: epochs from top to bottom, modes side by side.

    Attributes:
        source: Its id.
        rows: For each epoch that is shown, by mode, the pictures that this epoch served.
        so_far: For each of these, by mode, how many distinct pictures of the source had been served by its end.
    """

    source: str
    rows: tuple[tuple[int, dict[str, tuple[GridCell, ...]]], ...]
    so_far: tuple[dict[str, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmResult:
    """One arm of a training comparison.

    Attributes:
        mode: "none", "offline" or "on-the-fly".
        title: As the table shows it.
        accuracies: On the held-out images, one for each seed, after equal gradient steps.
        curve: (gradient steps, mean accuracy, lowest, highest) along the way.
        steps: Gradient steps of each run.
        seconds: Mean seconds of a run, augmentation included.
        once_s: Seconds of augmentation beforehand.
        bytes_added: On disk.
    """

    mode: str
    title: str
    accuracies: tuple[float, ...]
    curve: tuple[tuple[int, float, float, float], ...]
    steps: int
    seconds: float
    once_s: float
    bytes_added: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingResult:
    """Does it matter? A small network on the user's classes.

    Attributes:
        arms: In the order of the table.
        train_images: Sources that are trained on.
        held_out_images: Sources that are never trained on and never augmented.
        classes: Their names.
        seeds: Of the runs.
        network: In words.
        backend: Of Keras.
        verdict: One honest sentence: which arm is better by more than the spread, or that none is.
    """

    arms: tuple[ArmResult, ...]
    train_images: int
    held_out_images: int
    classes: tuple[str, ...]
    seeds: tuple[int, ...]
    network: str
    backend: str
    verdict: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """Everything that `compare` found.

    Attributes:
        answer: The question answered in one sentence, with the figures of this run.
        source: The folder.
        format: As which format it was read, and why.
        sources: Training images of the folder.
        sampled: How many of them were run (`--sample`).
        copies: N.
        epochs: How many each mode was run for.
        batch: Images of a gradient step.
        recipe: Its name.
        seed: Of the variations.
        command: That repeats it.
        modes: In the order of the columns.
        break_even: Offline against on the fly.
        grid: Pictures of a few sources.
        training: Only with `--train`.
        skipped: Sources that could not be used, with the reason.
        versions: Of nfold and the libraries that made the pixels.
        machine: In words: processor, cores.
        notes: What a reader should know about the figures, such as a framework that is not installed.
    """

    answer: str
    source: str
    format: str
    sources: int
    sampled: int
    copies: int
    epochs: int
    batch: int
    recipe: str
    seed: int
    command: str
    modes: tuple[ModeFigures, ...]
    break_even: BreakEven
    grid: tuple[Grid, ...]
    training: TrainingResult | None
    skipped: dict[str, str]
    versions: dict[str, str]
    machine: str
    notes: tuple[str, ...]

    def mode(self, name: str) -> ModeFigures:
        """The figures of one mode.

        Raises:
            KeyError: It was not run.
        """
        for figures in self.modes:
            if figures.mode == name:
                return figures
        raise KeyError(name)

    def to_json(self) -> dict[str, Any]:
        """As one JSON object, without the pictures."""
        document = {name: value for name, value in asdict(self).items() if name != "grid"}
        document["grid"] = [
            {
                "source": grid.source,
                "epochs": [
                    {
                        "epoch": epoch,
                        "so_far": so_far,
                        "modes": {
                            mode: [
                                {"caption": cell.caption, "pixels": cell.pixels, "is_new": cell.is_new}
                                for cell in cells
                            ]
                            for mode, cells in modes.items()
                        },
                    }
                    for (epoch, modes), so_far in zip(grid.rows, grid.so_far, strict=True)
                ],
            }
            for grid in self.grid
        ]
        return document
