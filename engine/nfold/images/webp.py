"""WebP: the RIFF container walked by our own code, pixels read by OpenCV, written by Pillow."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from typing import cast

from nfold.images import failures
from nfold.images.exif import ExifFacts, read_exif
from nfold.images.kinds import Image, ImageHeader, OnDamage, Pixels
from nfold.images.profile import MAX_PROFILE_BYTES
from nfold.images.raster import Raster, from_opencv

_MAX_CHUNKS = 4096
_LOSSY_QUALITY = 95
_ANIMATION_FLAG, _ALPHA_FLAG = 0x02, 0x10


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bitstream:
    """What the header of the VP8 (lossy) or VP8L (lossless) data says."""

    width_px: int
    height_px: int
    has_alpha: bool
    is_lossless: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chunk:
    """A RIFF chunk; its content is data[start:end]."""

    kind: bytes
    start: int
    end: int


def read_header(data: bytes) -> ImageHeader:
    """Walk the chunks.

    Raises:
        ImageError: Damaged, cut off, or animated.
    """
    chunks = {chunk.kind: chunk for chunk in reversed(_chunks(data))}
    extended = chunks.get(b"VP8X")
    flags = data[extended.start] if extended else 0
    if flags & _ANIMATION_FLAG or b"ANIM" in chunks or b"ANMF" in chunks:
        raise failures.animated("an animated WebP")
    image = chunks.get(b"VP8 ") or chunks.get(b"VP8L")
    if image is None:
        raise failures.corrupt("a WebP without image data")
    stream = _bitstream(data, image)
    if extended and _canvas(data, extended) != (stream.width_px, stream.height_px):
        raise failures.corrupt("a WebP of two different sizes")
    exif_chunk = chunks.get(b"EXIF")
    exif = _exif(data[exif_chunk.start : exif_chunk.end]) if exif_chunk else ExifFacts()
    return ImageHeader(
        file_format="webp",
        width_px=stream.width_px,
        height_px=stream.height_px,
        orientation=exif.orientation,
        bits=8,
        colour="rgb",
        has_alpha=stream.has_alpha or bool(flags & _ALPHA_FLAG),
        density=exif.density,
        webp_lossless=stream.is_lossless,
    )


def read_profile(data: bytes) -> bytes | None:
    """Read the ICC profile, None when there is none, b"" when it is too large."""
    chunk = next((chunk for chunk in _chunks(data) if chunk.kind == b"ICCP"), None)
    if chunk is None:
        return None
    return data[chunk.start : chunk.end] if chunk.end - chunk.start <= MAX_PROFILE_BYTES else b""


def decode_pixels(data: bytes, header: ImageHeader, on_damage: OnDamage) -> Raster:
    """Decode the pixels. Nothing can be kept of a damaged WebP: its decoder gives all or nothing.

    Raises:
        ImageError: Damaged.
    """
    import cv2
    import numpy as np

    with failures.decoder_failures_mapped("WebP"):
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if decoded is None:
        raise failures.corrupt("the WebP's image data cannot be decoded")
    if decoded.shape[:2] != (header.height_px, header.width_px):
        raise failures.corrupt("the WebP has another size than its header says")
    return from_opencv(cast(Pixels, decoded), is_grey=False)


def encode(image: Image, jpeg_quality: int) -> bytes:
    """Encode RGB or RGBA; where nothing was lost before, not even colours under full transparency are lost now."""
    import numpy as np
    import PIL.Image

    pixels = image.pixels if image.alpha is None else np.dstack((image.pixels, image.alpha))
    target = io.BytesIO()
    profile = image.colour_profile or b""
    if is_written_without_loss(image):
        PIL.Image.fromarray(pixels).save(
            target, "WEBP", lossless=True, exact=True, quality=60, method=4, icc_profile=profile
        )
    else:
        PIL.Image.fromarray(pixels).save(target, "WEBP", quality=_LOSSY_QUALITY, method=4, icc_profile=profile)
    return target.getvalue()


def is_written_without_loss(image: Image) -> bool:
    """Whether the source lost nothing: a lossless WebP, PNG, BMP or TIFF."""
    return image.webp_lossless or image.file_format not in ("jpeg", "webp")


def _chunks(data: bytes) -> list[_Chunk]:
    (size,) = struct.unpack_from("<I", data, 4)
    if 8 + size > len(data):
        raise failures.truncated(f"the WebP announces {8 + size:,} bytes and has {len(data):,}")
    chunks: list[_Chunk] = []
    position = 12
    while position + 8 <= 8 + size and len(chunks) < _MAX_CHUNKS:
        kind, length = struct.unpack_from("<4sI", data, position)
        end = position + 8 + length
        if end > 8 + size:
            raise failures.corrupt("a WebP chunk that is longer than the file")
        chunks.append(_Chunk(kind=kind, start=position + 8, end=end))
        position = end + (length & 1)
    return chunks


def _canvas(data: bytes, chunk: _Chunk) -> tuple[int, int]:
    if chunk.end - chunk.start < 10:
        raise failures.corrupt("a WebP header chunk that is too short")
    width, height = (int.from_bytes(data[chunk.start + at : chunk.start + at + 3], "little") for at in (4, 7))
    return width + 1, height + 1


def _bitstream(data: bytes, chunk: _Chunk) -> _Bitstream:
    start = data[chunk.start : min(chunk.end, chunk.start + 10)]
    if chunk.kind == b"VP8L" and len(start) >= 5 and start[0] == 0x2F:
        bits = int.from_bytes(start[1:5], "little")
        width_px, height_px, has_alpha = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, bool(bits >> 28 & 1)
        return _Bitstream(width_px=width_px, height_px=height_px, has_alpha=has_alpha, is_lossless=True)
    if chunk.kind == b"VP8 " and len(start) == 10 and start[3:6] == b"\x9d\x01\x2a":
        width_px, height_px = (value & 0x3FFF for value in struct.unpack_from("<HH", start, 6))
        if width_px and height_px:
            return _Bitstream(width_px=width_px, height_px=height_px, has_alpha=False, is_lossless=False)
    raise failures.corrupt("a WebP without a valid image header")


def _exif(content: bytes) -> ExifFacts:
    return read_exif(content.removeprefix(b"Exif\x00\x00"))
