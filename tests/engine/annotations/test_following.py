from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nfold.annotations.following import Followed, follow
from nfold.annotations.model import Annotation, Category, ImageLabels
from nfold.annotations.rle import decode_rle, encode_rle
from nfold.geometry.known import moved, scaled
from nfold.geometry.stages import Linear, Stage

SIZE = (100, 80)


@dataclass
class Rules:
    min_visibility: float = 0.0
    min_area_px: float = 0.0
    outside: str = "clip"
    swap: dict[str, str] = field(default_factory=dict)


def warped(pixels: Any, matrix: Any, size: tuple[int, int], **options: Any) -> Any:
    import cv2

    centred = moved(-0.5, -0.5) @ matrix @ moved(0.5, 0.5)
    return cv2.warpPerspective(pixels, centred, size, flags=0, borderValue=options["fill"])


def stage(matrix: Any, size_in: tuple[int, int] = SIZE, size_out: tuple[int, int] = SIZE, holes: Any = None) -> Stage:
    matrix = np.asarray(matrix, dtype=np.float64)
    return Stage(
        name="A",
        size_in_wh=size_in,
        size_out_wh=size_out,
        warp=Linear(matrix=matrix),
        holes=holes,
        move_mask=partial(warped, matrix=matrix, size=size_out),
    )


def turn(degrees: float, zoom: float = 1.0) -> Any:
    angle = np.deg2rad(degrees)
    cosine, sine = np.cos(angle) * zoom, np.sin(angle) * zoom
    return moved(50, 40) @ np.array([(cosine, -sine, 0), (sine, cosine, 0), (0, 0, 1)]) @ moved(-50, -40)


MIRROR = np.array([(-1, 0, 100), (0, 1, 0), (0, 0, 1)], dtype=np.float64)
SHEAR = np.array([(1, 0.4, -20), (0, 1, 0), (0, 0, 1)], dtype=np.float64)


def followed(*annotations: Annotation, stages: list[Stage], rules: Rules | None = None, **options: Any) -> Followed:
    labels = ImageLabels(annotations=annotations, frame_wh=SIZE)
    return follow(labels, source_size_wh=SIZE, stages=stages, rules=rules or Rules(), **options)


def box_of(x: float, y: float, width: float, height: float) -> Annotation:
    return Annotation(category=0, box=(x, y, x + width, y + height))


def test_a_box_stays_a_quadrilateral_on_the_way_so_nothing_compounds() -> None:
    result = followed(box_of(35, 25, 30, 30), stages=[stage(turn(45)), stage(turn(-45))])
    assert result.annotations[0].box == pytest.approx((35, 25, 65, 55))
    assert result.looseness == (pytest.approx(1.0),)


def test_a_box_of_a_turned_square_is_twice_as_large_and_says_so() -> None:
    result = followed(box_of(40, 30, 20, 20), stages=[stage(turn(45))])
    assert result.looseness == (pytest.approx(2.0),)
    half = 20 / 2**0.5
    assert result.annotations[0].box == pytest.approx((50 - half, 40 - half, 50 + half, 40 + half))


def test_a_box_with_an_outline_or_pixels_comes_tight() -> None:
    angles = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    disc = np.stack([50 + 15 * np.cos(angles), 40 + 15 * np.sin(angles)], axis=1)
    rows, columns = np.mgrid[0:80, 0:100] + 0.5
    mask = encode_rle(np.hypot(columns - 50, rows - 40) < 15)
    box = (35.0, 25.0, 65.0, 55.0)
    result = followed(
        Annotation(box=box, rings=(tuple(disc.reshape(-1).tolist()),)),
        Annotation(box=box, mask=mask),
        stages=[stage(turn(45))],
    )
    for annotation in result.annotations:
        assert annotation.box == pytest.approx(box, abs=0.6)
    assert result.looseness == (None, None)


def test_a_flip_moves_a_box_edge_for_edge_whatever_its_outline_says() -> None:
    annotation = Annotation(box=(10, 10, 30, 30), rings=((11, 11, 29, 11, 20, 29),))
    (found,) = followed(annotation, stages=[stage(MIRROR)]).annotations
    assert found.box == (70, 10, 90, 30)
    assert found.rings == ((89, 11, 71, 11, 80, 29),)


