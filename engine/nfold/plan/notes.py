"""What a person should know about the labels of a run before it does any work, though nothing is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from nfold.annotations import DatasetInfo, LabelKind
from nfold.annotations.mirroring import without_sides
from nfold.recipe import Recipe, may_mirror

_HOLDS_BEYOND_EDGE: Final = "coco"
_CUT: Final[frozenset[LabelKind]] = frozenset({"boxes", "oriented", "polygons", "parts"})
_MOST_NAMED: Final = 3


def notes_on_labels(info: DatasetInfo, recipe: Recipe, *, target: str) -> tuple[str, ...]:
    """One sentence or two for each thing that is not done, though one might think that it is.

    Args:
        info: Of the data set that was read.
        recipe: In full.
        target: Name of the format that is written.
    """
    return (*_sides(info, recipe), *_beyond_edge(info, recipe, target))


def _sides(info: DatasetInfo, recipe: Recipe) -> Iterator[str]:
    if not info.kinds.get("points") or not may_mirror(recipe):
        return
    names = [category.name for category in without_sides(info.categories, recipe.labels.swap)]
    if names:
        more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
        yield (
            f"Left and right key points stay as they are in mirrored copies (of {', '.join(names[:_MOST_NAMED])}{more}): "
            "nothing says which change places. Say it with flip_idx in the data set, or with labels: swap: in the recipe."
        )


def _beyond_edge(info: DatasetInfo, recipe: Recipe, target: str) -> Iterator[str]:
    if recipe.labels.outside == "keep" and target != _HOLDS_BEYOND_EDGE and any(info.kinds.get(kind) for kind in _CUT):
        yield (
            f"The recipe says labels: outside: keep, but labels are cut at the edge when {target} is written. "
            "Only COCO holds coordinates beyond it (--to coco)."
        )
