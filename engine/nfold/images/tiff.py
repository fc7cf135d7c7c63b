"""TIFF: the directory walked, checked and cleaned by our own code; pixels by Pillow up to 8 bits, by OpenCV at 16.

Pillow reads 16-bit colour as 8 bits without a word, and OpenCV multiplies 8-bit colours by their alpha: hence both.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass, replace
from typing import cast

from nfold.images import failures
from nfold.images.exif import (
    Directory,
    density_in,
    integers_in,
    orientation_in,
    read_directory,
)
from nfold.images.kinds import ImageHeader, OnDamage, Pixels, StoredColour
from nfold.images.profile import MAX_PROFILE_BYTES
from nfold.images.raster import Raster, from_opencv, from_pillow

SUBFILE, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC = 254, 256, 257, 258, 259, 262
STRIP_OFFSETS, SAMPLES, ROWS_PER_STRIP, STRIP_BYTES, PLANAR = 273, 277, 278, 279, 284
PREDICTOR, TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_BYTES = 317, 322, 323, 324, 325
EXTRA_SAMPLES, SAMPLE_FORMAT, ICC_PROFILE, DNG_VERSION = 338, 339, 34675, 50706

_SCALARS = (
    WIDTH,
    HEIGHT,
    COMPRESSION,
    PHOTOMETRIC,
    266,
    SAMPLES,
    ROWS_PER_STRIP,
    PLANAR,
    293,
    PREDICTOR,
    TILE_WIDTH,
    TILE_HEIGHT,
)
_PER_SAMPLE = (BITS, SAMPLE_FORMAT, EXTRA_SAMPLES)
_ARRAYS = (STRIP_OFFSETS, STRIP_BYTES, 292, 320, TILE_OFFSETS, TILE_BYTES, 347, 529, 530, 531, 532)
_CARRIERS = frozenset((*_SCALARS, *_PER_SAMPLE, *_ARRAYS))
_COMPRESSIONS = frozenset({1, 2, 3, 4, 5, 7, 8, 32773, 32946})
_JPEG = 7
_MAX_TILE_PIXELS = 1 << 24
_MAX_STRIPS = 1 << 20

_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _CMYK, _YCBCR = 0, 1, 2, 3, 5, 6
_COLOURS: dict[int, StoredColour] = {
    _WHITE_IS_ZERO: "grey",
    _BLACK_IS_ZERO: "grey",
    _RGB: "rgb",
    _PALETTE: "palette",
    _CMYK: "cmyk",
    _YCBCR: "rgb",
}
_DEPTHS = {
    **dict.fromkeys(((_WHITE_IS_ZERO, 1), (_BLACK_IS_ZERO, 1)), (1, 2, 4, 8, 16)),
    **dict.fromkeys(((_RGB, 3), (_RGB, 4)), (8, 16)),
    (_BLACK_IS_ZERO, 2): (8,),
    (_PALETTE, 1): (1, 2, 4, 8),
    **dict.fromkeys(((_CMYK, 4), (_YCBCR, 3)), (8,)),
}
_ASSOCIATED, _UNASSOCIATED = 1, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """The first directory and what its fields say."""

    directory: Directory
    width_px: int
    height_px: int
    bits: int
    samples: int
    photometric: int
    compression: int
    is_planar: bool
    extra: int | None

    @property
    def has_alpha(self) -> bool:
        """Whether the last sample is alpha; a fourth of RGB that nothing is said about is alpha to all readers."""
        is_spare = self.samples in (2, 4) and self.photometric in (_BLACK_IS_ZERO, _RGB)
        return is_spare and self.extra in (None, _ASSOCIATED, _UNASSOCIATED)


def read_header(data: bytes) -> ImageHeader:
    """Read the first directory.

    Raises:
        ImageError: Damaged, several pages, or a kind of TIFF that is not read.
    """
    layout = _layout(data)
    return ImageHeader(
        file_format="tiff",
        width_px=layout.width_px,
        height_px=layout.height_px,
        orientation=orientation_in(data, layout.directory),
        bits=layout.bits,
        colour=_COLOURS[layout.photometric],
        has_alpha=layout.has_alpha,
        density=density_in(data, layout.directory),
    )


def read_profile(data: bytes) -> bytes | None:
    """Read the ICC profile, None when there is none, b"" when it is broken."""
    entry = _layout(data).directory.entries.get(ICC_PROFILE)
    if entry is None:
        return None
    is_whole = entry.size <= MAX_PROFILE_BYTES and entry.offset + entry.size <= len(data)
    return data[entry.offset : entry.offset + entry.size] if is_whole else b""


def decode_pixels(data: bytes, header: ImageHeader, on_damage: OnDamage) -> Raster:
    """Decode the pixels. Nothing is kept of a damaged TIFF: a lost strip leaves no trace of where it was.

    Raises:
        ImageError: Damaged.
    """
    layout = _layout(data)
    cleaned = _cleaned(data, layout)
    raster = _decoded_16_bit(cleaned, layout) if layout.bits == 16 else _decoded_8_bit(cleaned)
    if raster.pixels.shape[:2] != (layout.height_px, layout.width_px):
        raise failures.corrupt("the TIFF has another size than its directory says")
    if layout.photometric == _WHITE_IS_ZERO:
        raster = replace(raster, pixels=~raster.pixels)
    return replace(raster, conversions=_conversions(layout))


def _layout(data: bytes) -> _Layout:
    try:
        directory = read_directory(data)
    except struct.error:
        raise failures.truncated("the TIFF's directory lies outside the file") from None
    except ValueError as error:
        raise failures.corrupt(str(error)) from None
    _refuse_other_kinds(data, directory)
    samples = _scalar(data, directory, SAMPLES, 1)
    layout = _Layout(
        directory=directory,
        width_px=_scalar(data, directory, WIDTH, 0),
        height_px=_scalar(data, directory, HEIGHT, 0),
        bits=_bits(data, directory),
        samples=samples,
        photometric=_scalar(data, directory, PHOTOMETRIC, -1),
        compression=_scalar(data, directory, COMPRESSION, 1),
        is_planar=_scalar(data, directory, PLANAR, 1) != 1,
        extra=next(iter(integers_in(data, directory, EXTRA_SAMPLES)), None),
    )
    _refuse_unreadable(layout)
    _check_entries(data, layout)
    return layout


def _refuse_other_kinds(data: bytes, directory: Directory) -> None:
    if DNG_VERSION in directory.entries or data[8:10] == b"CR":
        raise failures.unsupported_format("a raw photograph in a TIFF container")
    if _scalar(data, directory, SUBFILE, 0) & 1:
        raise failures.unsupported_format("a TIFF that begins with a thumbnail, as raw photographs do")
    if 0 < directory.next_offset < len(data):
        raise failures.multipage()
    formats = integers_in(data, directory, SAMPLE_FORMAT)
    if any(value != 1 for value in formats):
        raise failures.unsupported_format("a TIFF of floating-point, signed or complex samples")


def _refuse_unreadable(layout: _Layout) -> None:
    if layout.width_px <= 0 or layout.height_px <= 0:
        raise failures.corrupt("a TIFF without a size")
    if layout.compression not in _COMPRESSIONS:
        raise failures.unsupported_format(f"a TIFF in compression {layout.compression}")
    depths = _DEPTHS.get((layout.photometric, layout.samples), ())
    is_odd_ycbcr = layout.photometric == _YCBCR and layout.compression != _JPEG
    is_odd_alpha = layout.bits == 16 and layout.has_alpha and layout.extra == _ASSOCIATED
    if layout.bits == 16 and layout.samples > 1 and layout.is_planar:
        # OpenCV mixes the planes up without a word
        raise failures.unsupported_format("a 16-bit TIFF that stores its channels apart")
    if layout.bits not in depths or is_odd_ycbcr or is_odd_alpha:
        what = f"{layout.samples} samples of {layout.bits} bits, photometric kind {layout.photometric}"
        raise failures.unsupported_format(f"a TIFF of {what}")


def _bits(data: bytes, directory: Directory) -> int:
    depths = integers_in(data, directory, BITS) or [1]
    if len(set(depths)) > 1:
        raise failures.unsupported_format("a TIFF whose channels differ in depth")
    return depths[0]


def _check_entries(data: bytes, layout: _Layout) -> None:
    entries = layout.directory.entries
    for tag in _CARRIERS & entries.keys():
        entry = entries[tag]
        if tag in _SCALARS and entry.count != 1:
            raise failures.corrupt(f"TIFF field {tag} has {entry.count} values instead of one")
        if entry.count == 0 or entry.size == 0 or entry.offset + entry.size > len(data):
            raise failures.truncated(f"TIFF field {tag} lies outside the file")
        if entry.count > _MAX_STRIPS:
            raise failures.corrupt(f"TIFF field {tag} has {entry.count:,} values")
    width, height = (_scalar(data, layout.directory, tag, 1) for tag in (TILE_WIDTH, TILE_HEIGHT))
    if not 0 < width * height <= _MAX_TILE_PIXELS:
        raise failures.corrupt(f"the TIFF's tiles are {width} x {height}")


def _scalar(data: bytes, directory: Directory, tag: int, default: int) -> int:
    return (integers_in(data, directory, tag) or [default])[0]


def _cleaned(data: bytes, layout: _Layout) -> bytes:
    """Copy the file with only the fields that carry pixels, so that no decoder reads, turns or warns about the rest."""
    directory = layout.directory
    kept = [data[e.position : e.position + 12] for tag, e in sorted(directory.entries.items()) if tag in _CARRIERS]
    if layout.photometric == _WHITE_IS_ZERO:
        kept = [_with_black_as_zero(entry, directory.byte_order) for entry in kept]
    # inline values move with their entry; others stay where they are
    block = struct.pack(directory.byte_order + "H", len(kept)) + b"".join(kept) + bytes(4)
    cleaned = bytearray(data)
    cleaned[directory.offset : directory.offset + len(block)] = block
    return bytes(cleaned)


def _with_black_as_zero(entry: bytes, byte_order: str) -> bytes:
    if struct.unpack_from(byte_order + "H", entry)[0] != PHOTOMETRIC:
        return entry
    return struct.pack(byte_order + "HHIHH", PHOTOMETRIC, 3, 1, _BLACK_IS_ZERO, 0)


def _decoded_8_bit(data: bytes) -> Raster:
    from PIL.TiffImagePlugin import TiffImageFile

    with failures.decoder_failures_mapped("TIFF"):
        picture = TiffImageFile(io.BytesIO(data))
        picture.load()
        if picture.mode == "La":
            return from_pillow(picture.convert("LA"))
        return from_pillow(picture)


def _decoded_16_bit(data: bytes, layout: _Layout) -> Raster:
    import cv2
    import numpy as np

    with failures.decoder_failures_mapped("TIFF"):
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if decoded is None:
        raise failures.corrupt("the TIFF's image data cannot be decoded")
    if decoded.dtype != np.uint16:
        raise failures.corrupt("the TIFF has another depth than its directory says")
    raster = from_opencv(cast(Pixels, decoded), is_grey=layout.photometric != _RGB)
    return raster if layout.has_alpha else replace(raster, alpha=None)


def _conversions(layout: _Layout) -> tuple[str, ...]:
    said = []
    if layout.photometric == _PALETTE:
        said.append("palette expanded to RGB")
    elif layout.photometric == _CMYK:
        said.append("CMYK converted to RGB")
    elif layout.bits < 8:
        said.append(f"{layout.bits}-bit widened to 8-bit grey")
    if layout.has_alpha and layout.extra == _ASSOCIATED:
        said.append("colours divided by their alpha")
    elif layout.samples in (2, 4) and layout.photometric in (_BLACK_IS_ZERO, _RGB) and not layout.has_alpha:
        said.append("extra channel of unknown meaning dropped")
    return tuple(said)
