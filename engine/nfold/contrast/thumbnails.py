"""Pictures as a small network takes them: squares of a few pixels, many of them in one file on disk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

from nfold.images import Image

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def thumbnail(image: Image, side_px: int) -> NDArray[np.uint8]:
    """A picture as (side, side, 3) RGB of 8 bits, whatever its shape; grey three times, without alpha."""
    import cv2
    import numpy as np

    pixels = image.pixels
    if pixels.dtype == np.uint16:
        pixels = (pixels // 257).astype(np.uint8)
    shrinks = max(pixels.shape[:2]) > side_px
    small = cv2.resize(pixels, (side_px, side_px), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    if small.ndim == 2:
        small = np.repeat(small[:, :, None], 3, axis=2)
    return cast("NDArray[np.uint8]", small)


class Thumbnails:
    """Small pictures with their classes, in a file that the system keeps in memory as far as there is room.

    It takes `3 x side x side` bytes a picture on disk, 12 KB at 64 pixels, and a byte or two of memory.
    """

    def __init__(self, folder: Path, name: str, count: int, side_px: int) -> None:
        import numpy as np

        self.side_px = side_px
        self.labels = np.zeros(count, np.int32)
        shape = (max(count, 1), side_px, side_px, 3)
        self.pixels = np.memmap(folder / f"{name}.bin", np.uint8, "w+", shape=shape)

    def __len__(self) -> int:
        return len(self.labels)

    def put(self, place: int, image: Image, label: int) -> None:
        """Take in a picture."""
        self.pixels[place] = thumbnail(image, self.side_px)
        self.labels[place] = label

    def batch(self, places: list[int]) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
        """Some of them."""
        import numpy as np

        return np.asarray(self.pixels[places]), self.labels[places]
