"""Which named point takes the place of which when a picture is mirrored: a left hand becomes a right one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from nfold.annotations.model import Category
from nfold.errors import UsageError, did_you_mean

_PAIRS: Final = {"left": "right", "right": "left", "l": "r", "r": "l"}
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^A-Za-z\d]+")
"""Words of a name: `leftEye` and `left_eye` are both left, eye."""


def mirror_order(category: Category, swap: Mapping[str, str]) -> tuple[int, ...] | None:
    """For each point of a class the one that takes its place in a mirror; None when none changes its place.

    What the recipe says comes first, then what the data set says, then the words left and right in the names.
    """
    names = category.point_names
    if any(name in swap for name in names):
        place = {name: index for index, name in enumerate(names)}
        order = tuple(place.get(swap.get(name, name), index) for index, name in enumerate(names))
    elif category.flip_index is not None:
        order = category.flip_index
    else:
        order = _order_by_words(names)
    return None if order == tuple(range(len(order))) else order


def without_sides(categories: Iterable[Category], swap: Mapping[str, str]) -> list[Category]:
    """Classes with several points of which neither the recipe nor the data set nor a name says which change places."""
    return [
        category
        for category in categories
        if len(category.point_names) > 1
        and category.flip_index is None
        and not any(name in swap for name in category.point_names)
        and mirror_order(category, swap) is None
    ]


def check_swap(swap: Mapping[str, str], categories: Iterable[Category]) -> None:
    """Refuse a map that names points which the data do not have, or swaps a point with one of another class.

    Raises:
        UsageError: With the entries named.
    """
    everything = list(categories)
    known = {name for category in everything for name in category.point_names}
    strangers = [name for name in swap if name not in known]
    if strangers:
        raise UsageError(
            f"labels/swap names points that the data do not have: {_listed(strangers)}.",
            hint=did_you_mean(strangers[0], known)
            or (f"Points of the data: {_listed(sorted(known))}." if known else "The data have no named points."),
            code="recipe.swap",
        )
    for category in everything:
        names = set(category.point_names)
        torn = [name for name in category.point_names if name in swap and swap[name] not in names]
        if torn:
            pairs = _listed([f"{name}: {swap[name]}" for name in torn])
            raise UsageError(
                f"labels/swap takes points of '{category.name}' to points that this class does not have: {pairs}.",
                code="recipe.swap",
            )


def _order_by_words(names: Sequence[str]) -> tuple[int, ...]:
    """Names that differ in nothing but left and right are a pair."""
    place = {_folded(name): index for index, name in enumerate(names)}
    return tuple(place.get(_folded(_other_side(name)), index) for index, name in enumerate(names))


def _other_side(name: str) -> str:
    return "".join(_PAIRS.get(word.lower(), word) for word in _WORD.findall(name))


def _folded(name: str) -> str:
    return name.lower()


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:8])
    return f"{shown} and {len(names) - 8} more" if len(names) > 8 else shown
