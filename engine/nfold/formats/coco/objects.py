"""An annotation of a COCO file, checked and brought into the neutral form.

Boxes are x, y, width, height and outlines x, y, ...: edges, as in the neutral form. Key points are centres of pixels: half a
pixel is added. Run lengths stay as they are.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

from nfold.annotations import Annotation, Box, KeyPoint, Ring, RleMask
from nfold.annotations.rle import rle_from_runs, rle_runs
from nfold.errors import SampleError
from nfold.formats.coco.categories import Categories

KNOWN_KEYS = frozenset(
    {"id", "image_id", "category_id", "segmentation", "area", "bbox", "iscrowd", "keypoints", "num_keypoints"}
)
UNVARIED_KEYS = frozenset(
    {"face_box", "lefthand_box", "righthand_box", "foot_kpts", "face_kpts", "lefthand_kpts", "righthand_kpts"}
    | {"dp_I", "dp_U", "dp_V", "dp_x", "dp_y", "dp_masks", "keypoints_3d", "segments_info"}
)
"""Places in the picture that nfold does not vary (COCO-WholeBody, DensePose): a copy must not carry those of its source."""

MOST_PIXELS_OFF = 1e7
"""No picture is that large; beyond it a coordinate is a slip, and sums lose their precision."""

SHORT_OUTLINE = "outline with fewer than 3 corners, left out of copies"
NO_GEOMETRY = "annotation without any geometry (no box, outline or key points), copied as it is"
BEYOND_EDGE = "box beyond the picture's edge, clipped in copies"
NOT_A_NUMBER = "NaN or infinite value beside the geometry, written as null"

_EDGE_SLACK = 0.01
_MOST_DEPTH = 64


def mend_numbers(value: Any, repairs: Counter[str], *, depth: int = 0) -> Any:
    """JSON has no NaN and no infinity, though writers let them through: null takes their place, counted.

    Raises:
        SampleError: It is nested more deeply than anything that means something.
    """
    if depth > _MOST_DEPTH:
        raise _bad(f"it is nested more than {_MOST_DEPTH} deep")
    if isinstance(value, float) and not math.isfinite(value):
        repairs[NOT_A_NUMBER] += 1
        return None
    if isinstance(value, dict):
        for key, item in value.items():
            if isinstance(item, float | dict | list):
                value[key] = mend_numbers(item, repairs, depth=depth + 1)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            if isinstance(item, float | dict | list):
                value[index] = mend_numbers(item, repairs, depth=depth + 1)
    return value


def to_annotation(
    entry: dict[str, Any],
    *,
    document: int,
    order: int,
    frame_wh: tuple[int, int] | None,
    categories: Categories,
    repairs: Counter[str],
) -> Annotation:
    """The neutral form, with the entry itself as `raw`.

    Args:
        entry: As parsed; NaN beside its geometry is replaced in place.
        document: Number of the file.
        order: Place in its list.
        frame_wh: Of the picture, when the file records it.
        categories: Of all files.
        repairs: Counts what is mended.

    Raises:
        SampleError: Something in it cannot be used; the message says what, not where.
    """
    category = _category(entry, document, categories)
    box = _box(entry.get("bbox"), frame_wh, repairs)
    rings, mask = _segmentation(entry.get("segmentation"), frame_wh, repairs)
    points = _points(entry.get("keypoints"), category, categories)
    if isinstance(entry.get("area"), int) and not _is_number(entry["area"]):
        raise _bad(f"the area is {shown(entry['area'])}")
    crowd = entry.get("iscrowd")
    if crowd not in (None, 0, 1):
        raise _bad(f"iscrowd is {shown(crowd)}, not 0 or 1")
    _mend_rest(entry, repairs)
    # A caption is about the whole picture, and needs none.
    if box is None and not rings and mask is None and not points and "caption" not in entry:
        repairs[NO_GEOMETRY] += 1
    return Annotation(
        category=category,
        box=box,
        rings=rings,
        mask=mask,
        points=points,
        crowd=bool(crowd),
        document=document,
        order=order,
        attributes=_attributes(entry),
        raw=entry,
    )


def frame_of(entry: Mapping[str, Any]) -> tuple[int, int] | None:
    """Width and height that an image entry records; None when it does not.

    Raises:
        SampleError: They are no numbers of pixels.
    """
    sides = []
    for key in ("width", "height"):
        side = entry.get(key)
        if side is None or (side == 0 and not isinstance(side, bool)):
            return None
        if not _is_number(side) or side != int(side) or not 0 < side < MOST_PIXELS_OFF:
            raise _bad(f"the {key} is {shown(side)}, which is no number of pixels")
        sides.append(int(side))
    return (sides[0], sides[1])


def _category(entry: Mapping[str, Any], document: int, categories: Categories) -> int | None:
    identity = entry.get("category_id")
    if identity is None:
        return None
    is_whole = _is_number(identity) and identity == int(identity)
    index = categories.index(document, int(identity)) if is_whole else None
    if index is None:
        raise SampleError(
            f"category_id {shown(identity)} is in no list of categories of this file",
            hint="Add the category to the file, or take the annotation out.",
            code="labels.unknown_class",
        )
    return index


def _box(value: Any, frame_wh: tuple[int, int] | None, repairs: Counter[str]) -> Box | None:
    if value is None or value == []:
        return None
    hint = "A box is x, y, width and height in pixels, with a width and a height above 0. Mend it, or take the annotation out."
    if not isinstance(value, list) or len(value) != 4 or not all(_is_coordinate(number) for number in value):
        raise SampleError(f"the bbox {shown(value)} is no box", hint=hint, code="labels.bad_box")
    x, y, width, height = (float(number) for number in value)
    right, bottom = x + width, y + height
    if not (right > x and bottom > y):
        raise SampleError(f"the bbox {shown(value)} is empty", hint=hint, code="labels.bad_box")
    if frame_wh is not None:
        if x >= frame_wh[0] or y >= frame_wh[1] or right <= 0 or bottom <= 0:
            raise SampleError(
                f"the bbox {shown(value)} lies outside the picture of {frame_wh[0]} x {frame_wh[1]}",
                hint=hint,
                code="labels.bad_box",
            )
        if min(x, y, frame_wh[0] - right, frame_wh[1] - bottom) < -_EDGE_SLACK:
            repairs[BEYOND_EDGE] += 1
    return (x, y, right, bottom)


def _segmentation(
    value: Any, frame_wh: tuple[int, int] | None, repairs: Counter[str]
) -> tuple[tuple[Ring, ...], RleMask | None]:
    if not value:
        return (), None
    if isinstance(value, dict):
        return (), _mask(value, frame_wh)
    if not isinstance(value, list):
        raise _bad(f"the segmentation {shown(value)} is neither outlines nor run lengths")
    rings = []
    for number, ring in enumerate(value):
        if not isinstance(ring, list):
            raise _bad(f"segmentation/{number} is {shown(ring)}, not a list of x, y, x, y, ...")
        if len(ring) % 2:
            raise _bad(f"segmentation/{number} has {len(ring)} numbers, which make no pairs of x and y")
        if not all(_is_coordinate(number) for number in ring):
            raise _bad(f"segmentation/{number} holds something that is no coordinate")
        if len(ring) < 6:
            repairs[SHORT_OUTLINE] += 1
        else:
            rings.append(tuple(float(number) for number in ring))
    return tuple(rings), None


def _mask(value: Mapping[str, Any], frame_wh: tuple[int, int] | None) -> RleMask:
    size, counts = value.get("size"), value.get("counts")
    if not isinstance(size, list) or len(size) != 2 or not all(type(side) is int and side > 0 for side in size):
        raise _bad(f"the run lengths have the size {shown(size)}, not height and width")
    height, width = size
    if frame_wh is not None and (width, height) != frame_wh:
        raise SampleError(
            f"the run lengths are of a picture of {width} x {height}, the picture has {frame_wh[0]} x {frame_wh[1]}",
            hint="Make the mask anew from the picture as it is, or take the annotation out.",
            code="labels.size_mismatch",
        )
    try:
        if isinstance(counts, list):
            return rle_from_runs(counts, height=height, width=width)
        if isinstance(counts, str):
            mask = RleMask(height=height, width=width, counts=counts)
            rle_runs(mask)
            return mask
    except ValueError as error:
        raise _bad(f"the run lengths are damaged: {error}") from error
    raise _bad("the counts of the run lengths are neither text nor a list")


def _points(value: Any, category: int | None, categories: Categories) -> tuple[KeyPoint, ...]:
    if value is None or value == []:
        return ()
    if not isinstance(value, list) or len(value) % 3:
        raise _bad("keypoints is no list of x, y, v, x, y, v, ...")
    count = len(value) // 3
    if category is None:
        raise _bad("it has key points but no category")
    expected = categories.point_count(category)
    if expected is None:
        categories.note_point_count(category, count)
    elif expected != count:
        raise _bad(f"it has {count} key points, its category {expected}")
    points = []
    for number in range(count):
        x, y, seen = value[3 * number : 3 * number + 3]
        if not _is_number(seen) or seen not in (0, 1, 2):
            raise _bad(f"key point {number} has the visibility {shown(seen)}, not 0, 1 or 2")
        if seen == 0:
            points.append((0.0, 0.0, 0))
        elif _is_coordinate(x) and _is_coordinate(y):
            points.append((x + 0.5, y + 0.5, int(seen)))
        else:
            raise _bad(f"key point {number} lies at {shown(x)}, {shown(y)}")
    return tuple(points)


def _mend_rest(entry: dict[str, Any], repairs: Counter[str]) -> None:
    """All but the numbers of boxes, outlines and runs: they are checked already, and many."""
    for key, value in entry.items():
        if key == "segmentation" and isinstance(value, dict):
            for inner, item in value.items():
                value[inner] = item if inner == "counts" else mend_numbers(item, repairs)
        elif key not in ("segmentation", "bbox"):
            entry[key] = mend_numbers(value, repairs)


def _attributes(entry: Mapping[str, Any]) -> dict[str, Any]:
    """What is not geometry; a key `attributes`, as some tools write it, is unfolded."""
    found: dict[str, Any] = {}
    for key, value in entry.items():
        if key in KNOWN_KEYS or key in UNVARIED_KEYS:
            continue
        if key == "attributes" and isinstance(value, dict):
            found.update(value)
        else:
            found[key] = value
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and -1e300 < value < 1e300


def _is_coordinate(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and -MOST_PIXELS_OFF < value < MOST_PIXELS_OFF


def shown(value: Any) -> str:
    """A value, short enough for a message; numbers may have thousands of digits."""
    if isinstance(value, int) and abs(value) >= 2**64:
        return "a number beyond all bounds"
    if isinstance(value, list) and len(value) <= 8:
        return "[" + ", ".join(shown(item) for item in value) + "]"
    if value is None or isinstance(value, int | float | str):
        text = repr(value)
        return text if len(text) <= 40 else text[:36] + "..."
    return "a list" if isinstance(value, list) else "an object"


def _bad(what: str) -> SampleError:
    return SampleError(what, hint="Mend it, or take the annotation out.", code="labels.bad_value")
