"""Does it matter? A small network on the user's classes: no augmentation, offline and on the fly, equal steps."""

from __future__ import annotations

import contextlib
import hashlib
import math
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nfold.contrast.feeding import (
    Offline,
    Untouched,
    fresh_batches,
    longest_sides,
    offline,
    stored_batches,
    untouched,
    with_seed,
)
from nfold.contrast.held_out import Division, divide
from nfold.contrast.model import ArmResult, TrainingResult
from nfold.contrast.network import Network, keras_backend
from nfold.contrast.verdict import verdict
from nfold.defaults import DEFAULT_RECIPE
from nfold.errors import UsageError
from nfold.events import Observer, Progressed, StageBegan, ignore
from nfold.request import LARGEST_COPIES
from nfold.workers import worker_count

if TYPE_CHECKING:
    from nfold.contrast.feeding import Batch

ARMS = {"none": "no augmentation", "offline": "offline", "on-the-fly": "on the fly"}
_POINTS = 10
"""Of the curve."""
_SIDES_PX = (32, 64)
_DECODED_BYTES = 512_000_000
"""Of full-size pictures that are kept decoded, so that each epoch need not read them again."""


@dataclass(slots=True, kw_only=True)
class _Run:
    curve: dict[int, float] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(slots=True, kw_only=True)
class _Arm:
    runs: list[_Run] = field(default_factory=list)
    once_s: list[float] = field(default_factory=list)
    bytes_added: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Setting:
    """What all runs have in common."""

    division: Division
    still: Untouched
    held_out: Untouched
    copies: int
    batch: int
    steps: int
    workers: int
    folder: Path


def train_arms(
    source: str | Path,
    *,
    copies: int,
    epochs: int,
    recipe: Any = DEFAULT_RECIPE,
    seed: int = 0,
    batch: int = 32,
    seeds: int = 3,
    held_out: float = 0.2,
    observe: Observer | None = None,
    **reading: Any,
) -> TrainingResult:
    """Train the same network on three diets and compare them on images that none of them saw.

    Every run takes `epochs x ceil(S / batch)` gradient steps of `batch` images (S at most), whatever the number of
    files: an offline epoch of S x (N+1) files is simply not finished N+1 times as often. A run's seed decides on the first
    weights, on the order and on the variations, and is the same for the three arms. Held-out images are never varied.

    Pictures are resized to squares of 64 pixels (of 32, where none of the first hundred held-out ones is larger) after they
    were varied. In the system's temporary folder that takes 12 KB for each image and copy; in memory up to 512 MB of
    decoded pictures are kept.

    Args:
        source: Folder with a class for each picture.
        copies: N of the offline arm, 1 to 1000.
        epochs: Of the arms without more files.
        recipe: As for `expand`.
        seed: From which the seeds of the runs are made.
        batch: Images of a gradient step.
        seeds: Runs of each arm; one tells nothing of the spread.
        held_out: Share that is held out where the data set has no splits.
        observe: Watches; counts gradient steps.
        **reading: As for `Stream`; also `group`, as for `expand`.

    Raises:
        MissingExtraError: Keras is not installed.
        UsageError: The data set has no classes, or a number makes no sense.
        SampleError: The recipe cannot take one of the pictures.
    """
    backend = keras_backend()
    _check(copies=copies, epochs=epochs, batch=batch, seeds=seeds)
    watch = observe or ignore
    division = divide(source, recipe=recipe, seed=seed, held_out=held_out, cache=_DECODED_BYTES, **reading)
    with tempfile.TemporaryDirectory(prefix="nfold-training-") as folder:
        setting = _prepare(division, copies=copies, epochs=epochs, batch=batch, folder=Path(folder))
        run_seeds = tuple(run_seed(seed, number) for number in range(seeds))
        arms = {mode: _Arm() for mode in ARMS}
        watch(StageBegan(stage="train"))
        words = ""
        for number, value in enumerate(run_seeds):
            for place, mode in enumerate(ARMS):
                done = (number * len(ARMS) + place) * setting.steps
                total = seeds * len(ARMS) * setting.steps
                words = _run(setting, arms[mode], mode, value, _shifted(watch, done, total))
        results = tuple(_result(mode, arm, setting.steps) for mode, arm in arms.items())
        return TrainingResult(
            arms=results,
            train_images=len(setting.still.places),
            held_out_images=len(setting.held_out.places),
            classes=division.trained.classes,
            seeds=run_seeds,
            network=f"{words}; {setting.steps} steps of {setting.batch}; held out: {division.how}",
            backend=backend,
            verdict=verdict(results, held_out=len(setting.held_out.places)),
        )


