from __future__ import annotations

from typing import Any

import pytest

from nfold.label_counts import LabelCounts, ObjectCount, count_labels
from nfold.manifest import FileRow, SourceRecord, SourceRow


def record(*files: FileRow, split: str | None = "train") -> SourceRecord:
    source = SourceRow(source="a.png", sha256="0", size=1, mtime_ns=1, pixels="0", build="b", split=split)
    return SourceRecord(source=source, files=list(files))


def file(copy: int, classes: tuple[int, ...] = (), dropped: tuple[Any, ...] = (), **more: Any) -> FileRow:
    known: dict[str, Any] = {
        "file": f"a{copy}.png",
        "source": "a.png",
        "source_sha256": "0",
        "copy": copy,
        "draw": 0,
        "sha256": "1",
        "size": 1,
        "mtime_ns": 1,
        "pixels": "0",
        "build": "b",
        "labels_in": len(classes) + len(dropped),
        "annotations": tuple({"i": i, "c": number} for i, number in enumerate(classes)),
        "dropped": dropped,
    }
    return FileRow(**{**known, **more})


def counted(records: list[SourceRecord]) -> LabelCounts:
    return count_labels(records, ("cat", "dog", "cat"))


def test_an_image_with_objects_of_two_classes_of_one_name_counts_once() -> None:
    counts = counted([record(file(0, (0, 2, 1)), file(1, (2, 1)))])
    assert counts.classes == {
        ("train", "cat"): ObjectCount(images=2, objects=3),
        ("train", "dog"): ObjectCount(images=2, objects=2),
    }


def test_originals_count_as_objects_and_copies_as_carried_too() -> None:
    counts = counted([record(file(0, (0, 0, 1)), file(1, (0, 1), ([1, "outside", 0.0],)))])
    assert counts.classes == {
        ("train", "cat"): ObjectCount(images=2, objects=3),
        ("train", "dog"): ObjectCount(images=2, objects=2),
    }
    assert (counts.came, counts.kept, dict(counts.dropped), counts.backgrounds) == (3, 2, {"outside": 1}, 0)


def test_a_prepared_original_that_lost_something_counts_too() -> None:
    counts = counted([record(file(0, (0,), ([1, "area", 4.0],)))])
    assert (counts.came, counts.kept, dict(counts.dropped)) == (2, 1, {"area": 1})


def test_a_copy_that_lost_everything_is_a_background_and_one_of_a_background_is_not() -> None:
    lost = ([0, "visibility", 0.1],)
    assert counted([record(file(1, (), lost))]).backgrounds == 1
    assert counted([record(file(1))]).backgrounds == 0


def test_label_files_and_what_is_merely_retained_do_not_count() -> None:
    counts = counted([record(file(1, (0,), retained=True), file(1, labels_in=None, role="labels"))])
    assert counts == LabelCounts()


def test_an_annotation_that_is_neither_kept_nor_dropped_stops_everything() -> None:
    with pytest.raises(AssertionError, match="went missing"):
        counted([record(file(1, (0,), labels_in=2))])


def test_counts_of_shards_add_up() -> None:
    one = counted([record(file(1, (0,), ([1, "outside", 0.0],), looseness=([0, 1.5],)))])
    other = counted([record(file(1, (0, 1), looseness=([0, 2.5], [1, 1.1])), split="val")])
    one.add(other)
    assert one.classes == {
        ("train", "cat"): ObjectCount(images=1, objects=1),
        ("val", "cat"): ObjectCount(images=1, objects=1),
        ("val", "dog"): ObjectCount(images=1, objects=1),
    }
    assert (one.came, one.kept, one.loose_boxes, one.looseness_most) == (4, 3, 3, 2.5)
    assert one.looseness_sum == pytest.approx(5.1)


def test_what_the_format_has_no_place_for_is_no_kept_one_and_makes_no_background() -> None:
    lost = ([0, "format", 0.0],)
    counts = count_labels([record(file(0, dropped=lost), file(1, dropped=lost), file(2, dropped=lost))], ["cat"])
    assert (counts.came, counts.kept, dict(counts.dropped), counts.backgrounds) == (2, 0, {"format": 2}, 0)
    assert counts.classes == {}
