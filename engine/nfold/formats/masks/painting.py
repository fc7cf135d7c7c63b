"""Outlines and pixels of objects painted into one mask of classes: 0 is background, class number n is painted as n + 1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nfold.annotations import Annotation, OutputImage, Ring
from nfold.annotations.rle import decode_rle

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST_IN_8_BITS = 255


def paint(image: OutputImage, *, classes: int) -> NDArray[Any]:
    """The mask of a picture, uint8, or uint16 for more than 255 classes.

    A pixel belongs to what its centre lies in. Large objects are painted first, so that small ones stay whole; of
    equal ones the later covers the earlier. What has only a box, or no class, is not painted.
    """
    import numpy as np

    width, height = image.size_wh
    canvas = np.zeros((height, width), np.uint8 if classes <= _MOST_IN_8_BITS else np.uint16)
    covers: list[tuple[int, int, int, NDArray[Any]]] = []
    for annotation in image.annotations:
        if annotation.category is not None and (annotation.rings or annotation.mask is not None):
            # Packed to bits: hundreds of objects of a large picture wait here at once.
            cover = _cover_of(annotation, height, width)
            covers.append((-int(np.count_nonzero(cover)), len(covers), annotation.category, np.packbits(cover)))
    for _, _, category, packed in sorted(covers, key=lambda entry: entry[:2]):
        cover = np.unpackbits(packed, count=height * width).reshape(height, width).astype(bool)
        canvas[cover] = category + 1
    return canvas


def palette_of_classes() -> bytes:
    """The 256 colours that Pascal VOC gives to class numbers; 0 is black."""
    colours = bytearray()
    for number in range(256):
        colour, rest = [0, 0, 0], number
        for bit in range(7, -1, -1):
            for channel in range(3):
                colour[channel] |= (rest >> channel & 1) << bit
            rest >>= 3
        colours += bytes(colour)
    return bytes(colours)


def _cover_of(annotation: Annotation, height: int, width: int) -> NDArray[Any]:
    import numpy as np

    if annotation.mask is not None and (annotation.mask.height, annotation.mask.width) == (height, width):
        return decode_rle(annotation.mask)
    cover = np.zeros((height, width), bool)
    for ring in annotation.rings:
        cover |= filled(ring, height, width)
    return cover


def filled(ring: Ring, height: int, width: int) -> NDArray[Any]:
    """The pixels whose centres lie inside an outline (even-odd), shape (height, width)."""
    import numpy as np

    xs, ys = np.array(ring[0::2], float), np.array(ring[1::2], float)
    crossings = np.zeros((height, width + 1), np.int32)
    for x0, y0, x1, y1 in zip(xs, ys, np.roll(xs, -1), np.roll(ys, -1), strict=True):
        low, high = min(y0, y1), max(y0, y1)
        # Rows whose centre line the edge crosses; its lower end belongs to it, its upper end does not.
        rows = np.arange(max(int(np.ceil(low - 0.5)), 0), min(int(np.ceil(high - 0.5)), height))
        if rows.size:
            at = x0 + (rows + 0.5 - y0) * (x1 - x0) / (y1 - y0)
            columns = np.clip(np.ceil(at - 0.5), 0, width).astype(int)
            np.add.at(crossings, (rows, columns), 1)
    inside: NDArray[Any] = np.cumsum(crossings, axis=1)[:, :width] % 2 == 1
    return inside
