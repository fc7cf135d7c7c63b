"""The contrast: both meanings of augmentation run on the user's own images, and measured."""

from __future__ import annotations

import shlex
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from nfold.contrast.break_even import break_even
from nfold.contrast.keras_layers import keras_is_missing
from nfold.contrast.measuring import Measured, measure, measured_on
from nfold.contrast.model import Contrast, TrainingResult
from nfold.contrast.modes import Setting
from nfold.contrast.pictures import SOURCES, make_grid
from nfold.contrast.sampling import choose_sample
from nfold.contrast.wording import answer, break_even_in_words, notes_on_figures
from nfold.defaults import DEFAULT_RECIPE
from nfold.errors import InputError, MissingExtraError, StackingWarning, UsageError
from nfold.events import Observer, ignore
from nfold.recipe import Recipe
from nfold.request import LARGEST_COPIES
from nfold.stream.opening import OpenedDataSet, open_data_set

MOST_EPOCHS = 1_000
MOST_SAMPLED = 1_000
LARGEST_BATCH = 1_000_000


def compare(
    source: str | Path,
    *,
    copies: int = 5,
    epochs: int = 10,
    recipe: str | Path | Mapping[str, Any] | Recipe = DEFAULT_RECIPE,
    seed: int = 0,
    sample: int = 200,
    batch: int = 32,
    train: bool = False,
    split: str | None = None,
    format: str | None = None,
    voc_origin: Literal[0, 1] | None = None,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    max_pixels: int = 50_000_000,
    damaged: Literal["skip", "keep"] = "skip",
    observe: Observer = ignore,
) -> Contrast:
    """Run every mode of augmentation on the same images, and count what a trainer sees.

    Offline (`expand` into a temporary folder, whose files are read in each epoch), on the fly (`Stream`), frozen
    (`FrozenDataset`), none, and the layers of Keras where it is installed. The source is never modified.

    Args:
        source: Folder of images, in any format that `expand` reads.
        copies: Of each image offline, 1 to 1000.
        epochs: That each mode is run for, 1 to 1000.
        recipe: As for `expand`.
        seed: As for `expand`.
        sample: At the most so many training images are run, 1 to 1000, chosen by the hashes of their ids.
        batch: Images of a gradient step.
        train: Whether to train a small network on no augmentation, offline and on the fly, too (the extra `keras`).
        split: As for `Stream`: only the training split is for augmentation.
        format: As for `expand`.
        voc_origin: As for `expand`.
        include: As for `expand`.
        exclude: As for `expand`.
        max_pixels: As for `expand`.
        damaged: As for `expand`.
        observe: Told about progress, in epochs of modes.

    Raises:
        UsageError: A number is out of range, the recipe cannot keep such labels in step, or validation is to be varied.
        InputError: The folder cannot be used, holds no usable image, or was itself written by nfold.
        MissingExtraError: There is to be training, and Keras is not installed.
    """
    _refuse_out_of_range(copies=copies, epochs=epochs, sample=sample, batch=batch)
    if train and keras_is_missing():
        raise MissingExtraError.for_feature("Training a network for the contrast", "keras")
    reading: dict[str, Any] = {
        "format": format,
        "voc_origin": voc_origin,
        "include": tuple(include),
        "exclude": tuple(exclude),
        "max_pixels": max_pixels,
        "damaged": damaged,
    }
    opened = _open(source, recipe, seed=seed, split=split, reading=reading)
    asked = {"copies": copies, "epochs": epochs, "recipe": recipe, "seed": opened.seed, "batch": batch}
    setting = Setting(sample=choose_sample(opened, sample), copies=copies, seed=opened.seed, reading=reading)
    # First, since what it refuses is better refused before minutes of measuring.
    training = _train(source, observe=observe, **asked, **reading) if train else None
    measured = measure(setting, epochs=epochs, batch=batch, observe=observe)
    options = {**asked, "recipe": _recipe_argument(recipe, opened), "sample": sample, **reading}
    return _contrast(
        source, setting, measured, training, epochs=epochs, batch=batch, command=_command(source, options, train)
    )


def _refuse_out_of_range(**given: int) -> None:
    most = {"copies": LARGEST_COPIES, "epochs": MOST_EPOCHS, "sample": MOST_SAMPLED, "batch": LARGEST_BATCH}
    for name, number in given.items():
        if not 1 <= number <= most[name]:
            raise UsageError(f"--{name} is {number}; it goes from 1 to {most[name]:,}.", code="compare.range")


def _open(
    source: str | Path, recipe: Any, *, seed: int, split: str | None, reading: Mapping[str, Any]
) -> OpenedDataSet:
    with warnings.catch_warnings():
        warnings.simplefilter("error", StackingWarning)
        try:
            return open_data_set(source, recipe, seed=seed, split=split, varies=True, **reading)
        except StackingWarning as warning:
            raise InputError(
                f"{source} was expanded by nfold already, or lies in such a folder: the contrast would be one of copies of copies.",
                hint="Give the folder of the originals.",
                code="input.already_expanded",
            ) from warning


def _train(source: str | Path, **options: Any) -> TrainingResult:
    from nfold.contrast.training import train_arms

    return train_arms(source, **options)


def _contrast(
    source: str | Path,
    setting: Setting,
    measured: Measured,
    training: TrainingResult | None,
    *,
    epochs: int,
    batch: int,
    command: str,
) -> Contrast:
    chosen, opened = setting.sample, setting.sample.opened
    offline, on_the_fly = measured.figures["offline"], measured.figures["on-the-fly"]
    even = break_even(offline, on_the_fly)
    notes = notes_on_figures(
        offline,
        sampled=len(chosen.order) if chosen.is_cut else None,
        available=chosen.available,
        prepares=bool(opened.recipe.prepare),
    )
    versions, machine = measured_on(measured)
    return Contrast(
        answer=answer(sources=len(chosen.order), offline=offline, on_the_fly=on_the_fly),
        source=str(source),
        format=opened.format,
        sources=chosen.available,
        sampled=len(chosen.order),
        copies=setting.copies,
        epochs=epochs,
        batch=batch,
        recipe=opened.recipe.name,
        seed=setting.seed,
        command=command,
        modes=tuple(measured.figures.values()),
        break_even=even,
        grid=make_grid(chosen.order[:SOURCES], epochs, measured.grids),
        training=training,
        skipped={**chosen.skipped, **measured.skipped},
        versions=versions,
        machine=machine,
        notes=(break_even_in_words(even, epochs), *notes, *measured.notes),
    )


def _recipe_argument(recipe: Any, opened: OpenedDataSet) -> str:
    """As the command line takes it; what was given as a document has to be saved to a file of that name first."""
    return str(recipe) if isinstance(recipe, str | Path) else f"{opened.recipe.name}.yaml"


def _command(source: str | Path, options: Mapping[str, Any], train: bool) -> str:
    words = ["nfold", "compare", str(source)]
    left_out_when = {"format": None, "voc_origin": None, "max_pixels": 50_000_000, "damaged": "skip"}
    for name, value in options.items():
        flag = "--" + name.replace("_", "-")
        if isinstance(value, tuple):
            words += [f"{flag}={pattern}" for pattern in value]
        elif name not in left_out_when or value != left_out_when[name]:
            words += [flag, str(value)]
    return shlex.join([*words, *(["--train"] if train else [])])
