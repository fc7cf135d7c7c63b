"""Where a file of the output comes from, and how it was made."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from nfold.assembly import read_assembled
from nfold.errors import ImageError, MissingFileError
from nfold.formats.mask_files import read_mask
from nfold.images import DecodeLimits
from nfold.manifest import FileRow, SourceRecord, group_rows, list_parts, read_part
from nfold.storage import LocalStorage
from nfold.verification import open_output

MOST_VALUES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What a file is made from, and how.

    Attributes:
        file: Path in the output.
        source: Id of its source.
        source_sha256: Digest of that source.
        copy: 0 for the original.
        is_source: Whether the file is the source, byte for byte.
        draw: How often the copy was drawn again since it equalled another.
        seed: Of the run.
        recipe: Its name.
        applied: Transforms with their parameters, in order.
        in_words: A line for each of them.
        carried: How pixels were carried through transforms that do not take them as they are.
        conversions: What about the source's stored form the copy does not have.
        split: Of the source.
        category: Class.
        role: `labels` or `mask` for a file that goes with a picture; None for a picture.
        annotations_in: How many annotations the source has; None without any kind of annotations.
        annotations: Those in the picture, by class.
        dropped: Those that are not, as (number in the source, rule, measured value).
        looseness: Boxes that hold more than their object: (number, area of the box over that of what it holds).
        mask: The mask that goes with the picture; None when there is none.
        mask_values: How many of its pixels have each value, as `7` or `#ff0000`, the most frequent first, at most
            MOST_VALUES of them; empty when the mask is not on disk or cannot be read.
        siblings: Other files of the same source.
    """

    file: str
    source: str
    source_sha256: str
    copy: int
    is_source: bool
    draw: int
    seed: int
    recipe: str
    applied: tuple[Any, ...]
    in_words: tuple[str, ...]
    carried: tuple[str, ...]
    conversions: tuple[str, ...]
    split: str | None
    category: str | None
    role: Literal["labels", "mask"] | None
    annotations_in: int | None
    annotations: dict[str, int]
    dropped: tuple[Any, ...]
    looseness: tuple[Any, ...]
    mask: str | None
    mask_values: dict[str, int]
    siblings: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """As one JSON object."""
        return asdict(self)


def explain(target: str | Path, file: str | Path) -> Explanation:
    """What a file of an output is made from, and how.

    Raises:
        MissingFileError: The manifest does not name it.
        OutputError: The folder was not written by nfold.
    """
    storage, card = open_output(target)
    record, found = find_file(storage, file)
    source, row = record.source, picture_of(record, found)
    mask = next((other.file for other in record.files if (other.copy, other.role) == (row.copy, "mask")), None)
    classes = Counter(card.categories[entry["c"]]["name"] if "c" in entry else "" for entry in row.annotations)
    return Explanation(
        file=found.file,
        source=row.source,
        source_sha256=row.source_sha256,
        copy=row.copy,
        is_source=row.copy == 0 and row.sha256 == row.source_sha256,
        draw=row.draw,
        seed=card.identity.seed,
        recipe=str(card.recipe.get("name", "")),
        applied=row.applied,
        in_words=tuple(in_words(name, parameters) for name, parameters in row.applied),
        carried=row.carried,
        conversions=source.conversions if source else (),
        split=source.split if source else None,
        category=source.category if source else None,
        role=found.role,
        annotations_in=row.labels_in,
        annotations=dict(sorted(classes.items())),
        dropped=row.dropped,
        looseness=row.looseness,
        mask=mask,
        mask_values=_values_of(storage, mask) if mask is not None else {},
        siblings=tuple(
            sibling.file
            for sibling in sorted(record.files, key=lambda sibling: (sibling.copy, sibling.role or ""))
            if sibling.file != found.file
        ),
    )


