from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nfold.annotations import Annotation
from nfold.formats.base import SourceProblem
from nfold.formats.voc.objects import VocFile, placed, read_voc
from nfold.formats.voc.shapes import shape_edits
from nfold.formats.voc.xml import applied, parse_xml
from tests.engine.formats.voc_files import voc_file, voc_object

NUMBERED = "\n\t\t<polygon>\n\t\t\t<x1>11</x1>\n\t\t\t<y1>21</y1>\n\t\t\t<x2>30</x2>\n\t\t\t<y2>21</y2>\n\t\t\t<x3>30</x3>\n\t\t\t<y3>40</y3>\n\t\t</polygon>"
POINTS = "<polygon><pt><x>11.0</x><y>21.0</y></pt><pt><x>30.5</x><y>21</y></pt><pt><x>30</x><y>40</y></pt></polygon>"
ANGLED = "<robndbox><cx>50</cx><cy>40</cy><w>20</w><h>10</h><angle>{}</angle></robndbox>"


def read(text: str) -> VocFile:
    found = read_voc("a.xml", text.encode())
    assert found is not None
    return found


def annotation_of(text: str, origin: int = 1) -> Annotation:
    found = placed(read(text), origin=origin, numbers={"cat": 0}, path="a.xml")
    assert not isinstance(found, SourceProblem)
    return found[0][0]


def edited(text: str, after: Annotation, origin: int = 1, size: tuple[int, int] = (100, 80)) -> str:
    xml = parse_xml(text.encode())
    node = xml.root.first("object")
    assert node is not None
    return applied(xml, shape_edits(xml, node, after, size, origin)).decode()


@pytest.mark.parametrize(
    "more", [NUMBERED, POINTS.replace("30.5", "30"), POINTS.replace("pt>", "point>").replace("30.5", "30")]
)
@pytest.mark.parametrize(("origin", "shift"), [(0, 0.0), (1, 0.5)])
def test_outlines_are_read_from_the_middle_of_pixels_or_as_edges(more: str, origin: int, shift: float) -> None:
    (ring,) = annotation_of(voc_file(voc_object(more=more)), origin).rings
    assert ring == (11 - shift, 21 - shift, 30 - shift, 21 - shift, 30 - shift, 40 - shift)


@pytest.mark.parametrize("more", [NUMBERED, POINTS])
@pytest.mark.parametrize("origin", [0, 1])
def test_an_outline_that_has_not_moved_is_written_as_it_was(more: str, origin: int) -> None:
    text = voc_file(voc_object(more=more))
    written = edited(text, annotation_of(text, origin), origin)
    assert annotation_of(written, origin) == annotation_of(text, origin)
    if more is NUMBERED:
        assert written == text


def test_an_outline_that_was_cut_into_parts_is_several() -> None:
    text = voc_file(voc_object(more=NUMBERED))
    rings = ((0.5, 0.5, 9.5, 0.5, 9.5, 9.5), (20.5, 20.5, 29.5, 20.5, 29.5, 29.5, 20.5, 29.5))
    written = edited(text, replace(annotation_of(text), rings=rings))
    assert written.count("<polygon>") == 2
    assert annotation_of(written).rings == rings
    again = edited(written, replace(annotation_of(text), rings=rings[:1]))
    assert annotation_of(again).rings == rings[:1]
    assert "polygon" not in edited(written, replace(annotation_of(text), rings=()))


def test_corners_stay_inside_the_picture() -> None:
    text = voc_file(voc_object(more=NUMBERED))
    written = edited(text, replace(annotation_of(text), rings=((0.0, 0.0, 100.0, 0.0, 100.0, 80.0),)))
    assert annotation_of(written).rings == ((0.5, 0.5, 99.5, 0.5, 99.5, 79.5),)


@given(st.floats(-7, 7))
def test_a_box_with_an_angle_has_its_corners_there(angle: float) -> None:
    text = voc_file(voc_object(more=ANGLED.format(angle)))
    corners = annotation_of(text).corners
    assert corners is not None
    points = np.array(corners).reshape(4, 2)
    assert np.allclose(points.mean(axis=0), (50, 40))
    assert np.allclose(points[1] - points[0], (20 * math.cos(angle), 20 * math.sin(angle)))
    written = edited(text, annotation_of(text))
    assert 0 <= float(written.split("<angle>")[1].split("<")[0]) <= 3.141593
    again = annotation_of(written).corners
    assert again is not None
    found = np.array(again).reshape(4, 2)
    assert all(np.min(np.abs(found - point).max(axis=1)) < 1e-3 for point in points)


def test_an_angle_is_clockwise_as_one_sees_it() -> None:
    corners = annotation_of(voc_file(voc_object(more=ANGLED.format(math.pi / 2)))).corners
    assert corners is not None
    assert np.allclose(corners, (55, 30, 55, 50, 45, 50, 45, 30))


def test_a_mirrored_box_with_an_angle_is_the_mirrored_rectangle() -> None:
    text = voc_file(voc_object(more=ANGLED.format(0.3)))
    before = annotation_of(text)
    assert before.corners is not None
    mirrored = tuple(100 - value if place % 2 == 0 else value for place, value in enumerate(before.corners))
    after = annotation_of(edited(text, replace(before, corners=mirrored))).corners
    assert after is not None
    wanted, found = np.array(mirrored).reshape(4, 2), np.array(after).reshape(4, 2)
    assert all(np.min(np.abs(found - point).max(axis=1)) < 1e-3 for point in wanted)
    assert "robndbox" not in edited(text, replace(before, corners=None))


def test_an_object_needs_no_box_when_it_has_another_shape() -> None:
    for more, kind in ((POINTS, "rings"), (ANGLED.format(1), "corners")):
        found = annotation_of(voc_file(f"<object><name>cat</name>{more}</object>"))
        assert found.box is None
        assert getattr(found, kind)


def test_an_empty_outline_beside_a_box_says_nothing_and_stays() -> None:
    text = voc_file(voc_object(more="<polygon/>"))
    assert annotation_of(text).rings == ()
    assert edited(text, annotation_of(text)) == text


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        ("<polygon><x1>1</x1><y1>2</y1></polygon>", "labels.bad_value", "an outline of 1 corner"),
        ("<polygon>1,2 3,4</polygon>", "labels.bad_value", "an outline of 0 corners"),
        ("<polygon><x1>1</x1></polygon>", "labels.bad_box", "has no <y1>"),
        (POINTS.replace("30.5", "nan"), "labels.bad_box", "'nan', which is no number"),
        (ANGLED.format("x"), "labels.bad_box", "'x', which is no number"),
        (ANGLED.format(1).replace("20", "0"), "labels.bad_value", "no width or no height"),
    ],
)
def test_a_shape_that_is_none_is_a_problem(more: str, code: str, said: str) -> None:
    problem = read(voc_file(voc_object(more=more))).problem
    assert problem is not None
    assert (problem.code, said in problem.message) == (code, True), problem.message


@given(
    st.lists(st.tuples(st.floats(-10, 110), st.floats(-10, 90)), min_size=3, max_size=6),
    st.sampled_from([NUMBERED, POINTS]),
    st.sampled_from([0, 1]),
)
def test_whatever_outline_is_written_is_read_again(points: Any, more: str, origin: int) -> None:
    text = voc_file(voc_object(more=more))
    ring = tuple(value for point in points for value in point)
    found = annotation_of(edited(text, replace(annotation_of(text), rings=(ring,)), origin), origin).rings[0]
    inside = np.clip(np.array(points), 0, (100, 80))
    assert np.abs(np.array(found).reshape(-1, 2) - inside).max() <= 0.51
