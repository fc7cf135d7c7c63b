"""Masks of single objects on their way through the stages, as many as possible in one label image.

Objects whose boxes do not meet lie in one plane, where each has a number; several planes are the digits of the numbers in
one label image. A stage gives each pixel the number of one pixel before, whatever that number is, so it moves all objects
of a label image as it would move each alone. One label image is in memory at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from nfold.annotations.model import Box, RleMask
from nfold.annotations.rle import box_of_spans, rle_from_spans, rle_spans
from nfold.errors import SampleError
from nfold.geometry.journey import share_of_points

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nfold.annotations.rle import Spans
    from nfold.geometry.stages import Points, Stage

_NUMBERS = 1 << 16
"""That a pixel of a label image can have."""
_MOST_SAMPLES = 4_000
"""Pixels of an object that are followed one by one to tell what share of it is left."""
_MOST_MOVED_PX = 1 << 30
"""Pixels of all label images of one picture together, which take about half a minute. Of objects that all overlap, these
are 5,700 in a picture of 2000 x 1500 and 340 in one of 50 million pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pixels:
    """One object after the stages.

    Attributes:
        mask: Where the object is; None when nothing of it is in the picture.
        area: Its pixels in the picture.
        box: The edges of the smallest upright box round it; None when nothing of it is in the picture.
        share: Of its pixels in the source, how many are still in the picture: 0 to 1.
        is_flat: It has no pixels in the source.
    """

    mask: RleMask | None = None
    area: int = 0
    box: Box | None = None
    share: float = 0.0
    is_flat: bool = False


@dataclass(slots=True, kw_only=True)
class _Layer:
    """What one label image tells.

    Attributes:
        planes: Objects of each plane; the first of them has number 1.
        numbers: That the planes need together.
    """

    planes: list[list[int]] = field(default_factory=list)
    numbers: int = 1

    def values(self) -> Iterator[tuple[int, int]]:
        """Each object, and what it adds to the number of its pixels."""
        base = 1
        for plane in self.planes:
            yield from ((index, place * base) for place, index in enumerate(plane, start=1))
            base *= len(plane) + 1


def moved_masks(masks: Sequence[RleMask | None], stages: Sequence[Stage]) -> list[Pixels | None]:
    """Each object after the stages; None for those without a mask.

    Args:
        masks: All of the size of the picture before the stages.
        stages: What was done to the picture, in order.

    Raises:
        SampleError: So many objects that overlap, in so large a picture, would take too long (`labels.too_large`).
    """
    given = {index: mask for index, mask in enumerate(masks) if mask is not None}
    boxes = {index: box_of_spans(rle_spans(mask), mask.height) for index, mask in given.items()}
    found: list[Pixels | None] = [Pixels(is_flat=True) if index in given else None for index in range(len(masks))]
    layers = _layers(_planes({index: box for index, box in boxes.items() if box is not None}))
    if layers:
        _refuse_too_many(len(given), len(layers), next(iter(given.values())))
    for layer in layers:
        for index, pixels in _moved_layer(layer, given, stages):
            found[index] = pixels
    return found


def _refuse_too_many(objects: int, layers: int, size: RleMask) -> None:
    if layers * size.width * size.height > _MOST_MOVED_PX:
        raise SampleError(
            f"The masks of {objects:,} objects that overlap, in a picture of {size.width} x {size.height}, are too many "
            "to be moved with their picture.",
            hint="Label the objects with outlines, cut the picture into smaller ones, or leave it out with --exclude.",
            code="labels.too_large",
        )


def _planes(boxes: Mapping[int, Box]) -> list[list[int]]:
    """Objects in as few groups as come of going through them once, such that no two boxes of a group meet."""
    import numpy as np

    planes: list[list[int]] = []
    edges = np.array(list(boxes.values()), dtype=np.float64).reshape(-1, 4)
    plane_of = np.zeros(len(edges), dtype=np.int64)
    for place, index in enumerate(boxes):
        x0, y0, x1, y1 = edges[place]
        before = edges[:place]
        meets = (before[:, 0] < x1) & (before[:, 2] > x0) & (before[:, 1] < y1) & (before[:, 3] > y0)
        taken = np.bincount(plane_of[:place][meets], minlength=len(planes)).astype(bool)
        taken |= np.array([len(plane) + 1 >= _NUMBERS for plane in planes], dtype=bool)
        free = np.flatnonzero(~taken)
        plane_of[place] = free[0] if free.size else len(planes)
        if not free.size:
            planes.append([])
        planes[plane_of[place]].append(index)
    return planes


