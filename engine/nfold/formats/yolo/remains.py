"""YOLO label files of which none belongs to an image: the same set with other names, whose labels would be lost."""

from __future__ import annotations

import os
from pathlib import Path

from nfold.errors import InputError
from nfold.formats.base import Scan
from nfold.formats.yolo.data import name_files
from nfold.formats.yolo.layout import find_label_folders, matching, sampled
from nfold.images import EXTENSIONS


def refuse_label_files_of_others(root: Path, scan: Scan) -> None:
    """Look into folders of labels, or beside the images where a file names classes.

    Raises:
        InputError: Text files there read like YOLO labels, and none of them belongs to an image.
    """
    folders = find_label_folders(root, scan)
    names = {*(labels for _, labels in folders.swaps), *folders.below}
    texts = sorted(scan.label_files.get(".txt", ()))
    if names:
        texts = [path for path in texts if names & set(path.split("/")[:-1])]
    elif not (folders.is_beside and name_files(scan)):
        return
    found = sampled(root, texts)
    if not found[True] or found[False] > found[True] or matching(root, scan, folders):
        return
    label = next(path for path in texts if sampled(root, [path])[True])
    raise none_belongs(label, _an_image(root, scan))


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
