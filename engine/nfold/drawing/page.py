"""One picture with its annotations, what they mean, and where it comes from: a page of its own."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nfold.annotations.model import Annotation, Category
from nfold.drawing.legend import BACKGROUND, FAINT, INK, Tally, draw_legend
from nfold.drawing.lettering import drawable, font_of, shortened, wrapped
from nfold.drawing.overlay import draw_labels
from nfold.drawing.tiles import comfortable_side, rgb_of
from nfold.images import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MARGIN = 20
_LEAST_WIDTH = 480
_TITLE_PX, _LINE_PX = 19, 14
_MOST_LINES = 40


def draw_one(
    image: Image,
    annotations: Sequence[Annotation],
    categories: Sequence[Category],
    mask: NDArray[Any] | None,
    title_lines: Sequence[str],
) -> bytes:
    """A PNG of a picture, at most 1600 pixels wide and high, with its annotations, a legend and a caption.

    Args:
        image: Decoded and upright.
        annotations: In its pixels, edges at integers.
        categories: Of the data set.
        mask: A picture of classes or object numbers that goes with it.
        title_lines: The first one as a heading, the others below it; long ones are wrapped.
    """
    import PIL.Image
    import PIL.ImageDraw

    pixels = rgb_of(image)
    height, width = pixels.shape[:2]
    side = comfortable_side(width, height)
    picture = draw_labels(pixels, annotations, categories, mask=mask, side_px=side)
    tall, wide = picture.shape[:2]
    room = max(wide, _LEAST_WIDTH)
    lines = _caption(title_lines, (width, height), side, room)
    tally = Tally(categories=categories)
    tally.add(annotations, mask)
    legend = draw_legend(tally, room, size_px=_LINE_PX)
    top = _MARGIN + sum(_advance(size) for _, size, _ in lines) + _MARGIN // 2
    bottom = top + tall + (0 if legend is None else _MARGIN // 2 + legend.height)
    page = PIL.Image.new("RGB", (room + 2 * _MARGIN, bottom + _MARGIN), BACKGROUND)
    draw = PIL.ImageDraw.Draw(page)
    y = _MARGIN
    for text, size, ink in lines:
        draw.text((_MARGIN, y), text, fill=ink, font=font_of(size))
        y += _advance(size)
    page.paste(PIL.Image.fromarray(picture), (_MARGIN + (room - wide) // 2, top))
    if legend is not None:
        page.paste(legend, (_MARGIN, top + tall + _MARGIN // 2))
    buffer = io.BytesIO()
    page.save(buffer, "PNG")
    return buffer.getvalue()


def _caption(
    title_lines: Sequence[str], size_wh: tuple[int, int], side: int, room: int
) -> list[tuple[str, int, tuple[int, int, int]]]:
    """Lines with the size and the colour of their letters."""
    lines = [(shortened(drawable(text), _TITLE_PX, room), _TITLE_PX, INK) for text in title_lines[:1]]
    for text in title_lines[1:]:
        lines += [(part, _LINE_PX, INK) for part in wrapped(drawable(text), _LINE_PX, room)]
    if len(lines) > _MOST_LINES:
        left_out = len(lines) - _MOST_LINES
        lines = [*lines[:_MOST_LINES], (f"and {left_out} more lines", _LINE_PX, FAINT)]
    lines.append((_size_in_words(size_wh, side), _LINE_PX, FAINT))
    return lines


def _size_in_words(size_wh: tuple[int, int], side: int) -> str:
    told = f"{size_wh[0]} x {size_wh[1]} px"
    scale = side / max(size_wh)
    if scale == 1:
        return told
    return f"{told}, shown {scale:.0f} times as large" if scale > 1 else f"{told}, shown at {100 * scale:.0f} %"


def _advance(size_px: int) -> int:
    return round(size_px * 1.45)
