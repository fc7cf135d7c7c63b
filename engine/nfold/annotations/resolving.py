"""Labels as a label file tells them become labels of the picture as it is shown: in pixels, upright, inside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeAlias

from nfold.annotations.model import Annotation, Box, ImageLabels, KeyPoint, Ring, RleMask
from nfold.errors import SampleError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Size: TypeAlias = tuple[int, int]
_Map: TypeAlias = Callable[[float, float], tuple[float, float]]

_UPRIGHT: Final[dict[int, Callable[[float, float, float, float], tuple[float, float]]]] = {
    # orientation: x, y, width and height as stored, to x, y as shown
    1: lambda x, y, w, h: (x, y),
    2: lambda x, y, w, h: (w - x, y),
    3: lambda x, y, w, h: (w - x, h - y),
    4: lambda x, y, w, h: (x, h - y),
    5: lambda x, y, w, h: (y, x),
    6: lambda x, y, w, h: (h - y, x),
    7: lambda x, y, w, h: (h - y, w - x),
    8: lambda x, y, w, h: (y, w - x),
}


def resolve(
    labels: ImageLabels,
    image_size_wh: Size,
    stored_orientation: int = 1,
    *,
    clip: bool = True,
    documents: Sequence[str] = (),
) -> ImageLabels:
    """Labels in pixels of the picture as it is shown.

    Args:
        labels: As read.
        image_size_wh: Of the picture as it is shown.
        stored_orientation: EXIF orientation that the file has, 1 to 8.
        clip: Cut off what stands out of the picture.
        documents: Paths of the label files about many pictures, by their number, to name them in errors.

    Returns:
        The same annotations in the same order; `frame_wh` is the size of the picture.

    Raises:
        SampleError: The label file means a picture of another size (`labels.size_mismatch`), or a box or an outline
            lies wholly outside (`labels.bad_box`). The message names the label file, where it is known, and the object.
    """
    stored = image_size_wh[::-1] if stored_orientation >= 5 else image_size_wh
    frame = labels.frame_wh or image_size_wh
    if frame not in (image_size_wh, stored):
        raise SampleError(
            f"{_file_of(labels, documents) or 'The label file'} is about a picture of {frame[0]} x {frame[1]}, and this one has "
            f"{image_size_wh[0]} x {image_size_wh[1]}.",
            hint="Give the label file the size of the picture, or put the picture back that was labelled.",
            code="labels.size_mismatch",
        )
    is_turned = frame == stored and frame != image_size_wh
    resolved = []
    for place, annotation in enumerate(labels.annotations):
        here = _in_pixels(annotation, frame) if labels.is_relative else annotation
        if is_turned:
            here = _turned(here, frame, stored_orientation)
        _refuse_outside(here, image_size_wh, place, _file_of(labels, documents, annotation))
        resolved.append(_clipped(here, image_size_wh) if clip else here)
    return replace(labels, annotations=tuple(resolved), frame_wh=image_size_wh, is_relative=False)


def is_resolved(labels: ImageLabels, image_size_wh: Size) -> bool:
    """Whether labels are in pixels of a picture of this size already."""
    return not labels.is_relative and labels.frame_wh == image_size_wh


def _in_pixels(annotation: Annotation, size: Size) -> Annotation:
    width, height = size

    def grown(x: float, y: float) -> tuple[float, float]:
        return x * width, y * height

    def point(x: float, y: float, seen: int) -> KeyPoint:
        if seen == 0:
            return x, y, seen
        # Points are told as centres of pixels; one on the last edge must not leave the picture by that.
        far_x, far_y = (width if x <= 1 else x * width + 0.5), (height if y <= 1 else y * height + 0.5)
        return min(x * width + 0.5, far_x), min(y * height + 0.5, far_y), seen

    moved = _mapped(annotation, grown)
    return replace(moved, points=tuple(point(*entry) for entry in annotation.points))


def _turned(annotation: Annotation, frame: Size, orientation: int) -> Annotation:
    width, height = frame

    def turn(x: float, y: float) -> tuple[float, float]:
        return _UPRIGHT[orientation](x, y, width, height)

    mask = annotation.mask
    return replace(
        _mapped(annotation, turn),
        points=tuple((*turn(x, y), seen) if seen else (x, y, seen) for x, y, seen in annotation.points),
        mask=None if mask is None else _turned_mask(mask, orientation),
    )


def _mapped(annotation: Annotation, move: _Map) -> Annotation:
    """Box, outline and oriented box, each corner moved."""
    box = annotation.box
    if box is not None:
        (x0, y0), (x1, y1) = move(box[0], box[1]), move(box[2], box[3])
        box = (min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))
    return replace(
        annotation,
        box=box,
        rings=tuple(_mapped_ring(ring, move) for ring in annotation.rings),
        corners=None if annotation.corners is None else _mapped_ring(annotation.corners, move),
    )


def _mapped_ring(ring: Ring, move: _Map) -> Ring:
    return tuple(value for k in range(0, len(ring), 2) for value in move(ring[k], ring[k + 1]))


def _turned_mask(mask: RleMask, orientation: int) -> RleMask:
    import numpy as np

    from nfold.annotations.rle import decode_rle, encode_rle

    pixels = decode_rle(mask)
    turns: dict[int, NDArray[np.bool_]] = {
        2: pixels[:, ::-1],
        3: pixels[::-1, ::-1],
        4: pixels[::-1],
        5: pixels.T,
        6: pixels.T[:, ::-1],
        7: pixels.T[::-1, ::-1],
        8: pixels.T[::-1],
    }
    return encode_rle(np.ascontiguousarray(turns[orientation]))


def _file_of(labels: ImageLabels, documents: Sequence[str], annotation: Annotation | None = None) -> str | None:
    """The label file that an annotation stands in, or that says how large the picture is."""
    if labels.label_file is not None:
        return labels.label_file
    number = next(iter(labels.places), 0) if annotation is None else annotation.document
    return documents[number] if number < len(documents) else None


def _refuse_outside(annotation: Annotation, size: Size, place: int, file: str | None) -> None:
    begin = "The" if file is None else f"{file}: the"
    which = f"object {place + 1}"
    if isinstance(annotation.raw, Mapping) and "id" in annotation.raw:
        which += f" (id {annotation.raw['id']})"
    mask = annotation.mask
    if mask is not None and (mask.width, mask.height) != size:
        raise SampleError(
            f"{begin} mask of {which} is {mask.width} x {mask.height} and the picture {size[0]} x {size[1]}.",
            hint="Make the mask anew from the picture as it is, or take the annotation out.",
            code="labels.size_mismatch",
        )
    named = {"box": _box_of(annotation.box), "oriented box": annotation.corners}
    shapes = [(what, ring) for what, ring in named.items() if ring is not None]
    if annotation.rings:
        shapes.append(("outline", tuple(value for ring in annotation.rings for value in ring)))
    for what, ring in shapes:
        x_min, x_max, y_min, y_max = min(ring[::2]), max(ring[::2]), min(ring[1::2]), max(ring[1::2])
        if x_max <= 0 or y_max <= 0 or x_min >= size[0] or y_min >= size[1]:
            raise SampleError(
                f"{begin} {what} of {which}, {x_min:g}, {y_min:g} to {x_max:g}, {y_max:g}, lies outside the picture of "
                f"{size[0]} x {size[1]}.",
                hint="Mend or remove it in the label file.",
                code="labels.bad_box",
            )


def _box_of(box: Box | None) -> Ring | None:
    return None if box is None else (box[0], box[1], box[2], box[3])


def _clipped(annotation: Annotation, size: Size) -> Annotation:
    """What of it is inside; an annotation that is inside already comes back as it is."""
    width, height = size
    changes: dict[str, object] = {}
    box = annotation.box
    if box is not None and (box[0] < 0 or box[1] < 0 or box[2] > width or box[3] > height):
        changes["box"] = (max(box[0], 0.0), max(box[1], 0.0), min(box[2], width), min(box[3], height))
    if any(_stands_out(ring, size) for ring in annotation.rings):
        changes["rings"] = _clipped_rings(annotation.rings, size)
    if annotation.corners is not None and _stands_out(annotation.corners, size):
        changes["corners"] = _fitted_corners(annotation.corners, size)
    if any(seen and not (0 <= x <= width and 0 <= y <= height) for x, y, seen in annotation.points):
        changes["points"] = tuple(
            (x, y, seen) if not seen or (0 <= x <= width and 0 <= y <= height) else (0.0, 0.0, 0)
            for x, y, seen in annotation.points
        )
    return replace(annotation, **changes) if changes else annotation  # type: ignore[arg-type]


def _stands_out(ring: Ring, size: Size) -> bool:
    return min(ring) < 0 or max(ring[::2]) > size[0] or max(ring[1::2]) > size[1]


def _clipped_rings(rings: tuple[Ring, ...], size: Size) -> tuple[Ring, ...]:
    import numpy as np

    from nfold.geometry.polygons import clip_to_frame

    arrays = [np.array(ring, dtype=np.float64).reshape(-1, 2) for ring in rings]
    parts = [part for array in arrays for part in clip_to_frame(array, *size)[0]]
    return tuple(tuple(part.reshape(-1).tolist()) for part in parts)


def _fitted_corners(corners: Ring, size: Size) -> Ring:
    import numpy as np

    from nfold.geometry.polygons import clip_to_frame
    from nfold.geometry.rectangles import in_order_of, rectangle_inside

    array = np.array(corners, dtype=np.float64).reshape(-1, 2)
    parts, _ = clip_to_frame(array, *size)
    if not parts:
        return corners
    fitted = in_order_of(rectangle_inside(np.concatenate(parts), *size), array)
    return tuple(fitted.reshape(-1).tolist())
