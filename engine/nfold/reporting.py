"""The report of a run, put together from the plan and from what shards counted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nfold.assembly import AssemblyReport
from nfold.label_counts import LabelCounts, ObjectCount
from nfold.leaks import LeakCount
from nfold.manifest import DIGEST_MODULUS
from nfold.plan.counts import class_tally
from nfold.plan.families import Likeness
from nfold.plan.making import Plan
from nfold.report import ClassReport, ExpansionReport, LabelsReport, ObjectClassReport, Totals
from nfold.request import SPLIT_NAMES, read_shares
from nfold.sweep import SweepReport


def expansion_report(
    plan: Plan,
    totals: Totals,
    *,
    swept: SweepReport,
    assembled: AssemblyReport,
    leaks: LeakCount,
    likeness: Likeness,
    seconds: float,
) -> ExpansionReport:
    """What a run did, once it is done."""
    classes = tuple(_pictures_by_class(plan, totals))
    recognition = plan.recognition
    return ExpansionReport(
        target=str(plan.request.target),
        format=f"{recognition.format} ({recognition.reason})",
        recipe=plan.recipe.name,
        seed=plan.request.seed,
        images_before=sum(count.before for count in classes),
        images_after=sum(count.after for count in classes),
        originals=sum(count.originals for count in totals.classes.values()),
        copies=sum(count.copies for count in totals.classes.values()),
        classes=classes,
        labels=labels_report(plan, totals.labels) if plan.annotated else None,
        bytes_before=totals.input_bytes,
        bytes_after=totals.output_bytes + assembled.bytes,
        written=totals.written + assembled.written,
        removed=swept.removed + assembled.removed,
        kept=(*swept.kept, *assembled.kept),
        retained=totals.retained + assembled.retained,
        set_aside=tuple(totals.set_aside),
        skipped=tuple(totals.skipped),
        skipped_count=sum(totals.skipped_by_code.values()),
        skipped_by_code=dict(totals.skipped_by_code),
        short=dict(totals.short),
        short_count=totals.short_count,
        copies_missing=totals.copies_missing,
        conversions=dict(totals.conversions),
        passed_over=dict(plan.scan.passed_over),
        passed_over_examples=dict(plan.scan.examples),
        empty_splits=_empty_splits(plan),
        leaks=leaks.listed,
        leaks_count=leaks.count,
        tree_digest=f"{(totals.digest + assembled.digest) % DIGEST_MODULUS:064x}",
        seconds=seconds,
        similar=likeness.pairs,
        similar_count=likeness.count,
    )


def summary_of(report: ExpansionReport) -> dict[str, Any]:
    """What the card keeps of a report."""
    names = (
        "images_before",
        "images_after",
        "originals",
        "copies",
        "bytes_after",
        "skipped_by_code",
        "copies_missing",
        "leaks_count",
        "tree_digest",
    )
    return {name: getattr(report, name) for name in names}


def _pictures_by_class(plan: Plan, totals: Totals) -> Iterator[ClassReport]:
    for count in plan.tally():
        found = totals.classes.get((count.split, count.category))
        after = found.originals + found.copies if found else 0
        planned = count.copies + (count.sources if plan.request.originals != "none" else 0)
        yield ClassReport(
            split=count.split, category=count.category, before=count.sources, after=after, planned=planned
        )


def _empty_splits(plan: Plan) -> tuple[str, ...]:
    if plan.request.split is None:
        return ()
    shares = zip(SPLIT_NAMES, read_shares(plan.request.split), strict=False)
    there = {count.split for count in plan.tally()}
    return tuple(name for name, share in shares if share and name not in there)


def labels_report(plan: Plan, counts: LabelCounts) -> LabelsReport:
    """The part of a report that is about annotations."""
    assert counts.came == counts.kept + sum(counts.dropped.values()), "annotations went missing"
    return LabelsReport(
        classes=_classes(plan, counts),
        kinds={str(kind): count for kind, count in plan.info.kinds.items()},
        came=counts.came,
        kept=counts.kept,
        dropped=dict(sorted(counts.dropped.items())),
        backgrounds=counts.backgrounds,
        loose_boxes=counts.loose_boxes,
        looseness_mean=counts.looseness_sum / counts.loose_boxes if counts.loose_boxes else None,
        looseness_most=counts.looseness_most if counts.loose_boxes else None,
        losses={str(kind): count for kind, count in plan.losses.items()},
        repairs=dict(plan.info.repairs),
        conventions=dict(plan.info.conventions),
        notes=plan.notes,
    )


def _classes(plan: Plan, counts: LabelCounts) -> tuple[ObjectClassReport, ...]:
    balanced = {row.category: row for row in plan.balanced}
    rows = []
    for row in class_tally(plan.table, counts_originals=plan.request.originals != "none"):
        found = counts.classes.get((row.split, row.category), ObjectCount())
        goal = balanced.get(row.category) if row.split in (None, *plan.request.splits) else None
        rows.append(
            ObjectClassReport(
                split=row.split,
                category=row.category,
                images_before=row.images_before,
                images_planned=row.images_planned,
                images_after=found.images,
                objects_before=row.objects,
                objects_after=found.objects,
                target=goal.target if goal else None,
                most=max(goal.target, goal.before) + goal.bound if goal else None,
            )
        )
    return tuple(rows)
