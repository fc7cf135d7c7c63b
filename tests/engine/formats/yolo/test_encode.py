from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nfold.annotations import Annotation, ImageLabels, OutputImage
from nfold.annotations.rle import encode_rle
from nfold.formats.yolo.encode import LineEncoder
from nfold.formats.yolo.lines import LineRules, PoseShape, Task, read_label

POSE = PoseShape(points=3, dimensions=3)
FLAT = PoseShape(points=3, dimensions=2)
WIDTH, HEIGHT = 640, 480


def image(
    *annotations: Annotation, size: tuple[int, int] = (WIDTH, HEIGHT), source: ImageLabels | None = None
) -> OutputImage:
    return OutputImage(
        name="a_aug1.jpg",
        label_name="a_aug1.txt",
        source="a.jpg",
        copy=1,
        rank=0,
        size_wh=size,
        split=None,
        category=None,
        labels=source or ImageLabels(is_relative=True),
        annotations=annotations,
        is_untouched=False,
    )


def encode(*annotations: Annotation, task: Task = "detect", pose: PoseShape | None = None, **options: Any) -> str:
    return LineEncoder(task=task, pose=pose, classes=5).encode(image(*annotations, **options)).decode()


def read_back(text: str, task: Task, pose: PoseShape | None) -> tuple[Annotation, ...]:
    noticed: Counter[str] = Counter()
    annotations = read_label(text.encode(), LineRules(task=task, classes=5, pose=pose), noticed)
    assert not noticed, "what is written lies in the picture"
    return annotations


def test_a_box_is_written_with_six_decimals() -> None:
    assert encode(Annotation(category=1, box=(0, 0, 320, 120))) == "1 0.250000 0.125000 0.500000 0.250000\n"


def test_key_points_are_centres_of_pixels() -> None:
    points = ((0.5, 0.5, 2), (320.5, 240.5, 1), (7.0, 7.0, 0))
    text = encode(Annotation(category=0, box=(0, 0, 640, 480), points=points), task="pose", pose=POSE)
    assert text.split()[5:] == ["0.000000", "0.000000", "2", "0.500000", "0.500000", "1", "0.000000", "0.000000", "0"]


def test_a_lost_point_without_visibility_is_what_ultralytics_takes_for_one() -> None:
    text = encode(Annotation(category=0, box=(0, 0, 640, 480), points=((0.5, 0.5, 2),)), task="pose", pose=FLAT)
    assert text.split()[5:] == ["0.000000", "0.000000"] + ["-0.005000"] * 4


@pytest.mark.parametrize(
    ("task", "annotation", "line"),
    [
        ("segment", Annotation(category=0, box=(0, 0, 320, 240)), "0 0.0 0.0 0.5 0.0 0.5 0.5 0.0 0.5"),
        ("obb", Annotation(category=0, box=(0, 0, 320, 240)), "0 0.0 0.0 0.5 0.0 0.5 0.5 0.0 0.5"),
        ("detect", Annotation(category=0, rings=((0, 0, 320, 0, 0, 240),)), "0 0.25 0.25 0.5 0.5"),
        ("detect", Annotation(category=0, corners=(0, 0, 320, 0, 320, 240, 0, 240)), "0 0.25 0.25 0.5 0.5"),
        ("detect", Annotation(category=None, box=(0, 0, 320, 240)), "5 0.25 0.25 0.5 0.5"),
        ("detect", Annotation(category=0, points=((0, 0, 2), (320, 240, 1), (9, 9, 0))), "0 0.25 0.25 0.5 0.5"),
    ],
)
def test_what_an_object_lacks_is_made_from_what_it_has(task: Task, annotation: Annotation, line: str) -> None:
    written = [float(token) for token in encode(annotation, task=task).split()]
    assert written == [float(token) for token in line.split()]


def test_pixels_become_the_outline_round_them() -> None:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[120:240, 160:320] = True
    text = encode(Annotation(category=0, mask=encode_rle(mask)), task="segment")
    numbers = [float(token) for token in text.split()[1:]]
    assert (min(numbers[0::2]), max(numbers[0::2]), min(numbers[1::2]), max(numbers[1::2])) == (0.25, 0.5, 0.25, 0.5)


