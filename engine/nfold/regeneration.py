"""The proof that a file of an output is what it says: make it again from its source, and compare."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from nfold.annotations.codec import decode_categories
from nfold.card import Card
from nfold.errors import MissingFileError, SampleError
from nfold.images import DecodeLimits, decode_image, encode_image
from nfold.labelling import LabelledPicture, copy_of, make_sample, original_of, write_companion
from nfold.loading import LoadedImage, LoadedLabels, load_labels
from nfold.manifest import FileRow, SourceRecord
from nfold.plain_files import read_plain
from nfold.plan.making import Plan, make_plan
from nfold.plan.table import PlannedSource, SourceTable
from nfold.provenance import find_file, picture_of
from nfold.randomness import variation_generators
from nfold.recipe import Border, Recipe, parse_recipe
from nfold.request import make_request
from nfold.storage import LocalStorage
from nfold.variation import RecipeInForce, pixel_hash, prepare, vary
from nfold.verification import open_output
from nfold.versions import build_facts

_LIMITS = DecodeLimits(max_pixels=2**30, max_side_px=2**20)
"""What was within the limits of the run is within these."""


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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Labelled:
    """The labels of the source, read again."""

    plan: Plan
    planned: PlannedSource
    labels: LoadedLabels


def regenerate(target: str | Path, file: str | Path, *, source: str | Path | None = None) -> Regeneration:
    """Make one file of an output again from its source, and compare. Nothing is written.

    Args:
        target: The output folder.
        file: The file, by its path in the output or on this machine: a picture, a mask or a label file about one.
        source: The source folder; where the card says when it is not given. An original that was
            copied into the output serves, too, where there are no annotations.

    Raises:
        MissingFileError: The manifest does not name the file, or its source is not to be found.
        SampleError: The source, or its labels, have changed since.
    """
    storage, card = open_output(target)
    record, row = find_file(storage, file)
    data = _source_bytes(storage, card, record, row, source)
    fill = card.border["fill"]
    border = Border(**{**card.border, "fill": tuple(fill) if isinstance(fill, list) else fill})
    checked = parse_recipe(json.dumps(card.recipe), origin="the card")
    categories = decode_categories(json.dumps(card.categories))
    recipe = RecipeInForce(recipe=checked, border=border, categories=categories)
    with SourceTable() as table:
        folder = Path(source) if source is not None else Path(card.source)
        labelled = None if row.labels_sha256 is None else _read_labels(card, record, row, checked, folder, table)
        made, pixels = _make_again(data, picture_of(record, row), row, card, recipe, labelled)
    facts = storage.facts(row.file)
    same_bytes = hashlib.sha256(made).hexdigest() == row.sha256
    return Regeneration(
        file=row.file,
        data=made,
        same_pixels=same_bytes if pixels is None else pixels == row.pixels,
        same_bytes=same_bytes,
        on_disk=None if facts is None else storage.read(row.file) == made,
        differences=tuple(build_facts().differences(card.builds[row.build])) if row.build in card.builds else (),
    )


def _read_labels(
    card: Card, record: SourceRecord, row: FileRow, recipe: Recipe, folder: Path, table: SourceTable
) -> _Labelled:
    options = {**card.request, "source": folder, "target": folder, "recipe": "flip-rotate"}
    plan = make_plan(make_request(**options), recipe, table, former=card)
    planned = table.get(row.source)
    if planned is None:
        raise MissingFileError(
            f"The labels in {folder} do not name {row.source}, the source of {row.file}.",
            hint="Give the folder that holds it with --source.",
        )
    if record.source is not None:
        planned = replace(planned, split=record.source.split, category=record.source.category)
    labels = load_labels(str(folder), planned, _LIMITS, plan.labels_context)
    if labels is None or labels.sha256 != row.labels_sha256:
        raise SampleError(
            f"The labels of {row.source} have changed since {row.file} was made.",
            hint="Give the folder that holds the former ones with --source.",
            code="source.changed",
        )
    return _Labelled(plan=plan, planned=planned, labels=labels)


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
            data, _ = read_plain(Path(candidate), _LIMITS.max_bytes)
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


def _make_again(
    data: bytes, picture: FileRow, row: FileRow, card: Card, recipe: RecipeInForce, labelled: _Labelled | None
) -> tuple[bytes, str | None]:
    """The bytes of a file, and the hash of its pixels if it is a picture."""
    damaged: Literal["skip", "keep"] = "keep" if card.identity.damaged == "keep" else "skip"
    image = decode_image(data, _LIMITS, damaged=damaged)
    loaded = LoadedImage(data=data, sha256=row.source_sha256, size=len(data), mtime_ns=0)
    sample = prepare(
        make_sample(row.source, image, loaded, labelled.labels if labelled is not None else None, _LIMITS), recipe
    )
    is_untouched = row.copy == 0 and not recipe.prepares
    written = labelled.plan.written if labelled is not None else None
    made, told = sample.image, original_of(sample, written=written)
    if row.copy:
        generators = variation_generators(
            seed=card.identity.seed, source_id=row.source, copy=row.copy, draw=picture.draw
        )
        variation = vary(sample, recipe, generators)
        made, told = variation.image, copy_of(sample, variation, written=written)
    if row.role is not None and labelled is not None and told is not None:
        return _companion(picture, row, labelled, told, is_untouched=is_untouched), None
    if is_untouched:
        return data, pixel_hash(sample.image)
    output = recipe.recipe.output
    file_format = None if output.format == "keep" else output.format
    return encode_image(made, file_format=file_format, jpeg_quality=output.jpeg_quality), pixel_hash(made)


def _companion(
    picture: FileRow, row: FileRow, labelled: _Labelled, told: LabelledPicture, *, is_untouched: bool
) -> bytes:
    assert row.role is not None
    return write_companion(
        row.role,
        labelled.planned,
        picture=picture.file,
        copy=row.copy,
        name=row.file,
        labelled=told,
        labels=labelled.labels,
        writer=labelled.plan.writer(),
        is_untouched=is_untouched and labelled.plan.keeps_layout,
    )
