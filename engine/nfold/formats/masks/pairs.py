"""Which picture a mask belongs to, by their paths: a folder of masks beside one of pictures, or an ending of the stem."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Final

from nfold.formats.index import FileIndex, FoundFile

PICTURE_FOLDERS: Final = frozenset(
    {"images", "image", "img", "imgs", "jpegimages", "inputs", "input", "photos", "pictures", "raw"}
)
MASK_FOLDERS: Final = frozenset(
    {
        *("labels", "label", "masks", "mask", "annotations", "annotation", "gt", "gts", "ground_truth", "groundtruth"),
        *("ground-truth", "segmentation", "segmentations", "segmentation_masks", "seg", "segs", "targets", "target"),
    }
)
FOLDER_ENDINGS: Final = ("_masks", "_mask", "_labels", "_label", "_annot", "annot", "_seg", "_gt")
"""Of a folder of masks beside one of pictures: `train_masks`, `trainannot`."""

STEM_ENDINGS: Final = (
    *("_masks", "_mask", "_labels", "_label", "_segmentation", "_seg", "_ground_truth", "_gt"),
    *("-mask", "-label", "-seg", "-gt", ".mask", ".label", ".seg", ".gt"),
)


class Pairs:
    """Finds the picture of a mask.

    Args:
        folders: Of pictures or masks, below the source folder ("" is that folder itself).
    """

    def __init__(self, folders: Iterable[str]) -> None:
        self._folders = set(folders)
        self._names = sorted({part for folder in self._folders for part in folder.split("/") if part})
        self._known: dict[str, str | None] = {}

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Each folder of masks with its folder of pictures."""
        for folder in sorted(self._folders):
            pictures = self.picture_folder(folder)
            if pictures is not None:
                yield folder, pictures

    def picture_folder(self, folder: str) -> str | None:
        """Where the pictures lie to which a folder of masks belongs; None when it is no folder of masks."""
        if folder not in self._known:
            candidates = (place for place in self._candidates(folder) if place in self._folders and place != folder)
            self._known[folder] = next(candidates, None)
        return self._known[folder]

    def stems_of(self, mask: str) -> Iterator[str]:
        """Paths without ending at which the picture of a mask may lie, the likeliest first."""
        folder, _, name = mask.rpartition("/")
        stem = os.path.splitext(name)[0]
        pictures = self.picture_folder(folder)
        shorter = [stem[: -len(ending)] for ending in STEM_ENDINGS if stem.casefold().endswith(ending)]
        if pictures is not None:
            yield from (_joined(pictures, name) for name in (stem, *shorter))
        yield from (_joined(folder, name) for name in shorter)

    def picture_of(self, mask: str, files: FileIndex) -> FoundFile | None:
        """The picture to which a file belongs as its mask; None when it belongs to none."""
        for stem in self.stems_of(mask):
            found = files.images_with_stem(stem, most=1)
            if found:
                return found[0]
        return None

    def _candidates(self, folder: str) -> Iterator[str]:
        parts = folder.split("/")
        for place in reversed(range(len(parts))):
            part = parts[place].casefold()
            if part in MASK_FOLDERS:
                for name in self._names:
                    if name.casefold() in PICTURE_FOLDERS:
                        yield "/".join([*parts[:place], name, *parts[place + 1 :]])
                yield "/".join([*parts[:place], *parts[place + 1 :]])
            for ending in FOLDER_ENDINGS:
                if part.endswith(ending) and len(part) > len(ending):
                    yield "/".join([*parts[:place], parts[place][: -len(ending)], *parts[place + 1 :]])


def without_picture_folders(path: str) -> str:
    """A path below the output's own folders: `train/images/a.jpg` becomes `train/a.jpg`."""
    *folders, name = path.split("/")
    return "/".join([*(folder for folder in folders if folder.casefold() not in PICTURE_FOLDERS), name])


def _joined(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
