"""Where the files of a Pascal VOC data set lie in relation to each other: picture, label file, mask, by their paths."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final

from nfold.formats.base import Scan
from nfold.formats.index import FileIndex, FoundFile
from nfold.images import EXTENSIONS

CLASS_MASKS: Final = "segmentationclass"
OBJECT_MASKS: Final = "segmentationobject"
_PICTURES: Final = ("jpegimages", "images", "image", "imgs", "img", "photos")


def picture_folders(scan: Scan) -> tuple[str, ...]:
    """Names of folders that hold pictures, as they are spelt here; VOC's own first."""
    names = {part for folder in scan.image_folders for part in folder.split("/") if part.casefold() in _PICTURES}
    return tuple(sorted(names, key=lambda name: (_PICTURES.index(name.casefold()), name)))


def is_mask(path: str) -> bool:
    """Whether a picture lies in a folder of masks."""
    return any(part.casefold().startswith("segmentation") for part in path.split("/")[:-1])


def without_picture_folders(path: str) -> str:
    """A path below the output's own folders: `train/images/a.jpg` becomes `train/a.jpg`."""
    *folders, name = path.split("/")
    return "/".join([*(folder for folder in folders if folder.casefold() not in _PICTURES), name])


class Places:
    """Finds the picture of a label file, and what belongs to a picture."""

    def __init__(self, files: FileIndex, scan: Scan) -> None:
        self._files = files
        self._folders = picture_folders(scan)
        self._mask_folders = tuple(
            sorted({part for folder in scan.image_folders for part in folder.split("/") if _is_of_classes(part)})
        )

    def pictures_of(self, label_file: str, file_name: str) -> list[FoundFile]:
        """Pictures that a label file may mean; of two with its stem, the one that it names.

        Args:
            label_file: Its path.
            file_name: What it calls the picture; "" when it does not say.
        """
        for stem in self._stems_of(label_file):
            found = [file for file in self._files.images_with_stem(stem, most=9) if not is_mask(file.path)]
            named = [file for file in found if file.path.rpartition("/")[2] == file_name]
            if found:
                return named if len(named) == 1 else found
        named = [file for file in self._files.images_named(file_name, most=9) if not is_mask(file.path)]
        return named if file_name and len(named) == 1 else []

    def expected_picture(self, label_file: str, file_name: str) -> str:
        """Where the picture of a label file would lie."""
        stems = list(self._stems_of(label_file))
        is_apart = "annotation" in label_file.rpartition("/")[0].casefold() and len(stems) > 1
        stem = stems[1] if is_apart else stems[0]
        ending = os.path.splitext(file_name)[1]
        return stem + (ending if ending.lower() in EXTENSIONS else ".jpg")

    def picture_named(self, prefix: str, name: str) -> FoundFile | None:
        """The picture that a list means, by its stem, its file name or its path."""
        for folder in (*(folder + "/" for folder in self._folders), ""):
            path = f"{prefix}{folder}{name}"
            found = self._files.image(path)
            candidates = [found] if found else self._files.images_with_stem(path, most=9)
            candidates = [file for file in candidates if not is_mask(file.path)]
            if candidates:
                return candidates[0]
        return None

    def mask_of(self, picture: str) -> FoundFile | None:
        """The mask of classes that goes with a picture."""
        for folder in self._mask_folders:
            for stem in _exchanged(os.path.splitext(picture)[0], self._folders, folder):
                for file in self._files.images_with_stem(stem, most=9):
                    if file.path.lower().endswith(".png"):
                        return file
        return None

    def _stems_of(self, label_file: str) -> Iterator[str]:
        """Paths without ending at which the picture may lie, the likeliest first."""
        stem = os.path.splitext(label_file)[0]
        *folders, name = stem.split("/")
        yield stem
        for place in reversed(range(len(folders))):
            for folder in self._folders:
                yield "/".join([*folders[:place], folder, *folders[place + 1 :], name])
        for place in reversed(range(len(folders))):
            yield "/".join([*folders[:place], *folders[place + 1 :], name])


def _exchanged(stem: str, folders: tuple[str, ...], other: str) -> Iterator[str]:
    parts = stem.split("/")
    for place in reversed(range(len(parts) - 1)):
        if parts[place] in folders:
            yield "/".join([*parts[:place], other, *parts[place + 1 :]])


def _is_of_classes(folder: str) -> bool:
    return folder.casefold() == CLASS_MASKS
