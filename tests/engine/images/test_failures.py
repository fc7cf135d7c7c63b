from __future__ import annotations

import pickle
import struct
import warnings
import zlib

import cv2
import pytest
from PIL.Image import DecompressionBombError

from nfold import images
from nfold.errors import ImageError
from nfold.images import failures

RAISED = [
    *(SyntaxError("x"), ValueError("x"), OSError("x"), EOFError("x"), IndexError("x"), KeyError("x"), TypeError("x")),
    *(struct.error("x"), zlib.error("x"), cv2.error("x"), DecompressionBombError("x"), UserWarning("x")),
    *(ZeroDivisionError("x"), OverflowError("x"), RuntimeError("x"), NotImplementedError("x"), AttributeError("x")),
]


@pytest.mark.parametrize("error", RAISED, ids=lambda error: type(error).__name__)
def test_whatever_a_decoder_raises_is_an_image_error(error: Exception) -> None:
    with pytest.raises(ImageError) as caught, failures.decoder_failures_mapped("PNG"):
        raise error
    assert caught.value.stable_code == "image.corrupt"
    with pytest.raises(ImageError) as caught, failures.encoder_failures_mapped("PNG"):
        raise error
    assert caught.value.stable_code == "image.unsupported"


@pytest.mark.parametrize("error", [MemoryError(), KeyboardInterrupt()], ids=lambda error: type(error).__name__)
def test_what_is_no_fault_of_the_file_passes(error: BaseException) -> None:
    with pytest.raises(type(error)), failures.decoder_failures_mapped("PNG"):
        raise error


def test_a_library_that_ran_out_of_memory_raises_memory_error() -> None:
    with pytest.raises(MemoryError), failures.decoder_failures_mapped("PNG"):
        raise RuntimeError("Insufficient memory (case 4)")


def test_our_own_error_passes_unchanged() -> None:
    with pytest.raises(ImageError) as caught, failures.decoder_failures_mapped("PNG"):
        raise failures.truncated("it ends")
    assert caught.value.stable_code == "image.truncated"


def test_every_error_has_a_code_of_the_table_a_hint_and_survives_a_process_border() -> None:
    made = [
        *(failures.empty(), failures.unknown_format(), failures.unsupported_format("a GIF")),
        *(failures.too_many_pixels(3, 4, 5), failures.too_long_side(3, 4, 5), failures.too_many_bytes(3, 2)),
        *(failures.too_many_scans(101, 100), failures.animated("an animated PNG"), failures.multipage()),
        *(failures.truncated("x"), failures.corrupt("x"), failures.unsupported("It does not fit.", "y")),
    ]
    assert {error.stable_code for error in made} == set(failures.IMAGE_ERROR_CODES)
    for error in made:
        assert error.hint
        assert error.message.endswith(".")
        copy = pickle.loads(pickle.dumps(error))
        assert (copy.stable_code, copy.message, copy.hint) == (error.stable_code, error.message, error.hint)


def test_the_docstring_lists_exactly_the_codes() -> None:
    listed = [line.split("|")[1].strip() for line in images.__doc__.splitlines() if line.startswith("| image.")]
    assert listed == list(failures.IMAGE_ERROR_CODES)


def test_a_warning_that_is_an_error_stays_inside() -> None:
    with pytest.raises(ImageError), failures.decoder_failures_mapped("TIFF"):
        warnings.warn("Truncated file read", stacklevel=1)
