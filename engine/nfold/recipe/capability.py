"""Decides, from the measured table, how a picture has to be carried through a recipe, or that it cannot be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from pydantic import JsonValue

from nfold.errors import UnsupportedImageError
from nfold.recipe.catalogue import Capabilities
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
