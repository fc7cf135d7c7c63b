"""Where a file of the output comes from, and the proof: make it again and compare."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from nfold.card import Card
from nfold.errors import MissingFileError, SampleError
from nfold.images import DecodeLimits, decode_image, encode_image
from nfold.manifest import FileRow, SourceRecord, group_rows, list_parts, read_part
from nfold.randomness import variation_generators
from nfold.recipe import Border, parse_recipe
from nfold.storage import LocalStorage
from nfold.variation import RecipeInForce, Sample, pixel_hash, prepare, vary
from nfold.verification import open_output
from nfold.versions import build_facts


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
    siblings: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """As one JSON object."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Regeneration:
    """A copy made again.

    Attributes:
        file: Path in the output.
        data: The bytes that were made.
        same_pixels: Whether the pixels are those that the manifest recorded.
        same_bytes: Whether the encoded bytes are.
        on_disk: Whether the file in the output has these bytes now; None when it is missing.
        differences: Versions and CPU class that differ from those it was made with.
    """

    file: str
    data: bytes
    same_pixels: bool
    same_bytes: bool
    on_disk: bool | None
    differences: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """As one JSON object, without the bytes."""
        return {name: value for name, value in asdict(self).items() if name != "data"}


def explain(target: str | Path, file: str | Path) -> Explanation:
    """What a file of an output is made from, and how.

    Raises:
        MissingFileError: The manifest does not name it.
        OutputError: The folder was not written by nfold.
    """
    storage, card = open_output(target)
    record, row = find_file(storage, file)
    source = record.source
    return Explanation(
        file=row.file,
        source=row.source,
        source_sha256=row.source_sha256,
        copy=row.copy,
        is_source=row.sha256 == row.source_sha256,
        draw=row.draw,
        seed=card.identity.seed,
        recipe=str(card.recipe.get("name", "")),
        applied=row.applied,
        in_words=tuple(in_words(name, parameters) for name, parameters in row.applied),
        carried=row.carried,
        conversions=source.conversions if source else (),
        split=source.split if source else None,
        category=source.category if source else None,
        siblings=tuple(
            sibling.file
            for sibling in sorted(record.files, key=lambda sibling: sibling.copy)
            if sibling.file != row.file
        ),
    )


def regenerate(target: str | Path, file: str | Path, *, source: str | Path | None = None) -> Regeneration:
    """Make one file of an output again from its source, and compare. Nothing is written.

    Args:
        target: The output folder.
        file: The file, by its path in the output or on this machine.
        source: The source folder; where the card says when it is not given. An original that was
            copied into the output serves, too.

    Raises:
        MissingFileError: The manifest does not name the file, or its source is not to be found.
        SampleError: The source has changed since.
    """
    storage, card = open_output(target)
    record, row = find_file(storage, file)
    data = _source_bytes(storage, card, record, row, source)
    fill = card.border["fill"]
    border = Border(**{**card.border, "fill": tuple(fill) if isinstance(fill, list) else fill})
    recipe = RecipeInForce(recipe=parse_recipe(json.dumps(card.recipe), origin="the card"), border=border)
    made, pixels = _make_again(data, row, card, recipe)
    facts = storage.facts(row.file)
    return Regeneration(
        file=row.file,
        data=made,
        same_pixels=pixels == row.pixels,
        same_bytes=hashlib.sha256(made).hexdigest() == row.sha256,
        on_disk=None if facts is None else storage.read(row.file) == made,
        differences=tuple(build_facts().differences(card.builds[row.build])) if row.build in card.builds else (),
    )


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
    raise MissingFileError(
        f"The manifest of {storage.root} does not name {file}.",
        hint="Give a path as in the output folder, such as cats/tom_aug1.jpg.",
    )


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


def _source_bytes(
    storage: LocalStorage, card: Card, record: SourceRecord, row: FileRow, source: str | Path | None
) -> bytes:
    kept = next(
        (storage.path(other.file) for other in record.files if other.copy == 0 and other.sha256 == row.source_sha256),
        None,
    )
    path = record.source.path if record.source and record.source.path else row.source
    folders = [Path(source)] if source is not None else [Path(card.source)]
    candidates = [str(folder / path) for folder in folders] + ([kept] if kept and source is None else [])
    changed = None
    for candidate in candidates:
        try:
            data = Path(candidate).read_bytes()
        except OSError:
            continue
        if hashlib.sha256(data).hexdigest() == row.source_sha256:
            return data
        changed = candidate
    if changed is not None:
        raise SampleError(
            f"{changed} has changed since {row.file} was made from it.",
            hint="Give the folder that holds the former one with --source.",
            code="source.changed",
        )
    raise MissingFileError(
        f"The source of {row.file}, {path}, is not in {folders[0]}.",
        hint="Give the folder that holds it with --source.",
    )


def _make_again(data: bytes, row: FileRow, card: Card, recipe: RecipeInForce) -> tuple[bytes, str]:
    damaged: Literal["skip", "keep"] = "keep" if card.identity.damaged == "keep" else "skip"
    image = decode_image(data, DecodeLimits(max_pixels=2**30, max_side_px=2**20), damaged=damaged)
    sample = prepare(Sample(source=row.source, image=image), recipe)
    if row.copy == 0 and not recipe.prepares:
        return data, pixel_hash(sample.image)
    made = sample.image
    if row.copy:
        generators = variation_generators(seed=card.identity.seed, source_id=row.source, copy=row.copy, draw=row.draw)
        made = vary(sample, recipe, generators).image
    output = recipe.recipe.output
    file_format = None if output.format == "keep" else output.format
    return encode_image(made, file_format=file_format, jpeg_quality=output.jpeg_quality), pixel_hash(made)


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
