"""A contact sheet: some originals with their copies, before any run."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from nfold.annotations import Category
from nfold.distinct import draw_copy
from nfold.drawing import SheetPicture, SheetRow, draw_sheet
from nfold.errors import InputError, SampleError, UsageError
from nfold.formats import FoundFile, Label, Source
from nfold.images import DecodeLimits, decode_image
from nfold.labelling import make_sample
from nfold.loading import load_image, load_labels
from nfold.plan.making import make_plan
from nfold.plan.table import PlannedSource, SourceTable
from nfold.recipe import Recipe, load_recipe, resolve_border
from nfold.request import make_request
from nfold.storage import normal_id
from nfold.variation import RecipeInForce, blamed_on_image, pixel_hash, prepare

MOST_COPIES = 20
MOST_SOURCES = 50
LONE_PICTURE = "as a picture without labels; give the data set's folder to see its labels and its border"


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewReport:
    """What a preview shows.

    Attributes:
        png: The sheet.
        shown: Ids of the sources, from top to bottom.
        skipped: Sources that could not be shown, with the reason.
        note: In what `expand` may do otherwise with the data set: of a single picture, what is marked in it is not
            known, nor is its path in the data set, on which its copies depend. None when it does nothing otherwise.
    """

    png: bytes
    shown: tuple[str, ...]
    skipped: dict[str, str]
    note: str | None = None


def preview(
    source: str | Path,
    *,
    copies: int = 5,
    recipe: str | Path | dict[str, Any] | Recipe = "flip-rotate",
    seed: int = 0,
    sources: int = 4,
    format: str | None = None,
    voc_origin: Literal[0, 1] | None = None,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
) -> PreviewReport:
    """Draw originals and the very copies that `expand` would write, side by side, with their annotations over them.

    Args:
        source: Folder of images; or one image, which is shown as it is in a folder without labels.
        copies: How many copies of each, 1 to 20.
        recipe: As for `expand`.
        seed: As for `expand`.
        sources: How many sources, chosen by the hash of their ids; of the training split, where there is one.
        format: As for `expand`.
        voc_origin: As for `expand`.
        include: Patterns of files to take.
        exclude: Patterns of files to leave out.

    Raises:
        InputError: There is no image that can be shown.
        UsageError: The recipe cannot keep labels of these kinds in step.
    """
    if not (1 <= copies <= MOST_COPIES and 1 <= sources <= MOST_SOURCES):
        raise UsageError(
            f"A sheet shows 1 to {MOST_COPIES} copies of 1 to {MOST_SOURCES} images, not {copies} of {sources}.",
            hint="Choose smaller numbers.",
        )
    checked, root = load_recipe(recipe), Path(source)
    with SourceTable() as table:
        if root.is_file():
            facts = root.stat()
            file = FoundFile(path=root.name, size=facts.st_size, mtime_ns=facts.st_mtime_ns)
            table.add(Source(id=normal_id(root.name), file=file, label=Label(split=None, category=None)))
            folder, border = root.parent, resolve_border(checked, annotated=False)
            categories: tuple[Category, ...] = ()
            documents: tuple[str, ...] = ()
        else:
            options = {"format": format, "voc_origin": voc_origin, "include": include, "exclude": exclude}
            request = make_request(source=root, target=root, copies=copies, seed=seed, **options)
            plan = make_plan(request, checked, table)
            folder, border, categories = root, plan.border, plan.info.categories
            documents = tuple(document.path for document in plan.info.documents)
        in_force = RecipeInForce(recipe=checked, border=border, categories=categories, documents=documents)
        rows, skipped = _draw_rows(table, folder, in_force, seed=seed, copies=copies, most=sources)
    if not rows:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in list(skipped.items())[:3])
        raise InputError(
            f"No image in {root} can be shown. {reasons}".strip(),
            hint="JPEG, PNG, WebP, BMP and TIFF are read.",
            code="input.nothing_usable",
        )
    png = draw_sheet(rows, categories)
    note = LONE_PICTURE if root.is_file() else None
    return PreviewReport(png=png, shown=tuple(row.source for row in rows), skipped=skipped, note=note)


def _draw_rows(
    table: SourceTable, folder: Path, recipe: RecipeInForce, *, seed: int, copies: int, most: int
) -> tuple[list[SheetRow], dict[str, str]]:
    rows: list[SheetRow] = []
    skipped: dict[str, str] = {}
    has_training = any(planned.split == "train" for planned in table.all())
    candidates = (planned for planned in table.all() if planned.split == "train" or not has_training)
    for planned in itertools.islice(candidates, most * 8):
        if len(rows) == most:
            break
        try:
            if planned.problem is not None:
                skipped[planned.id] = planned.problem.message
                continue
            rows.append(_draw_row(folder, planned, recipe, seed, copies))
        except SampleError as error:
            skipped[planned.id] = error.message
    return rows, skipped


def _draw_row(folder: Path, planned: PlannedSource, recipe: RecipeInForce, seed: int, copies: int) -> SheetRow:
    limits = DecodeLimits()
    loaded = load_image(str(folder), planned, limits)
    labels = load_labels(str(folder), planned, limits)
    image = decode_image(loaded.data, limits)
    sample = blamed_on_image(prepare, make_sample(planned.id, image, loaded, labels, limits), recipe)
    taken = {pixel_hash(sample.image)}
    annotations = sample.labels.annotations if sample.labels is not None else ()
    pictures = [SheetPicture(image=sample.image, annotations=annotations, mask=sample.mask)]
    for copy in range(1, copies + 1):
        drawn = blamed_on_image(draw_copy, sample, recipe, seed=seed, copy=copy, taken=taken)
        if drawn is not None:
            taken.add(drawn.pixels)
            made = drawn.variation
            pictures.append(SheetPicture(image=made.image, annotations=made.annotations, mask=made.mask))
    return SheetRow(source=planned.id, pictures=tuple(pictures))
