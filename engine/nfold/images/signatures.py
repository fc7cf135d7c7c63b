"""What bytes are, by their first bytes alone: one of the formats that are read, or one to refuse by its name."""

from __future__ import annotations

from nfold.images import failures
from nfold.images.kinds import FileFormat

_BMP_HEADER_SIZES = frozenset({12, 16, 40, 52, 56, 64, 108, 124})

_REFUSED_BY_START: dict[bytes, str] = {
    b"GIF8": "a GIF",
    b"\x00\x00\x00\x0cjP  \r\n\x87\n": "a JPEG 2000 image",
    b"\xff\x4f\xff\x51": "a JPEG 2000 codestream",
    b"\x00\x00\x00\x0cJXL \r\n\x87\n": "a JPEG XL image",
    b"\xff\x0a": "a JPEG XL codestream",
    b"8BPS": "a Photoshop document",
    b"gimp xcf": "a GIMP document",
    b"icns": "an icon (ICNS)",
    b"II+\x00": "a BigTIFF",
    b"MM\x00+": "a BigTIFF",
    b"IIRO": "a raw photograph (ORF)",
    b"IIRS": "a raw photograph (ORF)",
    b"MMOR": "a raw photograph (ORF)",
    b"IIU\x00": "a raw photograph (RW2)",
    b"II\xbc\x01": "a JPEG XR image",
    b"FUJIFILMCCD-RAW": "a raw photograph (RAF)",
    b"FOVb": "a raw photograph (X3F)",
    b"\x76\x2f\x31\x01": "an OpenEXR image",
    b"#?RADIANCE": "a Radiance HDR image",
    b"#?RGBE": "a Radiance HDR image",
    b"DDS ": "a DDS texture",
    b"qoif": "a QOI image",
    b"\x59\xa6\x6a\x95": "a Sun raster image",
    b"SIMPLE  =": "a FITS image",
    b"\x01\xda": "an SGI image",
    b"\x8aMNG\r\n\x1a\n": "an MNG animation",
    b"\x8bJNG\r\n\x1a\n": "a JNG image",
    b"BPG\xfb": "a BPG image",
    b"FLIF": "a FLIF image",
    b"AT&TFORM": "a DjVu document",
    b"%PDF": "a PDF document",
    b"%!PS": "a PostScript document",
    b"\xd7\xcd\xc6\x9a": "a Windows metafile",
    b"/* XPM */": "an XPM image",
    b"\x93NUMPY": "a NumPy array",
    b"BA": "an OS/2 bitmap array",
}
_FTYP_BRANDS: dict[bytes, str] = {
    b"avif": "an AVIF image",
    b"avis": "an AVIF sequence",
    b"heic": "a HEIC image",
    b"heix": "a HEIC image",
    b"heim": "a HEIC image",
    b"heis": "a HEIC image",
    b"hevc": "a HEIC sequence",
    b"hevx": "a HEIC sequence",
    b"mif1": "a HEIF image",
    b"msf1": "a HEIF sequence",
    b"crx ": "a raw photograph (CR3)",
    b"jxl ": "a JPEG XL image",
    b"jp2 ": "a JPEG 2000 image",
}
_PNM_KINDS: dict[bytes, str] = {
    **dict.fromkeys((b"P1", b"P4"), "a PBM image"),
    **dict.fromkeys((b"P2", b"P5"), "a PGM image"),
    **dict.fromkeys((b"P3", b"P6"), "a PPM image"),
    b"P7": "a PAM image",
    **dict.fromkeys((b"PF", b"Pf"), "a PFM image"),
}


def file_format_of(data: bytes) -> FileFormat:
    """Tell the format that the first bytes say.

    Raises:
        ImageError: No bytes, no image, or an image of a format that is not read.
    """
    if not data:
        raise failures.empty()
    if data.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "webp"
    if data.startswith((b"II*\x00", b"MM\x00*")):
        return "tiff"
    if data.startswith(b"BM") and int.from_bytes(data[14:18], "little") in _BMP_HEADER_SIZES:
        return "bmp"
    refused = _name_of_refused(data)
    raise failures.unsupported_format(refused) if refused else failures.unknown_format()


def _name_of_refused(data: bytes) -> str | None:
    for start, name in _REFUSED_BY_START.items():
        if data.startswith(start):
            return name
    if data[:4] in (b"\0\0\1\0", b"\0\0\2\0") and data[4:5] != b"\0":
        return "an icon (ICO or CUR)"
    if data[4:8] == b"ftyp":
        return _FTYP_BRANDS.get(data[8:12], "an ISO media file (such as MP4 or HEIF)")
    if data[:2] in _PNM_KINDS and data[2:3].isspace():
        return _PNM_KINDS[data[:2]]
    if b"<svg" in data[:1024]:
        return "an SVG drawing"
    if data[128:132] == b"DICM":
        return "a DICOM image"
    if data[:1] == b"\x0a" and data[1:2] in b"\x00\x02\x03\x04\x05" and data[2:3] == b"\x01" and len(data) > 128:
        return "a PCX image"
    return "a TGA image" if _looks_like_tga(data) else None


def _looks_like_tga(data: bytes) -> bool:
    if data[-18:] == b"TRUEVISION-XFILE.\x00":
        return True
    if len(data) < 18 or data[1] > 1 or data[2] not in (1, 2, 3, 9, 10, 11) or data[17] & 0xC0:
        return False
    has_size = any(data[12:14]) and any(data[14:16])
    has_plain_map = data[1] == 1 or not any(data[3:8])
    return has_size and has_plain_map and data[16] in (8, 15, 16, 24, 32)
