"""Label files of Pascal VOC that hold no element at all: empty, or cut before it begins, so that nothing tells whose they are."""

from __future__ import annotations

import os
import posixpath
import re
from pathlib import Path

from nfold.errors import InputError
from nfold.formats.base import Scan
from nfold.formats.voc.heads import outermost_element
from nfold.images import EXTENSIONS

_LABEL_FOLDER = re.compile(r"label|annot|xml|voc", re.IGNORECASE)
_MOST_FOLDERS = 50
_ENDINGS = tuple(ending for low in EXTENSIONS for ending in (low, low.upper()))
_HINT = (
    "Mend the files, write them anew with the tool that made them, or move them out of the folder. If they are no labels, "
    "--format class-folders or --format folder leaves them aside."
)


def refuse_empty_annotations(root: Path, scan: Scan) -> None:
    """Look at XML files that lie in a folder of labels, or are called like an image.

    Raises:
        InputError: One of them holds no XML element, or cannot be opened.
    """
    for path in sorted(scan.label_files.get(".xml", ())):
        if not (_LABEL_FOLDER.search(posixpath.dirname(path)) or _is_called_like_an_image(root, path, scan)):
            continue
        try:
            outermost = outermost_element(root / path)
        except OSError as error:
            why = f"cannot be read: {error.strerror or error}"
        else:
            if outermost is not None:
                continue
            why = "is empty, or cut before its first element ends"
        raise InputError(
            f"{path} lies where the label file of an image does, and {why}.", hint=_HINT, code="labels.unreadable"
        )


def _is_called_like_an_image(root: Path, path: str, scan: Scan) -> bool:
    folder, name = posixpath.split(os.path.splitext(path)[0])
    folders = [folder, *sorted(scan.image_folders)[:_MOST_FOLDERS]]
    return any((root / one / f"{name}{ending}").is_file() for one in folders for ending in _ENDINGS)
