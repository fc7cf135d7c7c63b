"""JPEG: markers walked by our own code, pixels by simplejpeg (libjpeg-turbo), strict where OpenCV is silent."""

from __future__ import annotations

import functools
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from nfold.errors import ImageError
from nfold.images import failures
from nfold.images.exif import ExifFacts, density_from, read_exif
from nfold.images.kinds import Density, Image, ImageHeader, OnDamage, Pixels
from nfold.images.raster import DAMAGED, Raster

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA
_APP0, _APP1, _APP2 = 0xE0, 0xE1, 0xE2
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD8)})
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_READABLE_FRAMES = frozenset({0xC0, 0xC1, 0xC2, 0xC9, 0xCA})
_PROGRESSIVE_FRAMES = frozenset({0xC2, 0xCA})
_MAX_SEGMENTS = 4096

_ICC_START = b"ICC_PROFILE\x00"
_ICC_PART_BYTES = 65519
_JFIF_BYTES = 20
_SPACES = {"grey": "GRAY", "rgb": "RGB", "cmyk": "CMYK"}
_SUBSAMPLING_OF_RATIO = {(1, 1): "444", (2, 1): "422", (2, 2): "420", (1, 2): "440", (4, 1): "411", (1, 4): "441"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Segment:
    """A marker and its payload, data[start:end], without the two length bytes."""

    marker: int
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Frame:
    """What the start-of-frame segment says."""

    marker: int
    bits: int
    width_px: int
    height_px: int
    components: int
    subsampling: str | None


def read_header(data: bytes) -> ImageHeader:
    """Walk the segments up to the first scan; count the scans when there can be more than one.

    Raises:
        ImageError: Damaged, or a kind of JPEG that is not read.
    """
    segments = _segments(data)
    frame = _frame(data, segments)
    density, orientation = _density_and_orientation(data, segments)
    return ImageHeader(
        file_format="jpeg",
        width_px=frame.width_px,
        height_px=frame.height_px,
        orientation=orientation,
        bits=frame.bits,
        colour={1: "grey", 3: "rgb", 4: "cmyk"}[frame.components],  # type: ignore[arg-type]
        density=density,
        jpeg_subsampling=frame.subsampling,
        jpeg_scans=_scans(data, segments[-1], frame),
    )


def read_profile(data: bytes) -> bytes | None:
    """Join the ICC profile from its numbered APP2 parts; None when there is none, b"" when parts are missing."""
    parts: dict[int, bytes] = {}
    announced = 0
    for segment in _segments(data):
        if segment.marker == _APP2 and data.startswith(_ICC_START, segment.start) and segment.end - segment.start >= 14:
            announced = data[segment.start + 13]
            parts[data[segment.start + 12]] = data[segment.start + 14 : segment.end]
    if not parts:
        return None
    is_whole = sorted(parts) == list(range(1, announced + 1))
    return b"".join(parts[number] for number in sorted(parts)) if is_whole else b""


def decode_pixels(data: bytes, header: ImageHeader, on_damage: OnDamage) -> Raster:
    """Decode the pixels, strictly; or, for damaged files that are to be kept, as far as libjpeg gets.

    Raises:
        ImageError: Damaged.
    """
    try:
        return _decoded_strictly(data, header)
    except ImageError as error:
        failure = error
    without_profile = _without_profile(data)
    if without_profile != data:
        try:
            # libjpeg refuses a broken profile, which costs the profile, not the image
            return _decoded_strictly(without_profile, header)
        except ImageError as error:
            failure = error
    if on_damage == "skip":
        raise _refined(failure, data)
    return _decoded_leniently(data, header)


def encode(image: Image, jpeg_quality: int) -> bytes:
    """Encode 8-bit grey or RGB, with the subsampling of the source and its profile and density."""
    import simplejpeg

    if image.pixels.ndim == 2:
        encoded = simplejpeg.encode_jpeg(image.pixels[:, :, None], jpeg_quality, "GRAY", "Gray")
    else:
        encoded = simplejpeg.encode_jpeg(image.pixels, jpeg_quality, "RGB", _subsampling_to_write(image))
    if image.colour_profile is None and image.density is None:
        return cast(bytes, encoded)
    head = _jfif(image.density) if image.density else encoded[:_JFIF_BYTES]
    profile = _profile_segments(image.colour_profile) if image.colour_profile else b""
    return b"".join((head, profile, memoryview(encoded)[_JFIF_BYTES:]))


def _segments(data: bytes) -> list[_Segment]:
    segments: list[_Segment] = []
    position = 2
    while len(segments) < _MAX_SEGMENTS:
        position = data.find(b"\xff", position)
        while position >= 0 and data[position + 1 : position + 2] == b"\xff":
            position += 1
        if position < 0 or position + 4 > len(data):
            raise failures.truncated("it ends before the image data begin")
        marker = data[position + 1]
        position += 2
        if marker in _STANDALONE or marker == 0:
            continue
        if marker in (_SOI, _EOI):
            raise failures.corrupt("a JPEG begins or ends before the image data")
        (length,) = struct.unpack_from(">H", data, position)
        end = position + length
        if length < 2:
            raise failures.corrupt("a JPEG segment of a length below 2")
        if end > len(data):
            raise failures.truncated("it ends before the image data begin")
        segments.append(_Segment(marker=marker, start=position + 2, end=end))
        if marker == _SOS:
            return segments
        position = end
    raise failures.corrupt(f"more than {_MAX_SEGMENTS:,} JPEG segments before the image data")


def _frame(data: bytes, segments: list[_Segment]) -> _Frame:
    frames = [segment for segment in segments if segment.marker in _FRAMES]
    if not frames:
        raise failures.corrupt("a JPEG without a frame header")
    segment = frames[0]
    if segment.end - segment.start < 6:
        raise failures.corrupt("a JPEG frame header that is too short")
    bits, height_px, width_px, components = struct.unpack_from(">BHHB", data, segment.start)
    if segment.marker not in _READABLE_FRAMES:
        raise failures.unsupported_format("a lossless or hierarchical JPEG")
    if bits != 8:
        raise failures.unsupported_format(f"a {bits}-bit JPEG")
    if components not in (1, 3, 4):
        raise failures.unsupported_format(f"a JPEG of {components} components")
    if segment.end - segment.start < 6 + 3 * components or not width_px or not height_px:
        raise failures.corrupt("a JPEG frame header without a size")
    sampling = [data[segment.start + 7 + 3 * index] for index in range(components)]
    return _Frame(
        marker=segment.marker,
        bits=bits,
        width_px=width_px,
        height_px=height_px,
        components=components,
        subsampling=_subsampling(sampling),
    )


def _subsampling(sampling: list[int]) -> str | None:
    if len(sampling) < 3 or sampling[1] != sampling[2]:
        return None
    (luma_x, luma_y), (chroma_x, chroma_y) = divmod(sampling[0], 16), divmod(sampling[1], 16)
    if not chroma_x or not chroma_y or luma_x % chroma_x or luma_y % chroma_y:
        return None
    return _SUBSAMPLING_OF_RATIO.get((luma_x // chroma_x, luma_y // chroma_y))


def _scans(data: bytes, first: _Segment, frame: _Frame) -> int:
    # libjpeg reads one pass and no more when a sequential file has all its components in the first scan
    is_single = frame.marker not in _PROGRESSIVE_FRAMES and data[first.start] >= frame.components
    return 1 if is_single else 1 + data.count(b"\xff\xda", first.end)


def _density_and_orientation(data: bytes, segments: list[_Segment]) -> tuple[Density | None, int]:
    exif: ExifFacts | None = None
    density: Density | None = None
    for segment in segments:
        if segment.marker == _APP1 and exif is None and data.startswith(b"Exif\x00", segment.start):
            exif = read_exif(data[segment.start + 6 : segment.end])
        elif (
            segment.marker == _APP0
            and data.startswith(b"JFIF\x00", segment.start)
            and segment.end - segment.start >= 12
        ):
            unit, x, y = struct.unpack_from(">BHH", data, segment.start + 7)
            scale = {1: 1.0, 2: 2.54}.get(unit, 0.0)
            density = density_from(x * scale, y * scale)
    exif = exif or ExifFacts()
    return density or exif.density, exif.orientation


def _without_profile(data: bytes) -> bytes:
    view = memoryview(data)
    kept, position = [], 0
    for segment in _segments(data):
        if segment.marker == _APP2 and data.startswith(_ICC_START, segment.start):
            kept.append(view[position : segment.start - 4])
            position = segment.end
    return b"".join((*kept, view[position:])) if kept else data


def _decoded_strictly(data: bytes, header: ImageHeader) -> Raster:
    import simplejpeg

    with failures.decoder_failures_mapped("JPEG"):
        return _raster(simplejpeg.decode_jpeg(data, _SPACES[header.colour]), header)


def _raster(decoded: NDArray[np.uint8], header: ImageHeader, *conversions: str) -> Raster:
    if decoded.shape[:2] != (header.height_px, header.width_px):
        raise failures.corrupt("the JPEG has another size than its frame header says")
    if header.colour == "grey":
        return Raster(pixels=decoded[:, :, 0], conversions=conversions)
    if header.colour == "rgb":
        return Raster(pixels=decoded, conversions=conversions)
    return Raster(pixels=_rgb_from_cmyk(decoded), conversions=("CMYK converted to RGB", *conversions))


def _rgb_from_cmyk(inverted: NDArray[np.uint8]) -> Pixels:
    import numpy as np
    import PIL.Image

    # libjpeg gives CMYK as Adobe stores it, 255 for no ink; Pillow's own JPEG reader undoes the same
    size = (inverted.shape[1], inverted.shape[0])
    picture = PIL.Image.frombuffer("CMYK", size, inverted, "raw", "CMYK;I", 0, 1)
    return np.array(picture.convert("RGB"))


def _decoded_leniently(data: bytes, header: ImageHeader) -> Raster:
    import numpy as np
    import simplejpeg

    space = _SPACES[header.colour]
    channels = {"GRAY": 1, "RGB": 3, "CMYK": 4}[space]
    # zeroed, so that rows which libjpeg never reaches are black and not whatever the memory held
    canvas = np.zeros((header.height_px, header.width_px, channels), np.uint8)
    with failures.decoder_failures_mapped("JPEG"):
        return _raster(simplejpeg.decode_jpeg(data, space, buffer=canvas, strict=False), header, DAMAGED)


def _refined(error: ImageError, data: bytes) -> ImageError:
    if error.stable_code == "image.corrupt" and b"\xff\xd9" not in data[_segments(data)[-1].end :]:
        return failures.truncated("the JPEG has no end marker")
    return error


def _subsampling_to_write(image: Image) -> str:
    # simplejpeg does not write 441; 444 keeps all that was there
    return "444" if image.jpeg_subsampling == "441" else image.jpeg_subsampling or "420"


def _jfif(density: Density) -> bytes:
    x, y = (min(max(round(value), 1), 65535) for value in (density.x, density.y))
    return struct.pack(">4sH5sHBHHBB", b"\xff\xd8\xff\xe0", 16, b"JFIF\x00", 0x0101, 1, x, y, 0, 0)


@functools.lru_cache(maxsize=8)
def _profile_segments(profile: bytes) -> bytes:
    parts = [profile[start : start + _ICC_PART_BYTES] for start in range(0, len(profile), _ICC_PART_BYTES)]
    return b"".join(
        struct.pack(">2sH12sBB", b"\xff\xe2", len(part) + 16, _ICC_START, number, len(parts)) + part
        for number, part in enumerate(parts, start=1)
    )