def _layers(planes: Sequence[list[int]]) -> list[_Layer]:
    layers: list[_Layer] = []
    for plane in planes:
        layer = next((layer for layer in layers if layer.numbers * (len(plane) + 1) <= _NUMBERS), None)
        if layer is None:
            layer = _Layer()
            layers.append(layer)
        layer.planes.append(plane)
        layer.numbers *= len(plane) + 1
    return layers


def _moved_layer(layer: _Layer, masks: Mapping[int, RleMask], stages: Sequence[Stage]) -> Iterator[tuple[int, Pixels]]:
    import cv2
    import numpy as np

    some = masks[layer.planes[0][0]]
    down = np.zeros(some.width * some.height, dtype=np.uint16)
    shares: dict[int, float] = {}
    for index, value in layer.values():
        spans = rle_spans(masks[index])
        # Steps up and down, which become numbers when they are added up; sums of 16 bits may run over on the way.
        down[spans[:, 0]] += np.uint16(value)
        ends = spans[:, 1] if spans[-1, 1] < down.size else spans[:-1, 1]
        down[ends] -= np.uint16(value)
        shares[index] = share_of_points(_samples(spans, some.height), stages)
    np.add.accumulate(down, out=down)
    picture: NDArray[Any] = cv2.transpose(down.reshape(some.width, some.height))
    del down
    for stage in stages:
        if stage.move_mask is not None:
            picture = stage.move_mask(picture, fill=0, semantic=False)
    for index, spans in _taken_apart(layer, picture):
        yield index, _pixels(spans, picture.shape, shares[index])


def _samples(spans: Spans, height: int) -> Points:
    """Centres of some pixels of an object, evenly chosen along the rows."""
    import cv2
    import numpy as np

    left, top, right, bottom = (int(edge) for edge in cast(Box, box_of_spans(spans, height)))
    edges = np.concatenate([[0], (spans - left * height).reshape(-1), [(right - left) * height]])
    down = np.repeat(np.arange(len(edges) - 1) % 2 == 1, np.diff(edges)).reshape(right - left, height)
    window = cv2.transpose(np.ascontiguousarray(down[:, top:bottom]).view(np.uint8)).view(bool)
    inside = np.flatnonzero(window)
    rows, columns = np.divmod(inside[:: -(-len(inside) // _MOST_SAMPLES)], right - left)
    return np.stack([columns + left + 0.5, rows + top + 0.5], axis=1)


def _taken_apart(layer: _Layer, picture: NDArray[Any]) -> Iterator[tuple[int, Spans]]:
    """Where each object of a label image is."""
    import cv2
    import numpy as np

    down = cv2.transpose(picture).reshape(-1)
    starts = np.concatenate([[0], np.flatnonzero(down[1:] != down[:-1]) + 1])
    values = down[starts].astype(np.int64)
    size = down.size
    del down
    for plane in layer.planes:
        values, numbers = np.divmod(values, len(plane) + 1)
        is_new = np.concatenate([[True], numbers[1:] != numbers[:-1]])
        first = starts[is_new]
        spans: NDArray[np.int64] = np.stack([first, np.append(first[1:], size)], axis=1)
        numbers = numbers[is_new]
        order = np.argsort(numbers, kind="stable")
        bounds = np.searchsorted(numbers[order], np.arange(1, len(plane) + 2))
        for place, index in enumerate(plane):
            yield index, spans[order[bounds[place] : bounds[place + 1]]]


def _pixels(spans: Spans, shape: tuple[int, ...], share: float) -> Pixels:
    height, width = shape[:2]
    if not len(spans):
        return Pixels(share=share)
    return Pixels(
        mask=rle_from_spans(spans, height=height, width=width),
        area=int((spans[:, 1] - spans[:, 0]).sum()),
        box=box_of_spans(spans, height),
        share=share,
    )
