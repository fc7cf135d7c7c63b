"""Marks become shapes of SVG, in the pixels of their picture; a class keeps its colour."""

from __future__ import annotations

from nfold_service.overlays import COLOURS, Palette


def test_boxes_rings_and_points_lie_where_their_shares_say() -> None:
    marks = [
        {"name": "cup", "box": [0.25, 0.5, 0.75, 1.0]},
        {"name": "cup", "rings": [[0, 0, 1, 0, 0.5, 1], [0.1, 0.1, 0.2, 0.1, 0.2, 0.2]]},
        {"name": "cat", "points": [0.5, 0.25, 1.0, 1.0]},
    ]
    box, first, second, left, right = Palette().shapes(marks, 400, 200)
    assert box == {"kind": "polygon", "css": "mark c0", "points": "100,100 300,100 300,200 100,200"}
    assert first["points"] == "0,0 400,0 200,200"
    assert second["points"] == "40,20 80,20 80,40"
    assert (left["css"], left["x"], left["y"]) == ("mark c1 point", 200, 50)
    assert (right["x"], right["y"]) == (400, 200)


def test_colours_go_by_the_order_of_what_was_found_and_repeat() -> None:
    found = {"objects": [{"category": name} for name in ("a", "b", "a", "c")]}
    palette = Palette(found)
    assert [palette.colour(name) for name in ("c", "a", "b", None, "new")] == ["c2", "c0", "c1", "c3", "c4"]
    many = Palette()
    assert [many.colour(str(number)) for number in range(COLOURS + 1)][-1] == "c0"


def test_without_anything_found_there_are_no_colours_yet() -> None:
    assert Palette({"objects": None}).colour("x") == "c0"
    assert Palette().shapes([{"name": None}], 10, 10) == []
