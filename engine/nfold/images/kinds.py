"""What a decoded image, a header and the limits are: the types that flow, and the file extensions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FileFormat = Literal["jpeg", "png", "webp", "bmp", "tiff"]
StoredColour = Literal["grey", "rgb", "palette", "cmyk"]
OnDamage = Literal["skip", "keep"]
Pixels: TypeAlias = "NDArray[np.uint8] | NDArray[np.uint16]"

EXTENSIONS: dict[str, FileFormat] = {
    ".jpg": "jpeg",
    ".jpeg": "jpeg",
    ".jpe": "jpeg",
    ".jfif": "jpeg",
    ".png": "png",
    ".webp": "webp",
    ".bmp": "bmp",
    ".dib": "bmp",
    ".tif": "tiff",
    ".tiff": "tiff",
}

EXTENSION_OF: dict[FileFormat, str] = {"jpeg": ".jpg", "png": ".png", "webp": ".webp", "bmp": ".bmp", "tiff": ".tif"}

_RAW_EXTENSIONS = (
    ".3fr .arw .cr2 .cr3 .crw .dcr .dng .erf .kdc .mef .mos .mrw .nef .nrw .orf .pef .raf .raw .rw2 .sr2 .srf .srw .x3f"
)
_OTHER_EXTENSIONS = (
    ".ai .apng .avif .avifs .bpg .cur .dcm .dcx .dds .djvu .emf .eps .exr .fit .fits .flif .gif .hdr .heic .heics"
    " .heif .heifs .hif .icns .ico .j2c .j2k .jls .jng .jp2 .jpc .jpf .jpx .jxl .jxr .mng .pam .pbm .pcx .pfm .pgm"
    " .pic .pict .pnm .ppm .ps .psb .psd .qoi .ras .sgi .svg .svgz .tga .wbmp .wdp .wmf .xbm .xcf .xpm"
)
UNSUPPORTED_EXTENSIONS: frozenset[str] = frozenset(f"{_RAW_EXTENSIONS} {_OTHER_EXTENSIONS}".split())


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeLimits:
    """What an image may ask of this machine before it is refused.

    Attributes:
        max_pixels: Width times height.
        max_side_px: The longer side; OpenCV's warps stop at 32,766.
        max_bytes: Size of the file.
        max_jpeg_scans: Passes of a progressive JPEG: 5,001 of them in 186 KB take 17 s to decode.
    """

    max_pixels: int = 50_000_000
    max_side_px: int = 16_384
    max_bytes: int = 100 * 1024 * 1024
    max_jpeg_scans: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Density:
    """Pixels per inch, along the rows (x) and the columns (y)."""

    x: float
    y: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageHeader:
    """What the headers of a file say; nothing has been decoded.

    Attributes:
        width_px: Width as stored, before the EXIF orientation is applied.
        height_px: Height as stored.
        orientation: EXIF orientation, 1 (upright) to 8.
        bits: Bits per channel as stored; of a palette, bits per index.
        colour: How colours are stored. A palette and CMYK are decoded to RGB.
        has_alpha: Whether the decoded image has an alpha channel.
        density: Pixels per inch along the stored axes, or None when the file gives none.
        jpeg_subsampling: "444", "422", "420", "440", "411" or "441"; None for anything else.
        jpeg_scans: Passes of a JPEG, 1 for other formats.
        webp_lossless: Whether a WebP is stored without loss.
    """

    file_format: FileFormat
    width_px: int
    height_px: int
    orientation: int = 1
    bits: int
    colour: StoredColour
    has_alpha: bool = False
    density: Density | None = None
    jpeg_subsampling: str | None = None
    jpeg_scans: int = 1
    webp_lossless: bool = False

    @property
    def displayed_width_px(self) -> int:
        """Width once the image is upright."""
        return self.height_px if self.orientation >= 5 else self.width_px

    @property
    def displayed_height_px(self) -> int:
        """Height once the image is upright."""
        return self.width_px if self.orientation >= 5 else self.height_px

    @property
    def channels(self) -> int:
        """Channels of the decoded image, alpha included: 1 to 4."""
        return (1 if self.colour == "grey" else 3) + self.has_alpha


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Image:
    """Pixels, and what is needed to write them as they were.

    Attributes:
        pixels: (h, w) grey or (h, w, 3) RGB, uint8 or uint16, C-contiguous, upright, without alpha.
        alpha: (h, w) of the same dtype, 0 is transparent; None when the file has none.
        file_format: What the bytes are, whatever the extension says.
        colour_profile: The ICC profile that describes `pixels`, or None.
        density: Pixels per inch along the upright axes, or None.
        jpeg_subsampling: Chroma subsampling of a JPEG source ("444", "422", "420", ...), or None.
        webp_lossless: Whether a WebP source was stored without loss.
        conversions: What a copy does not carry as it was stored, each in plain words. Text, EXIF and XMP are never
            carried, which is not repeated here.
    """

    pixels: Pixels
    alpha: Pixels | None = None
    file_format: FileFormat
    colour_profile: bytes | None = None
    density: Density | None = None
    jpeg_subsampling: str | None = None
    webp_lossless: bool = False
    conversions: tuple[str, ...] = ()
