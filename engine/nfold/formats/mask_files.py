"""Masks as files: numbers of classes or objects read as they are stored, and written back the same way.

Image readers turn a palette into colours and 2 bits into 0 to 255; here a pixel is the number in the file. Written
are the kind of file it was, its depth, its palette and which of its colours are transparent.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from nfold.images import DecodeLimits, failures, png, read_header
from nfold.images.kinds import FileFormat, Image, ImageHeader, Pixels
from nfold.plain_files import read_plain

if TYPE_CHECKING:
    from PIL.Image import Image as PillowImage

MaskColour = Literal["index", "palette", "rgb"]
EXTENSIONS = frozenset({".png", ".tif", ".tiff", ".bmp", ".dib"})
"""Of files that keep every number."""

_FORMATS: frozenset[FileFormat] = frozenset({"png", "tiff", "bmp"})
_GREY, _RGB, _PALETTE, _GREY_ALPHA, _RGB_ALPHA = 0, 2, 3, 4, 6
_COLOUR_TYPE_AT = 9
_LARGEST_PALETTE = 256


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MaskImage:
    """A mask.

    Attributes:
        pixels: (h, w) of numbers as stored, or (h, w, 3) of colours (red, green, blue); uint8 or uint16.
        colour: Whether numbers stand for themselves, for colours of the palette, or are colours.
        file_format: PNG, TIFF or BMP.
        bits: Of one number as stored: 1, 2, 4, 8 or 16.
        palette: Red, green, blue of each number, one after the other; None without a palette.
        transparency: What a PNG says of transparent numbers or colours (its tRNS chunk).
        alpha: What every pixel has as alpha; None when there is no such channel.
    """

    pixels: Pixels
    colour: MaskColour
    file_format: FileFormat
    bits: int
    palette: bytes | None = None
    transparency: bytes | None = None
    alpha: int | None = None


def read_mask(source: bytes | Path, limits: DecodeLimits | None = None) -> MaskImage:
    """Read a mask.

    Args:
        source: The bytes of the file, or where it lies.
        limits: What it may ask of this machine; the usual ones when None.

    Raises:
        ImageError: It cannot be read, is over the limits, or is of a kind that keeps no numbers.
        OSError: There is no such file, it cannot be read, or it is over the limit of bytes.
    """
    limits = limits or DecodeLimits()
    data = read_plain(source, limits.max_bytes)[0] if isinstance(source, Path) else source
    header = read_header(data, limits)
    if header.file_format not in _FORMATS:
        raise failures.unsupported(
            f"The mask is a {header.file_format.upper()}, which changes numbers.", "Save it as PNG or TIFF."
        )
    with failures.decoder_failures_mapped(header.file_format):
        if header.file_format == "png":
            mask = _read_png(data, header)
        elif header.colour == "palette":
            mask = _read_palette(data, header)
        else:
            mask = _read_plain(data, header)
    return mask


def flatness_of(path: Path) -> float:
    """Share of pixels that equal their right neighbour, 0 to 1, of any image: of masks nearly all.

    Raises:
        ImageError: It cannot be read.
        OSError: There is no such file, it cannot be read, or it is over the limit of bytes.
    """
    from nfold.images import decode_image

    limits = DecodeLimits()
    pixels = decode_image(read_plain(path, limits.max_bytes)[0], limits).pixels
    equal = pixels[:, 1:] == pixels[:, :-1]
    if equal.ndim == 3:
        equal = equal.all(axis=2)
    return float(equal.mean()) if equal.size else 1.0


def encode_mask(mask: MaskImage, *, file_format: FileFormat | None = None) -> bytes:
    """Write a mask as the kind of file that it was, or as another.

    A palette takes more bits where a number needs them, and black for what it had no colour for.

    Args:
        mask: What to write.
        file_format: PNG, TIFF or BMP; None keeps that of the mask.

    Raises:
        ImageError: A number does not fit into the bits of a mask without palette ("image.unsupported").
    """
    import numpy as np

    mask = replace(mask, file_format=file_format or mask.file_format)
    highest = int(mask.pixels.max()) if mask.pixels.size else 0
    if highest >= 1 << mask.bits:
        if mask.colour != "palette" or highest >= _LARGEST_PALETTE:
            raise failures.unsupported(
                f"The mask has the number {highest}, and {mask.bits} bits.", "Save the masks with more bits."
            )
        mask = replace(mask, bits=8)
    if mask.palette is not None and mask.colour == "palette":
        mask = replace(mask, palette=mask.palette.ljust(3 * (highest + 1), b"\0"))
    mask = replace(mask, pixels=cast(Pixels, np.ascontiguousarray(mask.pixels)))
    with failures.encoder_failures_mapped(mask.file_format):
        if mask.file_format == "png":
            return _encode_png(mask)
        if mask.colour == "palette" or mask.bits < 8:
            return _encode_with_pillow(mask)
        return _encode_plain(mask)


def _read_png(data: bytes, header: ImageHeader) -> MaskImage:
    chunks = list(_chunks(data))
    contents = {kind: content for kind, content in chunks if kind in (b"IHDR", b"PLTE", b"tRNS")}
    layout = bytearray(contents[b"IHDR"])
    if header.colour == "palette":
        # The numbers of a palette are what remains when it is told as grey.
        layout[_COLOUR_TYPE_AT] = _GREY
    bare = [png.packed_chunk(b"IHDR", bytes(layout))]
    bare += [data[start:end] for kind, start, end in _places(data) if kind in (b"IDAT", b"IEND")]
    # Without tRNS: which number or colour is transparent says nothing of the numbers.
    has_alpha = layout[_COLOUR_TYPE_AT] in (_GREY_ALPHA, _RGB_ALPHA)
    plain = replace(header, colour="grey" if header.colour == "palette" else header.colour, has_alpha=has_alpha)
    mask = replace(_read_plain(png.SIGNATURE + b"".join(bare), plain), transparency=contents.get(b"tRNS"))
    if header.colour == "palette":
        return replace(mask, colour="palette", palette=contents.get(b"PLTE", b""))
    return mask


def _read_plain(data: bytes, header: ImageHeader) -> MaskImage:
    """Grey or colours; numbers of less than 8 bits come widened to 0 to 255."""
    from nfold.images.header import READERS

    raster = READERS[header.file_format].decode_pixels(data, header, "skip")
    pixels, alpha, bits = raster.pixels, None, 16 if raster.pixels.dtype.itemsize == 2 else 8
    if raster.alpha is not None:
        alpha = int(raster.alpha.flat[0])
        if (raster.alpha != alpha).any():
            raise failures.unsupported(
                "The mask has an alpha channel that differs from pixel to pixel.", "Save the masks without alpha."
            )
    if pixels.ndim == 2 and header.bits < 8 and header.file_format != "bmp":
        bits = header.bits
        pixels = pixels // (255 // ((1 << bits) - 1))
    colour: MaskColour = "index" if pixels.ndim == 2 else "rgb"
    return MaskImage(pixels=pixels, colour=colour, file_format=header.file_format, bits=bits, alpha=alpha)


def _read_palette(data: bytes, header: ImageHeader) -> MaskImage:
    import numpy as np
    from PIL.BmpImagePlugin import BmpImageFile
    from PIL.TiffImagePlugin import TiffImageFile

    opener = TiffImageFile if header.file_format == "tiff" else BmpImageFile
    with opener(io.BytesIO(data)) as picture:
        picture.load()
        if picture.mode != "P":
            raise failures.unsupported_format(f"a mask with a palette that is read as {picture.mode}")
        if picture.size != (header.width_px, header.height_px):
            raise failures.corrupt("the mask has another size than its header says")
        pixels = np.array(picture)
        palette = bytes(picture.getpalette() or ())
    return MaskImage(pixels=pixels, colour="palette", file_format=header.file_format, bits=8, palette=palette)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    return ((kind, data[start + 8 : end - 4]) for kind, start, end in _places(data))


def _places(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """The kind of each whole chunk of a PNG, and where it begins and ends."""
    position = len(png.SIGNATURE)
    while position + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        end = position + 12 + length
        if end > len(data):
            return
        yield kind, position, end
        position = end


def _encode_png(mask: MaskImage) -> bytes:
    import numpy as np

    height_px, width_px = mask.pixels.shape[:2]
    kind = {"index": _GREY, "palette": _PALETTE, "rgb": _RGB}[mask.colour]
    pixels = mask.pixels
    if mask.alpha is not None:
        kind = {_GREY: _GREY_ALPHA, _RGB: _RGB_ALPHA}[kind]
        pixels = cast(Pixels, np.dstack((pixels, np.full((height_px, width_px), mask.alpha, pixels.dtype))))
    rows = _packed_rows(pixels, mask.bits)
    # Numbers repeat and do not blend into each other: unfiltered rows compress best.
    stream = zlib.compress(np.pad(rows, ((0, 0), (1, 0))).tobytes(), 6)
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width_px, height_px, mask.bits, kind, 0, 0, 0))]
    if mask.colour == "palette":
        chunks.append((b"PLTE", (mask.palette or bytes(3))[: 3 << mask.bits]))
    if mask.transparency:
        chunks.append((b"tRNS", mask.transparency))
    chunks += [(b"IDAT", stream), (b"IEND", b"")]
    return png.SIGNATURE + b"".join(png.packed_chunk(name, content) for name, content in chunks)


def _packed_rows(pixels: Pixels, bits: int) -> Pixels:
    """Rows of bytes, numbers packed as densely as PNG does."""
    import numpy as np

    height_px, width_px = pixels.shape[:2]
    if bits == 16:
        return cast(Pixels, pixels.astype(">u2").view(np.uint8).reshape(height_px, -1))
    if bits == 8:
        return cast(Pixels, pixels.astype(np.uint8).reshape(height_px, -1))
    per_byte = 8 // bits
    padded = np.zeros((height_px, -(-width_px // per_byte) * per_byte), np.uint8)
    padded[:, :width_px] = pixels
    packed = np.zeros((height_px, padded.shape[1] // per_byte), np.uint8)
    for place in range(per_byte):
        packed |= padded[:, place::per_byte] << (8 - bits * (place + 1))
    return packed


def _encode_with_pillow(mask: MaskImage) -> bytes:
    import numpy as np
    from PIL import Image as Pillow

    written = io.BytesIO()
    picture: PillowImage
    if mask.colour == "palette":
        picture = Pillow.fromarray(mask.pixels.astype(np.uint8)).convert("L")
        picture.putpalette(mask.palette or bytes(3))
    elif mask.bits == 1:
        picture = Pillow.fromarray(mask.pixels.astype(np.uint8) * 255).convert("1")
    else:
        raise failures.unsupported(
            f"A {mask.file_format.upper()} of {mask.bits} bits without a palette cannot be written.",
            "Save the masks as PNG.",
        )
    options = {"compression": "tiff_adobe_deflate"} if mask.file_format == "tiff" else {}
    picture.save(written, mask.file_format.upper(), **options)
    return written.getvalue()


def _encode_plain(mask: MaskImage) -> bytes:
    import numpy as np

    from nfold.images.encode import encode_image

    alpha = None if mask.alpha is None else np.full(mask.pixels.shape[:2], mask.alpha, mask.pixels.dtype)
    image = Image(pixels=mask.pixels, alpha=cast("Pixels | None", alpha), file_format=mask.file_format)
    return encode_image(image)
