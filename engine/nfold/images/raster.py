"""Decoded pixels on their way to an image: channel order, alpha apart, upright."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from nfold.images.kinds import Density, Pixels

if TYPE_CHECKING:
    from PIL.Image import Image as PillowImage

DAMAGED = "damaged file, decoded as far as possible"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Raster:
    """What a decoder gives: pixels as stored (not yet upright), and what was changed to get them."""

    pixels: Pixels
    alpha: Pixels | None = None
    conversions: tuple[str, ...] = ()


def from_opencv(decoded: Pixels, *, is_grey: bool) -> Raster:
    """Split what cv2.imdecode gives: (h, w), or (h, w, 3 or 4) in the order blue, green, red, alpha."""
    import cv2

    if decoded.ndim == 2:
        return Raster(pixels=decoded)
    alpha = cast(Pixels, cv2.extractChannel(decoded, 3)) if decoded.shape[2] == 4 else None
    if is_grey:
        return Raster(pixels=cast(Pixels, cv2.extractChannel(decoded, 0)), alpha=alpha)
    order = cv2.COLOR_BGR2RGB if alpha is None else cv2.COLOR_BGRA2RGB
    return Raster(pixels=cast(Pixels, cv2.cvtColor(decoded, order)), alpha=alpha)


def from_pillow(picture: PillowImage) -> Raster:
    """Split an 8-bit Pillow image of mode L, LA, RGB or RGBA, or one that Pillow converts to RGB."""
    import cv2
    import numpy as np

    if picture.mode not in ("L", "LA", "RGB", "RGBA"):
        picture = picture.convert("L" if picture.mode == "1" else "RGB")
    decoded = np.asarray(picture)
    if picture.mode == "LA":
        return Raster(pixels=decoded[..., 0].copy(), alpha=decoded[..., 1].copy())
    if picture.mode == "RGBA":
        alpha = cast(Pixels, cv2.extractChannel(decoded, 3))
        return Raster(pixels=cast(Pixels, cv2.cvtColor(decoded, cv2.COLOR_RGBA2RGB)), alpha=alpha)
    return Raster(pixels=decoded.copy())


def upright(raster: Raster, orientation: int) -> Raster:
    """Apply an EXIF orientation, and say so."""
    if orientation == 1:
        return raster
    return replace(
        raster,
        pixels=_upright_pixels(raster.pixels, orientation),
        alpha=None if raster.alpha is None else _upright_pixels(raster.alpha, orientation),
        conversions=(*raster.conversions, f"EXIF orientation {orientation} applied"),
    )


def upright_density(density: Density | None, orientation: int) -> Density | None:
    """Give the density along the axes of the upright image."""
    if density is None or orientation < 5:
        return density
    return Density(x=density.y, y=density.x)


def _upright_pixels(pixels: Pixels, orientation: int) -> Pixels:
    # Source: TIFF 6.0 tag 274; what Pillow's exif_transpose does, several times faster.
    import cv2

    turned = {
        2: lambda: cv2.flip(pixels, 1),
        3: lambda: cv2.flip(pixels, -1),
        4: lambda: cv2.flip(pixels, 0),
        5: lambda: cv2.transpose(pixels),
        6: lambda: cv2.rotate(pixels, cv2.ROTATE_90_CLOCKWISE),
        7: lambda: cv2.flip(cv2.transpose(pixels), -1),
        8: lambda: cv2.rotate(pixels, cv2.ROTATE_90_COUNTERCLOCKWISE),
    }
    return cast(Pixels, turned[orientation]())
