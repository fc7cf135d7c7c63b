"""Label images through one transform: by its own mask function, nearest neighbour, and never a value that is new."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NEAREST: Final = 0
_NEAREST_EXACT: Final = 6
"""Of OpenCV: takes the pixel under the centre, where plain nearest takes the one under the corner."""

_RESIZING: Final = frozenset(
    {
        "CropAndPad",
        "LongestMaxSize",
        "RandomResizedCrop",
        "RandomScale",
        "RandomSizedBBoxSafeCrop",
        "RandomSizedCrop",
        "Resize",
        "SmallestMaxSize",
    }
)
PAINTING: Final = frozenset(
    {
        "CoarseDropout",
        "Erasing",
        "FrequencyMasking",
        "GridDropout",
        "TimeMasking",
        "XYMasking",
    }
)
"""They paint over rectangles and move nothing."""
STILL: Final = frozenset({*PAINTING, "Morphological", "NoOp", "PixelDropout"})
"""They move nothing."""
SHIFTING: Final = frozenset({"MotionBlur"})
"""They know of no masks, and carry the picture a little to one side all the same."""
_FILLS_ZERO: Final = "GridElasticDeform"


def move_label_image(
    transform: Any, params: Mapping[str, Any], labels: NDArray[Any], *, fill: int = 0, semantic: bool = False
) -> NDArray[Any]:
    """A label image as the transform, with the parameters it drew, moves it.

    Args:
        transform: Of Albumentations; it is as before afterwards.
        params: That it drew for the picture.
        labels: Shape (height, width), 8 or 16 bits.
        fill: What comes in from outside a constant border.
        semantic: The labels are of the whole picture: they go on beyond the edge as the picture does, and are painted
            over where the recipe says so. Otherwise nothing is beyond the edge, and nothing is painted over.
    """
    import numpy as np

    name = type(transform).__name__
    if name in STILL:
        return _painted(transform, params, labels) if semantic else labels
    if name in SHIFTING:
        return _shifted(transform, params, labels, fill=fill, semantic=semantic)
    options = {**params, "fill_mask": fill} if "fill_mask" in params else dict(params)
    rules = _rules(transform, name, fill=fill, semantic=semantic)
    kept = {attribute: getattr(transform, attribute) for attribute in rules}
    try:
        for attribute, value in rules.items():
            setattr(transform, attribute, value)
        moved = transform.apply_to_mask(labels, **options)
        if name == _FILLS_ZERO and fill:
            inside = transform.apply_to_mask(np.ones_like(labels), **options)
            moved = np.where(inside == 0, labels.dtype.type(fill), moved)
    finally:
        for attribute, value in kept.items():
            setattr(transform, attribute, value)
    return np.ascontiguousarray(moved)


def _shifted(
    transform: Any, params: Mapping[str, Any], labels: NDArray[Any], *, fill: int, semantic: bool
) -> NDArray[Any]:
    """Labels carried along by whole pixels; beyond the edge a picture goes on as its rim does."""
    import cv2
    import numpy as np

    from nfold.geometry.known import matrix_of

    height, width = labels.shape
    matrix = matrix_of(transform, params, (width, height), (width, height))
    assert matrix is not None
    shift = np.round(matrix)[:2]
    border = cv2.BORDER_REPLICATE if semantic else cv2.BORDER_CONSTANT
    moved = cv2.warpAffine(labels, shift, (width, height), flags=_NEAREST, borderMode=border, borderValue=fill)
    return np.asarray(moved, dtype=labels.dtype)


def _rules(transform: Any, name: str, *, fill: int, semantic: bool) -> dict[str, Any]:
    rules: dict[str, Any] = {
        "mask_interpolation": _NEAREST_EXACT if name in _RESIZING else _NEAREST,
        "fill_mask": fill,
        "area_for_downscale": None,
    }
    if not semantic:
        rules["border_mode"] = 0
    return {attribute: value for attribute, value in rules.items() if hasattr(transform, attribute)}


def _painted(transform: Any, params: Mapping[str, Any], labels: NDArray[Any]) -> NDArray[Any]:
    """Labels of the whole picture under a transform that covers or drops pixels, if the recipe wants them to follow."""
    import numpy as np

    name = type(transform).__name__
    if name in PAINTING and transform.fill_mask is not None and "seed" in params:
        painted: NDArray[Any] = transform.apply_to_mask(labels.copy(), **params)
        return painted
    if name == "PixelDropout" and transform.mask_drop_value is not None:
        dropped = np.asarray(params["drop_mask"]).reshape(*labels.shape, -1).all(axis=2)
        return np.where(dropped, labels.dtype.type(transform.mask_drop_value), labels)
    return labels
