"""Names of lines: beside them, and hiding nothing."""

from __future__ import annotations

from nfold.contrast.report.direct_labels import Box, place_labels

FRAME = Box(left=40, top=10, right=350, bottom=200)


def test_a_label_alone_stands_above_the_end_of_its_line() -> None:
    line = [(50.0, 100.0), (340.0, 100.0)]
    (spot,) = place_labels([("Offline", line)], [line], FRAME)
    assert (spot.x, spot.anchor) == (340.0, "end")
    assert spot.y < 100


def test_two_labels_never_lie_on_one_another_even_on_the_same_line() -> None:
    line = [(50.0, 100.0), (340.0, 100.0)]
    one, other = place_labels([("Offline", line), ("On the fly", line)], [line, line], FRAME)
    assert one.box.shared_with(other.box) == 0


def test_a_label_keeps_off_a_line_that_crosses() -> None:
    line, crossing = [(50.0, 100.0), (340.0, 100.0)], [(340.0, 60.0), (250.0, 105.0)]
    (spot,) = place_labels([("On the fly", line)], [line, crossing], FRAME)
    assert not any(spot.box.holds((250 + 0.9 * step, 105 - 0.45 * step)) for step in range(101))


def test_a_label_stays_inside_the_frame() -> None:
    line = [(50.0, 12.0), (340.0, 12.0)]
    (spot,) = place_labels([("On the fly", line)], [line], FRAME)
    assert spot.y > 12
    assert spot.box.shared_with(FRAME) == spot.box.area


def test_a_single_point_has_a_label_too() -> None:
    (spot,) = place_labels([("equal after 162", [(100.0, 80.0)])], [[(100.0, 80.0)]], FRAME)
    assert abs(spot.x - 100) < 1
