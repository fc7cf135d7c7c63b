"""Decides, from the measured table, how a picture has to be carried through a recipe, or that it cannot be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from pydantic import JsonValue

from nfold.annotations.model import LabelKind
from nfold.errors import UnsupportedImageError, UsageError
from nfold.recipe.catalogue import Capabilities, Follows
from nfold.recipe.form import Recipe
from nfold.recipe.steps import TransformSpec

INPAINTING: Final = "inpainting works in 8 bits inside, so finer levels are lost"
# The table holds for the defaults. Of all other words and switches, these were measured to do worse in 16 bits.
LOSING_VALUES: Final[dict[tuple[str, JsonValue], str]] = {
    ("fill", "inpaint_telea"): INPAINTING,
    ("fill", "inpaint_ns"): INPAINTING,
    ("Sharpen.method", "gaussian"): "its method 'gaussian' does something else to floating-point pixels",
    ("ToGray.method", "from_lab"): "its method 'from_lab' works in 8 bits inside, so finer levels are lost",
}


LEAST_AGREEMENT: Final = 0.95
LEAST_MEAN_AGREEMENT: Final = 0.97
LARGEST_DISTANCE: Final = 1.0
"""Pixels."""
# By which measured figure a kind of label is judged; the other kinds have no place in the picture.
_JUDGED_BY: Final[dict[LabelKind, str]] = {
    "boxes": "boxes",
    "oriented": "oriented",
    "polygons": "polygons",
    "parts": "polygons",
    "masks": "masks",
    "crowd": "masks",
    "semantic": "masks",
    "points": "points",
}
_IN_WORDS: Final = {
    "boxes": "boxes",
    "oriented": "oriented boxes",
    "polygons": "polygons",
    "masks": "masks",
    "points": "key points",
}
MIRRORS: Final = frozenset({"D4", "HorizontalFlip", "SquareSymmetry", "TimeReverse", "Transpose", "VerticalFlip"})
"""Transforms under which left and right may change places; Affine does it with a scale below 0 alone."""
_MIRRORED: Final = ("reflect", "reflect_101", "wrap")
# Arguments that the figures do not hold for, beyond a value: what it does to objects then.
_LARGEST_FOLLOWED: Final[dict[tuple[str, str], tuple[float, str]]] = {
    ("Morphological", "scale"): (2, "it grows or shrinks every object by more than a pixel"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Carriage:
    """How the pixels of a picture go through the pipelines.

    Attributes:
        grey_as_rgb: A grey picture is repeated to three channels and taken back to luma afterwards.
        as_float: 16-bit values are divided by 65535 to float32, and multiplied and rounded afterwards.
        alpha_as_mask: The alpha channel goes along as the target `mask`; masks of labels go as `masks`.
    """

    grey_as_rgb: bool = False
    as_float: bool = False
    alpha_as_mask: bool = False


def carriage_of(recipe: Recipe, *, grey: bool, bits: Literal[8, 16], alpha: bool) -> Carriage:
    """Decide the carriage for pictures of one kind.

    Args:
        recipe: Its `prepare` and `augment` are both looked at.
        grey: The picture has one channel of brightness, not three of colour.
        bits: Depth of a channel.
        alpha: The picture has an alpha channel.

    Raises:
        UnsupportedImageError: A transform cannot take such a picture; the message names it.
    """
    as_float = bits == 16
    if as_float:
        _check_float(recipe)
    if alpha:
        _check_alpha(recipe)
    grey_as_rgb = grey and not _takes_grey(recipe, as_float=as_float)
    if grey_as_rgb or not grey:
        _check_rgb(recipe)
    return Carriage(grey_as_rgb=grey_as_rgb, as_float=as_float, alpha_as_mask=alpha)


def needs_boxes(recipe: Recipe) -> tuple[str, ...]:
    """Name the transforms of the recipe that work only on pictures with boxes."""
    return tuple(dict.fromkeys(leaf.name for leaf, measured in _leaves(recipe) if measured.needs_boxes))


def may_mirror(recipe: Recipe) -> bool:
    """Whether left and right may change places in a copy."""
    return any(_may_mirror(spec) for spec in (*recipe.prepare, *recipe.augment))


def refuse_unfit(recipe: Recipe, kinds: Iterable[LabelKind]) -> None:
    """Refuse a recipe under which labels of some kind would not stay with the pixels.

    Args:
        recipe: Its `prepare` and `augment` are both looked at.
        kinds: What is marked in the data set.

    Raises:
        UsageError: A transform was measured to do worse than 0.95 at the least or 0.97 on the average (intersection
            over union), or more than 1 pixel for key points; the message names it, the kind and the figure.
    """
    targets = sorted({_JUDGED_BY[kind] for kind in kinds if kind in _JUDGED_BY})
    for leaf, measured in _leaves(recipe):
        if measured.follows is None or not targets:
            continue
        for target in targets:
            reason = _misfit(measured.follows, target)
            if reason is not None:
                raise UsageError(
                    f"{leaf.name} cannot be used on {_IN_WORDS[target]}: {reason}.",
                    hint="Leave it out of the recipe, or take out what it does not suit.",
                    code="recipe.unfit",
                )
        _refuse_large_argument(leaf, _IN_WORDS[targets[0]])


def refuse_mirrored_border(recipe: Recipe) -> None:
    """Refuse a recipe that would show objects a second time beyond the edge, for data with marks in the pictures.

    Raises:
        UsageError: The recipe's border, or that of a transform in it, repeats the picture; the message names it.
    """
    reason = "it shows objects again beyond the picture's edge, and these ghosts would have no labels"
    hint = "Write 'border: auto' or 'border: constant' for data with boxes, polygons, masks or points."
    if recipe.border.mode in _MIRRORED:
        raise UsageError(
            f"The recipe's border is '{recipe.border.mode}': {reason}.", hint=hint, code="recipe.mirrored_border"
        )
    for leaf, _ in _leaves(recipe):
        mode = leaf.arguments.get("border_mode")
        if mode in _MIRRORED:
            raise UsageError(
                f"{leaf.name} has the border_mode '{mode}': {reason}.", hint=hint, code="recipe.mirrored_border"
            )


def _may_mirror(spec: TransformSpec) -> bool:
    if spec.p <= 0:
        return False
    if spec.name == "Affine":
        return _is_below_zero(spec.arguments.get("scale"))
    return spec.name in MIRRORS or any(map(_may_mirror, spec.children))


def _is_below_zero(value: JsonValue) -> bool:
    """Whether a number, or one in a range or a mapping of ranges, is below 0."""
    if isinstance(value, dict):
        return any(map(_is_below_zero, value.values()))
    if isinstance(value, list):
        return any(map(_is_below_zero, value))
    return isinstance(value, int | float) and value < 0


def _misfit(follows: Follows, target: str) -> str | None:
    """What is wrong with the measured figure, in words; None when it is good enough."""
    figure = getattr(follows, target)
    if figure is None:
        return None
    if target == "points":
        too_far = f"they were measured up to {figure:g} pixels away from where the picture shows them"
        return f"{too_far}; {LARGEST_DISTANCE:g} is the limit" if figure > LARGEST_DISTANCE else None
    smallest, mean = figure
    if smallest < LEAST_AGREEMENT:
        return f"they were measured to agree with the pixels to {smallest:g} at the least; {LEAST_AGREEMENT:g} is the limit"
    if mean < LEAST_MEAN_AGREEMENT:
        return (
            f"they were measured to agree with the pixels to {mean:g} on average; {LEAST_MEAN_AGREEMENT:g} is the limit"
        )
    return None


def _refuse_large_argument(leaf: TransformSpec, labels: str) -> None:
    for (name, argument), (largest, reason) in _LARGEST_FOLLOWED.items():
        if name != leaf.name:
            continue
        value = leaf.arguments.get(argument, leaf.entry.arguments[argument].get("default"))
        values = value if isinstance(value, list) else [value]
        if any(isinstance(number, int | float) and number > largest for number in values):
            raise UsageError(
                f"{name} with {argument} beyond {largest:g} cannot be used on {labels}: {reason}.",
                hint=f"Write {argument}: [{largest:g}, {largest:g}].",
                code="recipe.unfit",
            )


def _leaves(recipe: Recipe) -> Iterator[tuple[TransformSpec, Capabilities]]:
    for spec in (*recipe.prepare, *recipe.augment):
        for leaf in spec.leaves():
            measured = leaf.entry.capabilities
            assert measured is not None
            yield leaf, measured


def _takes_grey(recipe: Recipe, *, as_float: bool) -> bool:
    if isinstance(recipe.border.fill, tuple):
        return False
    for leaf, measured in _leaves(recipe):
        has_colour = any(isinstance(leaf.arguments.get(name), list) for name in ("fill", "drop_value"))
        if has_colour or not (measured.float_grey if as_float else measured.grey):
            return False
    return True


def _check_float(recipe: Recipe) -> None:
    for leaf, measured in _leaves(recipe):
        reason = measured.float_loss or _loss_by_value(leaf)
        if reason is not None:
            message = f"{leaf.name} cannot take 16-bit pictures: {reason}."
            hint = "Choose a recipe of geometric transforms, such as 'flip-rotate', or convert the pictures to 8 bits."
            raise UnsupportedImageError(message, hint=hint)


def _loss_by_value(leaf: TransformSpec) -> str | None:
    for name, value in leaf.arguments.items():
        for key in (name, f"{leaf.name}.{name}"):
            if isinstance(value, str) and (key, value) in LOSING_VALUES:
                return LOSING_VALUES[key, value]
    return None


def _check_alpha(recipe: Recipe) -> None:
    for leaf, measured in _leaves(recipe):
        if not measured.mask:
            raise UnsupportedImageError(f"{leaf.name} cannot move an alpha channel along with the colours.")


def _check_rgb(recipe: Recipe) -> None:
    for leaf, measured in _leaves(recipe):
        if not measured.rgb:
            raise UnsupportedImageError(f"{leaf.name} cannot take pictures in colour.")
