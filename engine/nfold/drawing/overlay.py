"""Annotations drawn over the picture they belong to, at any size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nfold.annotations.model import Annotation, Category
from nfold.drawing.canvas import Canvas
from nfold.drawing.lettering import distinct_names
from nfold.drawing.palette import class_colour
from nfold.drawing.points import draw_points
from nfold.drawing.shapes import Frame, PlacedObject, draw_object, place, style_of
from nfold.drawing.tags import Tag, write_tags
from nfold.drawing.tiles import resized, size_within
from nfold.drawing.value_mask import tint

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def draw_labels(
    pixels: NDArray[np.uint8],
    annotations: Sequence[Annotation],
    categories: Sequence[Category],
    *,
    mask: NDArray[Any] | None = None,
    side_px: int | None = None,
    has_tags: bool = True,
) -> NDArray[np.uint8]:
    """The picture, scaled first, with its annotations drawn in pixels of the result.

    A pure function. No annotation makes it fail: what lies outside, is degenerate or not finite is left out, and so is
    an object's mask that is damaged or not of the picture's size. With nothing to draw, the picture is only scaled.

    Args:
        pixels: RGB, shape (height, width, 3), 1 pixel or more.
        annotations: In pixels of `pixels`, edges at integers.
        categories: Of the data set; a place that they do not have is shown by its number.
        mask: A picture of classes or object numbers, shape (height, width) or that of another size with the same outline.
        side_px: The longest side of the result; None leaves the size as it is.
        has_tags: Write the names of classes beside objects, while there is room for them.
    """
    height, width = pixels.shape[:2]
    canvas_wh = size_within(width, height, side_px)
    shown = resized(pixels, canvas_wh)
    if mask is not None:
        shown = tint(shown, mask, categories)
    if not annotations:
        return shown
    frame = Frame(size_wh=(width, height), canvas_wh=canvas_wh)
    canvas = Canvas(shown)
    tagged = [(annotation, placed) for annotation in annotations if (placed := place(annotation, frame)) is not None]
    style = style_of([placed for _, placed in tagged], max(canvas_wh))
    for _, placed in tagged:
        draw_object(canvas, placed, style)
    for annotation in annotations:
        if annotation.points:
            draw_points(canvas, annotation, _category_of(annotation, categories), frame)
    drawn = canvas.finished()
    return write_tags(drawn, _tags(tagged, categories)) if has_tags else drawn


def _tags(tagged: Sequence[tuple[Annotation, PlacedObject]], categories: Sequence[Category]) -> list[Tag]:
    names = distinct_names([category.name for category in categories])
    return [
        Tag(
            text=names[annotation.category] if annotation.category < len(names) else f"class {annotation.category}",
            colour=class_colour(annotation.category),
            extent=placed.extent,
        )
        for annotation, placed in tagged
        if annotation.category is not None and annotation.category >= 0
    ]


def _category_of(annotation: Annotation, categories: Sequence[Category]) -> Category | None:
    place_in_list = annotation.category
    if place_in_list is None or not 0 <= place_in_list < len(categories):
        return None
    return categories[place_in_list]
