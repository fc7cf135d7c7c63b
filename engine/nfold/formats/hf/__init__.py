"""`metadata.jsonl` of the Hugging Face image folder: one line of JSON for each picture, in the folder of the pictures.

`file_name` is seen from the folder of the file. `label` is the class of the picture, `objects` holds lists side by side:
`bbox` (x, y, width, height in pixels), `categories` or `category`, and whatever else is said of each object. All
other keys, captions among them, go on to copies as they are.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from nfold.annotations import DatasetInfo, LabelKind
from nfold.errors import InputError
from nfold.formats.base import LabelWriter, ReadContext, Scan, Source
from nfold.formats.hf.reading import FILE, read_metadata
from nfold.formats.hf.writer import MetadataAsItWas, NewMetadata
from nfold.formats.json_records import name_in, parse_record
from nfold.formats.picture_rows import in_folder
from nfold.formats.text_lines import read_lines

_LINES = 20
_SHOWN = 3


class HfMetadata:
    """An image folder with `metadata.jsonl`."""

    name: ClassVar[str] = "hf-metadata"
    has_annotations: ClassVar[bool] = True
    holds: ClassVar[frozenset[LabelKind]] = frozenset({"class", "boxes", "attributes"})

    def recognise(self, root: Path, scan: Scan) -> str | None:
        """There is a `metadata.jsonl` whose first lines name a picture that is there, or that is broken at its beginning."""
        found = [path for path in sorted(scan.label_files.get(".jsonl", ())) if _is_about_pictures(root, path, scan)]
        if not found:
            return None
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        return f"metadata of an image folder: {', '.join(found[:_SHOWN])}{more}"

    def read(self, context: ReadContext, take: Callable[[Source], None]) -> DatasetInfo:
        """Every picture that a line names, in the order of the files."""
        return read_metadata(context, take)

    def writer(self, info: DatasetInfo, *, keeps_layout: bool, splits: tuple[str | None, ...]) -> LabelWriter:
        """The same files with the copies in them, or new ones in `train`, `validation` and `test`."""
        if keeps_layout:
            return MetadataAsItWas(
                names=tuple(document.path for document in info.documents), decimals=int(info.conventions["decimals"])
            )
        return NewMetadata.of(info, splits)


def _is_about_pictures(root: Path, path: str, scan: Scan) -> bool:
    folder, _, name = path.rpartition("/")
    if name != FILE:
        return False
    try:
        for number, text in read_lines(root, path):
            if number > _LINES:
                return False
            if not text.strip():
                continue
            written = name_in(parse_record(text, path).get("file_name"))
            picture = in_folder(folder, written) if written else None
            if picture is not None and os.path.isfile(root / picture):  # noqa: PTH113 - False for names too long
                return True
    except InputError:
        # Beside or above pictures it can hardly be anything else; the line is named when it is read.
        return any(f"{images}/".startswith(f"{folder}/" if folder else "") for images in scan.image_folders)
    return False
