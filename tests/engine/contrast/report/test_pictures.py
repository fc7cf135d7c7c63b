"""The picture grid: what is new and what is the same again can be seen, and no picture is in the page twice."""

from __future__ import annotations

import base64
from dataclasses import replace

from nfold.contrast.model import Grid, GridCell
from nfold.contrast.report.pictures import MOST_PICTURES, PictureStore, picture_section
from tests.engine.contrast.parsing import Node, parse
from tests.engine.contrast.sample import counted, small, tiny_jpeg


def section(**changes: object) -> tuple[Node, PictureStore]:
    store = PictureStore()
    markup = picture_section(small(**changes), store)
    assert markup is not None
    return parse(markup), store


def cell(number: int, *, is_new: bool = True, caption: str = "copy") -> GridCell:
    return GridCell(jpeg=tiny_jpeg(number * 9), pixels=f"{number:032x}", caption=caption, is_new=is_new)


def main_table(page: Node) -> Node:
    return next(page.every("table"))


def rows_of(table: Node) -> list[list[Node]]:
    return [[child for child in row.children if isinstance(child, Node)] for row in table.one("tbody").every("tr")]


def test_epochs_are_rows_and_the_two_meanings_stand_side_by_side() -> None:
    page, _ = section()
    table = main_table(page)
    assert [
        head.one("span", class_="head").text for head in table.one("thead").every("th") if head.attributes.get("class")
    ] == [
        "Offlineso far",
        "On the flyso far",
    ]
    assert [row[0].text for row in rows_of(table)] == ["Epoch 1", "Epoch 2", "Epoch 3"]
    assert all(head.attributes["scope"] == "row" for row in rows_of(table) for head in row[:1])


def test_new_pictures_are_marked_and_the_same_again_are_dimmed() -> None:
    page, _ = section()
    marks = [
        [[figure.one("b").text for figure in column.every("figure")] for column in row[1:]]
        for row in rows_of(main_table(page))
    ]
    assert marks == [[["+"] * 3, ["+"]], [["="] * 3, ["+"]], [["="] * 3, ["+"]]]
    for figure in page.every("figure"):
        assert ("new" in (figure.attributes["class"] or "").split()) == (figure.one("b").text == "+")


def test_how_many_different_ones_there_were_so_far_is_counted_from_the_pixels() -> None:
    page, _ = section()
    counts = [[column.one("p").one("b").text for column in row[1:]] for row in rows_of(main_table(page))]
    assert counts == [["3", "1"], ["3", "2"], ["3", "3"]]


def test_where_epochs_are_left_out_that_is_shown_and_the_count_goes_on() -> None:
    rows = (
        (1, {"offline": (cell(1), cell(2)), "on-the-fly": (cell(3),)}),
        (9, {"offline": (cell(1, is_new=False), cell(2, is_new=False)), "on-the-fly": (cell(4),)}),
    )
    so_far = ({"offline": 2, "on-the-fly": 1}, {"offline": 2, "on-the-fly": 9})
    page, _ = section(grid=(Grid(source="a.png", rows=rows, so_far=so_far),))
    first, gap, last = rows_of(main_table(page))
    assert [column.one("p").text.strip() for column in first[1:]] == ["2 different so far", "1 different so far"]
    assert gap[1].text == "…"
    assert [column.one("p").text.strip() for column in last[1:]] == ["2 different so far", "9 different so far"]


def test_the_other_modes_are_folded_away_under_their_names() -> None:
    page, _ = section()
    summaries = [summary.text for summary in page.every("summary")]
    assert summaries[0] == "The same image in the other modes: No augmentation, Frozen and Keras layers"
    assert summaries[1] == "Another image: cats/b.png"


def test_without_other_modes_there_is_nothing_to_unfold() -> None:
    rows = ((1, {"offline": (cell(1),), "on-the-fly": (cell(2),)}),)
    page, _ = section(grid=(counted("a.png", rows),))
    assert list(page.every("details")) == []


def test_without_pictures_there_is_no_section() -> None:
    store = PictureStore()
    assert picture_section(small(grid=()), store) is None
    assert store.definitions() is None


def test_each_picture_is_in_the_page_once_with_its_own_bytes_and_size() -> None:
    page, store = section()
    definitions = parse(str(store.definitions()))
    images = {image.attributes["id"]: image for image in definitions.every("image")}
    shown = [use.attributes["href"] for use in page.every("use")]
    assert len(shown) > len(images) == 6
    assert {f"#{key}" for key in images} == set(shown)
    first = images["picture-1"]
    data = (first.attributes["href"] or "").removeprefix("data:image/jpeg;base64,")
    assert base64.b64decode(data) == small().grid[0].rows[0][1]["offline"][0].jpeg
    assert (first.attributes["width"], first.attributes["height"]) == ("24", "16")


def test_each_picture_says_what_it_is() -> None:
    page, _ = section()
    row = rows_of(main_table(page))[1]
    labels = [svg.attributes["aria-label"] for column in row[1:] for svg in column.every("svg")]
    assert labels == [
        "original, the same again",
        "copy 1, the same again",
        "copy 2, the same again",
        "epoch 2, seen for the first time",
    ]


def test_of_very_many_copies_the_first_are_shown_and_the_rest_are_counted() -> None:
    many = tuple(cell(number % 20) for number in range(101))
    page, _ = section(grid=(counted("a.png", ((1, {"offline": many, "on-the-fly": (cell(1),)}),)),))
    column = rows_of(main_table(page))[0][1]
    assert len(list(column.every("figure"))) == MOST_PICTURES
    assert column.one("p", class_="more").text == f"and {101 - MOST_PICTURES} more"


def test_a_mode_may_be_missing_from_a_row() -> None:
    rows = ((1, {"on-the-fly": (cell(1),)}), (2, {"offline": (cell(2),), "on-the-fly": (cell(3),)}))
    page, _ = section(grid=(counted("a.png", rows),))
    assert [len(row) for row in rows_of(main_table(page))] == [3, 3]


def test_a_hostile_source_and_caption_are_text() -> None:
    grid = counted("<img src=x onerror=alert(1)>.png", ((1, {"offline": (replace(cell(1), caption='"><script>'),)}),))
    page, _ = section(grid=(grid, grid))
    assert not list(page.every("img"))
    assert not list(page.every("script"))
    assert next(page.every("bdi")).text == grid.source
