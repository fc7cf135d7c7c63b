"""Open a data set to be read item by item: everything that `expand` decides before it writes, and nothing written."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from nfold.annotations import Category
from nfold.card import expanded_folder
from nfold.errors import InputError, StackingWarning, UsageError
from nfold.images import DecodeLimits
from nfold.plan.making import make_plan
from nfold.plan.table import SourceTable
from nfold.recipe import Border, Recipe, load_recipe, recipe_digest
from nfold.request import ExpansionRequest, make_request
from nfold.stream.places import SourcePlaces, private_folder, remove_folder

MOST_LISTED = 1_000
"""Of sources that cannot be used; the rest are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedDataSet:
    """A data set, a recipe and a seed, ready to give items; picklable.

    Attributes:
        root: The source folder.
        places: The usable sources of the split.
        recipe: In full.
        border: What lies beyond the edge, settled for the data set.
        seed: Of all variations.
        split: Which one is read; None where there are none.
        format: As which format it was read, and why.
        classes: Of whole pictures, over all splits, sorted; `class_index` is a place in it.
        categories: Classes of marked objects.
        documents: Paths of the label files about many pictures, by their number.
        kinds: How many labels of each kind there are, in all splits.
        limits: Of files that are decoded.
        damaged: Whether damaged pictures are refused, or what can be decoded of them is kept.
        unusable: Sources whose labels cannot be used, with the reason (at most MOST_LISTED).
        unusable_count: How many they are.
    """

    root: str
    places: SourcePlaces
    recipe: Recipe
    border: Border
    seed: int
    split: str | None
    format: str
    classes: tuple[str, ...]
    categories: tuple[Category, ...]
    documents: tuple[str, ...]
    kinds: Mapping[str, int]
    limits: DecodeLimits
    damaged: Literal["skip", "keep"]
    unusable: Mapping[str, str]
    unusable_count: int

    @property
    def identity(self) -> str:
        """What items depend on: recipe, border, seed and sources."""
        return f"{recipe_digest(self.recipe, self.border)}/{self.seed}/{self.places.digest}"


def open_data_set(
    source: str | Path,
    recipe: str | Path | Mapping[str, Any] | Recipe,
    *,
    seed: int,
    split: str | None,
    varies: bool,
    **options: Any,
) -> OpenedDataSet:
    """Read a data set as `expand` would.

    Args:
        source: Its folder.
        recipe: As for `expand`.
        seed: As for `expand`.
        split: Which one; None is the training split, or everything where there are no splits.
        varies: Whether variations are wanted: validation and test are not for that, and an expanded set is expanded already.
        **options: Of ExpansionRequest, those that say how the source is read.

    Raises:
        InputError: The folder cannot be used, or holds nothing of that split.
        UsageError: An option makes no sense, the recipe cannot keep such labels in step, or validation is to be varied.
    """
    root = Path(source)
    if varies:
        _warn_of_stacking(root)
    checked = load_recipe(recipe)
    request = make_request(source=root, target=root, copies=0, seed=seed, **options)
    folder = private_folder()
    try:
        return _opened(root, checked, request, folder, split=split, varies=varies)
    except BaseException:
        remove_folder(folder)
        raise


def _opened(
    root: Path, recipe: Recipe, request: ExpansionRequest, folder: Path, *, split: str | None, varies: bool
) -> OpenedDataSet:
    table = SourceTable(folder / "sources.sqlite")
    plan = make_plan(request, recipe, table, accepts_expanded=True)
    chosen = _chosen_split(split, has_splits=plan.has_splits, varies=varies)
    broken = table.select("where problem is not null order by id limit ?", (MOST_LISTED,))
    unusable = {planned.id: planned.problem.message for planned in broken if planned.problem}
    count = table.connection.execute("select count(*) from sources where problem is not null").fetchone()[0]
    places = SourcePlaces(table, folder, chosen)
    if not len(places):
        raise InputError(
            f"{root} has no usable image" + (f" in its split '{chosen}'." if chosen else "."),
            hint=next(iter(unusable.values()), "Choose another split."),
            code="stream.empty",
        )
    return OpenedDataSet(
        root=str(root),
        places=places,
        recipe=recipe,
        border=plan.border,
        seed=request.seed,
        split=chosen,
        format=f"{plan.recognition.format} ({plan.recognition.reason})",
        classes=places.classes,
        categories=plan.info.categories,
        documents=tuple(document.path for document in plan.info.documents),
        kinds={str(kind): count for kind, count in plan.info.kinds.items()},
        limits=DecodeLimits(max_pixels=request.max_pixels),
        damaged=request.damaged,
        unusable=unusable,
        unusable_count=count,
    )


def _chosen_split(split: str | None, *, has_splits: bool, varies: bool) -> str | None:
    if split is None:
        return "train" if has_splits else None
    if not has_splits:
        raise UsageError(
            f"split '{split}': the data set has no splits.",
            hint="Leave it out, or put the images into folders called train, val and test.",
            code="stream.no_splits",
        )
    if varies and split != "train":
        raise UsageError(
            f"'{split}' is not for training: varied images there would measure the augmentation and not the model.",
            hint="Read it as it is, with training=False (on the command line: --as-is).",
            code="stream.not_for_training",
        )
    return split


def _warn_of_stacking(root: Path) -> None:
    """Variations of variations are another distribution than the recipe says."""
    expanded = expanded_folder(root)
    if expanded is not None:
        which = "was" if expanded == root else f"lies in {expanded}, which was"
        warnings.warn(
            f"{root} {which} expanded by nfold: its copies are varied a second time, and each source comes several times "
            "an epoch. Give the folder of the originals, or read this one as it is (training=False, or --as-is).",
            StackingWarning,
            stacklevel=4,
        )
