"""Make a plan: scan, recognise, split, allot copies, name, cut into shards."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nfold.annotations import DatasetInfo, LabelKind
from nfold.annotations.codec import encode_categories
from nfold.annotations.mirroring import check_swap
from nfold.card import CARD, Card, Identity
from nfold.errors import OutputMismatchError, UsageError
from nfold.formats import LabelWriter, NumbersCopies, Recognition, Scan, format_named
from nfold.images import EXTENSION_OF
from nfold.manifest import all_records
from nfold.plan.balance import BalancedClass
from nfold.plan.collisions import refuse_collisions
from nfold.plan.counts import ClassTally, allot_copies, tally
from nfold.plan.layout import lay_out, refuse_scattered_names
from nfold.plan.losses import find_losses, refuse_losses, refuse_nothing_left, written_kinds
from nfold.plan.naming import NameTemplate, split_name
from nfold.plan.notes import notes_on_labels
from nfold.plan.reading import read_data_set
from nfold.plan.sharding import KeyRange, cut_ranges
from nfold.plan.table import SourceTable, from_blob, to_blob
from nfold.recipe import (
    Border,
    Recipe,
    needs_boxes,
    recipe_digest,
    refuse_mirrored_border,
    refuse_unfit,
    resolve_border,
)
from nfold.request import ExpansionRequest
from nfold.storage import LocalStorage


@dataclass(slots=True, kw_only=True)
class Plan:
    """All that a run will do, decided before it does any of it.

    Attributes:
        request: What was asked.
        recipe: The recipe in full.
        scan: What the source folder holds.
        recognition: As which format it is read.
        info: What holds for all of its pictures.
        losses: What the format of the output cannot hold, with how many there are.
        table: The sources, with split, copies and names.
        template: Names of copies.
        extension: Of the output format, None when copies keep their source's.
        balanced: What was planned for each class of objects, by --per-class or --balance.
    """

    request: ExpansionRequest
    recipe: Recipe
    scan: Scan
    recognition: Recognition
    info: DatasetInfo
    losses: Mapping[LabelKind, int]
    table: SourceTable
    template: NameTemplate
    extension: str | None
    balanced: list[BalancedClass] = field(default_factory=list)

    @property
    def has_splits(self) -> bool:
        """Whether the output has splits."""
        return self.recognition.has_splits or self.request.split is not None

    @property
    def annotated(self) -> bool:
        """Whether images carry more than a class."""
        return bool(set(self.info.kinds) - {"class"})

    @property
    def is_converted(self) -> bool:
        """Whether the output has another format than the input."""
        return self.request.to not in (None, self.recognition.format)

    @property
    def keeps_layout(self) -> bool:
        """Whether the output has the format and the tree of the input."""
        return self.request.split is None and not self.is_converted

    @property
    def written(self) -> frozenset[LabelKind] | None:
        """Kinds of labels that are written into another format; None where the format stays."""
        return written_kinds(format_named(self.request.to)) if self.request.to and self.is_converted else None

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know about the labels before any work."""
        return notes_on_labels(self.info, self.recipe, target=self.request.to or self.recognition.format)

    @property
    def companions(self) -> tuple[str, ...]:
        """Files of the source that go into the output as they are."""
        goes_along = self.keeps_layout or (self.info.has_free_companions and not self.is_converted)
        return self.info.companions if goes_along else ()

    @property
    def border(self) -> Border:
        """What lies beyond the edge: settled once for the whole data set."""
        return resolve_border(self.recipe, annotated=self.annotated, mask_fill=self.info.mask_fill)

    @property
    def labels_context(self) -> str:
        """Digest of what label files depend on besides their own picture: classes, in their order, and conventions."""
        text = encode_categories(self.info.categories) + json.dumps(self.info.conventions, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def writer(self) -> LabelWriter:
        """What writes labels in the format of the output; known once the sources are split."""
        rows = self.table.connection.execute("select distinct split from sources order by 1").fetchall()
        return format_named(self.request.to or self.recognition.format).writer(
            self.info, keeps_layout=self.keeps_layout, splits=tuple(split for (split,) in rows)
        )

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
            group_similar=self.request.group_similar,
            to=None if self.request.to == self.recognition.format else self.request.to,
        )

    def settle(self, *, fold_case: bool) -> list[KeyRange]:
        """Allot copies, prove that no two files share a name, and cut the ranges of the shards.

        Raises:
            UsageError: The counts cannot be met, or two files would get one name.
        """
        self.balanced = allot_copies(self.table, self.request, has_splits=self.has_splits)
        writer = self.writer()
        if isinstance(writer, NumbersCopies):
            writer.refuse_copies(self.table.connection.execute("select max(copies) from sources").fetchone()[0])
        if not self.keeps_layout:
            lay_out(self.table, writer)
        refuse_scattered_names(self.table, self.template)
        originals = self.request.originals != "none"
        if self.recipe.prepare and self.extension and originals:
            self._rename_prepared(self.extension)
        refuse_collisions(
            self.table,
            self.template,
            extension=self.extension,
            fold_case=fold_case,
            originals=originals,
            shared=(CARD, *writer.assembled(), *self.companions),
        )
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


