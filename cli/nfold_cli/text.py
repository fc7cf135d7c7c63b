"""How figures and names look on a terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TextIO


def printable(name: str) -> str:
    """A file name without what a terminal would obey or cannot show."""
    # Bytes that are no UTF-8 stand in a name as second halves of surrogate pairs; a first half stands for nothing.
    whole = "".join(letter if not 0xD800 <= ord(letter) < 0xDC80 else "?" for letter in name)
    decoded = whole.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in decoded)


def size(count: int) -> str:
    """Bytes as a person says them, in powers of ten."""
    if count < 1000:
        return f"{count} bytes"
    value, units = count / 1000, ["kB", "MB", "GB", "TB"]
    while value >= 999.5 and len(units) > 1:
        value /= 1000
        del units[0]
    unit = units[0]
    return f"{value:.1f} {unit}" if value < 10 else f"{value:.0f} {unit}"


def duration(seconds: float) -> str:
    """Seconds as a person says them."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def count(number: int, noun: str, plural: str | None = None) -> str:
    """`1 image`, `1,200 images`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def wants_colour(stream: TextIO) -> bool:
    """Whether to colour, after https://no-color.org and FORCE_COLOR."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def bold(text: str, stream: TextIO | None = None) -> str:
    """Bold where the stream, standard output unless another is named, shows it."""
    return f"\x1b[1m{text}\x1b[0m" if wants_colour(stream or sys.stdout) else text


def table(rows: Sequence[tuple[str, ...]], *, indent: str = "  ") -> list[str]:
    """Columns aligned; the first to the left, the others to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        (
            indent
            + "  ".join(
                [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
            )
        ).rstrip()
        for row in rows
    ]
