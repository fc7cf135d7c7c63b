"""What an expansion did, for a person and for a program."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from nfold.manifest import DIGEST_MODULUS, SkipRow
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """One picture in two splits, by equal pixels.

    Attributes:
        held_out: File in validation or test.
        trained_on: File in train that shows the same.
        from_input: Whether both were in the input so.
    """

    held_out: str
    trained_on: str
    from_input: bool


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
        leaks: Pictures that are both trained on and held out (at most MOST_LISTED).
        leaks_count: How many there are.
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
        self.digest = (self.digest + shard.digest) % DIGEST_MODULUS
        self.changed = self.changed or shard.changed
