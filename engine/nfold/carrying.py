"""Pixels into a pipeline and out again: carried as its transforms take them, and given back in their own kind."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

from nfold.applied import AppliedTransform, applied_transforms
from nfold.errors import UnsupportedImageError
from nfold.images import Image
from nfold.randomness import Generators
from nfold.recipe import Carriage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nfold.geometry.recording import CurrentBoxes, Recorder
    from nfold.geometry.stages import Stage

Listen: TypeAlias = "tuple[Recorder, CurrentBoxes]"


def run_pipeline(
    pipeline: Any, image: Image, carriage: Carriage, generators: Generators, listen: Listen | None = None
) -> tuple[Image, tuple[AppliedTransform, ...], tuple[Stage, ...]]:
    """Put an image through a pipeline of Albumentations.

    Args:
        pipeline: Compiled for images carried so.
        image: Not written to.
        carriage: How its pixels are carried.
        generators: All chance comes from them.
        listen: The recorder that is attached to the pipeline, and what it tells transforms of boxes; None: nobody wants
            to know what was done.

    Returns:
        The image after, the transforms that fired, and what they did (nothing if nobody listened).

    Raises:
        UnsupportedImageError: The pipeline changed depth or channels.
    """
    pipeline.set_random_state(generators.numpy, generators.python)
    inputs: dict[str, NDArray[Any]] = {"image": _carry(image.pixels, carriage)}
    if image.alpha is not None:
        inputs["mask"] = _scale(image.alpha) if carriage.as_float else image.alpha
    stages: tuple[Stage, ...] = ()
    if listen is None:
        result: dict[str, Any] = pipeline(**inputs)
    else:
        recorder, current_boxes = listen
        result, stages = recorder.run(pipeline, inputs, current_boxes)
    pixels = _carry_back(result["image"], image.pixels, carriage)
    alpha = None if image.alpha is None else _scale_back(result["mask"], image.alpha.dtype)
    _refuse_changed_kind(image, pixels, alpha)
    return replace(image, pixels=pixels, alpha=alpha), applied_transforms(result.get("applied_transforms", ())), stages


def _carry(pixels: NDArray[Any], carriage: Carriage) -> NDArray[Any]:
    import cv2

    if carriage.as_float:
        pixels = _scale(pixels)
    return cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB) if carriage.grey_as_rgb else pixels


def _carry_back(varied: NDArray[Any], original: NDArray[Any], carriage: Carriage) -> NDArray[Any]:
    import cv2

    if carriage.grey_as_rgb:
        # The luma of three equal channels is that channel, exactly, in OpenCV's fixed-point arithmetic.
        varied = cv2.cvtColor(varied, cv2.COLOR_RGB2GRAY)
    elif original.ndim == 2 and varied.ndim == 3:
        varied = varied[:, :, 0]
    return _scale_back(varied, original.dtype)


def _scale(values: NDArray[Any]) -> NDArray[np.float32]:
    import numpy as np

    return values.astype(np.float32) / np.float32(np.iinfo(values.dtype).max)


def _scale_back(values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    import numpy as np

    if values.dtype == np.float32 and dtype != np.float32:
        largest = np.iinfo(dtype).max
        integers: NDArray[Any] = np.rint(np.clip(values, 0, 1) * np.float32(largest)).astype(dtype)
        return integers
    return np.ascontiguousarray(values)


def _refuse_changed_kind(image: Image, pixels: NDArray[Any], alpha: NDArray[Any] | None) -> None:
    same = pixels.dtype == image.pixels.dtype and pixels.shape[2:] == image.pixels.shape[2:]
    if not same or (alpha is not None and alpha.shape != pixels.shape[:2]):
        raise UnsupportedImageError(
            f"The recipe turned {image.pixels.dtype} pixels of shape {image.pixels.shape} into {pixels.dtype} of shape {pixels.shape}.",
            hint="A transform in it changes depth, channels or the size of the picture without its alpha: leave that one out.",
        )


def in_words(carriage: Carriage) -> tuple[str, ...]:
    """How pixels are carried, for people."""
    words = {
        "grey as RGB and back to luma": carriage.grey_as_rgb,
        "integers as 32-bit floats and back": carriage.as_float,
        "alpha through geometry, not through colour": carriage.alpha_as_mask,
    }
    return tuple(text for text, holds in words.items() if holds)
