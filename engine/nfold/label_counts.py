"""What became of annotations: counted over rows of the manifest, and added up over shards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nfold.manifest import SourceRecord


@dataclass(slots=True, kw_only=True)
class ObjectCount:
    """Images of the output that hold objects of a class, and the objects in them."""

    images: int = 0
    objects: int = 0


@dataclass(slots=True, kw_only=True)
class LabelCounts:
    """What became of the annotations of some sources; counts of several add up.

    Attributes:
        classes: What the output holds, originals included, by split and name of the class. Two classes of one name
            are one, and an image that holds objects of both counts once.
        came: Annotations that copies had to carry, and originals from which `prepare` took some.
        kept: Those that they carry.
        dropped: Those that they do not, by rule.
        backgrounds: Images among these that lost every annotation.
        loose_boxes: Boxes that had no outline to be tight around, and were turned or bent.
        looseness_sum: Of these: area of the box over that of the shape that it had to hold, added up.
        looseness_most: The largest of these.
    """

    classes: dict[tuple[str | None, str], ObjectCount] = field(default_factory=dict)
    came: int = 0
    kept: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    backgrounds: int = 0
    loose_boxes: int = 0
    looseness_sum: float = 0.0
    looseness_most: float = 1.0

    def add(self, other: LabelCounts) -> None:
        """Take in the counts of other sources."""
        for place, count in other.classes.items():
            mine = self.classes.setdefault(place, ObjectCount())
            mine.images += count.images
            mine.objects += count.objects
        self.dropped.update(other.dropped)
        for name in ("came", "kept", "backgrounds", "loose_boxes", "looseness_sum"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.looseness_most = max(self.looseness_most, other.looseness_most)


def count_labels(records: Iterable[SourceRecord], class_names: Sequence[str]) -> LabelCounts:
    """Counts over what the manifest says; each annotation of a source is kept or dropped in each copy.

    Args:
        records: Of sources.
        class_names: Of objects, in the order in which the manifest numbers them.

    Raises:
        AssertionError: One is neither, or both.
    """
    counts = LabelCounts()
    for record in records:
        split = record.source.split if record.source is not None else None
        for row in record.files:
            if row.labels_in is None or row.retained:
                continue
            _count_classes(counts, split, row.annotations, class_names)
            assert row.labels_in == len(row.annotations) + len(row.dropped), f"{row.file}: annotations went missing"
            rules = [rule for _, rule, *_ in row.dropped]
            if row.copy == 0 and set(rules) <= {"format"}:
                continue
            counts.came += row.labels_in
            counts.kept += len(row.annotations)
            counts.dropped.update(rules)
            # What the format has no place for is in the picture all the same.
            counts.backgrounds += bool(row.labels_in and not row.annotations and "format" not in rules)
            for _, value in row.looseness:
                counts.loose_boxes += 1
                counts.looseness_sum += value
                counts.looseness_most = max(counts.looseness_most, value)
    return counts


def _count_classes(
    counts: LabelCounts, split: str | None, annotations: Iterable[Mapping[str, Any]], class_names: Sequence[str]
) -> None:
    objects = Counter(class_names[entry["c"]] for entry in annotations if "c" in entry)
    for name, found in objects.items():
        mine = counts.classes.setdefault((split, name), ObjectCount())
        mine.images += 1
        mine.objects += found