def make_plan(
    request: ExpansionRequest,
    recipe: Recipe,
    table: SourceTable,
    *,
    former: Card | None = None,
    accepts_expanded: bool = False,
) -> Plan:
    """Read the source folder into the table; counts and names follow in `Plan.settle`.

    Args:
        request: What is asked.
        recipe: In full.
        table: Empty.
        former: Card of the output, where an earlier run left one: what it decided about labels holds.
        accepts_expanded: Whether the source may itself be an output of nfold.

    Raises:
        InputError: The folder cannot be used, holds no image, or its labels cannot be read.
        UsageError: The data set has splits already and is to be split, an option names what is not there, the recipe
            cannot keep such labels in step, or the format that is asked for cannot hold them.
    """
    recorded = former.conventions if former is not None and not request.rebuild else {}
    found = read_data_set(request, table, recorded, accepts_expanded=accepts_expanded)
    _refuse_split_twice(request, found.recognition)
    target = format_named(request.to or found.recognition.format)
    losses = find_losses(found.info.kinds, target) if target.name != found.recognition.format else {}
    if target.name != found.recognition.format:
        refuse_nothing_left(found.info.kinds, target)
    if request.on_loss == "refuse":
        refuse_losses(losses, target)
    output = recipe.output.format
    plan = Plan(
        request=request,
        recipe=recipe,
        scan=found.scan,
        recognition=found.recognition,
        info=found.info,
        losses=losses,
        table=table,
        template=NameTemplate.parse(request.name),
        extension=None if output == "keep" else EXTENSION_OF[output],
    )
    _refuse_unfit_recipe(plan)
    return plan


def _refuse_unfit_recipe(plan: Plan) -> None:
    """Before any work: what the recipe would do to labels of these kinds was measured."""
    if plan.annotated:
        refuse_mirrored_border(plan.recipe)
        refuse_unfit(plan.recipe, plan.info.kinds)
        check_swap(plan.recipe.labels.swap, plan.info.categories)
    boxed = needs_boxes(plan.recipe)
    if boxed and not set(plan.info.kinds) - {"class", "semantic"}:
        raise UsageError(
            f"{boxed[0]} chooses its crop by the boxes of a picture, and this data set has none.",
            hint="Use RandomCrop or RandomResizedCrop instead.",
            code="recipe.needs_boxes",
        )


def _refuse_split_twice(request: ExpansionRequest, recognition: Recognition) -> None:
    if request.split and recognition.has_splits:
        raise UsageError(
            f"--split {request.split}: {request.source} is split already ({recognition.reason}).",
            hint="Leave --split out: only the training split is expanded.",
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
        who = "The only source" if sources == 1 else f"None of the {sources:,} sources"
        is_in = "is not in" if sources == 1 else "is in"
        raise OutputMismatchError(
            f"{who} that this folder was made from (in {former.source}) {is_in} "
            f"{plan.request.source}; to go on would remove all their files.",
            hint="Check the source folder, choose another target, or start again in this one with --rebuild.",
            code="output.other_sources",
        )
