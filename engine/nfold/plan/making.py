"""Make a plan: scan, recognise, split, allot copies, name, cut into shards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from nfold.card import Card, Identity
from nfold.errors import InputError, OutputMismatchError, UsageError
from nfold.formats import FORMATS, FoundFile, PassedOver, Recognition, Scan, Source, recognise, scan_folder, summarise
from nfold.images import EXTENSION_OF
from nfold.manifest import all_records
from nfold.plan.collisions import refuse_collisions
from nfold.plan.counts import ClassTally, allot_copies, tally
from nfold.plan.naming import NameTemplate, split_name
from nfold.plan.sharding import KeyRange, cut_ranges
from nfold.plan.table import SourceTable, from_blob, to_blob
from nfold.recipe import Border, Recipe, recipe_digest, resolve_border
from nfold.request import ExpansionRequest
from nfold.storage import LocalStorage, normal_id


@dataclass(slots=True, kw_only=True)
class Plan:
    """All that a run will do, decided before it does any of it.

    Attributes:
        request: What was asked.
        recipe: The recipe in full.
        scan: What the source folder holds.
        recognition: As which format it is read.
        table: The sources, with split, copies and names.
        template: Names of copies.
        extension: Of the output format, None when copies keep their source's.
    """

    request: ExpansionRequest
    recipe: Recipe
    scan: Scan
    recognition: Recognition
    table: SourceTable
    template: NameTemplate
    extension: str | None

    @property
    def has_splits(self) -> bool:
        """Whether the output has splits."""
        return self.recognition.has_splits or self.request.split is not None

    @property
    def annotated(self) -> bool:
        """Whether images carry more than a class."""
        return FORMATS[self.recognition.format].has_annotations

    @property
    def border(self) -> Border:
        """What lies beyond the edge: settled once for the whole data set."""
        return resolve_border(self.recipe, annotated=self.annotated)

    def identity(self) -> Identity:
        """What an output of this plan cannot change without being made anew."""
        return Identity(
            recipe_digest=recipe_digest(self.recipe, self.border),
            seed=self.request.seed,
            name=self.request.name,
            originals=self.request.originals,
            damaged=self.request.damaged,
            split=self.request.split,
            group=self.request.group,
        )

    def settle(self, *, fold_case: bool) -> list[KeyRange]:
        """Allot copies, prove that no two files share a name, and cut the ranges of the shards.

        Raises:
            UsageError: The counts cannot be met, or two files would get one name.
        """
        allot_copies(self.table, self.request, has_splits=self.has_splits)
        originals = self.request.originals != "none"
        if self.recipe.prepare and self.extension and originals:
            self._rename_prepared(self.extension)
        refuse_collisions(self.table, self.template, extension=self.extension, fold_case=fold_case, originals=originals)
        return cut_ranges(self.table)

    def tally(self) -> list[ClassTally]:
        """Sources and copies by split and class."""
        return tally(self.table)

    def _rename_prepared(self, extension: str) -> None:
        connection = self.table.connection
        connection.create_function("with_extension", 1, lambda target: to_blob(_renamed(from_blob(target), extension)))
        connection.execute("update sources set target = with_extension(target)")


def _renamed(path: str, extension: str) -> str:
    folder, stem, _ = split_name(path)
    return f"{folder}/{stem}{extension}" if folder else stem + extension


def make_plan(request: ExpansionRequest, recipe: Recipe, table: SourceTable) -> Plan:
    """Scan the source folder and fill the table; counts and names follow in `Plan.settle`.

    Raises:
        InputError: The folder cannot be used, or holds no image.
        UsageError: The data set has splits already and is to be split, or an option names what is not there.
    """
    root = request.source
    try:
        is_there = root.exists()
    except PermissionError as error:
        raise InputError(
            f"Cannot look into {root}: permission denied.",
            hint="Give yourself the right to read it.",
            code="input.permission",
        ) from error
    if not is_there:
        raise InputError(f"There is no folder {root}.", hint="Check the path.", code="input.missing")
    if (root / "nfold.json").exists():
        raise InputError(
            f"{root} is itself a data set that nfold expanded: copies of copies would be made.",
            hint="Give the folder of the originals.",
            code="input.already_expanded",
        )
    scan = summarise(_scan(request))
    if not scan.images:
        found = ", ".join(f"{count} {reason}" for reason, count in scan.passed_over.most_common()) or "nothing at all"
        raise InputError(
            f"There are no images in {root} (found: {found}).",
            hint="JPEG, PNG, WebP, BMP and TIFF are read.",
            code="input.no_images",
        )
    recognition = recognise(root, scan, forced=request.format)
    _refuse_split_twice(request, recognition)
    _refuse_masks(request, scan)
    table.add(_sources(_scan(request), recognition))
    output = recipe.output.format
    extension = None if output == "keep" else EXTENSION_OF[output]
    return Plan(
        request=request,
        recipe=recipe,
        scan=scan,
        recognition=recognition,
        table=table,
        template=NameTemplate.parse(request.name),
        extension=extension,
    )


def _scan(request: ExpansionRequest) -> Iterator[FoundFile | PassedOver]:
    return scan_folder(request.source, include=request.include, exclude=request.exclude)


def _sources(entries: Iterable[FoundFile | PassedOver], recognition: Recognition) -> Iterator[Source]:
    dataset_format = FORMATS[recognition.format]
    for entry in entries:
        if isinstance(entry, FoundFile):
            identity = normal_id(entry.path)
            yield Source(
                id=identity, file=entry, label=dataset_format.label(identity, has_splits=recognition.has_splits)
            )


def _refuse_split_twice(request: ExpansionRequest, recognition: Recognition) -> None:
    if request.split and recognition.has_splits:
        raise UsageError(
            f"--split {request.split}: {request.source} is split already ({recognition.reason}).",
            hint="Leave --split out: only the training split is expanded.",
        )


_OF_IMAGES = frozenset({"images", "image", "img", "imgs", "jpegimages", "inputs", "photos"})
_OF_MASKS = frozenset(
    {"labels", "label", "masks", "mask", "annotations", "gt", "ground_truth", "segmentation", "segmentationclass"}
)


def _refuse_masks(request: ExpansionRequest, scan: Scan) -> None:
    """Masks that lie as pictures beside their images would be taken for a class, and be turned another way."""
    folders = {name.casefold() for name in scan.folders}
    if request.format is None and folders & _OF_IMAGES and folders & _OF_MASKS:
        names = sorted(name for name in scan.folders if name.casefold() in _OF_IMAGES | _OF_MASKS)
        raise InputError(
            f"{request.source} looks like images with masks beside them (folders {', '.join(names)}); masks do not "
            "follow their images yet, and would be turned another way.",
            hint="Give the folder of the images alone, or say --format class-folders if these are classes.",
            code="input.masks",
        )


def refuse_nesting(source: Path, target: Path) -> None:
    """Refuse to write into what is read, or to read what is written.

    Raises:
        UsageError: One folder holds the other, or both are the same.
    """
    inner, outer = target.resolve(), source.resolve()
    if inner == outer or outer in inner.parents:
        raise UsageError(
            f"The output {target} lies inside the input {source}.",
            hint="Choose a folder beside it; the input is never modified.",
            code="output.inside_input",
        )
    if inner in outer.parents:
        raise UsageError(
            f"The input {source} lies inside the output {target}.",
            hint="Choose another folder for the output.",
            code="input.inside_output",
        )


def refuse_strangers(plan: Plan, storage: LocalStorage, former: Card) -> None:
    """A mistyped source would have every file of the former run removed; one common source tells that it is meant.

    Raises:
        OutputMismatchError: Not one source of the former run is in the plan.
    """
    sources = 0
    for source, _ in all_records(storage):
        if plan.table.path_of(source) is not None:
            return
        sources += 1
    if sources:
        raise OutputMismatchError(
            f"None of the {sources} sources that this folder was made from (in {former.source}) is in "
            f"{plan.request.source}; to go on would remove all their files.",
            hint="Check the source folder, choose another target, or start again in this one with --rebuild.",
            code="output.other_sources",
        )