def test_pixels_become_the_smallest_turned_box() -> None:
    import cv2

    mask = np.zeros((200, 200), np.uint8)
    corners = cv2.boxPoints(((100, 100), (80, 30), 30))
    cv2.fillPoly(mask, [np.round(corners).astype(np.int32)], 1)
    text = encode(Annotation(category=0, mask=encode_rle(mask)), task="obb", size=(200, 200))
    found = np.array([float(token) for token in text.split()[1:]], np.float32).reshape(-1, 2) * 200
    overlap, _ = cv2.intersectConvexConvex(found, corners)
    assert overlap / (cv2.contourArea(found) + cv2.contourArea(corners) - overlap) > 0.9


def test_crowds_and_objects_without_a_place_are_left_out() -> None:
    assert encode(Annotation(category=0, box=(0, 0, 9, 9), crowd=True), Annotation(category=0)) == ""


def test_a_picture_of_nothing_has_an_empty_file() -> None:
    assert encode() == ""


def test_an_outline_of_very_many_corners_fits_a_line() -> None:
    angles = np.linspace(0, 2 * np.pi, 30_000, endpoint=False)
    ring = tuple(np.stack([300 + 200 * np.cos(angles), 240 + 200 * np.sin(angles)], axis=1).reshape(-1).tolist())
    text = encode(Annotation(category=0, rings=(ring,)), task="segment")
    assert len(text) < 64 * 1024
    read_back(text, "segment", None)


def source_labels(text: str, task: Task, pose: PoseShape | None = None) -> ImageLabels:
    return ImageLabels(
        annotations=read_label(text.encode(), LineRules(task=task, classes=5, pose=pose), Counter()), is_relative=True
    )


def placed(annotation: Annotation) -> Annotation:
    """In pixels, as the engine does it."""
    box = annotation.box and (
        annotation.box[0] * WIDTH,
        annotation.box[1] * HEIGHT,
        annotation.box[2] * WIDTH,
        annotation.box[3] * HEIGHT,
    )
    scaled = [
        tuple(value * (WIDTH, HEIGHT)[place % 2] for place, value in enumerate(ring))
        for ring in (*annotation.rings, annotation.corners or ())
    ]
    return replace(
        annotation,
        box=box,
        rings=tuple(scaled[:-1]),
        corners=scaled[-1] or None,
        points=tuple((x * WIDTH + 0.5, y * HEIGHT + 0.5, seen) for x, y, seen in annotation.points),
    )


@pytest.mark.parametrize(
    ("task", "pose", "line"),
    [
        ("segment", None, "0  0.5 0.5\t0.25 .5"),
        ("segment", None, "0 0.123456789 0.5 0.1 0.1 0.987654321"),
        ("segment", None, "3.0 0.1 0.1 0.9 0.1 0.5 0.9"),
        ("segment", None, "0 0.5 0.5 1.00001 0.3"),
        ("obb", None, "0 0.5 0.1 0.9 0.5 0.5 0.9 0.1 0.5"),
        ("pose", POSE, "0 0.5 0.5 0.5 0.5 0.25 0.75 2.0 0.3 0.4 0 1 1 1"),
        ("pose", FLAT, "0 0.5 0.5 0.5 0.5 0.25 0.75 0 0 1 1"),
    ],
)
def test_a_copy_whose_object_did_not_move_has_the_line_of_its_source(
    task: Task, pose: PoseShape | None, line: str
) -> None:
    labels = source_labels(line, task, pose)
    encoder = LineEncoder(task=task, pose=pose, keeps_lines=True, classes=5)
    annotation = placed(labels.annotations[0])
    assert encoder.encode(image(annotation, source=labels)).decode() == f"{line}\n"
    moved = replace(
        annotation,
        box=annotation.box and (annotation.box[0] + 9, *annotation.box[1:]),
        rings=tuple((ring[0] + 2, *ring[1:]) for ring in annotation.rings),
        corners=annotation.corners and (annotation.corners[0] + 2, *annotation.corners[1:]),
    )
    assert encoder.encode(image(moved, source=labels)).decode() != f"{line}\n"


def test_what_sticks_out_is_clipped_even_where_it_did_not_move() -> None:
    labels = source_labels("0 0.5 0.5 1.2 0.3", "segment")
    encoder = LineEncoder(task="segment", keeps_lines=True, classes=5)
    annotation = replace(placed(labels.annotations[0]), box=(0.0, 168.0, 640.0, 312.0))
    assert encoder.encode(image(annotation, source=labels)) == b"0 0.500000 0.500000 1.000000 0.300000\n"


