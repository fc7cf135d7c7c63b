"""PNG: chunks walked and checked by our own code, pixels by OpenCV from the chunks that carry them and no others."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from nfold.errors import ImageError
from nfold.images import failures
from nfold.images.exif import ExifFacts, density_from, read_exif
from nfold.images.kinds import Density, ImageHeader, OnDamage, Pixels, StoredColour
from nfold.images.profile import inflate_profile
from nfold.images.raster import DAMAGED, Raster, from_opencv

if TYPE_CHECKING:
    pass

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER_END = 33
_MAX_CHUNKS = 65_536
METRES_PER_INCH = 0.0254

_GREY, _RGB, _PALETTE, _GREY_ALPHA, _RGB_ALPHA = 0, 2, 3, 4, 6
_BIT_DEPTHS = {
    _GREY: (1, 2, 4, 8, 16),
    _RGB: (8, 16),
    _PALETTE: (1, 2, 4, 8),
    _GREY_ALPHA: (8, 16),
    _RGB_ALPHA: (8, 16),
}
_CHANNELS = {_GREY: 1, _RGB: 3, _PALETTE: 1, _GREY_ALPHA: 2, _RGB_ALPHA: 4}
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_GAMMA_OF_SRGB = 45455


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chunk:
    """A chunk; its content is data[start:end], its checksum the four bytes after."""

    kind: bytes
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """The header fields, the whole chunks in order, and whether the last of them is IEND."""

    width_px: int
    height_px: int
    bits: int
    colour_type: int
    is_interlaced: bool
    chunks: list[_Chunk]
    is_complete: bool

    def first(self, kind: bytes) -> _Chunk | None:
        return next((chunk for chunk in self.chunks if chunk.kind == kind), None)


def read_header(data: bytes) -> ImageHeader:
    """Walk the chunks without looking at the pixels.

    Raises:
        ImageError: Damaged, or animated.
    """
    layout = _layout(data)
    control = layout.first(b"acTL")
    if control and int.from_bytes(data[control.start : control.start + 4], "big") > 1:
        raise failures.animated("an animated PNG")
    colours: dict[int, StoredColour] = {_GREY: "grey", _GREY_ALPHA: "grey", _PALETTE: "palette"}
    exif_chunk = layout.first(b"eXIf")
    exif = read_exif(data[exif_chunk.start : exif_chunk.end]) if exif_chunk else ExifFacts()
    return ImageHeader(
        file_format="png",
        width_px=layout.width_px,
        height_px=layout.height_px,
        orientation=exif.orientation,
        bits=layout.bits,
        colour=colours.get(layout.colour_type, "rgb"),
        has_alpha=layout.colour_type in (_GREY_ALPHA, _RGB_ALPHA) or _transparency(data, layout) is not None,
        density=_density(data, layout) or exif.density,
    )


def read_profile(data: bytes) -> bytes | None:
    """Read the ICC profile; None when there is none, b"" when it is broken."""
    chunk = _layout(data).first(b"iCCP")
    if chunk is None:
        return None
    name_end = data.find(b"\0", chunk.start, min(chunk.end, chunk.start + 80))
    return (inflate_profile(data[name_end + 2 : chunk.end]) or b"") if name_end > 0 else b""


def decode_pixels(data: bytes, header: ImageHeader, on_damage: OnDamage) -> Raster:
    """Decode the pixels of a file whose checksums all hold; or of a damaged one, as far as its stream inflates.

    Raises:
        ImageError: Damaged.
    """
    layout = _layout(data)
    damage = _damage(data, layout)
    if damage is None:
        try:
            return _converted(_decoded(_carriers_only(data, layout)), data, layout)
        except ImageError as error:
            damage = error
    if on_damage == "skip":
        raise damage
    raster = _converted(_decoded(_salvaged(data, layout)), data, layout)
    return replace(raster, conversions=(*raster.conversions, DAMAGED))


def _layout(data: bytes) -> _Layout:
    if data[12:16] == b"CgBI":
        raise failures.unsupported_format("a PNG in Apple's own variant (CgBI)")
    if len(data) < _HEADER_END:
        raise failures.truncated("it ends within the PNG header")
    length, kind, width_px, height_px, bits, colour_type, compression, filtering, interlace = struct.unpack_from(
        ">I4sIIBBBBB", data, 8
    )
    if kind != b"IHDR" or length != 13 or not 0 < width_px < 2**31 or not 0 < height_px < 2**31:
        raise failures.corrupt("a PNG without a valid header chunk")
    if bits not in _BIT_DEPTHS.get(colour_type, ()) or compression or filtering or interlace > 1:
        raise failures.corrupt("a PNG header of impossible colour type or depth")
    chunks = _chunks(data)
    return _Layout(
        width_px=width_px,
        height_px=height_px,
        bits=bits,
        colour_type=colour_type,
        is_interlaced=interlace == 1,
        chunks=chunks,
        is_complete=bool(chunks) and chunks[-1].kind == b"IEND",
    )


def _chunks(data: bytes) -> list[_Chunk]:
    chunks: list[_Chunk] = []
    position = len(SIGNATURE)
    while position + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        end = position + 8 + length
        if end + 4 > len(data):
            break
        chunks.append(_Chunk(kind=kind, start=position + 8, end=end))
        if kind == b"IEND":
            break
        if len(chunks) > _MAX_CHUNKS:
            raise failures.corrupt(f"more than {_MAX_CHUNKS:,} PNG chunks")
        position = end + 4
    return chunks


def _damage(data: bytes, layout: _Layout) -> ImageError | None:
    view = memoryview(data)
    for chunk in layout.chunks:
        (checksum,) = struct.unpack_from(">I", data, chunk.end)
        if zlib.crc32(view[chunk.start - 4 : chunk.end]) != checksum:
            return failures.corrupt(f"the checksum of a PNG chunk ({chunk.kind.decode('latin-1')!r}) does not match")
    if not layout.is_complete:
        return failures.truncated("the PNG has no end chunk")
    if layout.first(b"IDAT") is None:
        return failures.corrupt("a PNG without image data")
    return None


def _transparency(data: bytes, layout: _Layout) -> bytes | None:
    chunk = layout.first(b"tRNS")
    wanted = {_GREY: 2, _RGB: 6, _PALETTE: 1}.get(layout.colour_type)
    if chunk is None or wanted is None or chunk.end - chunk.start < wanted:
        return None
    return data[chunk.start : chunk.end]


def _carriers_only(data: bytes, layout: _Layout) -> bytes:
    # libpng never sees text, profiles or gamma, which can only slow it down or change what it does
    wanted = {b"IHDR", b"PLTE", b"IDAT", b"IEND"} | ({b"tRNS"} if layout.colour_type == _PALETTE else set())
    if all(chunk.kind in wanted for chunk in layout.chunks):
        return data
    view = memoryview(data)
    kept = [view[chunk.start - 8 : chunk.end + 4] for chunk in layout.chunks if chunk.kind in wanted]
    return b"".join((SIGNATURE, *kept))


def _salvaged(data: bytes, layout: _Layout) -> bytes:
    """Make a whole PNG of what still inflates; what is missing is black."""
    expected = sum(row_bytes * rows for row_bytes, rows in _passes(layout))
    inflater = zlib.decompressobj()
    raw = bytearray()
    stream = _image_stream(data, layout)
    try:
        for start in range(0, len(stream), 1024):
            raw += inflater.decompress(stream[start : start + 1024], expected - len(raw) + 1)
            if len(raw) > expected:
                break
    except zlib.error:
        pass
    if not raw:
        raise failures.corrupt("nothing of the PNG's image data can be inflated")
    raw = raw[:expected].ljust(expected, b"\0")
    for start in _row_starts(layout):
        raw[start] = raw[start] if raw[start] <= 4 else 0
    carriers = [chunk for chunk in layout.chunks if chunk.kind in (b"IHDR", b"PLTE", b"tRNS")]
    kept = [packed_chunk(chunk.kind, data[chunk.start : chunk.end]) for chunk in carriers]
    return b"".join((SIGNATURE, *kept, packed_chunk(b"IDAT", zlib.compress(raw, 1)), packed_chunk(b"IEND", b"")))


def _image_stream(data: bytes, layout: _Layout) -> bytes:
    parts = [data[chunk.start : chunk.end] for chunk in layout.chunks if chunk.kind == b"IDAT"]
    tail = layout.chunks[-1].end + 4 if layout.chunks else len(data)
    if data[tail + 4 : tail + 8] == b"IDAT":
        parts.append(data[tail + 8 :])
    return b"".join(parts)


def _passes(layout: _Layout) -> list[tuple[int, int]]:
    """Bytes of a row (its filter byte included) and number of rows, of each pass that has any."""
    steps = _ADAM7 if layout.is_interlaced else ((0, 0, 1, 1),)
    bits = layout.bits * _CHANNELS[layout.colour_type]
    passes = []
    for left, top, step_x, step_y in steps:
        columns, rows = -(-(layout.width_px - left) // step_x), -(-(layout.height_px - top) // step_y)
        if columns > 0 and rows > 0:
            passes.append((1 + (columns * bits + 7) // 8, rows))
    return passes


def _row_starts(layout: _Layout) -> Iterator[int]:
    position = 0
    for row_bytes, rows in _passes(layout):
        yield from range(position, position + row_bytes * rows, row_bytes)
        position += row_bytes * rows


def _decoded(png: bytes) -> Pixels:
    import cv2
    import numpy as np

    with failures.decoder_failures_mapped("PNG"):
        decoded = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
    if decoded is None:
        raise failures.corrupt("the PNG's image data cannot be decoded")
    return cast(Pixels, decoded)


def _converted(decoded: Pixels, data: bytes, layout: _Layout) -> Raster:
    if decoded.shape[:2] != (layout.height_px, layout.width_px):
        raise failures.corrupt("the PNG has another size than its header says")
    raster = from_opencv(decoded, is_grey=layout.colour_type in (_GREY, _GREY_ALPHA))
    conversions = []
    if layout.colour_type == _PALETTE:
        conversions.append("palette expanded to RGB")
    elif layout.bits < 8:
        conversions.append(f"{layout.bits}-bit widened to 8-bit grey")
    transparency = _transparency(data, layout)
    if transparency and layout.colour_type != _PALETTE:
        raster = replace(raster, alpha=_alpha_of_colour(raster.pixels, transparency, layout.bits))
        conversions.append("transparent colour turned into an alpha channel")
    return replace(raster, conversions=(*conversions, *_colour_information_dropped(data, layout)))


def _alpha_of_colour(pixels: Pixels, transparency: bytes, bits: int) -> Pixels:
    import numpy as np

    scale = 255 // (2**bits - 1) if bits < 8 else 1
    channels = 1 if pixels.ndim == 2 else 3
    key = np.frombuffer(transparency, ">u2", channels).astype(np.int64) * scale
    matches = pixels == key[0] if channels == 1 else (pixels == key).all(axis=2)
    opaque = np.iinfo(pixels.dtype).max
    return cast(Pixels, np.where(matches, 0, opaque).astype(pixels.dtype))


def _colour_information_dropped(data: bytes, layout: _Layout) -> tuple[str, ...]:
    kinds = {chunk.kind for chunk in layout.chunks}
    if b"cICP" in kinds:
        return ("colour coding (cICP) dropped",)
    gamma = layout.first(b"gAMA")
    is_default = gamma is None or int.from_bytes(data[gamma.start : gamma.end], "big") == _GAMMA_OF_SRGB
    return () if is_default or kinds & {b"sRGB", b"iCCP"} else ("gamma dropped",)


def _density(data: bytes, layout: _Layout) -> Density | None:
    chunk = layout.first(b"pHYs")
    if chunk is None or chunk.end - chunk.start < 9:
        return None
    x, y, unit = struct.unpack_from(">IIB", data, chunk.start)
    return density_from(x * METRES_PER_INCH, y * METRES_PER_INCH) if unit == 1 else None


def packed_chunk(kind: bytes, content: bytes) -> bytes:
    """Pack a chunk with its length and checksum."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
