"""Names of classes beside their objects, as long as there is room for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nfold.annotations.model import Box
from nfold.drawing.lettering import font_of, shortened, width_of
from nfold.drawing.palette import Rgb, contrasting

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_MOST_TAGS = 40
_MOST_SHARE = 0.12
_PADDING_PX = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """A name to be written.

    Attributes:
        text: The name.
        colour: Of the tag; the letters are dark or light, whichever can be read on it.
        extent: Edges of the object it belongs to, in pixels of the picture.
    """

    text: str
    colour: Rgb
    extent: Box


def write_tags(pixels: NDArray[np.uint8], tags: Sequence[Tag]) -> NDArray[np.uint8]:
    """The picture with a name at each object.

    In a crowded picture, where names would hide too much of it, none is written: a legend tells the classes
    by their colours. No two names overlap; one that finds no free place is left out.
    """
    import numpy as np
    import PIL.Image
    import PIL.ImageDraw

    height, width = pixels.shape[:2]
    size = letter_size(width, height)
    room = max(4 * size, width * 0.4)
    texts = [shortened(tag.text, size, room) for tag in tags] if len(tags) <= _MOST_TAGS else []
    sizes = [(int(width_of(text, size)) + 2 * _PADDING_PX, size + _PADDING_PX + 1) for text in texts]
    if not texts or sum(across * down for across, down in sizes) > _MOST_SHARE * width * height:
        return pixels
    picture = PIL.Image.fromarray(pixels)
    draw = PIL.ImageDraw.Draw(picture)
    taken: list[Box] = []
    order = sorted(range(len(tags)), key=lambda number: (tags[number].extent[1], tags[number].extent[0]))
    for number in order:
        place = _free_place(tags[number].extent, sizes[number], (width, height), taken)
        if place is None:
            continue
        taken.append(place)
        ink = contrasting(tags[number].colour)
        left, top, right, bottom = place
        draw.rectangle((left, top, right - 1, bottom - 1), fill=tags[number].colour)
        draw.text((left + _PADDING_PX, (top + bottom) / 2), texts[number], fill=ink, font=font_of(size), anchor="lm")
    return np.asarray(picture)


def letter_size(width: int, height: int) -> int:
    """Of letters in a picture of this size, in pixels."""
    side = max(width, height)
    return round(max(10, min(22, side / 60), side / 75))


def _free_place(extent: Box, size: tuple[int, int], limits: tuple[int, int], taken: Sequence[Box]) -> Box | None:
    """Above the object, below it, or inside it; within the picture and clear of other names."""
    across, down = size
    left, top, right, bottom = (float(round(min(max(edge, 0), limits[axis % 2]))) for axis, edge in enumerate(extent))
    if right <= left or bottom <= top:
        return None
    corners = [(left, top - down), (right - across, top - down), (left, bottom), (right - across, bottom)]
    corners += [(left, top), (right - across, top), (left, bottom - down), (right - across, bottom - down)]
    for x, y in corners:
        x = min(x, limits[0] - across)
        place = (x, y, x + across, y + down)
        if x >= 0 and y >= 0 and place[3] <= limits[1] and not any(_overlap(place, other) for other in taken):
            return place
    return None


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
