from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nfold.formats.base import SourceProblem
from nfold.formats.voc.objects import (
    VocFile,
    counts_from_zero,
    from_json,
    is_whole,
    last_part,
    pack,
    placed,
    read_voc,
    to_json,
    unpack,
)
from tests.engine.formats.voc_files import voc_file, voc_object

PART = (
    "\n\t\t<part><name>head</name><bndbox><xmin>12</xmin><ymin>22</ymin><xmax>15</xmax><ymax>25</ymax></bndbox></part>"
)


def read(text: str) -> VocFile:
    found = read_voc("a.xml", text.encode())
    assert found is not None
    return found


def problem_of(text: str, origin: int = 1) -> SourceProblem:
    voc = read(text)
    if voc.problem is not None:
        return voc.problem
    found = placed(voc, origin=origin, numbers={"cat": 0, "head": 1}, path="a.xml")
    assert isinstance(found, SourceProblem)
    return found


def test_counted_from_one_both_ends_belong_to_the_box() -> None:
    voc = read(voc_file(voc_object(box=(1, 1, 100, 80)), voc_object(box=(5, 6, 5, 6))))
    found = placed(voc, origin=1, numbers={"cat": 0}, path="a.xml")
    assert not isinstance(found, SourceProblem)
    assert [entry.box for entry in found[0]] == [(0, 0, 100, 80), (4, 5, 5, 6)]
    assert found[1] == 0


def test_counted_from_zero_numbers_are_edges() -> None:
    voc = read(voc_file(voc_object(box=(0, 0, 100, 80))))
    assert counts_from_zero(voc)
    found = placed(voc, origin=0, numbers={"cat": 0}, path="a.xml")
    assert not isinstance(found, SourceProblem)
    assert found[0][0].box == (0, 0, 100, 80)


@pytest.mark.parametrize(
    ("box", "is_zero"), [((1, 1, 2, 2), False), ((0, 5, 9, 9), True), ((5, "0.5", 9, 9), True), ((-1, 3, 9, 9), False)]
)
def test_a_box_that_begins_below_one_counts_from_zero(box: tuple[Any, ...], is_zero: bool) -> None:
    assert counts_from_zero(read(voc_file(voc_object(box=box)))) == is_zero


BOX_OF_A_PART = "<bndbox><xmin>12</xmin><ymin>22</ymin><xmax>15</xmax><ymax>25</ymax></bndbox>"


def test_parts_follow_their_object_and_are_told_apart() -> None:
    voc = read(voc_file(voc_object("cat", more=PART), voc_object("cat")))
    assert [(found.name, found.part_of) for found in voc.objects] == [("cat", None), ("head", 0), ("cat", None)]
    found = placed(voc, origin=1, numbers={"cat": 0, "head": 1}, path="a.xml")
    assert not isinstance(found, SourceProblem)
    assert [entry.order for entry in found[0]] == [0, 1, 2]
    assert found[0][1].raw == {"part_of": 0}
    assert [annotation.part_of for annotation in found[0]] == [None, 0, None]
    assert found[0][1].box == (11, 21, 15, 25)


def test_flags_pose_and_attributes_are_read() -> None:
    flags = "<pose>Left</pose><truncated>1</truncated><difficult>0</difficult><occluded>maybe</occluded>"
    more = "<attributes><attribute><name>age</name><value>3</value></attribute></attributes>"
    found = read(voc_file(voc_object(flags=flags, more=more))).objects[0]
    assert found.attributes == {"pose": "Left", "truncated": 1, "occluded": "maybe", "age": "3"}


@pytest.mark.parametrize(
    ("size", "frame"),
    [
        ((100, 80), (100, 80)),
        (("100.0", 80), (100, 80)),
        ((0, 80), None),
        (("", 80), None),
        ((-1, 80), None),
        (("nan", 80), None),
        (("1e99", 3), None),
        (None, None),
    ],
)
def test_a_size_that_is_none_is_none(size: Any, frame: Any) -> None:
    assert read(voc_file(size=size)).frame_wh == frame


