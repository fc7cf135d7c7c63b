"""Decide all that a run would decide, and write nothing."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nfold.card import Card, refuse_foreign, refuse_other_identity
from nfold.plan.balance import BalancedClass
from nfold.plan.counts import LabelTally, class_tally
from nfold.plan.making import Plan, make_plan, refuse_nesting, refuse_strangers
from nfold.plan.splitting import SplitBook
from nfold.plan.survey import Surveyed
from nfold.plan.table import SourceTable
from nfold.recipe import load_recipe
from nfold.request import make_request, read_shares
from nfold.storage import LocalStorage


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedClass:
    """Images of one class in one split, before and after."""

    split: str | None
    category: str | None
    before: int
    after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSummary:
    """What a run would do.

    Attributes:
        format: As which format the source is read, and why.
        recipe: Name of the recipe.
        sources: Images found.
        files: Images that the output would have.
        classes: By split and class.
        objects: Images and labelled objects by split and class of objects; empty without any.
        balanced: What is planned for each class of objects, by --per-class or --balance.
        losses: Kinds of labels that the format of the output cannot hold, with how many there are.
        notes: What one might think that is done to labels, and is not, in sentences.
        bytes_estimate: Roughly what the output would weigh, from the size of the sources.
        already_there: Images that a former run has written to the target.
        passed_over: Entries of the source folder that are no sources, by reason.
        passed_over_examples: One of them for each reason.
    """

    format: str
    recipe: str
    sources: int
    files: int
    classes: tuple[PlannedClass, ...]
    objects: tuple[LabelTally, ...]
    balanced: tuple[BalancedClass, ...]
    losses: dict[str, int]
    notes: tuple[str, ...]
    bytes_estimate: int
    already_there: int
    passed_over: dict[str, int]
    passed_over_examples: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        """As one JSON object."""
        return asdict(self)


def dry_run(source: str | Path, target: str | Path, **options: Any) -> PlanSummary:
    """Say what `expand` would do, and write nothing.

    With `--split` the images are not read, so files that are equal are not yet known to belong together.

    Raises:
        UsageError, InputError, OutputError: As `expand` would.
    """
    request = make_request(source=source, target=target, **options)
    refuse_nesting(request.source, request.target)
    refuse_foreign(request.target)
    storage = LocalStorage(request.target)
    card = Card.read(storage)
    with SourceTable() as table:
        made = make_plan(request, load_recipe(request.recipe), table, former=card)
        if card is not None and not request.rebuild:
            refuse_other_identity(card, made.identity())
            refuse_strangers(made, storage, card)
        if request.split:
            _split_by_name(made, request.split, None if request.rebuild else storage)
        made.settle(fold_case=False)
        return _summarise(made, card)


def _split_by_name(made: Plan, split: str, former: LocalStorage | None) -> None:
    book = SplitBook(made.table, former, records=False)
    book.enter(
        Surveyed(source=source.id, size=source.size, mtime_ns=source.mtime_ns, sha256=None, pixels=None)
        for source in list(book.unknown())
    )
    book.assign(read_shares(split), made.request.group)


def _summarise(made: Plan, card: Card | None) -> PlanSummary:
    kept = made.request.originals != "none"
    counts = made.tally()
    sources = sum(count.sources for count in counts)
    copies = sum(count.copies for count in counts)
    return PlanSummary(
        format=f"{made.recognition.format} ({made.recognition.reason})",
        recipe=made.recipe.name,
        sources=sources,
        files=copies + (sources if kept else 0),
        classes=tuple(
            PlannedClass(
                split=count.split,
                category=count.category,
                before=count.sources,
                after=count.copies + (count.sources if kept else 0),
            )
            for count in counts
        ),
        objects=tuple(class_tally(made.table, counts_originals=kept)),
        balanced=tuple(made.balanced),
        losses={str(kind): count for kind, count in made.losses.items()},
        notes=made.notes,
        bytes_estimate=round(made.scan.bytes * (kept + copies / sources)) if sources else 0,
        already_there=int(card.result.get("images_after", 0)) if card else 0,
        passed_over=dict(made.scan.passed_over),
        passed_over_examples=dict(made.scan.examples),
    )
