"""Create ML: a JSON list of pictures, each with its boxes by centre, width and height, in pixels.

The files stand beside the pictures, one for each folder (`_annotations.createml.json`, `annotations.json`). The
older spelling (`imagefilename`, `annotation`) is read too, and kept.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from nfold.annotations import DatasetInfo, LabelKind
from nfold.errors import InputError
from nfold.formats.base import LabelWriter, ReadContext, Scan, Source
from nfold.formats.create_ml.reading import first_picture, is_named_create_ml, read_create_ml
from nfold.formats.create_ml.writer import ListsAsTheyWere, NewLists
from nfold.formats.picture_rows import in_folder

_MOST_FOLDERS = 50
_SHOWN = 3


class CreateMl:
    """Boxes as Create ML, Roboflow and Turi Create write them."""

    name: ClassVar[str] = "create-ml"
    has_annotations: ClassVar[bool] = True
    holds: ClassVar[frozenset[LabelKind]] = frozenset({"boxes", "attributes"})

    def recognise(self, root: Path, scan: Scan) -> str | None:
        """Some JSON file is a list whose first entry names a picture that is there and has annotations."""
        folders = sorted(scan.image_folders)[:_MOST_FOLDERS]
        found = [path for path in sorted(scan.label_files.get(".json", ())) if _is_about_pictures(root, path, folders)]
        if not found:
            return None
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        return f"lists of pictures with boxes: {', '.join(found[:_SHOWN])}{more}"

    def read(self, context: ReadContext, take: Callable[[Source], None]) -> DatasetInfo:
        """Every picture that an entry names, in the order of the files."""
        return read_create_ml(context, take)

    def writer(self, info: DatasetInfo, *, keeps_layout: bool, splits: tuple[str | None, ...]) -> LabelWriter:
        """The same files with the copies in them, or a new one beside the pictures of each split."""
        if keeps_layout:
            return ListsAsTheyWere(names=tuple(document.path for document in info.documents))
        return NewLists.of(info, splits)


def _is_about_pictures(root: Path, path: str, folders: list[str]) -> bool:
    above = path.rpartition("/")[0]
    try:
        written = first_picture(root, path)
    except InputError:
        # The name leaves no doubt; what is wrong is told when the file is read.
        return is_named_create_ml(path)
    if written is None:
        return False
    bare = written.replace("\\", "/").rpartition("/")[2]
    places = [in_folder(folder, written) for folder in (above, "")] + [in_folder(folder, bare) for folder in folders]
    return any(
        place is not None and os.path.isfile(root / place)  # noqa: PTH113 - False for names too long
        for place in places
    )
