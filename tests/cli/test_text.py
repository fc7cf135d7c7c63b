from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nfold_cli.text import bold, count, duration, printable, size, table, wants_colour


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("tom.jpg", "tom.jpg"),
        ("über 写真 🎉.png", "über 写真 🎉.png"),
        ("a\nb\t.png", r"a\nb\t.png"),
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("\udcff\udcfe.png", r"\xff\xfe.png"),
        ("caf\udcc3\udca9.png", "café.png"),
        ("\ud800x", "?x"),
        ("", ""),
    ],
)
def test_a_name_is_shown_without_what_a_terminal_would_obey(name: str, shown: str) -> None:
    assert printable(name) == shown


@given(st.binary().map(lambda raw: raw.decode("utf-8", "surrogateescape")))
def test_any_name_can_be_printed_on_one_line(name: str) -> None:
    shown = printable(name)
    assert shown.isprintable()
    shown.encode("utf-8")


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (9949, "9.9 kB"),
        (12_345, "12 kB"),
        (999_499, "999 kB"),
        (999_500, "1.0 MB"),
        (5_600_000_000, "5.6 GB"),
        (10**16, "10000 TB"),
    ],
)
def test_bytes(number: int, text: str) -> None:
    assert size(number) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"),
        (9.94, "9.9 s"),
        (10, "10 s"),
        (119.4, "119 s"),
        (120, "2 min 0 s"),
        (3599, "59 min 59 s"),
        (3600, "1 h 0 min"),
        (86_399, "23 h 59 min"),
    ],
)
def test_times(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((1, "image"), "1 image"),
        ((0, "image"), "0 images"),
        ((1200, "image"), "1,200 images"),
        ((2, "copy", "copies"), "2 copies"),
        ((1, "copy", "copies"), "1 copy"),
    ],
)
def test_counts(arguments: Any, text: str) -> None:
    assert count(*arguments) == text


@pytest.mark.parametrize(
    ("environment", "stream", "wanted"),
    [
        ({}, Terminal(), True),
        ({}, io.StringIO(), False),
        ({"NO_COLOR": "1"}, Terminal(), False),
        ({"NO_COLOR": ""}, Terminal(), True),
        ({"FORCE_COLOR": "1"}, io.StringIO(), True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, Terminal(), False),
        ({"TERM": "dumb"}, Terminal(), False),
    ],
)
def test_colour_is_for_terminals_that_want_it(
    environment: dict[str, str], stream: io.StringIO, wanted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert wants_colour(stream) is wanted
    assert bold("x", stream) == ("\x1b[1mx\x1b[0m" if wanted else "x")


def test_a_table_is_aligned_first_to_the_left_and_others_to_the_right() -> None:
    assert table([("class", "before", "after"), ("a long name", "1", "2,000"), ("b", "10", "")]) == [
        "  class        before  after",
        "  a long name       1  2,000",
        "  b                10",
    ]


def test_bold_looks_at_standard_output_as_it_is_now(monkeypatch: pytest.MonkeyPatch) -> None:
    import io
    import sys

    from nfold_cli.text import bold

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stdout", Terminal())
    assert bold("x") == "\x1b[1mx\x1b[0m"
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert bold("x") == "x"
