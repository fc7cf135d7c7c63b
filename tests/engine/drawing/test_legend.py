from __future__ import annotations

import numpy as np
import pytest

from nfold.annotations import Annotation, Category
from nfold.drawing.legend import BACKGROUND, Tally, draw_legend
from nfold.drawing.palette import class_colour
from tests.engine.drawing.conftest import BODY

CATEGORIES = [Category(name="tree"), Category(name="house"), BODY]


def tally_of(*annotations: Annotation, mask: np.ndarray | None = None) -> Tally:
    tally = Tally(categories=CATEGORIES)
    tally.add(annotations, mask)
    return tally


def told(tally: Tally) -> list[tuple[str, str]]:
    return [(entry.text, entry.count) for entry in tally.entries()]


def test_classes_are_listed_in_their_order_with_colour_and_count() -> None:
    tally = tally_of(
        *[Annotation(category=1)] * 3, Annotation(category=0), Annotation(category=None), Annotation(category=9)
    )
    assert told(tally) == [("tree", "1"), ("house", "3"), ("class 9", "1"), ("no class", "1")]
    assert [entry.colour for entry in tally.entries()][:2] == [class_colour(0), class_colour(1)]


def test_originals_and_copies_are_counted_apart() -> None:
    tally = Tally(categories=CATEGORIES, has_copies=True)
    tally.add([Annotation(category=0)] * 4, None)
    tally.add([Annotation(category=0)] * 3, None, is_copy=True)
    tally.add([Annotation(category=0)] * 2, None, is_copy=True)
    assert told(tally) == [("tree", "4 + 5")]
    assert tally.heading() == "Objects in originals + in copies:"


def test_signs_are_explained_only_where_they_occur() -> None:
    assert [text for text, _ in told(tally_of(Annotation(category=0, box=(0, 0, 1, 1))))] == ["tree"]
    body = Annotation(category=2, points=((1, 1, 2), (2, 2, 1), (3, 3, 0)))
    assert [text for text, _ in told(tally_of(body))][1:] == ["left", "right", "hidden point"]
    board = Annotation(category=0, points=((1, 1, 2), (2, 2, 2)))
    assert [text for text, _ in told(tally_of(board))][1:] == ["first point"]
    rest = tally_of(Annotation(category=0, corners=(0, 0, 1, 0, 1, 1, 0, 1)), Annotation(category=0, crowd=True))
    assert [text for text, _ in told(rest)][1:] == ["front edge, dot at corner 1", "region of many objects"]


def test_masks_are_told_by_share_or_by_number_of_objects() -> None:
    mask = np.zeros((10, 10), np.uint8)
    mask[:3], mask[9] = 5, 255
    assert told(tally_of(mask=mask)) == [("value 5", "30.0 % of pixels"), ("ignored", "10.0 % of pixels")]
    objects = np.arange(100, dtype=np.uint16).reshape(10, 10)
    assert told(tally_of(mask=objects)) == [("objects by number", "99")]


def test_more_classes_than_can_be_read_are_summed_up() -> None:
    tally = Tally(categories=[Category(name=f"c{number}") for number in range(100)])
    tally.add([Annotation(category=number) for number in range(100)], None)
    assert len(tally.entries()) == 41
    assert told(tally)[-1] == ("60 more classes", "60")


def test_nothing_marked_needs_no_legend() -> None:
    assert tally_of().is_empty
    assert draw_legend(tally_of(), 300) is None
    assert draw_legend(tally_of(mask=np.zeros((0, 0), np.uint8)), 300) is None
    assert draw_legend(tally_of(mask=np.zeros((4, 4), np.uint8)), 300) is None


@pytest.mark.parametrize("width", [1, 40, 300, 2000])
def test_a_strip_has_the_width_asked_for_and_lines_enough(width: int) -> None:
    tally = Tally(
        categories=[Category(name=f"class with a name {number} 日 سفينة") for number in range(20)], has_copies=True
    )
    tally.add([Annotation(category=number, crowd=True) for number in range(20)], None)
    strip = draw_legend(tally, width)
    assert strip is not None
    assert strip.width == width
    lines = {1: 20, 40: 20, 300: 20, 2000: 3}
    assert strip.height >= 20 * lines[width]


def test_the_strip_shows_each_colour() -> None:
    strip = draw_legend(tally_of(Annotation(category=0), Annotation(category=1)), 400)
    assert strip is not None
    pixels = np.asarray(strip)
    for place in (0, 1):
        assert (pixels == class_colour(place)).all(axis=2).sum() > 50
    assert tuple(pixels[0, -1]) == BACKGROUND


def test_signs_of_every_look_can_be_drawn() -> None:
    tally = tally_of(
        Annotation(category=2, points=((1, 1, 2), (2, 2, 1), (3, 3, 0)), crowd=True),
        Annotation(category=0, points=((1, 1, 2), (2, 2, 1)), corners=(0, 0, 1, 0, 1, 1, 0, 1)),
        mask=np.arange(100, dtype=np.uint16).reshape(10, 10),
    )
    assert {entry.look for entry in tally.entries()} == {"area", "many", "striped", "dot", "ring", "first", "front"}
    assert draw_legend(tally, 500) is not None
