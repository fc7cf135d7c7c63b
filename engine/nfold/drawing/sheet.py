"""Originals and their copies side by side on one sheet, with what is marked in them and a legend."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nfold.annotations.model import Annotation, Category
from nfold.drawing.legend import BACKGROUND, FAINT, INK, Tally, draw_legend
from nfold.drawing.lettering import drawable, font_of, shortened
from nfold.drawing.overlay import draw_labels
from nfold.drawing.tiles import rgb_of
from nfold.images import Image

if TYPE_CHECKING:
    import PIL.Image
    import PIL.ImageDraw
    from numpy.typing import NDArray

TILE_PX = 200
"""The longest side of a picture on a sheet of pictures alone."""

ANNOTATED_TILE_PX = 300
"""The same on a sheet with annotations, which need more room."""

_GAP = 10
_CAPTION = 22
_LETTERS_PX = 13


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SheetPicture:
    """An original or a copy, with what is marked in it.

    Attributes:
        image: Its pixels.
        annotations: In its pixels.
        mask: A picture of classes or object numbers that goes with it.
        note: A few words below it, such as the number of objects that it has lost.
    """

    image: Image
    annotations: tuple[Annotation, ...] = ()
    mask: NDArray[Any] | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SheetRow:
    """A source: the original first, then its copies."""

    source: str
    pictures: tuple[SheetPicture, ...]


def draw_sheet(rows: Sequence[SheetRow], categories: Sequence[Category] = ()) -> bytes:
    """A PNG with a line of pictures for each row; with a legend below when anything is marked in them.

    Args:
        rows: One or more, each with one picture or more.
        categories: Of the data set.
    """
    import PIL.Image
    import PIL.ImageDraw

    tally = Tally(categories=categories, has_copies=any(len(row.pictures) > 1 for row in rows))
    for row in rows:
        for number, picture in enumerate(row.pictures):
            tally.add(picture.annotations, picture.mask, is_copy=number > 0)
    side = TILE_PX if tally.is_empty else ANNOTATED_TILE_PX
    tiles = [[_tile(picture, categories, side) for picture in row.pictures] for row in rows]
    heights = [max(tile.height for tile in line) for line in tiles]
    notes = [_CAPTION if any(picture.note for picture in row.pictures) else 0 for row in rows]
    width = _GAP + max(len(line) for line in tiles) * (side + _GAP)
    legend = draw_legend(tally, width - 2 * _GAP, size_px=_LETTERS_PX)
    height = _GAP + _CAPTION + sum(tall + _GAP + _CAPTION for tall in heights) + sum(notes)
    height += 0 if legend is None else legend.height + _GAP
    sheet = PIL.Image.new("RGB", (width, height), BACKGROUND)
    draw = PIL.ImageDraw.Draw(sheet)
    for column in range(max(len(line) for line in tiles)):
        title = "original" if column == 0 else f"copy {column}"
        _write(draw, (_GAP + column * (side + _GAP), _GAP), title)
    top = _GAP + _CAPTION
    for row, line, tall, note in zip(rows, tiles, heights, notes, strict=True):
        for column, (picture, tile) in enumerate(zip(row.pictures, line, strict=True)):
            left = _GAP + column * (side + _GAP)
            sheet.paste(tile, (left + (side - tile.width) // 2, top + (tall - tile.height) // 2))
            if picture.note:
                _write(draw, (left, top + tall + 3), shortened(drawable(picture.note), _LETTERS_PX, side), ink=FAINT)
        name = shortened(drawable(row.source), _LETTERS_PX, width - 2 * _GAP)
        _write(draw, (_GAP, top + tall + 3 + note), name)
        top += tall + note + _GAP + _CAPTION
    if legend is not None:
        sheet.paste(legend, (_GAP, top))
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _tile(picture: SheetPicture, categories: Sequence[Category], side: int) -> PIL.Image.Image:
    import PIL.Image

    drawn = draw_labels(
        rgb_of(picture.image), picture.annotations, categories, mask=picture.mask, side_px=side, has_tags=False
    )
    return PIL.Image.fromarray(drawn)


def _write(
    draw: PIL.ImageDraw.ImageDraw, place: tuple[float, float], text: str, *, ink: tuple[int, int, int] = INK
) -> None:
    draw.text(place, text, fill=ink, font=font_of(_LETTERS_PX))
