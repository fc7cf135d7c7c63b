"""A picture of class or object numbers, laid over the picture it belongs to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nfold.annotations.model import Category
from nfold.drawing.palette import IGNORED, Rgb, class_colour, object_colour

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

IGNORED_VALUE = 255
_BACKGROUND_NAMES = {"", "background", "bg", "_background_", "unlabeled", "unlabelled", "void", "none"}
_MOST_UNNAMED_CLASSES = 12
_TINT = 0.42
_EDGE = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskValue:
    """One value of a mask.

    Attributes:
        value: As stored.
        name: Of its class; None for the number of an object, which has none.
        colour: It is drawn in; None for the background, which is left as it is.
        is_ignored: It stands for pixels that do not count.
        share: Of the picture's pixels, 0 to 1.
    """

    value: int
    name: str | None
    colour: Rgb | None
    is_ignored: bool
    share: float


def values_of(mask: NDArray[Any], categories: Sequence[Category]) -> tuple[MaskValue, ...]:
    """What each value of a mask stands for, by rising value.

    A class says its value in its `raw` as `value`; a value that no class names is told by its number, since a guessed name
    could be a wrong one. 255 in an 8-bit mask is what trainers leave out. Masks of many values, or of more than 8 bits,
    hold objects unless classes name values.

    Args:
        mask: Shape (height, width) of whole numbers, or (height, width, 3) of colours, which are values 0xRRGGBB.
        categories: Of the data set.
    """
    import numpy as np

    flat = flat_values(mask)
    if flat.dtype.kind == "u" and flat.dtype.itemsize <= 2:
        # Counting is a hundred times faster than sorting.
        every = np.bincount(flat.reshape(-1))
        found = np.flatnonzero(every)
        counts = every[found]
    else:
        found, counts = np.unique(flat, return_counts=True)
    named = _named_values(categories)
    are_colours = mask.ndim == 3 and mask.shape[2] >= 3
    is_deep = mask.dtype.itemsize > 1
    are_objects = not named and (len(found) > _MOST_UNNAMED_CLASSES or (is_deep and not are_colours))
    ignored = None if are_colours or is_deep else IGNORED_VALUE
    total = max(1, flat.size)
    return tuple(
        _meaning(int(value), int(count) / total, named, are_objects=are_objects, ignored=ignored)
        for value, count in zip(found, counts, strict=True)
    )


def flat_values(mask: NDArray[Any]) -> NDArray[Any]:
    """One whole number for each pixel, shape (height, width)."""
    import numpy as np

    if mask.ndim == 2:
        return mask if mask.dtype.kind in "iu" else mask.astype(np.int64)
    if mask.shape[2] < 3:
        return flat_values(mask[..., 0])
    colours: NDArray[np.int64] = mask[..., :3].astype(np.int64) @ np.array([65536, 256, 1])
    return colours


def tint(pixels: NDArray[np.uint8], mask: NDArray[Any], categories: Sequence[Category]) -> NDArray[np.uint8]:
    """The picture with each value in its colour, thin edges between them, and stripes over what is ignored."""
    import cv2
    import numpy as np

    if not mask.size:
        return pixels
    height, width = pixels.shape[:2]
    meanings = values_of(mask, categories)
    numbers = np.searchsorted(np.array([meaning.value for meaning in meanings]), flat_values(mask))
    # OpenCV resizes 32-bit floats by nearest neighbour, and they hold each number exactly.
    resized = cv2.resize(numbers.astype(np.float32), (width, height), interpolation=cv2.INTER_NEAREST_EXACT)
    places = resized.astype(np.int64)
    colours = np.array([meaning.colour or (0, 0, 0) for meaning in meanings], dtype=np.float32)[places]
    is_drawn = np.array([meaning.colour is not None for meaning in meanings])[places]
    is_ignored = np.array([meaning.is_ignored for meaning in meanings])[places]
    stripe = max(3, round(max(height, width) / 90))
    striped = (np.arange(height)[:, None] + np.arange(width)) % (2 * stripe) < stripe
    weight = np.where(is_ignored, np.where(striped, 0.8, 0.25), _TINT) * is_drawn
    weight = np.where(_edges(places) & is_drawn, _EDGE, weight).astype(np.float32)[:, :, None]
    mixed: NDArray[np.uint8] = np.rint(pixels * (1 - weight) + colours * weight).astype(np.uint8)
    return mixed


def _edges(places: NDArray[Any]) -> NDArray[np.bool_]:
    """Pixels of a value beside a pixel of a lower or higher one; each side has its own edge."""
    import numpy as np

    edges = np.zeros(places.shape, dtype=bool)
    for axis in (0, 1):
        differs = np.diff(places, axis=axis) != 0
        after, before = (np.s_[1:], np.s_[:-1]) if axis == 0 else (np.s_[:, 1:], np.s_[:, :-1])
        edges[after] |= differs
        edges[before] |= differs
    return edges


def _meaning(
    value: int, share: float, named: Mapping[int, tuple[int, str]], *, are_objects: bool, ignored: int | None
) -> MaskValue:
    place, name = named.get(value, (None, None))
    is_ignored = value == ignored and name is None
    # The same colour whether it is a class or an object: pictures of one data set may look like either.
    colour = None if value == 0 else object_colour(value)
    if is_ignored:
        name, colour = "ignored", IGNORED
    elif name is not None and place is not None:
        colour = None if value == 0 and name.strip().lower() in _BACKGROUND_NAMES else class_colour(place)
    elif value == 0:
        name = "background"
    elif not are_objects:
        name = f"value {value}"
    return MaskValue(value=value, name=name, colour=colour, is_ignored=is_ignored, share=share)


def _named_values(categories: Sequence[Category]) -> dict[int, tuple[int, str]]:
    return {
        category.raw["value"]: (place, category.name)
        for place, category in enumerate(categories)
        if isinstance(category.raw, Mapping) and isinstance(category.raw.get("value"), int)
    }
