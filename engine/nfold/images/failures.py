"""Every way in which an image fails, as one coded error each; and the one place that maps the decoders' exceptions."""

from __future__ import annotations

import functools
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, get_args

from nfold.errors import ImageError

ImageErrorCode = Literal[
    "image.empty",
    "image.unknown_format",
    "image.unsupported_format",
    "image.too_large",
    "image.too_many_scans",
    "image.animated",
    "image.multipage",
    "image.truncated",
    "image.corrupt",
    "image.unsupported",
]
IMAGE_ERROR_CODES: tuple[str, ...] = get_args(ImageErrorCode)

_CONVERT_HINT = "Convert it to PNG or JPEG, or take it out of the data set."
_DAMAGE_HINT = "Fetch the file again, or ask for damaged images to be kept as far as they can be decoded."


def empty() -> ImageError:
    """Say that the file has no bytes."""
    return _error("image.empty", "The file is empty.", "Fetch the file again, or take it out of the data set.")


def unknown_format() -> ImageError:
    """Say that the first bytes are those of no image format."""
    message = "The bytes are not an image: they begin like no known image format."
    return _error("image.unknown_format", message, "Fetch the file again, or take it out of the data set.")


def unsupported_format(what: str) -> ImageError:
    """Say that it is an image of a kind that is not read; `what` completes "This is ..."."""
    message = f"This is {what}, which is not read."
    return _error("image.unsupported_format", message, _CONVERT_HINT)


def too_many_pixels(width_px: int, height_px: int, max_pixels: int) -> ImageError:
    """Say that width times height is over the limit."""
    message = f"The image is {width_px} x {height_px}, {width_px * height_px:,} pixels; the limit is {max_pixels:,}."
    return _error("image.too_large", message, "Raise --max-pixels, or make the image smaller.")


def too_long_side(width_px: int, height_px: int, max_side_px: int) -> ImageError:
    """Say that one side is over the limit."""
    message = f"The image is {width_px} x {height_px}; the limit is {max_side_px:,} pixels a side."
    return _error(
        "image.too_large",
        message,
        "Cut the image into tiles, or make it smaller; --max-pixels does not change this limit.",
    )


def too_many_bytes(size: int, max_bytes: int) -> ImageError:
    """Say that the file is over the limit."""
    message = f"The file has {size:,} bytes; the limit is {max_bytes:,}."
    return _error("image.too_large", message, "Store the image compressed, or raise the limit on bytes.")


def too_many_scans(scans: int, max_scans: int) -> ImageError:
    """Say that a progressive JPEG of so many passes is made to take time, not to be looked at."""
    message = f"The JPEG has {scans:,} scans; the limit is {max_scans:,}, since each costs a pass over the whole image."
    return _error("image.too_many_scans", message, "Save it again as an ordinary JPEG.")


def animated(what: str) -> ImageError:
    """Say that it holds several frames."""
    return _error(
        "image.animated",
        f"This is {what}, and only still images are read.",
        "Save the frame you want as an image of its own.",
    )


def multipage() -> ImageError:
    """Say that it is a TIFF of several pages."""
    message = "The TIFF has more than one page, and only single images are read."
    return _error("image.multipage", message, "Save each page as an image of its own.")


def truncated(detail: str) -> ImageError:
    """Say that the file ends too early."""
    return _error("image.truncated", f"The file is cut off: {detail}.", _DAMAGE_HINT)


def corrupt(detail: str) -> ImageError:
    """Say that the file contradicts its own format."""
    return _error("image.corrupt", f"The file is damaged: {detail}.", _DAMAGE_HINT)


def unsupported(message: str, hint: str) -> ImageError:
    """Say that the format asked for cannot hold these pixels."""
    return _error("image.unsupported", message, hint)


@contextmanager
def decoder_failures_mapped(what: str) -> Iterator[None]:
    """Turn whatever a library raises on bad bytes into an ImageError; MemoryError passes."""
    try:
        yield
    except (ImageError, MemoryError):
        raise
    except _library_errors() as error:
        raise from_library(error, what) from error


@contextmanager
def encoder_failures_mapped(what: str) -> Iterator[None]:
    """Turn whatever a library raises while writing into an ImageError; MemoryError passes."""
    try:
        yield
    except (ImageError, MemoryError):
        raise
    except _library_errors() as error:
        hint = "Choose png or tiff as output format."
        raise unsupported(f"The {what} encoder says '{_words_of(error)}'.", hint) from error


def from_library(error: BaseException, what: str) -> ImageError:
    """Make the error for what a decoder said about a file of the format `what`."""
    said = _words_of(error)
    if "premature end" in said.lower() or "truncated" in said.lower():
        return truncated(f"the {what} decoder says '{said}'")
    return corrupt(f"the {what} decoder says '{said}'")


def _error(code: ImageErrorCode, message: str, hint: str) -> ImageError:
    return ImageError(message, code=code, hint=hint)


@functools.cache
def _library_errors() -> tuple[type[BaseException], ...]:
    import cv2
    from PIL.Image import DecompressionBombError

    return (
        *(cv2.error, DecompressionBombError, Warning, struct.error, zlib.error),
        *(SyntaxError, ValueError, OSError, EOFError, LookupError, TypeError),
        *(AttributeError, ArithmeticError, RuntimeError, AssertionError, BufferError),
    )


def _words_of(error: BaseException) -> str:
    """Quote a library in one short line.

    Raises:
        MemoryError: It says that memory ran out, which is no fault of the image.
    """
    # cv2.error carries the bare words in `err`; its own text names source files
    said = " ".join(str(getattr(error, "err", None) or error).split())[:160].rstrip(".")
    if "insufficient memory" in said.lower() or "memory allocation" in said.lower():
        raise MemoryError(said) from error
    return said or type(error).__name__
