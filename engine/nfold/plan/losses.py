"""What another format cannot say, found before anything is written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from nfold.annotations import LabelKind
from nfold.errors import UsageError
from nfold.formats import DatasetFormat
from nfold.formats.base import OneTaskFormat
from nfold.formats.wording import counted, listed

IN_WORDS: Final[dict[LabelKind, str]] = {
    "class": "classes of whole pictures",
    "boxes": "boxes",
    "oriented": "oriented boxes",
    "polygons": "outlines",
    "parts": "outlines of several parts",
    "masks": "masks of objects",
    "semantic": "masks of whole pictures",
    "points": "key points",
    "crowd": "crowd regions",
    "attributes": "attributes of objects",
}
_ONE: Final[dict[LabelKind, str]] = {
    "class": "class of a whole picture",
    "boxes": "box",
    "oriented": "oriented box",
    "polygons": "outline",
    "parts": "outline of several parts",
    "masks": "mask of an object",
    "semantic": "mask of a whole picture",
    "points": "object with key points",
    "crowd": "crowd region",
    "attributes": "object with attributes",
}


def find_losses(kinds: Mapping[LabelKind, int], target: DatasetFormat) -> dict[LabelKind, int]:
    """Kinds of labels that a format cannot hold, with how many there are."""
    holds = target.holds_among(kinds) if isinstance(target, OneTaskFormat) else target.holds
    return {kind: count for kind, count in kinds.items() if count and kind not in holds}


_PAINTED: Final[frozenset[LabelKind]] = frozenset({"polygons", "parts", "masks"})
"""What becomes classes of pixels where a format knows pixels alone."""


def written_kinds(target: DatasetFormat) -> frozenset[LabelKind]:
    """Kinds of which something is left when a format is written: what it holds, and what it paints."""
    if "semantic" in target.holds and "boxes" not in target.holds:
        return target.holds | _PAINTED | {"crowd"}
    return target.holds


def refuse_nothing_left(kinds: Mapping[LabelKind, int], target: DatasetFormat) -> None:
    """Refuse a format in which every picture would look as if nothing were in it, whatever is said about losses.

    Raises:
        UsageError: None of the kinds that there are can be told in it.
    """
    there = {kind for kind, count in kinds.items() if count and kind != "attributes"}
    if there and not there & written_kinds(target):
        holds = listed([IN_WORDS[kind] for kind in sorted(target.holds)]) or "no labels"
        raise UsageError(
            f"--to {target.name}: nothing of these labels would be left; this format holds {holds}, and there are only "
            f"{listed([IN_WORDS[kind] for kind in sorted(there)])}.",
            hint="Choose a format that holds them"
            + ("." if target.holds else ", or say --format folder to have the pictures read without labels."),
            code="labels.nothing_left",
        )


def refuse_losses(losses: Mapping[LabelKind, int], target: DatasetFormat) -> None:
    """Refuse to lose labels unasked.

    Raises:
        UsageError: Something would be lost; the message says what and how much.
    """
    if losses:
        raise UsageError(
            f"--to {target.name}: this format cannot hold {in_words(losses)}.",
            hint="Choose another format, or accept it with --on-loss list: the report then lists what was left out.",
            code="labels.loss",
        )


def in_words(losses: Mapping[LabelKind, int]) -> str:
    """A list for people: `12 key points and 3 crowd regions`."""
    return listed([counted(count, _ONE[kind], IN_WORDS[kind]) for kind, count in losses.items()])
