"""Marked objects of an item as arrays, with the names and types that torchvision's references have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nfold.annotations import Annotation
from nfold.annotations.assembling import extent_of
from nfold.annotations.rle import decode_rle
from nfold.errors import SampleError
from nfold.stream.item import Item

if TYPE_CHECKING:
    from numpy.typing import NDArray


def marked_objects(
    item: Item, *, first_label: int, has_categories: bool
) -> tuple[tuple[Annotation, ...], dict[str, NDArray[Any]]]:
    """The objects that have a place, and their boxes, labels, areas and whether they are crowds.

    What has no extent in both directions is no object here, nor is what is marked as a part of another one. Boxes are
    x_min, y_min, x_max, y_max in pixels, edges at integers.

    Args:
        item: Whose.
        first_label: Number of the first class.
        has_categories: Whether the data set has classes; where it has none, every object is of the first.

    Raises:
        SampleError: An object has no class though others have one.
    """
    import numpy as np

    objects: list[Annotation] = []
    boxes: list[tuple[float, float, float, float]] = []
    labels: list[int] = []
    for annotation in item.annotations:
        box = extent_of(annotation)
        if annotation.part_of is not None or box is None or box[2] <= box[0] or box[3] <= box[1]:
            continue
        if annotation.category is None and has_categories:
            raise SampleError(
                f"{item.source} has an object without a class.",
                hint="Give it one, or give a function as target that knows what to do with it.",
                code="stream.no_label",
            )
        objects.append(annotation)
        boxes.append(box)
        labels.append((annotation.category or 0) + first_label)
    corners = np.array(boxes, np.float32).reshape(-1, 4)
    return tuple(objects), {
        "boxes": corners,
        "labels": np.array(labels, np.int64),
        "area": (corners[:, 2] - corners[:, 0]) * (corners[:, 3] - corners[:, 1]),
        "iscrowd": np.array([annotation.crowd for annotation in objects], np.int64),
    }


def object_masks(objects: Sequence[Annotation], size_hw: tuple[int, ...]) -> NDArray[Any]:
    """(objects, h, w) uint8, 1 where the object is; of what has but a box, the box."""
    import numpy as np

    masks = np.zeros((len(objects), *size_hw), np.uint8)
    for mask, annotation in zip(masks, objects, strict=True):
        mask[:] = _cover_of(annotation, size_hw)
    return masks


def keypoint_rows(objects: Sequence[Annotation], points: int) -> NDArray[Any]:
    """(objects, points, 3) float32: x, y and visibility 0 to 2 as in COCO; zeros where an object has fewer points."""
    import numpy as np

    rows = np.zeros((len(objects), points, 3), np.float32)
    for row, annotation in zip(rows, objects, strict=True):
        for place, (x, y, visibility) in zip(row, annotation.points, strict=False):
            if visibility:
                place[:] = x, y, visibility
    return rows


def _cover_of(annotation: Annotation, size_hw: tuple[int, ...]) -> NDArray[Any]:
    import numpy as np

    from nfold.formats.masks.painting import filled

    height, width = size_hw
    if annotation.mask is not None and (annotation.mask.height, annotation.mask.width) == (height, width):
        return decode_rle(annotation.mask)
    cover = np.zeros((height, width), bool)
    outlines = annotation.rings or (_outline(annotation),)
    for ring in outlines:
        cover |= filled(ring, height, width)
    return cover


def _outline(annotation: Annotation) -> tuple[float, ...]:
    if annotation.corners is not None:
        return annotation.corners
    box = extent_of(annotation)
    if box is None:
        return ()
    left, top, right, bottom = box
    return left, top, right, top, right, bottom, left, bottom
