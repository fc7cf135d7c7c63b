from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nfold.annotations import Annotation
from nfold.formats.yolo.lines import (
    MIXED,
    BadLabelError,
    LineRules,
    PoseShape,
    looks_like_labels,
    read_label,
)

ANY = LineRules(task="segment", classes=3)
OBB = LineRules(task="obb", classes=3)
POSE = LineRules(task="pose", classes=3, pose=PoseShape(points=2, dimensions=3))
FLAT_POSE = LineRules(task="pose", classes=3, pose=PoseShape(points=2, dimensions=2))


def read(text: str | bytes, rules: LineRules = ANY) -> tuple[Annotation, ...]:
    return read_label(text if isinstance(text, bytes) else text.encode(), rules, Counter())


def refused(text: str | bytes, rules: LineRules = ANY) -> tuple[str, int | None]:
    with pytest.raises(BadLabelError) as caught:
        read(text, rules)
    assert caught.value.message
    assert caught.value.hint
    return caught.value.code, caught.value.line


def repairs(text: str, rules: LineRules = ANY) -> dict[str, int]:
    counted: Counter[str] = Counter()
    read_label(text.encode(), rules, counted)
    return dict(counted)


def test_a_box_is_told_by_its_centre_and_size_and_kept_by_its_edges() -> None:
    (annotation,) = read("1 0.5 0.5 0.25 0.5\n")
    assert annotation == Annotation(category=1, box=(0.375, 0.25, 0.625, 0.75), raw="1 0.5 0.5 0.25 0.5")


def test_an_outline_keeps_its_corners() -> None:
    (annotation,) = read("2 0.1 0.1 0.9 0.1 0.5 0.9")
    assert annotation.rings == ((0.1, 0.1, 0.9, 0.1, 0.5, 0.9),)
    assert annotation.box is None


def test_nine_values_are_an_oriented_box_where_the_task_says_so_and_an_outline_elsewhere() -> None:
    line = "0 0.5 0.1 0.9 0.5 0.5 0.9 0.1 0.5"
    assert read(line, OBB)[0].corners == (0.5, 0.1, 0.9, 0.5, 0.5, 0.9, 0.1, 0.5)
    assert read(line, OBB)[0].rings == ()
    assert len(read(line)[0].rings[0]) == 8


def test_key_points_stay_as_written_and_unlabelled_ones_mean_nothing() -> None:
    (annotation,) = read("0 0.5 0.5 0.5 0.5 0.25 0.75 2 0.3 0.4 0", POSE)
    assert annotation.points == ((0.25, 0.75, 2), (0.0, 0.0, 0))
    (annotation,) = read("0 0.5 0.5 0.5 0.5 0.25 0.75 0 0", FLAT_POSE)
    assert annotation.points == ((0.25, 0.75, 2), (0.0, 0.0, 0))
    (annotation,) = read("0 0.5 0.5 0.5 0.5 0.25 0.75 -0.005 -0.005", FLAT_POSE)
    assert annotation.points[1][2] == 0


def test_how_sure_a_detector_was_is_an_attribute() -> None:
    assert read("0 0.5 0.5 0.25 0.5 0.875")[0].attributes == {"confidence": 0.875}


def test_lines_are_numbered_as_they_stand_and_annotations_without_gaps() -> None:
    text = "\ufeff\n0 0.5 0.5 0.1 0.1\r\n\r\n  1.0 0.5 0.5 0.2 0.2  \n"
    assert [(one.order, one.category) for one in read(text)] == [(0, 0), (1, 1)]
    assert refused(text + "9 0.5 0.5 0.1 0.1") == ("labels.unknown_class", 5)


@pytest.mark.parametrize("text", ["", "\n", "  \n\n", "\ufeff"])
def test_an_empty_file_is_a_picture_of_nothing(text: str) -> None:
    assert read(text) == ()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("3 0.5 0.5 0.1 0.1", "labels.unknown_class"),
        ("-1 0.5 0.5 0.1 0.1", "labels.bad_value"),
        ("0.5 0.5 0.5 0.1 0.1", "labels.bad_value"),
        ("cat 0.5 0.5 0.1 0.1", "labels.bad_value"),
        ("0 nan 0.5 0.1 0.1", "labels.bad_value"),
        ("0 inf 0.5 0.1 0.1", "labels.bad_value"),
        ("0 1e999 0.5 0.1 0.1", "labels.bad_value"),
        ("0 0,5 0.5 0.1 0.1", "labels.bad_value"),
        ("0 1_0 0.5 0.1 0.1", "labels.bad_value"),
        ("0 0.5 0.5 0 0.1", "labels.bad_box"),
        ("0 0.5 0.5 -0.1 0.1", "labels.bad_box"),
        ("0 1e308 0.5 0.1 0.1", "labels.bad_box"),
        ("0 0.5 0.5 1e308 1e308", "labels.bad_box"),
        ("0 320 240 64 48", "labels.bad_box"),
        ("0 0.5 0.5", "labels.bad_value"),
        ("0", "labels.bad_value"),
        ("0 0.1 0.1 0.2 0.2 0.3 0.3 0.4", "labels.bad_value"),
        ("0 0.1 0.1 0.2 0.2 0.3 0.3", "labels.bad_polygon"),
        ("0 0.1 0.1 0.1 0.1 0.1 0.1", "labels.bad_polygon"),
        ("0 1.1 0.1 1.2 0.1 1.1 0.2", "labels.bad_polygon"),
        ("0 1e308 0.1 -1e308 0.1 0.1 0.2", "labels.bad_polygon"),
        ("0 " + "0.5 " * 20_000, "labels.too_large"),
        (b"0 0.5 0.5 0.1 0.1 \xff", "labels.encoding"),
        ("0 0.5 0.5 0.1 0.1".encode("utf-16"), "labels.encoding"),
    ],
)
def test_what_is_no_label_is_refused_with_its_line(text: str | bytes, code: str) -> None:
    good = b"0 0.5 0.5 0.1 0.1\n"
    text = text.encode() if isinstance(text, str) else text
    assert refused(good + text) == (code, 2)


