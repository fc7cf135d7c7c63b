from __future__ import annotations

import subprocess
import sys

from nfold import images
from nfold.images import EXTENSION_OF, EXTENSIONS, UNSUPPORTED_EXTENSIONS


def test_extensions_are_lower_case_and_in_one_table_only() -> None:
    assert all(extension == extension.lower() and extension[0] == "." for extension in EXTENSIONS)
    assert all(extension == extension.lower() and extension[0] == "." for extension in UNSUPPORTED_EXTENSIONS)
    assert not UNSUPPORTED_EXTENSIONS & EXTENSIONS.keys()


def test_what_is_written_is_read_again() -> None:
    assert set(EXTENSION_OF) == set(EXTENSIONS.values())
    assert all(EXTENSIONS[extension] == file_format for file_format, extension in EXTENSION_OF.items())


def test_people_are_told_about_formats_they_would_expect() -> None:
    expected = ".gif .heic .heif .avif .jp2 .tga .pgm .ppm .pbm .pnm .ico .psd .svg .jxl .cr2 .nef .dng .arw"
    assert set(expected.split()) <= UNSUPPORTED_EXTENSIONS


def test_importing_the_package_imports_no_decoder() -> None:
    heavy = ("numpy", "cv2", "PIL", "simplejpeg")
    program = f"import nfold.images, sys; nfold.images.EXTENSIONS; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_exported_name_can_be_imported() -> None:
    for name in images.__all__:
        assert getattr(images, name) is not None
    assert not hasattr(images, "no_such_name")