def test_a_detection_keeps_how_sure_it_was_when_it_moves() -> None:
    labels = source_labels("0 0.5 0.5 0.5 0.5 0.875", "detect")
    moved = replace(placed(labels.annotations[0]), box=(0.0, 0.0, 64.0, 48.0))
    encoder = LineEncoder(task="detect", keeps_lines=True, classes=5)
    assert encoder.encode(image(moved, source=labels)) == b"0 0.050000 0.050000 0.100000 0.100000 0.875\n"


def test_lines_of_another_format_are_nobodys_business() -> None:
    labels = ImageLabels(annotations=(Annotation(box=(0, 0, 1, 1), raw="something"),), is_relative=False)
    annotation = Annotation(category=0, box=(0, 0, 320, 240), raw="something")
    assert LineEncoder(task="detect").encode(image(annotation, source=labels)).startswith(b"0 0.25")


lengths = st.floats(0, 1, allow_subnormal=False)
sizes = st.tuples(st.integers(1, 5000), st.integers(1, 5000))


@st.composite
def boxes(draw: st.DrawFn) -> tuple[float, float, float, float]:
    x, y = sorted(draw(st.tuples(lengths, lengths))), sorted(draw(st.tuples(lengths, lengths)))
    return (x[0], y[0], x[1], y[1])


@given(boxes(), sizes)
@settings(max_examples=500)
def test_any_box_comes_back_and_lies_in_the_picture(
    box: tuple[float, float, float, float], size: tuple[int, int]
) -> None:
    in_pixels = (box[0] * size[0], box[1] * size[1], box[2] * size[0], box[3] * size[1])
    text = encode(Annotation(category=4, box=in_pixels), size=size)
    (back,) = read_back(text, "detect", None)
    assert back.category == 4
    assert back.box is not None
    assert min(back.box) >= -1e-9
    assert max(back.box) <= 1 + 1e-9
    assert back.box == pytest.approx(box, abs=1.6e-6)
    numbers = [float(token) for token in text.split()]
    # centre and size are what is rounded, each to its nearest millionth, but at the picture's edge
    assert numbers[1] == pytest.approx((box[0] + box[2]) / 2, abs=1.1e-6)


corner_lists = st.lists(st.tuples(lengths, lengths), min_size=3, max_size=20)


@given(corner_lists, sizes)
@settings(max_examples=300)
def test_any_outline_comes_back(corners: list[tuple[float, float]], size: tuple[int, int]) -> None:
    ring = tuple(value for corner in corners for value in corner)
    scaled = tuple(value * size[place % 2] for place, value in enumerate(ring))
    (back,) = read_back(encode(Annotation(category=0, rings=(scaled,)), task="segment", size=size), "segment", None)
    if len(back.rings[0]) == len(ring) and len({round(value, 5) for value in ring}) > 4:
        assert back.rings[0] == pytest.approx(ring, abs=1e-6)


@given(
    st.lists(st.tuples(lengths, lengths, st.integers(0, 2)), min_size=3, max_size=3),
    boxes(),
    sizes,
    st.sampled_from([POSE, FLAT]),
)
def test_any_key_points_come_back(
    points: list[tuple[float, float, int]],
    box: tuple[float, float, float, float],
    size: tuple[int, int],
    pose: PoseShape,
) -> None:
    in_pixels = (box[0] * size[0], box[1] * size[1], box[2] * size[0], box[3] * size[1])
    # where a point may be as the centre of a pixel: half a pixel from the edge of the picture
    placed_points = tuple((x * size[0] + 0.5, y * size[1] + 0.5, seen) for x, y, seen in points)
    text = encode(Annotation(category=0, box=in_pixels, points=placed_points), task="pose", pose=pose, size=size)
    (back,) = read_back(text, "pose", pose)
    for (x, y, seen), (new_x, new_y, new_seen) in zip(points, back.points, strict=True):
        if pose.dimensions == 3:
            assert new_seen == seen
        elif new_seen == 0:
            # in the very corner there is no telling
            assert not seen or max(x, y) < 1e-6
        if seen and new_seen:
            assert (new_x, new_y) == pytest.approx((x, y), abs=1e-6)


@given(st.lists(st.tuples(lengths, lengths), min_size=4, max_size=4), sizes)
def test_any_turned_box_comes_back(corners: list[tuple[float, float]], size: tuple[int, int]) -> None:
    scaled = tuple(
        value * size[place % 2] for place, value in enumerate(value for corner in corners for value in corner)
    )
    (back,) = read_back(encode(Annotation(category=0, corners=scaled), task="obb", size=size), "obb", None)
    assert back.corners is not None
    assert len(back.corners) == 8