def test_without_stages_labels_come_back_as_they_are() -> None:
    mask = encode_rle(np.pad(np.ones((10, 10), dtype=bool), ((5, 65), (5, 85))))
    annotations = (
        Annotation(category=1, box=(1.25, 2, 3, 4.5), attributes={"a": 1}, raw={"k": [1]}, order=4, document=2),
        Annotation(rings=((1, 1, 9, 1, 9, 9), (20, 20, 30, 20, 30, 30)), mask=mask),
        Annotation(corners=(10, 5, 20, 10, 15, 20, 5, 15), points=((3, 3, 2), (0, 0, 0), (5, 5, 1))),
        Annotation(category=2),
    )
    result = followed(*annotations, stages=[])
    assert result.annotations == annotations
    assert result.kept == (0, 1, 2, 3)


def test_an_oriented_box_keeps_its_corners_in_order_under_turns_and_mirrors() -> None:
    corners = np.array([(40, 30), (60, 30), (60, 45), (40, 45)], dtype=np.float64)
    for matrix in (turn(33), MIRROR, turn(70, 0.5) @ MIRROR):
        (found,) = followed(Annotation(corners=tuple(corners.reshape(-1))), stages=[stage(matrix)]).annotations
        assert found.corners is not None
        expected = corners @ matrix[:2, :2].T + matrix[:2, 2]
        assert np.allclose(np.reshape(found.corners, (4, 2)), expected)


def test_a_sheared_oriented_box_becomes_the_smallest_rectangle_round_it() -> None:
    (found,) = followed(Annotation(corners=(40, 30, 60, 30, 60, 45, 40, 45)), stages=[stage(SHEAR)]).annotations
    corners = np.reshape(found.corners or (), (4, 2))
    sides = np.roll(corners, -1, axis=0) - corners
    assert sides[0] @ sides[1] == pytest.approx(0, abs=1e-9)
    assert np.hypot(*(corners[0] - (32, 30))) < 10


def test_an_oriented_box_that_is_cut_has_its_corners_inside() -> None:
    (found,) = followed(Annotation(corners=(10, 5, 40, 30, 30, 42, 0, 17)), stages=[stage(moved(-8, -8))]).annotations
    corners = np.reshape(found.corners or (), (4, 2))
    assert (corners >= 0).all()
    assert (corners <= SIZE).all()


def test_points_keep_number_and_order_and_those_outside_are_nothing() -> None:
    annotation = Annotation(points=((10, 10, 2), (0, 0, 0), (90, 10, 1), (7, 7, 0)))
    (found,) = followed(annotation, stages=[stage(moved(20, 0))]).annotations
    assert found.points == ((30, 10, 2), (0, 0, 0), (0, 0, 0), (7, 7, 0))


@pytest.mark.parametrize(("mirrors", "swapped"), [(1, True), (2, False), (3, True)])
def test_left_and_right_change_places_when_all_stages_together_are_a_mirror(mirrors: int, swapped: bool) -> None:
    category = Category(name="person", point_names=("nose", "left_eye", "right_eye"))
    annotation = Annotation(category=0, points=((50, 10, 2), (40, 10, 2), (70, 10, 1)))
    stages = [stage(MIRROR) for _ in range(mirrors)] + [stage(turn(180))]
    (found,) = followed(annotation, stages=stages, categories=(category,)).annotations
    places = [(round(x), round(y), seen) for x, y, seen in found.points]
    straight = [(50, 70, 2), (60, 70, 2), (30, 70, 1)] if not swapped else [(50, 70, 2), (40, 70, 2), (70, 70, 1)]
    assert places == ([straight[0], straight[2], straight[1]] if swapped else straight)


def test_the_recipe_says_which_points_change_places() -> None:
    category = Category(name="x", point_names=("a", "b"))
    annotation = Annotation(category=0, points=((10, 10, 2), (30, 10, 2)))
    rules = Rules(swap={"a": "b", "b": "a"})
    (found,) = followed(annotation, stages=[stage(MIRROR)], categories=(category,), rules=rules).annotations
    assert found.points == ((70, 10, 2), (90, 10, 2))


