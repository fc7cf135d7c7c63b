from __future__ import annotations

import pytest

from nfold.errors import InputError
from nfold.formats.tables.conventions import CsvConventions, TableStyle, Tally
from nfold.formats.tables.shape import TableShape


def tally(*boxes: tuple[str, str, str, str]) -> Tally:
    counted = Tally()
    for line, texts in enumerate(boxes, start=2):
        x_min, y_min, x_max, y_max = map(float, texts)
        counted.count((x_min, y_min, x_max, y_max), texts, f"a.csv, line {line}")
    return counted


def test_boxes_within_0_and_1_are_shares_of_the_picture() -> None:
    decided = tally(("0", "0", "1", "1"), ("0.25", "0.5", "0.75", "1.0")).decide({})
    assert (decided.is_relative, decided.decimals) == (True, 6)


@pytest.mark.parametrize(
    ("texts", "decimals"),
    [(("1", "2", "30", "40"), 0), (("1", "2", "30.5", "40"), 2), (("1.0", "2.0", "3.0", "4.0"), 2)],
)
def test_whole_pixels_stay_whole(texts: tuple[str, str, str, str], decimals: int) -> None:
    decided = tally(texts).decide({})
    assert (decided.is_relative, decided.decimals) == (False, decimals)


def test_a_tiny_box_in_the_corner_does_not_make_shares_of_pixels() -> None:
    assert not tally(("0", "0", "1", "1"), ("5", "5", "9", "9")).decide({}).is_relative


def test_shares_and_pixels_mixed_are_refused_with_the_first_line_that_differs() -> None:
    with pytest.raises(InputError, match=r"a\.csv, line 3: .* 2 of 3 boxes"):
        tally(("0.1", "0.1", "0.2", "0.2"), ("10", "10", "20", "20"), ("0.1", "0.1", "0.2", "0.2")).decide({})


def test_what_was_recorded_is_not_decided_anew() -> None:
    recorded = CsvConventions(is_relative=False, decimals=2, empty_box="zeros").to_json()
    decided = tally(("0", "0", "1", "1")).decide(recorded)
    assert (decided.is_relative, decided.decimals, decided.empty_box) == (False, 2, "zeros")


def test_how_no_boxes_are_written_is_seen_or_follows_from_the_kind_of_table() -> None:
    assert Tally().decide({}).empty_box is None
    assert Tally(has_headless=True).decide({}).empty_box == "blank"
    assert Tally(zeros=1).decide({}).empty_box == "zeros"
    assert Tally(zeros=1, blanks=1).decide({}).empty_box == "blank"


def test_a_style_comes_back_from_json_and_writes_the_top_of_the_table() -> None:
    shape = TableShape(delimiter=";", header="file;label", columns=2, names=("file", "label"), file=0, label=1)
    style = TableStyle(shape=shape, has_mark=True, newline="\r\n", conventions=CsvConventions(decimals=0))
    assert TableStyle.from_json(style.to_json()) == style
    assert style.top == "\ufefffile;label\r\n"
    headless = TableShape(delimiter=",", header=None, columns=6, file=0)
    assert TableStyle(shape=headless, conventions=CsvConventions()).top == ""
