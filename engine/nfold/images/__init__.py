"""Images as files and as arrays: bytes to pixels and back, strictly, within limits, and nothing changed in silence.

Each refusal is an ImageError with one of these codes:

| code | what it says |
|---|---|
| image.empty | the file has no bytes |
| image.unknown_format | the bytes begin like no known image format |
| image.unsupported_format | an image of a kind that is not read (GIF, HEIC, 12-bit JPEG, float TIFF) |
| image.too_large | over the limit of pixels, of a side, or of bytes |
| image.too_many_scans | a JPEG of more passes than the limit |
| image.animated | an animated PNG or WebP |
| image.multipage | a TIFF of several pages |
| image.truncated | the file ends too early |
| image.corrupt | the file contradicts its own format, its checksums or its compression |
| image.unsupported | writing: the format cannot hold these pixels |

Importing this package imports no decoder; each comes with its first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from nfold.images.kinds import (
    EXTENSION_OF,
    EXTENSIONS,
    UNSUPPORTED_EXTENSIONS,
    DecodeLimits,
    Density,
    FileFormat,
    Image,
    ImageHeader,
)

if TYPE_CHECKING:
    from nfold.images.decode import decode_image
    from nfold.images.encode import encode_image, writes_exact_pixels
    from nfold.images.failures import IMAGE_ERROR_CODES
    from nfold.images.header import read_header

_MODULE_OF = {
    "decode_image": "decode",
    "encode_image": "encode",
    "writes_exact_pixels": "encode",
    "IMAGE_ERROR_CODES": "failures",
    "read_header": "header",
}

__all__ = [
    "EXTENSIONS",
    "EXTENSION_OF",
    "IMAGE_ERROR_CODES",
    "UNSUPPORTED_EXTENSIONS",
    "DecodeLimits",
    "Density",
    "FileFormat",
    "Image",
    "ImageHeader",
    "decode_image",
    "encode_image",
    "read_header",
    "writes_exact_pixels",
]


def __getattr__(name: str) -> Any:
    """Import what is asked for (PEP 562)."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'nfold.images' has no attribute '{name}'")
    return getattr(importlib.import_module(f"nfold.images.{_MODULE_OF[name]}"), name)
