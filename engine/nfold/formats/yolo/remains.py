"""YOLO label files whose labels would be lost: none belongs to an image (the same set with other names), or none is whole."""

from __future__ import annotations

import os
import posixpath
import re
from collections import Counter
from pathlib import Path

from nfold.errors import InputError
from nfold.formats.base import Scan
from nfold.formats.yolo.data import name_files
from nfold.formats.yolo.layout import LabelFolders, find_label_folders, first_that_reads, matching, sample_of
from nfold.formats.yolo.lines import BadLabelError, LineRules, holds_numbers, read_label
from nfold.images import EXTENSIONS

_LABEL_FOLDER = re.compile(r"label|annot|yolo|darknet", re.IGNORECASE)
_MOST_REASONS = 20
_EMPTY = "it is empty"


def refuse_unread_labels(root: Path, scan: Scan) -> None:
    """Look into folders of labels, or beside the images.

    Raises:
        InputError: Text files there read like YOLO labels, and none of them belongs to an image; or text files belong to
            images, are labels by their folder or by the numbers in them, and none can be read as such.
    """
    folders = find_label_folders(root, scan)
    texts = matching(root, scan, folders)
    if not texts:
        _refuse_label_files_of_others(root, scan, folders)
    elif not first_that_reads(root, texts):
        damaged = _in_folders_of_labels(scan, texts) or _numbers_among(root, texts)
        if damaged:
            raise _none_is_read(root, damaged)


def _refuse_label_files_of_others(root: Path, scan: Scan, folders: LabelFolders) -> None:
    names = {*(labels for _, labels in folders.swaps), *folders.below}
    texts = sorted(scan.label_files.get(".txt", ()))
    if names:
        texts = [path for path in texts if names & set(path.split("/")[:-1])]
    elif not (folders.is_beside and name_files(scan)):
        return
    label = first_that_reads(root, texts)
    if label is not None:
        raise none_belongs(label, _an_image(root, scan))


def _in_folders_of_labels(scan: Scan, texts: list[str]) -> list[str]:
    """Those that lie in a folder that is called like labels, and where no image lies."""
    found = []
    for path in texts:
        folder = posixpath.dirname(path)
        if folder not in scan.image_folders and _LABEL_FOLDER.search(folder):
            found.append(path)
    return found


def _numbers_among(root: Path, texts: list[str]) -> list[str]:
    """Those that hold numbers, unless most of the files hold something else: captions, say."""
    numbers, others = [], 0
    for path in texts:
        try:
            data = sample_of(root, path)
        except OSError:
            continue  # whether it holds numbers is not to be known
        if holds_numbers(data):
            numbers.append(path)
        else:
            others += bool(data.strip())
    return numbers if len(numbers) >= others else []


def _none_is_read(root: Path, texts: list[str]) -> InputError:
    reasons = {path: _why(root, path) for path in texts[:_MOST_REASONS]}
    path = next((path for path, why in reasons.items() if why != _EMPTY), texts[0])
    return InputError(
        f"Text files belong to the images, {path} for example, and none can be read as YOLO labels: {reasons[path]}.",
        hint="Mend them: a line is a class number and coordinates from 0 to 1, with spaces between them. If they are YOLO "
        "labels none the less, say --format yolo, or add a data.yaml that names the classes; if they are no labels, "
        "--format class-folders or --format folder leaves them aside.",
        code="labels.unreadable",
    )


def _why(root: Path, path: str) -> str:
    try:
        read_label(data := sample_of(root, path), LineRules(task="segment", classes=None), Counter())
    except BadLabelError as error:
        return error.message if error.line is None else f"in its line {error.line}, {error.message}"
    except OSError as error:
        return f"it cannot be read: {error.strerror or error}"
    return "its numbers are no shares of the picture, from 0 to 1" if data.strip() else _EMPTY


def none_belongs(label: str, image: str) -> InputError:
    """The error for a set of which no label file has an image.

    Args:
        label: Path of one of the label files.
        image: Path of one of the images.
    """
    return InputError(
        f"No YOLO label file belongs to an image: there is {label}, for example, and the image {image}.",
        hint="A label file has the name of its image, capital and small letters included, and lies in the folder that "
        "goes with that of the images: images/a.jpg and labels/a.txt. Rename them, or move the label files out of the folder.",
        code="labels.none",
    )


def _an_image(root: Path, scan: Scan) -> str:
    folder = min(scan.image_folders, default="")
    with os.scandir(root / folder) as entries:
        named = (entry.name for entry in entries if os.path.splitext(entry.name)[1].lower() in EXTENSIONS)
        name = min(named, default="")
    return f"{folder}/{name}" if folder else name