def test_a_visible_point_that_was_painted_over_is_hidden() -> None:
    holes = np.array([[0, 0, 20, 20]])
    painted = Stage(name="CoarseDropout", size_in_wh=SIZE, size_out_wh=SIZE, warp=None, holes=holes)
    annotation = Annotation(points=((10, 10, 2), (30, 10, 2), (5, 5, 1), (0, 0, 0)))
    (found,) = followed(annotation, stages=[painted]).annotations
    assert found.points == ((10, 10, 1), (30, 10, 2), (5, 5, 1), (0, 0, 0))


def test_visibility_is_measured_against_the_source_over_all_stages() -> None:
    stages = [stage(moved(-20, 0)), stage(moved(-10, 0)), stage(scaled(0.5, 0.5), size_out=(50, 40))]
    result = followed(box_of(0, 10, 40, 40), stages=stages, rules=Rules(min_visibility=0.3))
    assert [(drop.rule, drop.value, drop.limit) for drop in result.drops] == [("visibility", 0.25, 0.3)]
    assert followed(box_of(0, 10, 40, 40), stages=stages, rules=Rules(min_visibility=0.2)).annotations


def test_each_drop_names_its_rule_and_what_was_measured() -> None:
    shrink = [stage(scaled(0.1, 0.1), size_out=(10, 8))]
    result = followed(box_of(10, 10, 30, 20), stages=shrink, rules=Rules(min_area_px=16))
    assert [(drop.index, drop.rule, drop.value, drop.limit) for drop in result.drops] == [(0, "area", 6.0, 16)]
    (drop,) = followed(box_of(0, 0, 10, 10), stages=[stage(moved(-20, 0))]).drops
    assert (drop.rule, drop.value) == ("outside", 0)
    (drop,) = followed(box_of(0, 0, 10, 10), stages=[stage(moved(-4, 0))], rules=Rules(outside="drop")).drops
    assert (drop.rule, drop.value) == ("border", pytest.approx(0.6))
    assert not followed(box_of(5, 0, 10, 10), stages=[stage(moved(-4, 0))], rules=Rules(outside="drop")).drops
    (drop,) = followed(Annotation(rings=((1, 1, 5, 1, 3, 1),)), stages=[stage(MIRROR)]).drops
    assert drop.rule == "degenerate"


def test_what_stands_out_is_kept_whole_when_the_recipe_says_so() -> None:
    result = followed(box_of(0, 10, 20, 20), stages=[stage(moved(-10, 0))], rules=Rules(outside="keep"))
    assert result.annotations[0].box == (-10, 10, 10, 30)
    assert followed(box_of(0, 0, 10, 10), stages=[stage(moved(-20, 0))], rules=Rules(outside="keep")).drops


def test_a_region_of_many_objects_is_kept_while_anything_of_it_is_left() -> None:
    mask = np.zeros((80, 100), dtype=bool)
    mask[10:50, 0:40] = True
    annotation = Annotation(mask=encode_rle(mask), crowd=True)
    result = followed(annotation, stages=[stage(moved(-36, 0))], rules=Rules(min_visibility=0.5))
    assert decode_rle(result.annotations[0].mask or encode_rle(mask)).sum() == 4 * 40


def test_a_label_image_of_the_whole_picture_is_moved_and_drops_nothing() -> None:
    mask = np.zeros((80, 100), dtype=np.uint8)
    mask[:, :10] = 7
    moved_mask = followed(stages=[stage(moved(-50, 0))], mask=mask, mask_fill=255).mask
    assert moved_mask is not None
    assert set(np.unique(moved_mask)) == {0, 255}
    assert followed(stages=[], mask=mask).mask is mask


def test_what_was_given_up_before_is_neither_kept_nor_dropped_again() -> None:
    result = followed(box_of(0, 0, 9, 9), box_of(9, 9, 9, 9), stages=[stage(MIRROR)], given_up=frozenset({0}))
    assert result.kept == (1,)
    assert result.drops == ()


finite = st.floats(-50, 150)


