"""An image to bytes, in a format that can hold it exactly as deep and with as many channels, or not at all."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol, cast

from nfold.errors import UsageError
from nfold.images import bmp, failures, jpeg, png_writer, tiff_writer, webp
from nfold.images.kinds import FileFormat, Image, Pixels
from nfold.images.profile import profile_space


class FormatWriter(Protocol):
    """What the module of a format offers for writing."""

    def encode(self, image: Image, jpeg_quality: int) -> bytes:
        """Encode an image that the format can hold."""


WRITERS: dict[FileFormat, FormatWriter] = {
    "jpeg": jpeg,
    "png": png_writer,
    "webp": webp,
    "bmp": bmp,
    "tiff": tiff_writer,
}

_MAX_SIDES_PX: dict[FileFormat, int] = {"jpeg": 65_500, "webp": 16_383}
_EIGHT_BIT: frozenset[FileFormat] = frozenset({"jpeg", "webp", "bmp"})


def encode_image(image: Image, *, file_format: FileFormat | None = None, jpeg_quality: int = 95) -> bytes:
    """Encode an image to the bytes of a file.

    JPEG keeps the subsampling of a JPEG source (else 4:2:0). WebP is lossless when nothing was lost before (a lossless
    WebP, PNG, BMP or TIFF source), else of quality 95. The profile is written where it describes the pixels and the
    format can hold it (all but BMP), the density everywhere but in WebP. No EXIF is written: it has been applied.

    Args:
        image: What to write.
        file_format: The format; None keeps the one that the image came in.
        jpeg_quality: 1 to 100.

    Raises:
        ImageError: The format cannot hold these pixels ("image.unsupported").
        UsageError: A quality outside 1 to 100.
    """
    import numpy as np

    if not 1 <= jpeg_quality <= 100:
        raise UsageError(f"JPEG quality is {jpeg_quality}; it goes from 1 to 100.")
    target = file_format or image.file_format
    _refuse_what_is_lost(image, target)
    profile = image.colour_profile
    if profile is not None and profile_space(profile) != ("grey" if image.pixels.ndim == 2 else "rgb"):
        image = replace(image, colour_profile=None)
    if not image.pixels.flags.c_contiguous:
        image = replace(image, pixels=cast(Pixels, np.ascontiguousarray(image.pixels)))
    with failures.encoder_failures_mapped(target):
        return WRITERS[target].encode(image, jpeg_quality)


def writes_exact_pixels(image: Image, file_format: FileFormat | None = None) -> bool:
    """Whether decoding what `encode_image` writes gives these very pixels."""
    target = file_format or image.file_format
    return target != "jpeg" and (target != "webp" or webp.is_written_without_loss(image))


def _refuse_what_is_lost(image: Image, target: FileFormat) -> None:
    pixels, alpha = image.pixels, image.alpha
    is_sound = pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] == 3)
    if str(pixels.dtype) not in ("uint8", "uint16") or not is_sound or not pixels.size:
        raise failures.unsupported(
            f"Pixels of shape {pixels.shape} and type {pixels.dtype} are no image.", "Use 8 or 16 bits, grey or RGB."
        )
    if alpha is not None and (alpha.shape != pixels.shape[:2] or alpha.dtype != pixels.dtype):
        raise failures.unsupported(
            f"Alpha of shape {alpha.shape} and type {alpha.dtype} does not fit the pixels.",
            "Give it their shape and type.",
        )
    lost = _what_is_lost(image, target)
    if lost:
        raise failures.unsupported(
            f"{target.upper()} cannot hold {lost}.", "Choose png as output format, or change the pixels first."
        )


def _what_is_lost(image: Image, target: FileFormat) -> str | None:
    is_grey = image.pixels.ndim == 2
    if target in _EIGHT_BIT and image.pixels.dtype.itemsize != 1:
        return "16 bits a channel"
    if target == "jpeg" and image.alpha is not None:
        return "an alpha channel"
    if target == "bmp" and is_grey and image.alpha is not None:
        return "grey with an alpha channel"
    if target == "tiff" and is_grey and image.alpha is not None and image.pixels.dtype.itemsize == 2:
        return "16-bit grey with an alpha channel so that it can be read again"
    if target == "webp" and is_grey:
        return "grey pixels, only RGB"
    height_px, width_px = image.pixels.shape[:2]
    if max(height_px, width_px) > _MAX_SIDES_PX.get(target, 1 << 30):
        return f"{width_px} x {height_px} pixels"
    return None