@pytest.mark.parametrize(
    ("rules", "line"),
    [
        (OBB, "0 0.5 0.5 0.1 0.1"),
        (OBB, "0 0.1 0.1 0.2 0.2 0.3 0.3 0.4 0.4"),
        (POSE, "0 0.5 0.5 0.1 0.1"),
        (POSE, "0 0.5 0.5 0.1 0.1 0.5 0.5 3 0.5 0.5 1"),
        (POSE, "0 0.5 0.5 0.1 0.1 0.5 0.5 0.7 0.5 0.5 1"),
        (POSE, "0 0.5 0.5 0.1 0.1 300 0.5 2 0.5 0.5 1"),
    ],
)
def test_tasks_with_lines_of_one_length_take_no_other(rules: LineRules, line: str) -> None:
    assert refused(line, rules)[0] in ("labels.bad_value", "labels.bad_box")


def test_without_names_a_class_has_any_number_that_is_not_absurd() -> None:
    rules = LineRules(task="segment", classes=None)
    assert read("79 0.5 0.5 0.1 0.1", rules)[0].category == 79
    assert refused("1000000 0.5 0.5 0.1 0.1", rules)[0] == "labels.unknown_class"


def test_what_sticks_out_is_counted_unless_rounding_did_it() -> None:
    assert repairs("0 0.5 0.5 1.00001 1") == {}
    assert repairs("0 0.5 0.5 1.2 1\n0 0.5 0.5 1.3 1") == {"box beyond the picture's edge, clipped in copies": 2}
    assert repairs("0 -0.1 0.5 0.5 0.1 0.5 0.9") == {"outline beyond the picture's edge, clipped in copies": 1}
    assert repairs("0 0.5 0.5 1 1 1.5 0.5 2 0 0 0", POSE) == {"key point beyond the picture's edge": 1}


def test_boxes_among_outlines_are_kept_and_mentioned() -> None:
    text = "0 0.5 0.5 0.1 0.1\n0 0.1 0.1 0.9 0.1 0.5 0.9"
    assert [bool(one.rings) for one in read(text)] == [False, True]
    assert repairs(text) == {MIXED: 1}


@pytest.mark.parametrize("rules", [ANY, OBB, POSE, FLAT_POSE])
@given(st.data())
def test_any_bytes_are_read_or_refused(rules: LineRules, data: st.DataObject) -> None:
    numbers = st.one_of(
        st.floats().map(str),
        st.integers().map(str),
        st.sampled_from(["0", "1", "0.5", "-0", "1e5", "nan", "x", "\0", "٣"]),
    )
    lines = st.lists(st.lists(numbers, max_size=12).map(" ".join), max_size=4).map("\n".join).map(str.encode)
    raw = data.draw(st.one_of(st.binary(max_size=200), lines))
    looks_like_labels(raw)
    try:
        annotations = read_label(raw, rules, Counter())
    except BadLabelError:
        return
    assert all(one.category is not None for one in annotations)


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("0 0.5 0.5 0.1 0.1", True),
        ("0 0.5 0.5 0.1 0.1\n12 0.5 0.5 1.2 0.1 0.99", True),
        ("", None),
        ("\n \n", None),
        ("a photo of a cat", False),
        ("000001 1\n000002 -1", False),
        ("10 20 30 40 50", False),
        ("0.5 0.5 0.5 0.5 0.5", False),
        ("2741.0 1317.0 2756.0 1317.0 2756.0 1331.0 2741.0 1331.0 vehicle 0", False),
        ("images/train/a.jpg", False),
    ],
)
def test_text_that_reads_like_labels_is_told_from_other_text(text: str, verdict: bool | None) -> None:
    assert looks_like_labels(text.encode()) is verdict


def test_a_file_beyond_all_reason_is_refused() -> None:
    assert refused(b"\n" * (16 * 1024 * 1024 + 1))[0] == "labels.too_large"
