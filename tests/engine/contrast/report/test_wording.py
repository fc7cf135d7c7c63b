"""Figures in words."""

from __future__ import annotations

import pytest

from nfold.contrast.report.wording import (
    colour_of,
    count,
    listed,
    mean,
    percent,
    rate,
    seconds,
    share,
    short_hash,
    size,
    span,
)


@pytest.mark.parametrize(
    ("value", "words"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (9_949, "9.9 kB"), (9_960, "10 kB"), (123_456, "123 kB"),
     (999_499, "999 kB"), (999_500, "1.0 MB"), (3_432_521, "3.4 MB"), (5_000_000_000, "5.0 GB"),
     (7_200_000_000_000_000, "7,200 TB")],
)  # fmt: skip
def test_bytes_are_said_in_powers_of_ten(value: int, words: str) -> None:
    assert size(value) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.0, "0 s"), (0.0024, "2.4 ms"), (0.0567, "57 ms"), (0.123, "0.12 s"), (0.996, "1.0 s"), (4.24, "4.2 s"),
     (31.4, "31 s"), (119.4, "119 s"), (125.0, "2 min 5 s"), (7_260.0, "2 h 1 min")],
)  # fmt: skip
def test_seconds_are_said_with_as_many_digits_as_matter(value: float, words: str) -> None:
    assert seconds(value) == words


def test_one_of_a_thing_has_no_s() -> None:
    assert (count(1, "file"), count(1200, "file"), count(2, "copy", "copies")) == ("1 file", "1,200 files", "2 copies")


def test_shares_and_spans() -> None:
    assert share(9, 54) == "9 of 54 (17 %)"
    assert share(0, 0) == "0 of 0"
    assert (span([2, 2]), span([0, 3, 1])) == ("2", "0 to 3")
    assert (percent(0.7253), rate(77.23), rate(1014.1)) == ("72.5 %", "77.2", "1,014")
    assert (mean([1.0, 2.0]), mean([])) == (1.5, 0.0)


def test_lists_are_read_out() -> None:
    assert (listed([]), listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])) == (
        "",
        "a",
        "a and b",
        "a, b and c",
    )


def test_a_hash_is_shortened_and_a_mode_nobody_knows_has_a_colour() -> None:
    assert short_hash("0123456789abcdef" * 2) == "0123456789ab"
    assert (colour_of("offline"), colour_of("new-one")) == ("m-offline", "m-other")