def _values_of(storage: LocalStorage, mask: str) -> dict[str, int]:
    import numpy as np

    try:
        found = read_mask(Path(storage.path(mask)), DecodeLimits(max_pixels=2**30, max_side_px=2**20))
    except (OSError, ImageError):
        return {}
    pixels = found.pixels
    if pixels.ndim == 3:
        digits = 2 * pixels.dtype.itemsize
        colours = pixels.astype(np.int64) @ np.array([1 << 8 * digits, 1 << 4 * digits, 1])
        names, counts = np.unique(colours, return_counts=True)
        texts = [f"#{name:0{3 * digits}x}" for name in names.tolist()]
    else:
        names, counts = np.unique(pixels, return_counts=True)
        texts = [str(name) for name in names.tolist()]
    return dict(Counter(dict(zip(texts, counts.tolist(), strict=True))).most_common(MOST_VALUES))


def picture_of(record: SourceRecord, row: FileRow) -> FileRow:
    """The picture that a file goes with; a picture itself."""
    return next((other for other in record.files if other.copy == row.copy and other.role is None), row)


def find_file(storage: LocalStorage, file: str | Path) -> tuple[SourceRecord, FileRow]:
    """The record and the row of a file, given by its path in the output or on this machine.

    Raises:
        MissingFileError: The manifest does not name it.
    """
    names = _possible_names(storage, str(file))
    for record in _records_naming(storage, names):
        for row in record.files:
            if row.file in names:
                return record, row
    example = _some_picture(storage)
    such = f", such as {example}" if example is not None else ""
    if names & set(read_assembled(storage)):
        raise MissingFileError(
            f"{file} is about many pictures, and was put together from what the manifest says of each.",
            hint=f"Give one of the pictures{such}.",
        )
    raise MissingFileError(
        f"The manifest of {storage.root} does not name {file}.",
        hint=f"Give a path as in the output folder{such}.",
    )


def _some_picture(storage: LocalStorage) -> str | None:
    """A picture of the output, a copy if the first part that has pictures has one."""
    for part in list_parts(storage).values():
        rows = [row for row in read_part(storage, part)[1] if isinstance(row, FileRow) and row.role is None]
        if rows:
            return next((row.file for row in rows if row.copy), rows[0].file)
    return None


def _possible_names(storage: LocalStorage, file: str) -> set[str]:
    names = {file}
    relative = os.path.relpath(os.path.abspath(file), os.path.abspath(storage.root))  # noqa: PTH100
    if not relative.startswith(".."):
        names.add(relative)
    return names


def _records_naming(storage: LocalStorage, names: set[str]) -> Iterator[SourceRecord]:
    # Most parts do not hold the name at all, and are not parsed.
    needles = [json.dumps({"file": name}, separators=(",", ":"))[1:-1].encode() for name in names]
    for part in list_parts(storage).values():
        data = storage.read(part)
        if any(needle in data for needle in needles):
            yield from (record for _, record in group_rows(read_part(storage, part)[1]))


def in_words(name: str, parameters: dict[str, Any]) -> str:
    """A transform and what it drew, for a person: `Rotate: turned 12.3 degrees clockwise`."""
    import math

    matrix = parameters.get("matrix")
    if (
        isinstance(matrix, list)
        and len(matrix) == 3
        and all(isinstance(line, list) and len(line) == 3 for line in matrix)
        and matrix[2][:2] == [0, 0]
    ):
        (a, b, _), (c, d, _) = matrix[0], matrix[1]
        angle = math.degrees(math.atan2(b, a))
        scale = math.sqrt(abs(a * d - b * c))
        turned = f"turned {abs(angle):.1f} degrees {'counter-clockwise' if angle > 0 else 'clockwise'}"
        return f"{name}: {turned}" + (f", scaled by {scale:.3f}" if abs(scale - 1) > 5e-4 else "")
    shown = {
        key: value for key, value in parameters.items() if not isinstance(value, (list, dict)) and value is not None
    }
    return f"{name}: " + ", ".join(f"{key} {_short(value)}" for key, value in shown.items()) if shown else name


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
