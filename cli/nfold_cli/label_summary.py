"""What became of annotations, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from nfold_cli.text import count, printable, table

if TYPE_CHECKING:
    from nfold.plan.counts import LabelTally
    from nfold.provenance import Explanation
    from nfold.report import LabelsReport, ObjectClassReport

_MOST_CLASSES = 20
_MOST_VALUES = 10
_RULES = {
    "outside": "outside the picture",
    "visibility": "too little visible",
    "area": "too few pixels left",
    "border": "standing out of the picture",
    "part": "part of a dropped object",
    "degenerate": "without extent",
    "format": "that the format cannot hold",
}


def labels_summary(labels: LabelsReport | None) -> list[str]:
    """The part of a summary that is about annotations; nothing where there are none."""
    if labels is None:
        return []
    lines = _classes(labels.classes)
    if labels.kinds.get("semantic"):
        lines += [
            "",
            f"  {count(labels.kinds['semantic'], 'mask')} moved with the pictures, nearest pixel by nearest pixel",
        ]
    if labels.came:
        told = f"  Annotations in the copies: {labels.came:,} came, {labels.kept:,} kept"
        if labels.dropped:
            reasons = ", ".join(f"{number:,} {_RULES.get(rule, rule)}" for rule, number in labels.dropped.items())
            told += f", {sum(labels.dropped.values()):,} dropped ({reasons})"
        lines += ["", told]
    if labels.backgrounds:
        lines.append(f"  {count(labels.backgrounds, 'copy', 'copies')} lost every annotation and stayed as background")
    if labels.looseness_mean is not None and labels.looseness_most is not None and labels.looseness_most > 1.005:
        lines.append(
            f"  Boxes without an outline are loose once turned: {labels.looseness_mean:.2f} times the area of the turned box on "
            f"average, {labels.looseness_most:.2f} at most"
        )
    if labels.losses:
        lines.append(f"  Left out, since the format cannot hold them: {losses_in_words(labels.losses)}")
    if labels.repairs:
        lines.append(f"  Mended on reading: {_numbered(labels.repairs)}")
    return lines + notes_in_words(labels.notes)


def notes_in_words(notes: Sequence[str]) -> list[str]:
    """What one might think that is done to labels, and is not."""
    return [f"  Note: {printable(note)}" for note in notes]


def explained_labels(told: Explanation) -> list[str]:
    """What is marked in a picture, and what of its source is not."""
    if told.annotations_in is None:
        return []
    kept = ", ".join(f"{number:,} {printable(name or 'without a class')}" for name, number in told.annotations.items())
    lines = []
    if told.annotations_in:
        counts = f"{sum(told.annotations.values()):,} of {told.annotations_in:,}"
        lines.append(f"  labels   {counts}" + (f": {kept}" if kept else ""))
    elif told.mask is None:
        lines.append("  labels   none, nor has the source any")
    if told.mask is not None:
        lines.append(f"  mask     {printable(told.mask)}: {_values(told.mask_values)}")
    shown = told.dropped[:_MOST_CLASSES]
    lines += [f"  dropped  number {index + 1}: {_RULES.get(rule, rule)} ({value:g})" for index, rule, value in shown]
    if len(told.dropped) > len(shown):
        lines.append(f"           and {len(told.dropped) - len(shown):,} more; --json has them all")
    loose = [value for _, value in told.looseness]
    if loose and max(loose) > 1.005:
        lines.append(f"  boxes    up to {max(loose):.2f} times the area of what they hold")
    return lines


def _values(values: Mapping[str, int]) -> str:
    if not values:
        return "not to be read"
    shown = [f"{value} ({number:,} px)" for value, number in list(values.items())[:_MOST_VALUES]]
    others = " and others; --json has more" if len(values) > len(shown) else ""
    return f"{'value' if len(values) == 1 else 'values'} {', '.join(shown)}{others}"


def planned_labels(classes: Sequence[LabelTally]) -> list[str]:
    """Images and objects by class, before a run."""
    if not classes:
        return []
    has_splits = any(row.split for row in classes)
    head = ("split", "class") if has_splits else ("class",)
    rows: list[tuple[str, ...]] = [(*head, "images", "planned", "objects")]
    for row in classes[:_MOST_CLASSES]:
        names = (row.split or "(no split)", row.category) if has_splits else (row.category,)
        numbers = (f"{row.images_before:,}", f"{row.images_planned:,}", f"{row.objects:,}")
        rows.append((*(printable(name) for name in names), *numbers))
    return ["", *table(rows), *_more(len(classes))]


def _classes(classes: Sequence[ObjectClassReport]) -> list[str]:
    if not classes:
        return []
    has_splits = any(row.split for row in classes)
    has_targets = any(row.target is not None for row in classes)
    head = ("split", "class") if has_splits else ("class",)
    rows: list[tuple[str, ...]] = [
        (*head, "images", "planned", "after", *(("target", "at most") if has_targets else ()), "objects", "after")
    ]
    for row in classes[:_MOST_CLASSES]:
        names = (row.split or "(no split)", row.category) if has_splits else (row.category,)
        targets = (
            tuple("-" if value is None else f"{value:,}" for value in (row.target, row.most)) if has_targets else ()
        )
        rows.append(
            (
                *(printable(name) for name in names),
                f"{row.images_before:,}",
                f"{row.images_planned:,}",
                f"{row.images_after:,}",
                *targets,
                f"{row.objects_before:,}",
                f"{row.objects_after:,}",
            )
        )
    return ["", *table(rows), *_more(len(classes))]


def _more(classes: int) -> list[str]:
    left = classes - _MOST_CLASSES
    return [f"  and {count(left, 'more class', 'more classes')}; --json has them all"] if left > 0 else []


def losses_in_words(counts: Mapping[str, int]) -> str:
    """Kinds of labels with how many of each there are."""
    from nfold.plan.losses import in_words

    return in_words(counts)  # type: ignore[arg-type]


def _numbered(counts: Mapping[str, int]) -> str:
    return "; ".join(f"{printable(what)} ({number:,})" for what, number in counts.items())
