"""The closing words of a run: what a person wants to know, and what to do next."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from nfold_cli.label_summary import labels_summary, losses_in_words, notes_in_words, planned_labels
from nfold_cli.text import bold, count, duration, printable, size, table

if TYPE_CHECKING:
    from nfold.manifest import SkipRow
    from nfold.rehearsal import PlannedClass, PlanSummary
    from nfold.report import ClassReport, ExpansionReport, Leak

_MOST_CLASSES = 20
_MOST_NAMED = 5


def expansion_summary(report: ExpansionReport) -> str:
    """What an expansion did."""
    rate = f", {report.written / report.seconds:,.0f} files/s" if report.written > 100 else ""
    made_of = (
        f"{count(report.originals, 'original')} + {count(report.copies, 'copy', 'copies')}"
        if report.originals
        else count(report.copies, "copy", "copies")
    )
    lines = [
        bold(f"{count(report.images_before, 'image')} became {report.images_after:,}")
        + f": {made_of} in {printable(report.target)}",
        f"  {size(report.bytes_before)} became {size(report.bytes_after)}; {_work_done(report)} in {duration(report.seconds)}{rate}",
        f"  recipe {report.recipe}, seed {report.seed}, read as {report.format}",
        *_classes(report.classes),
        *labels_summary(report.labels),
        *_empty_splits(report),
        *_passed_over(report.passed_over, report.passed_over_examples),
        *_conversions(report),
        *_skipped(report),
        *_short(report),
        *_leaks(report),
        *_similar(report),
        *_left(report),
        "",
        *_next(report),
    ]
    return "\n".join(lines) + "\n"


def _empty_splits(report: ExpansionReport) -> list[str]:
    if not report.empty_splits:
        return []
    from nfold.formats.wording import listed

    names = listed(report.empty_splits)
    return ["", f"  No image went to {names}: there are too few for these shares once relatives stay together."]


def _work_done(report: ExpansionReport) -> str:
    if not report.written and not report.removed:
        return "everything was there already, nothing was written,"
    removed = f", {count(report.removed, 'file')} removed" if report.removed else ""
    return f"{count(report.written, 'file')} written{removed}"


def _classes(classes: Sequence[ClassReport | PlannedClass]) -> list[str]:
    if len(classes) < 2 and all(row.category is None for row in classes):
        return []
    # Of annotated pictures only objects have classes: a column of dashes would say that these are missing.
    columns = {
        "split": [row.split or "(no split)" for row in classes] if any(row.split for row in classes) else None,
        "class": [row.category or "(no class)" for row in classes] if any(row.category for row in classes) else None,
    }
    named = {head: names for head, names in columns.items() if names is not None}
    rows = [(*named, "before", "after")]
    shown = classes[:_MOST_CLASSES]
    for place, row in enumerate(shown):
        names = (printable(values[place]) for values in named.values())
        rows.append((*names, f"{row.before:,}", f"{row.after:,}"))
    lines = ["", *table(rows)]
    if len(classes) > len(shown):
        lines.append(f"  and {count(len(classes) - len(shown), 'more class', 'more classes')}; --json has them all")
    return lines


def _passed_over(counts: dict[str, int], examples: dict[str, str]) -> list[str]:
    if not counts:
        return []
    told = [
        f"{reason} ({number:,}{', such as' if number > 1 else ':'} {printable(examples[reason])})"
        for reason, number in sorted(counts.items())
    ]
    lines = ["", f"  Passed over: {', '.join(told)}"]
    if "label or text file" in counts:
        lines.append("  No label format was recognised in those files; if they hold labels, name it with --format.")
    return lines


def _conversions(report: ExpansionReport) -> list[str]:
    if not report.conversions:
        return []
    text = ", ".join(f"{what} ({number:,})" for what, number in sorted(report.conversions.items()))
    return ["", f"  Converted in the copies, and recorded: {text}"]


def _skipped(report: ExpansionReport) -> list[str]:
    if not report.skipped_count:
        return []
    kinds = ", ".join(f"{number:,} {code}" for code, number in sorted(report.skipped_by_code.items()))
    lines = ["", f"  Skipped {count(report.skipped_count, 'source')} ({kinds}):"]
    lines += [f"    {printable(row.source)}: {printable(row.message)}" for row in report.skipped[:_MOST_NAMED]]
    if report.skipped_count > _MOST_NAMED:
        lines.append(
            f"    and {report.skipped_count - _MOST_NAMED:,} more, all in {printable(report.target)}/.nfold/skipped.jsonl"
        )
    return lines + _what_helps(report.skipped)


def _what_helps(skipped: Sequence[SkipRow]) -> list[str]:
    """Each hint once: those of the sources that are named, and the first one of every other reason."""
    codes_of: dict[str, dict[str, None]] = {}
    told: set[str] = set()
    for place, row in enumerate(skipped):
        if row.hint and (place < _MOST_NAMED or row.code not in told):
            codes_of.setdefault(row.hint, {})[row.code] = None
        told.add(row.code)
    return [f"    What helps with {', '.join(codes)}: {printable(hint)}" for hint, codes in codes_of.items()]


def _short(report: ExpansionReport) -> list[str]:
    if not report.short_count:
        return []
    copies = count(report.copies_missing, "copy is missing", "copies are missing")
    lines = [
        "",
        f"  {copies}, since the recipe gives no more distinct pictures of {count(report.short_count, 'source')}:",
    ]
    lines += [
        f"    {printable(source)}: {missing:,} short" for source, missing in list(report.short.items())[:_MOST_NAMED]
    ]
    if report.short_count > _MOST_NAMED:
        lines.append(f"    and {report.short_count - _MOST_NAMED:,} more; --json has them")
    lines.append(
        "    (pictures of one colour or of a few pixels have no more to give; nor have recipes of flips alone)"
    )
    return lines


def _leaks(report: ExpansionReport) -> list[str]:
    if not report.leaks_count:
        return []
    lines = ["", f"  {count(report.leaks_count, 'training picture')} related to a picture in validation or test:"]
    lines += [f"    {leak_line(leak)}" for leak in report.leaks[:_MOST_NAMED]]
    return lines


def leak_line(leak: Leak) -> str:
    """Two related files, how, and since when."""
    in_common = {
        "source": "comes from the same source as",
        "bytes": "has the bytes of",
        "pixels": "is",
        "group": "is of the group of",
    }
    since = "already so in the input" if leak.from_input else "not so in the input"
    return f"{printable(leak.trained_on)} {in_common[leak.kind]} {printable(leak.held_out)} ({since})"


def _similar(report: ExpansionReport) -> list[str]:
    if not report.similar_count:
        return []
    lines = ["", f"  {count(report.similar_count, 'pair')} of like pictures kept in one split by --group-similar:"]
    lines += [
        f"    {printable(pair.one)} and {printable(pair.other)}: {pair.bits} of 64 bits apart"
        for pair in report.similar[:_MOST_NAMED]
    ]
    if report.similar_count > len(lines) - 2:
        lines.append(f"    and {report.similar_count - len(lines) + 2:,} more; --json has them")
    return lines


def _left(report: ExpansionReport) -> list[str]:
    lines = []
    if report.kept:
        lines += [
            "",
            f"  Left in place, since somebody changed them: {', '.join(printable(name) for name in report.kept[:_MOST_NAMED])}",
        ]
    if report.set_aside:
        lines += [
            "",
            f"  In the way and kept as: {', '.join(printable(name) for name in report.set_aside[:_MOST_NAMED])}",
        ]
    if report.retained:
        lines += ["", f"  {count(report.retained, 'file')} no longer asked for, left in place by --keep-removed"]
    return lines


def _next(report: ExpansionReport) -> list[str]:
    target = shlex.quote(report.target)
    lines = [f"Next:  nfold verify {target}", f"       nfold explain {target} FILE"]
    if report.skipped_count or report.short_count:
        lines.append("       mend what is named above and run the same command: only the difference is written")
    return lines


def plan_summary(plan: PlanSummary) -> str:
    """What a run would do."""
    lines = [
        bold(f"{count(plan.sources, 'image')} would become {plan.files:,}") + f", roughly {size(plan.bytes_estimate)}",
        f"  recipe {plan.recipe}, read as {plan.format}",
    ]
    if plan.already_there:
        lines.append(f"  {count(plan.already_there, 'image')} there already; only the difference would be written")
    lines += _classes(plan.classes)
    lines += planned_labels(plan.objects)
    if plan.losses:
        lines += ["", f"  Would be left out, since the format cannot hold them: {losses_in_words(plan.losses)}"]
    lines += notes_in_words(plan.notes)
    lines += _passed_over(plan.passed_over, plan.passed_over_examples)
    lines += ["", "Nothing was written."]
    return "\n".join(lines) + "\n"
