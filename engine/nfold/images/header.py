"""Reading headers: what an image is and how large, refused here when it is over the limits; nothing is decoded."""

from __future__ import annotations

from typing import Protocol

from nfold.images import bmp, failures, jpeg, png, tiff, webp
from nfold.images.kinds import DecodeLimits, FileFormat, ImageHeader, OnDamage
from nfold.images.raster import Raster
from nfold.images.signatures import file_format_of


class FormatReader(Protocol):
    """What the module of a format offers for reading."""

    def read_header(self, data: bytes) -> ImageHeader:
        """Read what the headers say."""

    def read_profile(self, data: bytes) -> bytes | None:
        """Read the ICC profile; None when there is none, b"" when it is broken."""

    def decode_pixels(self, data: bytes, header: ImageHeader, on_damage: OnDamage) -> Raster:
        """Decode the pixels as stored."""


READERS: dict[FileFormat, FormatReader] = {"jpeg": jpeg, "png": png, "webp": webp, "bmp": bmp, "tiff": tiff}


def read_header(data: bytes, limits: DecodeLimits) -> ImageHeader:
    """Read what the headers of `data` say.

    Raises:
        ImageError: Not an image that is read, damaged in its headers, or over the limits.
    """
    if len(data) > limits.max_bytes:
        raise failures.too_many_bytes(len(data), limits.max_bytes)
    file_format = file_format_of(data)
    with failures.decoder_failures_mapped(file_format):
        header = READERS[file_format].read_header(data)
    width_px, height_px = header.width_px, header.height_px
    if width_px * height_px > limits.max_pixels:
        raise failures.too_many_pixels(width_px, height_px, limits.max_pixels)
    if max(width_px, height_px) > limits.max_side_px:
        raise failures.too_long_side(width_px, height_px, limits.max_side_px)
    if header.jpeg_scans > limits.max_jpeg_scans:
        raise failures.too_many_scans(header.jpeg_scans, limits.max_jpeg_scans)
    return header
