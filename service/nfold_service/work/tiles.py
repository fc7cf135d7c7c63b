"""A picture as the page shows it: a small JPEG within the answer itself, with what is marked in it."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nfold.annotations import Annotation, Category

if TYPE_CHECKING:
    from nfold.images import Image

MOST_MARKS = 100
"""Annotations of a tile; more could not be told apart."""

_QUALITY = 82


def data_url(image: Image, side: int) -> str:
    """A JPEG no longer than `side` pixels, as `data:`."""
    return "data:image/jpeg;base64," + base64.b64encode(small_jpeg(image, side)).decode("ascii")


def small_jpeg(image: Image, side: int) -> bytes:
    """A JPEG no longer than `side` pixels; what is see-through becomes white."""
    import cv2
    import numpy as np

    from nfold.images import Image as Picture
    from nfold.images import encode_image

    pixels = _eight_bits(image.pixels)
    height, width = pixels.shape[:2]
    scale = min(1.0, side / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    if image.alpha is not None:
        alpha = cv2.resize(_eight_bits(image.alpha), size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
        alpha = alpha if small.ndim == 2 else alpha[:, :, None]
        small = np.rint(small * alpha + 255 * (1 - alpha)).astype(np.uint8)
    return encode_image(Picture(pixels=small, file_format="jpeg"), file_format="jpeg", jpeg_quality=_QUALITY)


def marks(
    annotations: Sequence[Annotation], categories: Sequence[Category], size_wh: tuple[int, int]
) -> list[dict[str, Any]]:
    """Where annotations are, in shares of width and height, at most MOST_MARKS of them; pixel masks only by their box."""
    return [_mark(annotation, categories, size_wh) for annotation in annotations[:MOST_MARKS]]


def _mark(annotation: Annotation, categories: Sequence[Category], size_wh: tuple[int, int]) -> dict[str, Any]:
    width, height = size_wh
    mark: dict[str, Any] = {"name": None}
    if annotation.category is not None and annotation.category < len(categories):
        mark["name"] = categories[annotation.category].name
    rings = annotation.rings if annotation.has_shape else ()
    if annotation.corners is not None:
        rings = (*rings, annotation.corners)
    if rings:
        mark["rings"] = [_shares(ring, width, height) for ring in rings]
    elif annotation.box is not None:
        mark["box"] = _shares(tuple(annotation.box), width, height)
    points = [(x, y) for x, y, visibility in annotation.points if visibility]
    if points:
        mark["points"] = _shares([part for point in points for part in point], width, height)
    return mark


def _shares(values: Sequence[float], width: int, height: int) -> list[float]:
    return [round(value / (height if place % 2 else width), 5) for place, value in enumerate(values)]


def _eight_bits(pixels: Any) -> Any:
    import numpy as np

    return pixels if pixels.dtype == np.uint8 else (pixels // 257).astype(np.uint8)
