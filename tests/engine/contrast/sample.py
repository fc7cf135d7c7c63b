"""Contrasts to be shown: one that was measured on the photographs of the project, and a tiny one that was made up.

The measured one counts and times what it says, except for training and for the layers of Keras, which it makes up.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import accumulate
from pathlib import Path
from typing import Any

import nfold
from nfold.contrast.model import (
    ArmResult,
    BreakEven,
    Contrast,
    Grid,
    GridCell,
    Inference,
    ModeFigures,
    TrainingResult,
)
from nfold.drawing.tiles import resized, rgb_of, size_within
from nfold.images import Image, encode_image
from nfold.stream import FrozenDataset, Item, Stream
from nfold.variation import pixel_hash

THUMBNAIL_PX = 240


def thumbnail(image: Image) -> bytes:
    """A small JPEG."""
    pixels = rgb_of(image)
    size = size_within(pixels.shape[1], pixels.shape[0], THUMBNAIL_PX)
    return encode_image(replace(image, pixels=resized(pixels, size), alpha=None), file_format="jpeg", jpeg_quality=72)


def figures_of(
    mode: str,
    title: str,
    says: str,
    epochs: list[list[tuple[str, str]]],
    originals: dict[str, str],
    epoch_s: list[float],
    **rest: Any,
) -> ModeFigures:
    """What a mode did, by the (source, pixel hash) that each epoch served."""
    seen: set[str] = set()
    distinct = []
    for served in epochs:
        seen.update(pixels for _, pixels in served)
        distinct.append(len(seen))
    total = sum(map(len, epochs))
    return ModeFigures(
        mode=mode,
        title=title,
        says=says,
        images_per_epoch=len(epochs[0]),
        steps_per_epoch=-(-len(epochs[0]) // 4),
        distinct_after=tuple(distinct),
        originals_seen=tuple(sum(originals[source] == pixels for source, pixels in served) for served in epochs),
        repeats=total - len(seen),
        epoch_s=tuple(epoch_s),
        images_per_s=total / sum(epoch_s),
        **rest,
    )


def run(open_epoch: Callable[[int], Iterator[Item]], epochs: int) -> tuple[list[list[tuple[str, str]]], list[float]]:
    """Serve epochs; what came, and the seconds without hashing."""
    served, seconds = [], []
    for epoch in range(1, epochs + 1):
        spent, began, items = 0.0, time.perf_counter(), []
        for item in open_epoch(epoch):
            spent += time.perf_counter() - began
            items.append((item.source, pixel_hash(item.picture)))
            began = time.perf_counter()
        served.append(items)
        seconds.append(spent)
    return served, seconds


def measured(folder: Path, work: Path, *, copies: int = 5, epochs: int = 10, with_keras: bool = True) -> Contrast:
    """A contrast of real pictures, run."""
    plain = Stream(folder, training=False)
    fly, frozen = Stream(folder, seed=7), FrozenDataset(folder, copies=copies, seed=7)
    items = {item.source: item for item in plain.epoch(1, shuffle=False)}
    originals = {source: pixel_hash(item.picture) for source, item in items.items()}
    began = time.perf_counter()
    report = nfold.expand(folder, work / "expanded", copies=copies, seed=7, workers=1)
    once = time.perf_counter() - began
    written = Stream(work / "expanded", training=False)

    next(iter(fly.epoch(1)))  # the pipeline is built once

    none_served, none_s = run(plain.epoch, epochs)
    off_served, off_s = run(written.epoch, epochs)
    fly_served, fly_s = run(fly.epoch, epochs)
    frozen_served, frozen_s = run(frozen.epoch, epochs)
    names = {source.rpartition(".")[0]: source for source in originals}
    off_served = [[(names[name.rpartition(".")[0].split("_aug")[0]], p) for name, p in e] for e in off_served]
    example = sorted(originals)[0]
    same = Inference(
        images=len(items),
        identical=len(items),
        example=example,
        original_hash=originals[example],
        served_hash=originals[example],
    )
    nothing: dict[str, Any] = {"files_added": 0, "bytes_added": 0, "once_s": 0.0}
    added = report.bytes_after - report.bytes_before
    modes = [
        figures_of(
            "none",
            "No augmentation",
            "The originals, again in every epoch.",
            none_served,
            originals,
            none_s,
            augmentation_s=(0.0,) * epochs,
            inference=same,
            **nothing,
        ),
        figures_of(
            "offline",
            "Offline",
            f"{copies} new files for each image, written once; every epoch reads the same files again.",
            off_served,
            originals,
            off_s,
            files_added=len(items) * copies,
            bytes_added=added,
            once_s=once,
            augmentation_s=(0.0,) * epochs,
            inference=None,
        ),
        figures_of(
            "on-the-fly",
            "On the fly",
            "Each image is replaced by a new variation of itself in every epoch; nothing is stored.",
            fly_served,
            originals,
            fly_s,
            augmentation_s=tuple(s * 0.6 for s in fly_s),
            inference=same,
            **nothing,
        ),
        figures_of(
            "frozen",
            "Frozen",
            "The pictures of the offline set, computed again whenever they are read.",
            frozen_served,
            originals,
            frozen_s,
            augmentation_s=tuple(s * 0.6 for s in frozen_s),
            inference=same,
            **nothing,
        ),
    ]
    if with_keras:
        modes.append(
            replace(
                modes[2],
                mode="keras-layers",
                title="Keras layers",
                says="RandomFlip and RandomRotation in the model: one image in, one variation out.",
                epoch_s=tuple(s * 1.7 for s in fly_s),
                images_per_s=modes[2].images_per_s / 1.7,
            )
        )
    offline_rate, fly_rate = 1 / modes[1].images_per_s, 1 / modes[2].images_per_s
    images = round(once / (fly_rate - offline_rate)) if fly_rate > offline_rate else None
    count = len(items)
    return Contrast(
        answer=(
            f"Offline adds {count * copies} files to {count} images and trains on the same {count * (copies + 1)} pictures "
            f"in every epoch; on the fly adds none, shows {epochs} different variations of each image in {epochs} epochs, "
            "and leaves every image as it is at inference."
        ),
        source="examples/photos",
        format="class-folders (a folder for each class)",
        sources=count,
        sampled=count,
        copies=copies,
        epochs=epochs,
        batch=4,
        recipe="flip-rotate",
        seed=7,
        command=f"nfold compare examples/photos --copies {copies} --epochs {epochs} --recipe flip-rotate --seed 7",
        modes=tuple(modes),
        break_even=BreakEven(
            images=images,
            offline_epochs=None if images is None else images / (count * (copies + 1)),
            on_the_fly_epochs=None if images is None else images / count,
            is_measured=images is not None and images <= count * epochs,
        ),
        grid=tuple(
            grid_of(source, items[source], place, fly, frozen, modes, epochs)
            for place, source in list(enumerate(fly.sources))[2:6:2]
        ),
        training=None,
        skipped={},
        versions={"nfold": "0.1.0", "albumentations": "2.0.8", "opencv": "4.12.0", "numpy": "2.3.5"},
        machine="x86-64 with AVX2, 2 cores",
        notes=("Times are of one thread that reads, decodes and augments; a training step comes on top.",),
    )


def counted(source: str, rows: tuple[tuple[int, dict[str, tuple[GridCell, ...]]], ...]) -> Grid:
    """A grid of rows that leave out no epoch, with what they have shown so far."""
    seen: dict[str, set[str]] = {}
    so_far = []
    for _, row in rows:
        for mode, cells in row.items():
            seen.setdefault(mode, set()).update(one.pixels for one in cells)
        so_far.append({mode: len(pixels) for mode, pixels in seen.items()})
    return Grid(source=source, rows=rows, so_far=tuple(so_far))


def grid_of(
    source: str, original: Item, place: int, fly: Stream, frozen: FrozenDataset, modes: list[ModeFigures], epochs: int
) -> Grid:
    """What each mode serves of one source."""
    kept = [cell(frozen[place, copy], "original" if copy == 0 else f"copy {copy}") for copy in range(frozen.copies + 1)]
    whole = cell(original, "original")
    names = {figures.mode for figures in modes}
    rows = []
    for epoch in range(1, epochs + 1):
        new = epoch == 1
        moving = cell(fly[epoch, place], f"epoch {epoch}")
        row = {
            "none": (replace(whole, is_new=new),),
            "offline": tuple(replace(one, is_new=new) for one in kept),
            "on-the-fly": (moving,),
            "frozen": tuple(replace(one, is_new=new) for one in kept),
            "keras-layers": (moving,),
        }
        rows.append((epoch, {mode: cells for mode, cells in row.items() if mode in names}))
    return counted(source, tuple(rows))


def cell(item: Item, caption: str) -> GridCell:
    return GridCell(jpeg=thumbnail(item.picture), pixels=pixel_hash(item.picture), caption=caption, is_new=True)


def training() -> TrainingResult:
    """Made up: three arms, three seeds."""
    arms = []
    for mode, title, ends, extra in (
        ("none", "No augmentation", (0.612, 0.655, 0.640), (0.0, 0)),
        ("offline", "Offline", (0.721, 0.742, 0.698), (4.2, 2_431_000)),
        ("on-the-fly", "On the fly", (0.733, 0.751, 0.716), (0.0, 0)),
    ):
        mean = sum(ends) / len(ends)
        curve = []
        for number in range(1, 13):
            reached = 1 - 0.72**number
            middle, half = 0.25 + (mean - 0.25) * reached, (max(ends) - min(ends)) / 2 * (1.6 - reached * 0.6)
            curve.append((number * 50, middle, middle - half, middle + half))
        arms.append(
            ArmResult(
                mode=mode,
                title=title,
                accuracies=ends,
                curve=tuple(curve),
                steps=600,
                seconds=31.4 if mode != "on-the-fly" else 44.9,
                once_s=extra[0],
                bytes_added=extra[1],
            )
        )
    return TrainingResult(
        arms=tuple(arms),
        train_images=240,
        held_out_images=120,
        classes=("cats", "dogs", "horses", "sheep"),
        seeds=(0, 1, 2),
        network="three convolutions and a dense layer, 64 x 64 pixels",
        backend="torch",
        verdict="Both kinds of augmentation are better than none by more than the spread; between them there is no difference that three seeds could show.",
    )


def tiny_jpeg(shade: int, width: int = 24, height: int = 16) -> bytes:
    """A plain picture."""
    import numpy as np

    picture = Image(pixels=np.full((height, width, 3), shade, np.uint8), file_format="jpeg")
    return encode_image(picture, file_format="jpeg", jpeg_quality=60)


def small(**changes: Any) -> Contrast:
    """Made up: two sources, two copies, three epochs, and no two figures of a kind alike."""
    same = Inference(images=2, identical=2, example="cats/a.png", original_hash="aa11" * 8, served_hash="aa11" * 8)
    modes = (
        mode("none", "No augmentation", 2, (2, 2, 2), (2, 2, 2), (0.41, 0.42, 0.43), inference=same),
        mode(
            "offline",
            "Offline",
            6,
            (6, 6, 6),
            (2, 2, 2),
            (0.91, 0.92, 0.93),
            files_added=4,
            bytes_added=123_456,
            once_s=1.5,
        ),
        mode(
            "on-the-fly",
            "On the fly",
            2,
            (2, 4, 6),
            (0, 1, 0),
            (0.71, 0.72, 0.73),
            augmentation_s=(0.31, 0.32, 0.33),
            inference=same,
        ),
        mode(
            "frozen",
            "Frozen",
            6,
            (6, 6, 6),
            (2, 2, 2),
            (2.71, 2.72, 2.73),
            augmentation_s=(1.31, 1.32, 1.33),
            inference=same,
        ),
        mode(
            "keras-layers",
            "Keras layers",
            2,
            (2, 4, 5),
            (0, 0, 0),
            (0.81, 0.82, 0.83),
            augmentation_s=(0.51, 0.52, 0.53),
            inference=replace(same, identical=1, served_hash="bb22" * 8),
        ),
    )
    pictures = {
        shade: GridCell(jpeg=tiny_jpeg(shade * 20), pixels=f"{shade:032x}", caption="", is_new=True)
        for shade in range(9)
    }
    kept = tuple(replace(pictures[n], caption="original" if n == 0 else f"copy {n}") for n in range(3))
    rows = []
    for epoch in (1, 2, 3):
        again = tuple(replace(one, is_new=epoch == 1) for one in kept)
        new = (replace(pictures[2 + epoch], caption=f"epoch {epoch}"),)
        rows.append(
            (epoch, {"none": again[:1], "offline": again, "on-the-fly": new, "frozen": again, "keras-layers": new})
        )
    values: dict[str, Any] = {
        "answer": "Offline adds 4 files; on the fly adds none.",
        "source": "photos",
        "format": "folder (no labels)",
        "sources": 3,
        "sampled": 2,
        "copies": 2,
        "epochs": 3,
        "batch": 2,
        "recipe": "flip-rotate",
        "seed": 7,
        "command": "nfold compare photos -n 2",
        "modes": modes,
        "break_even": BreakEven(images=4, offline_epochs=0.7, on_the_fly_epochs=2.1, is_measured=True),
        "grid": (counted("cats/a.png", tuple(rows)), counted("cats/b.png", tuple(rows[:1]))),
        "training": None,
        "skipped": {},
        "versions": {"nfold": "0.1.0", "numpy": "2.3.5"},
        "machine": "x86-64, 2 cores",
        "notes": (),
    }
    return Contrast(**{**values, **changes})


def mode(
    name: str,
    title: str,
    images: int,
    distinct: tuple[int, ...],
    originals: tuple[int, ...],
    epoch_s: tuple[float, ...],
    **rest: Any,
) -> ModeFigures:
    """Figures of a mode; what is not given is nothing."""
    values: dict[str, Any] = {
        "says": f"What {title} gives.",
        "files_added": 0,
        "bytes_added": 0,
        "once_s": 0.0,
        "augmentation_s": (0.0,) * len(epoch_s),
        "inference": None,
        "steps_per_epoch": -(-images // 2),
        "repeats": images * len(epoch_s) - distinct[-1],
        "images_per_s": images * len(epoch_s) / list(accumulate(epoch_s))[-1],
    }
    return ModeFigures(
        mode=name,
        title=title,
        images_per_epoch=images,
        distinct_after=distinct,
        originals_seen=originals,
        epoch_s=epoch_s,
        **{**values, **rest},
    )
