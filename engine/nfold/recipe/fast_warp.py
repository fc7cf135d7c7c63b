"""Affine warps of RGB pictures in four channels: the same pixels in half the time.

OpenCV 5 has vector code for warps of one and of four channels, not of three. A fourth channel costs two
copies of the picture and saves more than half of the warp (640 x 480, linear: 2.2 ms against 1.2 ms and
0.15 ms). Channels do not mix in a warp, so the three that count stay what they are; a test compares them.
"""

from __future__ import annotations

from functools import partial
from typing import Any

_LINEAR = 1
"""cv2.INTER_LINEAR; nearest and cubic gain nothing."""

_CLASSES = ("Affine", "Rotate", "SafeRotate", "ShiftScaleRotate")


def warp_in_four_channels(pipeline: Any, library: Any) -> None:
    """Make the affine transforms of a pipeline work so, nested ones included; the pipeline is changed in place."""
    classes = tuple(getattr(library, name) for name in _CLASSES)
    for transform in pipeline.transforms:
        if isinstance(transform, library.BaseCompose):
            warp_in_four_channels(transform, library)
        elif isinstance(transform, classes) and transform.interpolation == _LINEAR:
            # A transform keeps its functions by target; to override `apply` would come too late.
            transform._key2func["image"] = partial(_apply_in_four, transform._key2func["image"])


def _apply_in_four(apply: Any, picture: Any, *args: Any, **params: Any) -> Any:
    import cv2

    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype.itemsize != 1:
        return apply(picture, *args, **params)
    return cv2.cvtColor(apply(cv2.cvtColor(picture, cv2.COLOR_RGB2RGBA), *args, **params), cv2.COLOR_RGBA2RGB)
