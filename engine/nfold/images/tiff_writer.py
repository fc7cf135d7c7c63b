"""Writing TIFF: every depth and channel count that an image has, which neither Pillow nor OpenCV writes in full."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import Any, cast

from nfold.images import exif, tiff
from nfold.images.kinds import Image, Pixels

_STRIP_BYTES = 256 * 1024
_SHORT, _LONG, _RATIONAL, _UNDEFINED = 3, 4, 5, 7
_DEFLATE, _HORIZONTAL, _CONTIGUOUS, _INCH, _UNASSOCIATED = 8, 2, 1, 2, 2
_PER_UNIT = 10_000
# on photographs 1 % smaller than the default level 6, in 60 % of its time
_DEFLATE_LEVEL = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Field:
    """A directory entry with its value packed."""

    tag: int
    kind: int
    count: int
    packed: bytes


def encode(image: Image, jpeg_quality: int) -> bytes:
    """Encode grey, RGB or RGBA of 8 or 16 bits, or 8-bit grey + alpha: deflate after horizontal differences."""
    import numpy as np

    planes = [image.pixels] if image.alpha is None else [image.pixels, image.alpha]
    samples = cast(Pixels, np.dstack(planes))
    rows_per_strip = max(1, _STRIP_BYTES // (samples.shape[1] * samples.shape[2] * samples.itemsize))
    strips = [_strip(samples[top : top + rows_per_strip]) for top in range(0, samples.shape[0], rows_per_strip)]
    offsets, position = [], 8
    for strip in strips:
        offsets.append(position)
        position += len(strip) + len(strip) % 2
    body = b"".join(strip + bytes(len(strip) % 2) for strip in strips)
    fields = [*_pixel_fields(image, samples, rows_per_strip), *_metadata_fields(image)]
    fields += [_longs(tiff.STRIP_OFFSETS, offsets), _longs(tiff.STRIP_BYTES, [len(strip) for strip in strips])]
    return struct.pack("<2sHI", b"II", 42, position) + body + _directory(fields, position)


def _strip(samples: Pixels) -> bytes:
    import numpy as np

    differences: Any = np.array(samples, dtype=samples.dtype.newbyteorder("<"))
    differences[:, 1:] -= samples[:, :-1]
    return zlib.compress(differences.tobytes(), _DEFLATE_LEVEL)


def _pixel_fields(image: Image, samples: Pixels, rows_per_strip: int) -> list[_Field]:
    height_px, width_px, count = samples.shape
    is_grey = image.pixels.ndim == 2
    fields = [
        _longs(tiff.WIDTH, [width_px]),
        _longs(tiff.HEIGHT, [height_px]),
        _shorts(tiff.BITS, [samples.itemsize * 8] * count),
        _shorts(tiff.COMPRESSION, [_DEFLATE]),
        _shorts(tiff.PHOTOMETRIC, [1 if is_grey else 2]),
        _shorts(tiff.SAMPLES, [count]),
        _longs(tiff.ROWS_PER_STRIP, [rows_per_strip]),
        _shorts(tiff.PLANAR, [_CONTIGUOUS]),
        _shorts(tiff.PREDICTOR, [_HORIZONTAL]),
    ]
    return fields if image.alpha is None else [*fields, _shorts(tiff.EXTRA_SAMPLES, [_UNASSOCIATED])]


def _metadata_fields(image: Image) -> list[_Field]:
    fields = []
    if image.density:
        for tag, value in ((exif.X_RESOLUTION_TAG, image.density.x), (exif.Y_RESOLUTION_TAG, image.density.y)):
            packed = struct.pack("<II", min(round(value * _PER_UNIT), 2**32 - 1), _PER_UNIT)
            fields.append(_Field(tag=tag, kind=_RATIONAL, count=1, packed=packed))
        fields.append(_shorts(exif.RESOLUTION_UNIT_TAG, [_INCH]))
    if image.colour_profile:
        profile = image.colour_profile
        fields.append(_Field(tag=tiff.ICC_PROFILE, kind=_UNDEFINED, count=len(profile), packed=profile))
    return fields


def _directory(fields: list[_Field], position: int) -> bytes:
    values_at = position + 2 + 12 * len(fields) + 4
    entries, values = b"", b""
    for field in sorted(fields, key=lambda field: field.tag):
        value = field.packed.ljust(4, b"\0")
        if len(field.packed) > 4:
            value = struct.pack("<I", values_at + len(values))
            values += field.packed + bytes(len(field.packed) % 2)
        entries += struct.pack("<HHI", field.tag, field.kind, field.count) + value
    return struct.pack("<H", len(fields)) + entries + bytes(4) + values


def _shorts(tag: int, values: list[int]) -> _Field:
    return _Field(tag=tag, kind=_SHORT, count=len(values), packed=struct.pack(f"<{len(values)}H", *values))


def _longs(tag: int, values: list[int]) -> _Field:
    return _Field(tag=tag, kind=_LONG, count=len(values), packed=struct.pack(f"<{len(values)}I", *values))
