"""The main job: from a request to an expanded data set on disk, stage by stage."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from nfold import faults
from nfold.annotations.codec import encode_categories
from nfold.assembly import RECORD, Assembler, refuse_foreign_label_files
from nfold.build import BuildSettings
from nfold.card import CARD, Card, Identity, build_name, refuse_foreign, refuse_other_identity, refuse_other_versions
from nfold.errors import InputError
from nfold.events import Observer, Planned, Progressed, Removing, StageBegan, ignore
from nfold.executors import Progress, Staff
from nfold.images import DecodeLimits
from nfold.leaks import LeakCount, count_leaks
from nfold.ledger import lists_by_bits
from nfold.locking import lock_output
from nfold.manifest import list_parts
from nfold.plan.families import Likeness
from nfold.plan.making import Plan, make_plan, refuse_nesting, refuse_strangers
from nfold.plan.sharding import KeyRange, make_shards
from nfold.plan.splitting import SPLIT_RECORD, SplitBook
from nfold.plan.survey import SurveyTask, chunks
from nfold.plan.table import SourceTable
from nfold.recipe import Border, load_recipe, recipe_document
from nfold.report import ExpansionReport, Totals
from nfold.reporting import expansion_report, summary_of
from nfold.request import ExpansionRequest, read_shares
from nfold.shard import ShardReport, ShardTask
from nfold.storage import PRIVATE, LocalStorage
from nfold.sweep import remove_build, sweep_surplus
from nfold.versions import BuildFacts, nfold_version
from nfold.workers import begin_workers

SKIPPED = f"{PRIVATE}/skipped.jsonl"


def run_expansion(
    request: ExpansionRequest,
    *,
    observe: Observer = ignore,
    workforce: Staff | None = None,
) -> ExpansionReport:
    """Expand a data set, or bring an expanded one up to date.

    Args:
        request: What is asked for.
        observe: Told about stages and progress.
        workforce: Workers that were begun already; begun here, and ended, when there are none.

    Raises:
        UsageError: The request makes no sense for this data set.
        InputError: The source folder cannot be used, or no image in it can.
        OutputError: The target folder cannot be used.
        DiskError: The disk refused; the same command goes on where it stopped.
    """
    began = time.monotonic()
    refuse_nesting(request.source, request.target)
    refuse_foreign(request.target)
    recipe = load_recipe(request.recipe)
    storage = LocalStorage(request.target)
    with contextlib.ExitStack() as stack:
        if workforce is None:
            workforce = stack.enter_context(
                begin_workers(target=request.target, copies=request.copies, workers=request.workers)
            )
        table = stack.enter_context(SourceTable())
        observe(StageBegan(stage="scan"))
        plan = make_plan(request, recipe, table, former=Card.read(storage))
        stack.enter_context(lock_output(request.target))
        faults.hit("run.locked")
        return Run.open(plan, storage, workforce, observe).carry_out(began)


def _as_json(request: ExpansionRequest) -> dict[str, Any]:
    # Not model_dump_json: a path may hold bytes that are no UTF-8.
    fields = request.model_dump(exclude={"target", "workers", "rebuild", "allow_mixed"})
    document: dict[str, Any] = json.loads(json.dumps(fields, default=str))
    return document


@dataclass(slots=True, kw_only=True)
class Run:
    """One run in an output that is locked for it."""

    plan: Plan
    storage: LocalStorage
    workforce: Staff
    observe: Observer
    card: Card
    border: Border
    totals: Totals = field(default_factory=Totals)
    likeness: Likeness = field(default_factory=Likeness)

    @classmethod
    def open(cls, plan: Plan, storage: LocalStorage, workforce: Staff, observe: Observer) -> Run:
        """Check the card, clear away what a killed run left, and say on the card that a run has begun.

        Raises:
            OutputMismatchError: The output was made with another recipe, seed or version.
        """
        border = plan.border
        identity = plan.identity()
        former = Card.read(storage)
        if former is not None and former.state == "running" and not list_parts(storage):
            # A run that committed nothing binds nobody; what it may have written is swept as intended.
            former = None
        facts: BuildFacts = workforce.hello("nfold.versions:build_facts")
        rebuilds = former is not None and (plan.request.rebuild or former.state == "rebuilding")
        if former is not None and not plan.request.rebuild:
            refuse_other_identity(former, identity)
            refuse_other_versions(former, identity, facts, allow_mixed=plan.request.allow_mixed)
        if former is not None and not rebuilds:
            refuse_strangers(plan, storage, former)
        card = _new_card(plan, border, identity, facts, former if not rebuilds else None)
        if former is not None:
            card.generation = former.generation + 1
            card.result = former.result
        run = cls(
            plan=plan,
            storage=storage,
            workforce=workforce,
            observe=observe,
            card=card,
            border=border,
        )
        storage.sweep_temporaries()
        if former is None:
            storage.remove(SPLIT_RECORD)
        if rebuilds:
            run._clear_former_build()
        return run

    def carry_out(self, began: float) -> ExpansionReport:
        """Split, settle, expand, sweep, finish."""
        if self.plan.request.split:
            self._split(self.plan.request.split)
        ranges = self.plan.settle(fold_case=self.storage.ignores_case())
        assembler = self._assembler()
        refuse_foreign_label_files(self.storage, assembler.names)
        counts = self.plan.tally()
        sources = sum(count.sources for count in counts)
        files = sum(count.copies for count in counts) + (sources if self.plan.request.originals != "none" else 0)
        self.observe(
            Planned(
                format=self.plan.recognition.format, reason=self.plan.recognition.reason, sources=sources, files=files
            )
        )
        self.card.state = "running"
        self.card.write(self.storage)
        faults.hit("run.card_written")
        self._expand(ranges, files)
        self.observe(StageBegan(stage="finish"))
        if sum(self.totals.skipped_by_code.values()) == sources:
            self._refuse_useless(sources)
        self._remove_stale_parts(ranges)
        assembled = assembler.carry_out()
        self.totals.set_aside.extend(assembler.set_aside)
        swept = sweep_surplus(
            self.storage, lambda count, names: self.observe(Removing(count=count, names=tuple(names)))
        )
        had_splits = self.plan.request.split is None
        leaks = count_leaks(self.storage, had_splits=had_splits) if self.plan.has_splits else LeakCount()
        report = expansion_report(
            self.plan,
            self.totals,
            swept=swept,
            assembled=assembled,
            leaks=leaks,
            likeness=self.likeness,
            seconds=time.monotonic() - began,
        )
        faults.hit("run.before_finish")
        self.card.state = "complete"
        self.card.result = summary_of(report)
        self.card.write(self.storage)
        faults.hit("run.finished")
        return report

    def _assembler(self) -> Assembler:
        return Assembler(
            storage=self.storage,
            table=self.plan.table,
            writer=self.plan.writer(),
            source_root=self.plan.request.source,
            companions=self.plan.info.companions if self.plan.keeps_layout else (),
        )

    def _clear_former_build(self) -> None:
        self.card.state = "rebuilding"
        self.card.write(self.storage)
        count = int(self.card.result.get("images_after", 0))
        self.observe(Removing(count=count, names=()))
        self.totals.set_aside.extend(remove_build(self.storage))
        self.storage.remove(SPLIT_RECORD)

    def _split(self, split: str) -> None:
        self.observe(StageBegan(stage="survey"))
        book = SplitBook(self.plan.table, self.storage)
        similar = self.plan.request.group_similar
        task = SurveyTask(
            source_root=str(self.plan.request.source),
            limits=_decode_limits(self.plan.request),
            looks=similar is not None,
        )
        done = 0
        for rows in self.workforce.run(task, chunks(book.unknown(looks=similar is not None))):
            book.enter(rows)
            done += len(rows)
            self.observe(Progressed(done=done, total=self.plan.scan.images))
        self.likeness = book.assign(read_shares(split), self.plan.request.group, similar)

    def _expand(self, ranges: list[KeyRange], files: int) -> None:
        self.observe(StageBegan(stage="expand"))
        shards = make_shards(self.plan.table, ranges, list_parts(self.storage), lists_by_bits(self.storage))
        done = shown = 0

        def show(progress: Progress) -> None:
            # Steps are told for each source and each copy in the making; committed files are exact, but come in lumps.
            nonlocal shown
            shown = max(shown, done, min(progress.steps, files))
            self.observe(Progressed(done=shown, total=files))

        running = self.workforce.run(self._task(), shards, on_step=show)
        with self.storage.lines(SKIPPED) as write, contextlib.closing(running) as reports:
            for report in _typed(reports):
                self.totals.add(report)
                for row in report.skipped:
                    write(json.dumps(row.to_json()))
                done += report.files
                shown = max(shown, done)
                self.observe(Progressed(done=shown, total=files))

    def _task(self) -> ShardTask:
        request = self.plan.request
        settings = BuildSettings(
            source_root=str(request.source),
            seed=request.seed,
            template=self.plan.template,
            extension=self.plan.extension,
            originals=request.originals,
            limits=_decode_limits(request),
            damaged=request.damaged,
            build=self.card.build,
            accepted=frozenset(self.card.builds),
            keep_removed=request.keep_removed,
            writer=self.plan.writer(),
            keeps_layout=self.plan.keeps_layout,
            is_converted=self.plan.is_converted,
            labels_context=self.plan.labels_context,
        )
        return ShardTask(
            target_root=str(request.target),
            recipe=json.dumps(recipe_document(self.plan.recipe)),
            border=self.border,
            categories=encode_categories(self.plan.info.categories),
            documents=tuple(document.path for document in self.plan.info.documents),
            settings=settings,
            generation=self.card.generation,
        )

    def _remove_stale_parts(self, ranges: list[KeyRange]) -> None:
        current = {wanted.bits for wanted in ranges}
        for bits, name in list_parts(self.storage).items():
            if bits not in current:
                self.storage.remove(name)

    def _refuse_useless(self, sources: int) -> None:
        if self.card.generation == 1:
            sweep_surplus(self.storage, lambda count, names: None)
            for name in (*list_parts(self.storage).values(), SKIPPED, SPLIT_RECORD, RECORD, CARD):
                self.storage.remove(name)
                self.storage.remove_empty_folders_above(name)
        first = self.totals.skipped[0]
        reasons = ", ".join(f"{count} {code}" for code, count in self.totals.skipped_by_code.most_common())
        who = "The only image cannot" if sources == 1 else f"None of the {sources:,} images can"
        raise InputError(
            f"{who} be used ({reasons}). The first is {first.source}: {first.message}",
            hint=first.hint,
            code="input.nothing_usable",
        )


def _typed(reports: Iterator[Any]) -> Iterator[ShardReport]:
    yield from reports


def _decode_limits(request: ExpansionRequest) -> DecodeLimits:
    return DecodeLimits(max_pixels=request.max_pixels)


def _new_card(plan: Plan, border: Border, identity: Identity, facts: BuildFacts, former: Card | None) -> Card:
    build = build_name(identity, facts)
    builds = {**(former.builds if former else {}), build: facts}
    return Card(
        state="running",
        generation=1,
        nfold=nfold_version(),
        identity=identity,
        builds=builds,
        build=build,
        request=_as_json(plan.request),
        recipe=recipe_document(plan.recipe),
        border=asdict(border),
        format=plan.recognition.format,
        source=str(plan.request.source.resolve()),
        conventions=dict(plan.info.conventions),
        categories=json.loads(encode_categories(plan.info.categories)),
    )
