"""What an expansion did, for a person and for a program."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal

from nfold.label_counts import LabelCounts
from nfold.manifest import DIGEST_MODULUS, SkipRow
from nfold.plan.families import SimilarPair
from nfold.shard import ClassCount, ShardReport

MOST_LISTED = 1_000
"""Lists in a report stop here; the files in the private folder are complete."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassReport:
    """One class in one split, before and after.

    Attributes:
        split: None when there are none.
        category: None without labels.
        before: Sources.
        after: Images in the output, originals and copies.
        planned: Images that there would be if every source could be used and every copy were distinct.
    """

    split: str | None
    category: str | None
    before: int
    after: int
    planned: int


LeakKind = Literal["source", "bytes", "pixels", "group"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """Two files that are related, one held out and one trained on.

    Attributes:
        kind: What they have in common: the source, its bytes, their pixels, or the match of --group.
        held_out: File in validation or test.
        trained_on: File in train.
        from_input: Whether both were in the input so.
    """

    kind: LeakKind
    held_out: str
    trained_on: str
    from_input: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectClassReport:
    """One class of labelled objects in one split, before and after.

    Attributes:
        split: None when there are none.
        category: The class.
        images_before: Sources that contain it.
        images_planned: Images that would, originals and copies, if no copy lost any of it.
        images_after: Images that do.
        objects_before: Objects in the sources.
        objects_after: Objects in the output.
        target: Images that --per-class or --balance asked for, None without these.
        most: The bound on `images_planned`, since classes stand in the same pictures; None without these.
    """

    split: str | None
    category: str
    images_before: int
    images_planned: int
    images_after: int
    objects_before: int
    objects_after: int
    target: int | None = None
    most: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelsReport:
    """What became of annotations.

    Attributes:
        classes: By split and class.
        kinds: What is marked in the sources, with how many of each kind.
        came: Annotations that copies had to carry: those of their sources, once for each copy.
        kept: Those that they carry.
        dropped: Those that they do not, by rule; came = kept + dropped.
        backgrounds: Copies that lost every annotation, and are kept as pictures of the background.
        loose_boxes: Boxes without an outline that were turned or bent, so that they hold more than their object.
        looseness_mean: Of these: area of the box over that of the shape that it had to hold.
        looseness_most: The largest of these.
        losses: Kinds that the format of the output cannot hold, with how many were left out.
        repairs: What was mended on reading, with how often.
        conventions: What was decided about labels for the whole data set.
        notes: What one might think that is done to labels, and is not, in sentences.
    """

    classes: tuple[ObjectClassReport, ...]
    kinds: dict[str, int]
    came: int
    kept: int
    dropped: dict[str, int]
    backgrounds: int
    loose_boxes: int
    looseness_mean: float | None
    looseness_most: float | None
    losses: dict[str, int]
    repairs: dict[str, int]
    conventions: dict[str, Any]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpansionReport:
    """The outcome of an expansion.

    Attributes:
        target: The output folder.
        format: The format that the source was read as, and why.
        recipe: Name of the recipe.
        seed: Of the run.
        images_before: Sources found.
        images_after: Images in the output.
        originals: How many of them are originals.
        copies: How many are copies.
        classes: By split and class.
        labels: What became of annotations; None without any.
        bytes_before: What the sources that were used weigh.
        bytes_after: What the output weighs, without its private folder.
        written: Files that this run wrote.
        removed: Files of ours that were no longer asked for, and were removed.
        kept: Such files that had been changed by somebody, and were left in place.
        retained: Such files that --keep-removed left in place.
        set_aside: Files that were in the way, now in the private folder.
        skipped: Sources that could not be used (at most MOST_LISTED; all are in .nfold/skipped.jsonl).
        skipped_count: How many there are.
        skipped_by_code: How many of each kind.
        short: Sources with fewer distinct copies than asked for, and how many are missing (at most MOST_LISTED).
        short_count: How many sources those are.
        copies_missing: How many copies are missing altogether.
        conversions: Changes of form that copies do not carry as they were, with counts.
        passed_over: Entries of the source folder that are no sources, by reason.
        passed_over_examples: One of them for each reason.
        empty_splits: Splits that were asked for and that no image went to.
        leaks: Training files that are related to a held-out one (at most MOST_LISTED).
        leaks_count: How many there are.
        similar: Images that --group-similar kept in one split, nearest first (at most MOST_LISTED).
        similar_count: How many such pairs there are.
        tree_digest: One number over all images and labels of the output.
        seconds: Wall time.
    """

    target: str
    format: str
    recipe: str
    seed: int
    images_before: int
    images_after: int
    originals: int
    copies: int
    classes: tuple[ClassReport, ...]
    labels: LabelsReport | None
    bytes_before: int
    bytes_after: int
    written: int
    removed: int
    kept: tuple[str, ...]
    retained: int
    set_aside: tuple[str, ...]
    skipped: tuple[SkipRow, ...]
    skipped_count: int
    skipped_by_code: dict[str, int]
    short: dict[str, int]
    short_count: int
    copies_missing: int
    conversions: dict[str, int]
    passed_over: dict[str, int]
    passed_over_examples: dict[str, str]
    empty_splits: tuple[str, ...]
    leaks: tuple[Leak, ...]
    leaks_count: int
    tree_digest: str
    seconds: float
    similar: tuple[SimilarPair, ...] = ()
    similar_count: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether every source was used and every copy asked for is there."""
        return self.skipped_count == 0 and self.copies_missing == 0

    def to_json(self) -> dict[str, Any]:
        """As one JSON object."""
        from dataclasses import asdict

        return {"is_whole": self.is_whole, **asdict(self)}


@dataclass(slots=True, kw_only=True)
class Totals:
    """Shard reports added up as they come in; what could grow with the data set is cut off at MOST_LISTED."""

    classes: dict[tuple[str | None, str | None], ClassCount] = field(default_factory=dict)
    input_bytes: int = 0
    output_bytes: int = 0
    files: int = 0
    written: int = 0
    removed: int = 0
    retained: int = 0
    skipped: list[SkipRow] = field(default_factory=list)
    skipped_by_code: Counter[str] = field(default_factory=Counter)
    short: dict[str, int] = field(default_factory=dict)
    short_count: int = 0
    copies_missing: int = 0
    set_aside: list[str] = field(default_factory=list)
    conversions: Counter[str] = field(default_factory=Counter)
    digest: int = 0
    labels: LabelCounts = field(default_factory=LabelCounts)
    changed: bool = False

    def add(self, shard: ShardReport) -> None:
        """Take in one more shard."""
        for place, count in shard.classes.items():
            total = self.classes.setdefault(place, ClassCount())
            total.sources += count.sources
            total.originals += count.originals
            total.copies += count.copies
        for name in ("input_bytes", "output_bytes", "files", "written", "removed", "retained"):
            setattr(self, name, getattr(self, name) + getattr(shard, name))
        self.skipped_by_code.update(row.code for row in shard.skipped)
        self.skipped.extend(shard.skipped[: MOST_LISTED - len(self.skipped)])
        self.short_count += len(shard.short)
        self.copies_missing += sum(shard.short.values())
        for source, missing in list(shard.short.items())[: MOST_LISTED - len(self.short)]:
            self.short[source] = missing
        self.set_aside.extend(shard.set_aside[: MOST_LISTED - len(self.set_aside)])
        self.conversions.update(shard.conversions)
        self.labels.add(shard.labels)
        self.digest = (self.digest + shard.digest) % DIGEST_MODULUS
        self.changed = self.changed or shard.changed
