"""Pictures of every depth and size as 8-bit RGB of the size to be shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nfold.images import Image

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def rgb_of(image: Image) -> NDArray[np.uint8]:
    """Shape (height, width, 3), 8 bits; transparent parts over a grey chessboard, as image editors show them."""
    import cv2
    import numpy as np

    pixels = in_eight_bits(image.pixels)
    if image.alpha is not None:
        pixels = _over_checks(pixels, in_eight_bits(image.alpha))
    if pixels.ndim == 2:
        return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB), dtype=np.uint8)
    return pixels


def size_within(width: int, height: int, side_px: int | None) -> tuple[int, int]:
    """Width and height of a picture whose longest side is to be `side_px`; None leaves them."""
    if side_px is None:
        return width, height
    scale = side_px / max(height, width)
    return max(1, round(width * scale)), max(1, round(height * scale))


def resized(pixels: NDArray[np.uint8], size_wh: tuple[int, int]) -> NDArray[np.uint8]:
    """Shrunk by the mean of what falls together; enlarged by whole pixels, so that none is invented."""
    import cv2
    import numpy as np

    height, width = pixels.shape[:2]
    if (width, height) == size_wh:
        return pixels.copy()
    shrinks = size_wh[0] < width or size_wh[1] < height
    method = cv2.INTER_AREA if shrinks else cv2.INTER_NEAREST
    return np.asarray(cv2.resize(pixels, size_wh, interpolation=method), dtype=np.uint8)


def comfortable_side(width: int, height: int, *, least_px: int = 800, most_px: int = 1600) -> int:
    """The longest side to show one picture at: large ones shrunk to `most_px`, small ones enlarged by a whole factor."""
    side = max(width, height)
    if side >= least_px:
        return min(side, most_px)
    return side * min(-(-least_px // side), most_px // side)


def in_eight_bits(values: NDArray[Any]) -> NDArray[np.uint8]:
    """The upper half of 16-bit values; 8-bit ones as they are."""
    return values if values.dtype.itemsize == 1 else (values >> 8).astype("uint8")


def _over_checks(pixels: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> NDArray[np.uint8]:
    import numpy as np

    height, width = alpha.shape
    checks = np.where((np.arange(height)[:, None] // 8 + np.arange(width) // 8) % 2, 205, 235).astype(np.float32)
    weight = alpha.astype(np.float32) / 255
    if pixels.ndim == 3:
        checks, weight = checks[:, :, None], weight[:, :, None]
    mixed: NDArray[np.uint8] = np.rint(pixels * weight + checks * (1 - weight)).astype(np.uint8)
    return mixed
