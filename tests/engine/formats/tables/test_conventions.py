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


def test_one_row_of_shares_among_pixels_is_refused_and_both_lines_are_named() -> None:
    pixels = [(str(number), "10", str(number + 20), "30") for number in range(5)]
    with pytest.raises(InputError, match=r"a\.csv, line 2: .* 1 of 6 boxes lies .* a\.csv, line 7\)") as caught:
        tally(*pixels, ("0.1", "0.1", "0.6", "0.6")).decide({})
    assert caught.value.stable_code == "labels.mixed_coordinates"


@pytest.mark.parametrize("box", [("0", "0", "1", "1"), ("0.0", "0.0", "1.0", "1.0"), ("0.5", "0.5", "9.5", "4.5")])
def test_pixels_that_begin_near_the_corner_are_pixels(box: tuple[str, str, str, str]) -> None:
    decided = tally(("5", "5", "9", "9"), box, ("10.25", "0.5", "20", "30")).decide({})
    assert not decided.is_relative


def test_shares_that_stick_out_a_little_are_no_pixels() -> None:
    with pytest.raises(InputError, match="between 0 and 1"):
        tally(("5", "5", "9", "9"), ("6", "6", "9", "9"), ("0.25", "0.5", "1.02", "0.75")).decide({})


def test_shares_in_a_table_that_was_recorded_as_pixels_are_refused() -> None:
    recorded = CsvConventions(is_relative=False, decimals=2, empty_box="zeros").to_json()
    with pytest.raises(InputError, match="an earlier run") as caught:
        tally(("0.25", "0.5", "0.75", "0.75")).decide(recorded)
    assert caught.value.stable_code == "labels.mixed_coordinates"


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