def run_seed(seed: int, number: int) -> int:
    """The seed of a run, 0 to 2**32 - 1: runs have nothing in common, and nor have runs of other seeds."""
    return int.from_bytes(hashlib.sha256(f"training run {number} of seed {seed}".encode()).digest()[:4], "big")


def _check(*, copies: int, epochs: int, batch: int, seeds: int) -> None:
    if not 1 <= copies <= LARGEST_COPIES:
        raise UsageError(f"copies is {copies}; to compare, it goes from 1 to {LARGEST_COPIES}.")
    for name, value in (("epochs", epochs), ("batch", batch), ("seeds", seeds)):
        if value < 1:
            raise UsageError(f"{name} is {value}; it is 1 or more.")


def _prepare(division: Division, *, copies: int, epochs: int, batch: int, folder: Path) -> _Setting:
    workers = worker_count(None)
    side = _side_px(division)
    still = untouched(
        division.trained, division.train_places, folder=folder, name="train", side_px=side, workers=workers
    )
    tested = untouched(
        division.tested, division.held_out_places, folder=folder, name="held-out", side_px=side, workers=workers
    )
    if not still.places or not tested.places:
        skipped = {**still.skipped, **tested.skipped}
        raise UsageError(
            "No image is left to train on, or none to hold out.",
            hint=next(iter(skipped.values()), None),
            code="training.too_few",
        )
    count = len(still.places)
    return _Setting(
        division=division,
        still=still,
        held_out=tested,
        copies=copies,
        batch=min(batch, count),
        steps=epochs * math.ceil(count / batch),
        workers=workers,
        folder=folder,
    )


def _side_px(division: Division) -> int:
    """Small where the pictures are."""
    sides = longest_sides(division.tested, division.held_out_places[:100])
    return _SIDES_PX[0] if max(sides, default=_SIDES_PX[1]) <= _SIDES_PX[0] else _SIDES_PX[1]


def _run(setting: _Setting, arm: _Arm, mode: str, seed: int, watch: Observer) -> str:
    """Train once; says in words what network it was."""
    network = Network(
        side_px=setting.still.pictures.side_px,
        classes=len(setting.division.trained.classes),
        steps=setting.steps,
        seed=seed,
    )
    run = _Run()
    arm.runs.append(run)
    shown = {round(setting.steps * point / _POINTS) for point in range(1, _POINTS + 1)} - {0}
    held = setting.held_out.pictures
    with _batches(setting, arm, mode, seed) as batches:
        for step in range(1, setting.steps + 1):
            began = time.perf_counter()
            network.train(*next(batches))
            run.seconds += time.perf_counter() - began
            if step in shown:
                run.curve[step] = network.accuracy(held.pixels[: len(held)], held.labels)
            watch(Progressed(done=step, total=setting.steps))
    return network.in_words


@contextlib.contextmanager
def _batches(setting: _Setting, arm: _Arm, mode: str, seed: int) -> Iterator[Iterator[Batch]]:
    batch, still = setting.batch, setting.still
    made: Offline | None = None
    if mode == "none":
        batches = stored_batches(still.pictures, seed=seed, batch=batch)
    elif mode == "offline":
        made = offline(
            with_seed(setting.division.trained, seed),
            still,
            copies=setting.copies,
            folder=setting.folder,
            name="offline",
            workers=setting.workers,
        )
        batches = stored_batches(made.pictures, seed=seed, batch=batch)
    else:
        reader = with_seed(setting.division.trained, seed)
        batches = fresh_batches(reader, still, seed=seed, batch=batch, workers=setting.workers)
    arm.once_s.append(made.seconds if made else 0.0)
    arm.bytes_added.append(made.bytes_added if made else 0)
    with contextlib.closing(batches):
        yield batches


def _result(mode: str, arm: _Arm, steps: int) -> ArmResult:
    at = {step: [run.curve[step] for run in arm.runs] for step in arm.runs[0].curve}
    return ArmResult(
        mode=mode,
        title=ARMS[mode],
        accuracies=tuple(run.curve[steps] for run in arm.runs),
        curve=tuple((step, statistics.fmean(seen), min(seen), max(seen)) for step, seen in at.items()),
        steps=steps,
        seconds=statistics.fmean(run.seconds for run in arm.runs),
        once_s=statistics.fmean(arm.once_s),
        bytes_added=round(statistics.fmean(arm.bytes_added)),
    )


def _shifted(watch: Observer, before: int, total: int) -> Observer:
    def observe(event: object) -> None:
        if isinstance(event, Progressed):
            watch(Progressed(done=before + event.done, total=total))

    return observe