@pytest.mark.parametrize(
    ("box", "origin"),
    [
        ((30, 21, 11, 40), 1),
        ((11, 21, 9, 40), 1),
        ((11, 21, 11, 40), 0),
        (("nan", 21, 30, 40), 1),
        (("inf", 21, 30, 40), 1),
        (("1e308", 21, 30, 40), 1),
        (("1e8", 21, 30, 40), 1),
        (("", 21, 30, 40), 1),
        (("1_0", 21, 30, 40), 1),
        (("ten", 21, 30, 40), 1),
        ((101, 21, 130, 40), 1),
        ((-9, 21, 0, 40), 0),
    ],
)
def test_a_bad_box_is_named_with_its_line(box: tuple[Any, ...], origin: int) -> None:
    problem = problem_of(voc_file(voc_object(), voc_object(box=box)), origin)
    assert problem.code == "labels.bad_box"
    assert "object 2 (cat)" in problem.message
    assert "a.xml, line " in problem.message


def test_the_line_of_a_bad_box_is_that_of_its_object() -> None:
    text = voc_file(voc_object(), voc_object(box=(30, 21, 11, 40)))
    line = text[: text.rindex("<object>")].count("\n") + 1
    assert f"line {line}:" in problem_of(text).message


def test_a_box_that_sticks_out_is_counted_and_one_outside_is_bad() -> None:
    voc = read(voc_file(voc_object(box=(-5, 2, 10, 10)), voc_object(box=(90, 70, 101, 80)), voc_object()))
    found = placed(voc, origin=1, numbers={"cat": 0}, path="a.xml")
    assert not isinstance(found, SourceProblem)
    assert found[1] == 2
    unknown = read(voc_file(voc_object(box=(900, 700, 1010, 800)), size=None))
    assert not isinstance(placed(unknown, origin=1, numbers={"cat": 0}, path="a.xml"), SourceProblem)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (voc_file(voc_object("")), "labels.bad_value"),
        (voc_file("<object><name>cat</name></object>"), "labels.bad_box"),
        (voc_file(voc_object(more="<bndbox/>")), "labels.bad_box"),
        (voc_file(voc_object(more="<part><name>head</name></part>")), "labels.bad_box"),
        ("<annotation>", "labels.unreadable"),
    ],
)
def test_what_is_missing_or_twice_is_a_problem(text: str, code: str) -> None:
    assert problem_of(text).code == code


def test_a_part_of_a_part_is_a_problem_since_its_box_would_stay_as_it_is_in_copies() -> None:
    nose = f"<part><name>nose</name>{BOX_OF_A_PART}</part>"
    problem = problem_of(voc_file(voc_object(more=f"<part><name>head</name>{BOX_OF_A_PART}{nose}</part>")))
    assert problem.code == "labels.bad_value"
    assert problem.message.endswith("part of an object, box 2 (head) has parts of its own, which are not read.")
    assert problem.hint


def test_other_xml_is_none_of_ours() -> None:
    assert read_voc("a.xml", b"<project/>") is None


def test_shapes_that_do_not_follow_are_counted() -> None:
    assert read(voc_file(voc_object(more="<mask/>"), voc_object(more="<point/><keypoints/>"))).outlines == 3


@given(st.text(max_size=30), st.text(max_size=9), st.lists(st.floats() | st.integers(), min_size=4, max_size=4))
def test_whatever_stands_in_a_file_is_objects_or_a_problem(noise: str, name: str, box: list[float]) -> None:
    stored = voc_file(voc_object(name, tuple(box), more=noise)).encode("utf-8", "replace")
    voc = read_voc("a.xml", stored)
    assert voc is not None
    assert from_json(to_json(voc)) == voc
    if voc.problem is None:
        numbers = {found.name: 0 for found in voc.objects}
        for origin in (0, 1):
            found = placed(voc, origin=origin, numbers=numbers, path="a.xml")
            if not isinstance(found, SourceProblem):
                assert all(
                    entry.box is not None and entry.box[0] < entry.box[2] and entry.box[1] < entry.box[3]
                    for entry in found[0]
                )


def test_a_file_waits_without_loss() -> None:
    voc = read(voc_file(voc_object(more=PART)))
    assert from_json(to_json(voc)) == voc
    stored = voc_file(voc_object()).encode()
    assert unpack(pack(stored)).data == stored


def test_small_words() -> None:
    assert [last_part(path) for path in ("a.jpg", "b/a.jpg", "C:\\b\\a.jpg", "")] == ["a.jpg"] * 3 + [""]
    assert [is_whole(words) for words in ("1", "-1", "1.0", "", "1e3")] == [True, True, False, False, False]
