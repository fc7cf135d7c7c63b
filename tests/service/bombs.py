"""Images as an attacker would make them: small files that ask a decoder for much. Made here each time, never kept."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Mapping
from typing import Final

import cv2
import numpy as np


def chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(
    width: int, height: int, *, bits: int = 8, colour: int = 2, before: bytes = b"", rows: bytes | None = None
) -> bytes:
    """A PNG that says it has this size; `rows` are its pixels as they are stored, unpacked."""
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    data = b"" if rows is None else chunk(b"IDAT", zlib.compress(rows, 9))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + before + data + chunk(b"IEND", b"")


def small_png(before: bytes = b"") -> bytes:
    """A good PNG of 16 x 16 with something of an attacker's before its pixels."""
    return png(16, 16, before=before, rows=(b"\0" + bytes(range(48))) * 16)


def png_of_zeros(side: int) -> bytes:
    """A whole PNG of `side` x `side` pixels, one bit each, that unpacks to a thousand times its size."""
    packer, row = zlib.compressobj(9), bytes(1 + side // 8)
    data = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def jpeg(*, progressive: bool = False) -> bytes:
    """A good JPEG of 64 x 48."""
    pixels = np.random.default_rng(1).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    return cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_PROGRESSIVE, int(progressive)])[1].tobytes()


def jpeg_with_frame(change: Callable[[bytearray, int], None]) -> bytes:
    """A JPEG whose frame header an attacker has changed; `change` gets the file and where the header stands."""
    data = bytearray(jpeg())
    change(data, data.index(b"\xff\xc0"))
    return bytes(data)


def sized(width: int, height: int) -> Callable[[bytearray, int], None]:
    """Change of the size in a frame header."""

    def change(data: bytearray, at: int) -> None:
        data[at + 5 : at + 9] = struct.pack(">HH", height, width)

    return change


def with_precision(bits: int) -> Callable[[bytearray, int], None]:
    """Change of the precision in a frame header."""

    def change(data: bytearray, at: int) -> None:
        data[at + 4] = bits

    return change


def jpeg_of_scans(number: int) -> bytes:
    """A progressive JPEG whose last scan comes again and again."""
    whole = jpeg(progressive=True)
    start = whole.rindex(b"\xff\xda")
    scan = whole[start:-2]
    return whole[:-2] + scan * number + b"\xff\xd9"


def exif_loop() -> bytes:
    """A JPEG whose EXIF directory is its own successor."""
    tiff = b"II*\0\x08\0\0\0" + struct.pack("<HHHII", 1, 0x8769, 4, 1, 8) + struct.pack("<I", 8)
    segment = b"Exif\0\0" + tiff
    return b"\xff\xd8\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + jpeg()[2:]


def tiff(tags: list[tuple[int, int, int, int]], *, following: int = 0, tail: bytes = b"") -> bytes:
    """A TIFF of one directory: tag, type, count, value."""
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + entries + struct.pack("<I", following) + tail


def tiff_tags(width: int, height: int) -> list[tuple[int, int, int, int]]:
    """The tags that a grey picture takes."""
    return [
        (256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, 1, 400),
        (277, 3, 1, 1), (278, 4, 1, height), (279, 4, 1, width * height),
    ]  # fmt: skip


def bmp(width: int, height: int, bits: int) -> bytes:
    """A BMP of 400 bytes that says it has this size and depth."""
    return struct.pack("<2sIIIIiiHHIIiiII", b"BM", 454, 0, 54, 40, width, height, 1, bits, 0, 0, 0, 0, 0, 0) + bytes(
        400
    )


def webp(kind: bytes, body: bytes) -> bytes:
    """A WebP of one chunk."""
    inner = b"WEBP" + kind + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", len(inner)) + inner


def gif(frames: int) -> bytes:
    """A GIF of one pixel that goes on and on."""
    frame = b"\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0"
    return b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff" + frame * frames + b"\x3b"


def cmyk() -> bytes:
    """A JPEG of four channels."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.new("CMYK", (32, 24), (10, 20, 30, 40)).save(buffer, "JPEG")
    return buffer.getvalue()


REFUSED: Final[Mapping[str, Callable[[], bytes]]] = {
    "PNG of 32,000 x 32,000, whole": lambda: png_of_zeros(32_000),
    "PNG of 60,000 x 60,000, header only": lambda: png(60_000, 60_000),
    "PNG of 2^31 - 1 in each direction": lambda: png(2**31 - 1, 2**31 - 1),
    "PNG of no width": lambda: png(0, 100, rows=b"\0" * 100),
    "PNG without its pixels": lambda: png(64, 64),
    "PNG whose chunk says it has 2 GiB": lambda: png(64, 64)[:33] + struct.pack(">I", 2**31 - 1) + b"IDAT" + b"x" * 50,
    "JPEG of 65,535 x 65,535": lambda: jpeg_with_frame(sized(65_535, 65_535)),
    "JPEG of no height": lambda: jpeg_with_frame(sized(64, 0)),
    "JPEG of 12 bits": lambda: jpeg_with_frame(with_precision(12)),
    "JPEG of 5,001 scans": lambda: jpeg_of_scans(5_001),
    "JPEG that ends in its header": lambda: jpeg()[:200],
    "GIF of 100,000 frames": lambda: gif(100_000),
    "TIFF whose directory follows itself": lambda: tiff(tiff_tags(16, 16), following=8, tail=bytes(700)),
    "TIFF of 65,000 tags": lambda: tiff([(40_000, 4, 1, 1)] * 65_000),
    "TIFF of 60,000 x 60,000": lambda: tiff(tiff_tags(60_000, 60_000), tail=bytes(700)),
    "BMP of 40 bits": lambda: bmp(4, 4, 40),
    "BMP of 2^31 - 1 in each direction": lambda: bmp(2**31 - 1, 2**31 - 1, 24),
    "WebP of 16,383 x 16,383": lambda: webp(b"VP8L", b"\x2f" + struct.pack("<I", 16_382 | (16_382 << 14)) + bytes(50)),
    "JPEG 2000": lambda: b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(200),
    "HTML under the name of a picture": lambda: b"<html><script>alert(1)</script></html>",
    "nothing at all": lambda: b"",
}
"""Each must be refused."""

TAKEN: Final[Mapping[str, Callable[[], bytes]]] = {
    "PNG with a text of 200 MB": lambda: small_png(chunk(b"zTXt", b"x\0\0" + zlib.compress(bytes(200_000_000), 9))),
    "PNG with a profile of 200 MB": lambda: small_png(chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(200_000_000), 9))),
    "PNG with 200,000 texts": lambda: small_png(chunk(b"tEXt", b"k\0v") * 200_000),
    "JPEG whose EXIF leads in a circle": exif_loop,
    "PNG of 16 bits": lambda: png(16, 16, bits=16, rows=(b"\0" + bytes(96)) * 16),
    "JPEG of four channels": cmyk,
}
"""Each is an image all the same: it may be taken, or refused, at the cost of an ordinary one."""
