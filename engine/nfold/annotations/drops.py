"""Why an annotation of a source is not in a picture that was made from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

DropRule = Literal[
    "outside",  # nothing of it is left in the picture
    "visibility",  # less of its area is left than `min_visibility`
    "area",  # fewer pixels of it are left than `min_area_px`
    "border",  # it stands out of the picture, and `outside` is `drop`
    "part",  # the object that it is a part of was dropped
    "degenerate",  # it has no extent that a label file could tell
    "format",  # the format that is written has no place for an object that is known by this
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """One annotation that was given up.

    Attributes:
        index: Its place among the annotations of the source.
        rule: That dropped it.
        value: What was measured: the share of the area that is left for `outside`, `visibility` and `border`, pixels
            for `area`, the shorter side in pixels for `degenerate`.
        limit: What the rule asks for, None where it is not a number of the recipe.
    """

    index: int
    rule: DropRule
    value: float
    limit: float | None = None