@st.composite
def annotations(draw: st.DrawFn) -> Annotation:
    x, y = draw(st.floats(0, 99)), draw(st.floats(0, 79))
    box = (x, y, min(x + draw(st.floats(0.01, 99)), 100.0), min(y + draw(st.floats(0.01, 79)), 80.0))
    ring = tuple(draw(st.lists(st.floats(0, 80), min_size=6, max_size=20).filter(lambda ring: len(ring) % 2 == 0)))
    point = st.tuples(st.floats(0, 100), st.floats(0, 80), st.sampled_from([0, 1, 2]))
    return Annotation(
        category=0,
        box=box if draw(st.booleans()) else None,
        rings=(ring,) if draw(st.booleans()) else (),
        corners=(box[0], box[1], box[2], box[1], box[2], box[3], box[0], box[3]) if draw(st.booleans()) else None,
        points=tuple(draw(st.lists(point, max_size=3))),
    )


@settings(max_examples=120, deadline=None)
@given(
    st.lists(annotations(), max_size=5),
    st.lists(st.tuples(st.floats(-180, 180), st.floats(0.2, 3), finite, finite, st.booleans()), max_size=3),
    st.sampled_from(["clip", "drop"]),
)
def test_in_equals_kept_plus_dropped_and_what_is_kept_is_inside(
    given_annotations: list[Annotation], moves: list[tuple[float, float, float, float, bool]], outside: str
) -> None:
    stages = [
        stage(moved(x - 50, y - 40) @ turn(angle, zoom) @ (MIRROR if mirror else np.eye(3)))
        for angle, zoom, x, y, mirror in moves
    ]
    rules = Rules(min_visibility=0.1, min_area_px=2, outside=outside)
    result = followed(*given_annotations, stages=stages, rules=rules)
    assert sorted([*result.kept, *(drop.index for drop in result.drops)]) == list(range(len(given_annotations)))
    assert len(result.looseness) == len(result.annotations)
    for index, annotation in zip(result.kept, result.annotations, strict=True):
        source = given_annotations[index]
        assert (annotation.box is None) == (source.box is None)
        assert bool(annotation.rings) == bool(source.rings)
        assert len(annotation.points) == len(source.points)
        flat = [*(annotation.box or ()), *(v for ring in annotation.rings for v in ring), *(annotation.corners or ())]
        assert all(-1e-6 <= x <= 100 + 1e-6 for x in flat[::2])
        assert all(-1e-6 <= y <= 80 + 1e-6 for y in flat[1::2])
        if annotation.box is not None:
            assert annotation.box[2] - annotation.box[0] > 0
            assert annotation.box[3] - annotation.box[1] > 0


def test_a_part_goes_with_the_object_that_it_is_a_part_of() -> None:
    whole = replace(box_of(0, 0, 60, 60), order=0)
    head = replace(box_of(50, 20, 10, 10), order=1, part_of=0)
    other = replace(box_of(70, 20, 20, 20), order=2)
    away = [stage(moved(-45, 0))]
    alone = followed(whole, head, other, stages=away)
    assert [entry.order for entry in alone.annotations] == [0, 1, 2]
    strict = followed(whole, head, other, stages=away, rules=Rules(min_visibility=0.5))
    assert [entry.order for entry in strict.annotations] == [2]
    assert [(drop.index, drop.rule) for drop in strict.drops] == [(0, "visibility"), (1, "part")]
    another_file = replace(head, document=1)
    assert len(followed(whole, another_file, other, stages=away, rules=Rules(min_visibility=0.5)).annotations) == 2


def test_parts_of_parts_go_with_them_however_deep() -> None:
    chain = [replace(box_of(0, 0, 60, 60), order=0)]
    chain += [replace(box_of(50, 20, 10, 10), order=order, part_of=order - 1) for order in range(1, 6)]
    result = followed(*reversed(chain), stages=[stage(moved(-45, 0))], rules=Rules(min_visibility=0.5))
    assert result.annotations == ()
    assert [(drop.index, drop.rule) for drop in result.drops] == [*((k, "part") for k in range(5)), (5, "visibility")]
