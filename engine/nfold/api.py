"""The Python face of the main job; its arguments are the fields of ExpansionRequest, which a test holds equal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from nfold.card import Card, refuse_foreign
from nfold.events import Observer, ignore
from nfold.expansion import run_expansion
from nfold.plan.making import Plan, make_plan, refuse_nesting
from nfold.plan.splitting import SplitBook
from nfold.plan.survey import Surveyed
from nfold.plan.table import SourceTable
from nfold.recipe import load_recipe
from nfold.report import ExpansionReport
from nfold.request import DEFAULT_NAME, DEFAULT_RECIPE, ExpansionRequest, make_request, read_shares
from nfold.storage import LocalStorage


def expand(
    source: str | Path,
    target: str | Path,
    *,
    copies: int | None = None,
    total: int | None = None,
    per_class: int | None = None,
    balance: bool = False,
    class_copies: Mapping[str, int] | str | None = None,
    recipe: str | Path | Mapping[str, Any] = DEFAULT_RECIPE,
    seed: int = 0,
    format: str | None = None,
    split: str | None = None,
    group: str | None = None,
    splits: Sequence[str] = ("train",),
    originals: Literal["copy", "link", "none"] = "copy",
    name: str = DEFAULT_NAME,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    max_pixels: int = 50_000_000,
    damaged: Literal["skip", "keep"] = "skip",
    rebuild: bool = False,
    allow_mixed: bool = False,
    keep_removed: bool = False,
    workers: int | None = None,
    observe: Observer = ignore,
) -> ExpansionReport:
    """Write augmented copies of every training image to disk, or bring an expanded folder up to date.

    The same call goes on where a run was cut short, and writes nothing when all is there. Every
    option is described by the field of the same name in ExpansionRequest.

    Args:
        source: Folder of images; never modified.
        target: Folder to write.
        observe: Told about stages and progress, see nfold.events; everything else is an option of the command.

    Raises:
        UsageError: The options make no sense, or not for this data set.
        InputError: The source folder cannot be used.
        OutputError: The target folder cannot be used.
        DiskError: The disk refused; the same call goes on where it stopped.
    """
    options = {field: value for field, value in locals().items() if field != "observe"}
    return run_expansion(make_request(**options), observe=observe)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSummary:
    """What a run would do.

    Attributes:
        format: As which format the source is read, and why.
        recipe: Name of the recipe.
        sources: Images found.
        files: Images that the output would have.
        classes: (split, class, images before, images after).
        bytes_estimate: Roughly what the output would weigh, from the size of the sources.
        already_there: Images that a former run has written to the target.
        passed_over: Entries of the source folder that are no sources, by reason.
    """

    format: str
    recipe: str
    sources: int
    files: int
    classes: tuple[tuple[str | None, str | None, int, int], ...]
    bytes_estimate: int
    already_there: int
    passed_over: dict[str, int]

    def to_json(self) -> dict[str, Any]:
        """As one JSON object."""
        return asdict(self)


def plan(request: ExpansionRequest) -> PlanSummary:
    """Decide all that a run would decide, and write nothing.

    With `--split` the images are not read, so files that are equal are not yet known to belong together.

    Raises:
        UsageError, InputError, OutputError: As `expand` would.
    """
    refuse_nesting(request.source, request.target)
    refuse_foreign(request.target)
    card = Card.read(LocalStorage(request.target))
    with SourceTable() as table:
        made = make_plan(request, load_recipe(request.recipe), table)
        if request.split:
            _split_by_name(made, request.split)
        made.settle(fold_case=False)
        return _summarise(made, card)


def _split_by_name(made: Plan, split: str) -> None:
    book = SplitBook(made.table, None)
    book.enter(
        Surveyed(source=source.id, size=source.size, mtime_ns=source.mtime_ns, sha256=None, pixels=None)
        for source in list(made.table.all())
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
            (count.split, count.category, count.sources, count.copies + (count.sources if kept else 0))
            for count in counts
        ),
        bytes_estimate=round(made.scan.bytes * (kept + copies / sources)) if sources else 0,
        already_there=int(card.result.get("images_after", 0)) if card else 0,
        passed_over=dict(made.scan.passed_over),
    )
