"""BMP: read and written by our own code, since other readers drop alpha or odd masks; run lengths go to OpenCV."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from nfold.images import failures
from nfold.images.exif import density_from
from nfold.images.kinds import Density, Image, ImageHeader, OnDamage, Pixels
from nfold.images.raster import DAMAGED, Raster, from_opencv

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_METRES_PER_INCH = 0.0254
_FILE_HEADER_BYTES, _OS2_HEADER_BYTES, _INFO_HEADER_BYTES, _V4_HEADER_BYTES = 14, 12, 40, 108
_PLAIN, _RLE8, _RLE4, _BITFIELDS, _ALPHA_BITFIELDS = 0, 1, 2, 3, 6
_READABLE = {
    **dict.fromkeys([(bits, _PLAIN) for bits in (1, 4, 8, 16, 24, 32)]),
    **dict.fromkeys([(bits, kind) for bits in (16, 32) for kind in (_BITFIELDS, _ALPHA_BITFIELDS)]),
    **dict.fromkeys([(8, _RLE8), (4, _RLE4)]),
}
_MASKS_555 = (0x7C00, 0x03E0, 0x001F, 0)
_MASKS_888 = (0xFF0000, 0x00FF00, 0x0000FF, 0)
_MASKS_8888 = (0xFF0000, 0x00FF00, 0x0000FF, 0xFF000000)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """The fields of the headers, and the palette as (red, green, blue) triples."""

    pixels_at: int
    width_px: int
    height_px: int
    is_bottom_up: bool
    bits: int
    compression: int
    masks: tuple[int, ...]
    palette: bytes
    density: Density | None

    @property
    def is_grey(self) -> bool:
        """Whether all colours of the palette are grey."""
        return bool(self.palette) and self.palette[0::3] == self.palette[1::3] == self.palette[2::3]

    @property
    def row_bytes(self) -> int:
        """Bytes of a stored row, which is padded to four."""
        return (self.width_px * self.bits + 31) // 32 * 4


def read_header(data: bytes) -> ImageHeader:
    """Read the file header, the bitmap header and the palette.

    Raises:
        ImageError: Damaged, or a kind of BMP that is not read.
    """
    layout = _layout(data)
    colour = "grey" if layout.is_grey else "palette" if layout.palette else "rgb"
    return ImageHeader(
        file_format="bmp",
        width_px=layout.width_px,
        height_px=layout.height_px,
        bits=layout.bits if layout.palette else 8,
        colour=colour,  # type: ignore[arg-type]
        has_alpha=bool(layout.masks and layout.masks[3]),
        density=layout.density,
    )


def read_profile(data: bytes) -> bytes | None:
    """None: a profile in a BMP (version 5 header) is not read."""
    return None


def decode_pixels(data: bytes, header: ImageHeader, on_damage: OnDamage) -> Raster:
    """Decode the pixels; of a file that is cut off and to be kept, the missing rows are black.

    Raises:
        ImageError: Damaged.
    """
    layout = _layout(data)
    if layout.compression in (_RLE8, _RLE4):
        raster = _run_lengths_decoded(data, layout)
    else:
        raster = _rows_decoded(data, layout, on_damage)
    if not layout.palette:
        is_widened = any(mask.bit_count() not in (0, 8) for mask in layout.masks)
        widened = ("colours of less than 8 bits widened to 8",) if is_widened else ()
        return replace(raster, conversions=(*widened, *raster.conversions))
    if not layout.is_grey:
        return replace(raster, conversions=("palette expanded to RGB", *raster.conversions))
    if layout.bits < 8:
        return replace(raster, conversions=(f"{layout.bits}-bit widened to 8-bit grey", *raster.conversions))
    return raster


def encode(image: Image, jpeg_quality: int) -> bytes:
    """Encode 8-bit grey (with a grey palette), RGB (24 bits) or RGBA (32 bits, version 4 header)."""
    import numpy as np

    height_px, width_px = image.pixels.shape[:2]
    planes = [image.pixels] if image.pixels.ndim == 2 else [image.pixels[:, :, ::-1]]
    samples = np.dstack(planes if image.alpha is None else [*planes, image.alpha])
    bits = 8 * samples.shape[2]
    rows = np.zeros((height_px, (width_px * bits + 31) // 32 * 4), np.uint8)
    rows[:, : width_px * samples.shape[2]] = samples[::-1].reshape(height_px, -1)
    palette = b"".join(bytes((level, level, level, 0)) for level in range(256)) if bits == 8 else b""
    header = _bitmap_header(width_px, height_px, bits, image.density)
    start = _FILE_HEADER_BYTES + len(header) + len(palette)
    file_header = struct.pack("<2sIHHI", b"BM", start + rows.size, 0, 0, start)
    return b"".join((file_header, header, palette, rows.tobytes()))


def _layout(data: bytes) -> _Layout:
    try:
        return _parsed(data)
    except struct.error:
        raise failures.truncated("it ends within the BMP header") from None


def _parsed(data: bytes) -> _Layout:
    pixels_at, header_bytes = struct.unpack_from("<II", data, 10)
    compression, colours, density = _PLAIN, 0, None
    if header_bytes == _OS2_HEADER_BYTES:
        width_px, height_px, _, bits = struct.unpack_from("<HHHH", data, 18)
    elif header_bytes >= _INFO_HEADER_BYTES:
        width_px, height_px, _, bits, compression, _, x, y, colours = struct.unpack_from("<iiHHIIiiI", data, 18)
        density = density_from(x * _METRES_PER_INCH, y * _METRES_PER_INCH)
    else:
        raise failures.unsupported_format("a BMP with a short OS/2 header")
    is_os2_variant = header_bytes == 64 and compression > _RLE4
    if (bits, compression) not in _READABLE or is_os2_variant:
        raise failures.unsupported_format(f"a BMP of {bits} bits a pixel in compression {compression}")
    if width_px <= 0 or height_px == 0:
        raise failures.corrupt("a BMP header without a size")
    palette_at = _FILE_HEADER_BYTES + header_bytes
    entry_bytes = 3 if header_bytes == _OS2_HEADER_BYTES else 4
    entries = min(colours or 1 << bits, 1 << bits) if bits <= 8 else 0
    end = palette_at + entries * entry_bytes
    return _Layout(
        pixels_at=end if pixels_at <= palette_at and entries else pixels_at or end,
        width_px=width_px,
        height_px=abs(height_px),
        is_bottom_up=height_px > 0,
        bits=bits,
        compression=compression,
        masks=_masks(data, header_bytes, bits, compression),
        palette=_palette(data[palette_at:end], entries, entry_bytes),
        density=density,
    )


def _masks(data: bytes, header_bytes: int, bits: int, compression: int) -> tuple[int, ...]:
    if bits < 16:
        return ()
    if compression == _PLAIN:
        return _MASKS_555 if bits == 16 else _MASKS_888
    has_alpha = header_bytes >= 56 or compression == _ALPHA_BITFIELDS
    red, green, blue = struct.unpack_from("<III", data, 54)
    alpha = struct.unpack_from("<I", data, 66)[0] if has_alpha else 0
    masks = (red, green, blue, alpha)
    if not any(masks):
        return _MASKS_8888 if bits == 32 else _MASKS_555
    if (
        not all(masks[:3])
        or any(mask >> bits or mask.bit_count() > 8 for mask in masks)
        or not all(map(_is_run, masks))
    ):
        raise failures.unsupported_format("a BMP of unusual colour masks")
    return masks


def _is_run(mask: int) -> bool:
    return mask == 0 or (mask // (mask & -mask)).bit_length() == mask.bit_count()


def _palette(stored: bytes, entries: int, entry_bytes: int) -> bytes:
    if not entries:
        return b""
    stored = stored.ljust(entries * entry_bytes, b"\0")
    blue, green, red = (stored[channel::entry_bytes] for channel in range(3))
    return bytes(value for triple in zip(red, green, blue, strict=True) for value in triple)


def _rows_decoded(data: bytes, layout: _Layout, on_damage: OnDamage) -> Raster:
    import numpy as np

    needed = layout.row_bytes * layout.height_px
    padding = layout.row_bytes - (layout.width_px * layout.bits + 7) // 8
    stored = data[layout.pixels_at : layout.pixels_at + needed]
    is_cut = len(stored) < needed - padding
    if is_cut and (on_damage == "skip" or not stored):
        raise failures.truncated(f"the BMP needs {needed:,} bytes of pixels and has {len(stored):,}")
    rows = np.frombuffer(stored.ljust(needed, b"\0"), np.uint8).reshape(layout.height_px, layout.row_bytes)
    rows = rows[::-1] if layout.is_bottom_up else rows
    raster = _from_indices(rows, layout) if layout.palette else _from_words(rows, layout)
    return replace(raster, conversions=(DAMAGED,)) if is_cut else raster


def _from_indices(rows: NDArray[np.uint8], layout: _Layout) -> Raster:
    import numpy as np

    if layout.bits == 1:
        indices = np.unpackbits(rows, axis=1)
    elif layout.bits == 4:
        indices = np.stack((rows >> 4, rows & 15), axis=2).reshape(layout.height_px, -1)
    else:
        indices = rows
    colours = np.zeros((256, 3), np.uint8)
    colours[: len(layout.palette) // 3] = np.frombuffer(layout.palette, np.uint8).reshape(-1, 3)
    table = colours[:, 0] if layout.is_grey else colours
    return Raster(pixels=table[indices[:, : layout.width_px]])


def _from_words(rows: NDArray[np.uint8], layout: _Layout) -> Raster:
    import numpy as np

    if layout.bits == 24:
        bgr = rows[:, : layout.width_px * 3].reshape(layout.height_px, layout.width_px, 3)
        return Raster(pixels=np.ascontiguousarray(bgr[:, :, ::-1]))
    words = np.ascontiguousarray(rows).view(f"<u{layout.bits // 8}")[:, : layout.width_px]
    channels = [_channel(words, mask) for mask in layout.masks if mask]
    return Raster(pixels=np.dstack(channels[:3]), alpha=channels[3] if len(channels) == 4 else None)


def _channel(words: NDArray[np.unsignedinteger], mask: int) -> NDArray[np.uint8]:
    import numpy as np

    lowest = mask & -mask
    largest = mask // lowest
    values = (words & np.asarray(mask, words.dtype)) // np.asarray(lowest, words.dtype)
    return (values.astype(np.uint32) * 255 // largest).astype(np.uint8)


def _run_lengths_decoded(data: bytes, layout: _Layout) -> Raster:
    import cv2
    import numpy as np

    if not layout.is_bottom_up:
        raise failures.corrupt("a BMP of run lengths that is stored top down")
    with failures.decoder_failures_mapped("BMP"):
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if decoded is None or decoded.shape[:2] != (layout.height_px, layout.width_px):
        raise failures.corrupt("the BMP's run lengths cannot be decoded")
    if decoded.ndim == 2 and not layout.is_grey:
        decoded = cv2.cvtColor(decoded, cv2.COLOR_GRAY2BGR)
    return from_opencv(cast(Pixels, decoded), is_grey=layout.is_grey)


def _bitmap_header(width_px: int, height_px: int, bits: int, density: Density | None) -> bytes:
    per_metre = [round(value / _METRES_PER_INCH) for value in (density.x, density.y)] if density else [0, 0]
    has_alpha = bits == 32
    size = _V4_HEADER_BYTES if has_alpha else _INFO_HEADER_BYTES
    image_bytes = (width_px * bits + 31) // 32 * 4 * height_px
    colours = 256 if bits == 8 else 0
    compression = _BITFIELDS if has_alpha else _PLAIN
    fields = (size, width_px, height_px, 1, bits, compression, image_bytes, *per_metre, colours, 0)
    header = struct.pack("<IiiHHIIiiII", *fields)
    return header + struct.pack("<4I4s48x", *_MASKS_8888, b"BGRs") if has_alpha else header
