"""What fills the pixels that a rotation or a shift brings in from outside the picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from nfold.recipe.form import Recipe

BorderMode = Literal["reflect_101", "reflect", "replicate", "wrap", "constant"]
GREY: Final = 114


@dataclass(frozen=True, slots=True, kw_only=True)
class Border:
    """A border that is settled for a whole data set.

    Attributes:
        mode: How OpenCV goes on beyond the edge.
        fill: The value of a constant border, in 8-bit units, one for all channels or one for each of R, G, B.
        mask_fill: The value of a semantic mask beyond the edge of a constant border; 0, or the ignore index.
    """

    mode: BorderMode
    fill: float | tuple[float, float, float] = GREY
    mask_fill: int = 0


def resolve_border(recipe: Recipe, *, annotated: bool, mask_fill: int = 0) -> Border:
    """Settle the border of a recipe for a data set.

    Args:
        recipe: Its `border` decides; `auto` leaves it to the data set.
        annotated: Whether anything is marked inside the pictures: boxes, polygons, masks or points. A mirrored
            border would show a second, unlabelled copy of the objects.
        mask_fill: What semantic masks hold beyond a constant border.
    """
    mode = recipe.border.mode
    if mode == "auto":
        mode = "constant" if annotated else "reflect_101"
    return Border(mode=mode, fill=recipe.border.fill, mask_fill=mask_fill)
