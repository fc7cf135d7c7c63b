"""Figures in the words of the report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

MODES: Final = ("none", "offline", "on-the-fly", "frozen", "keras-layers")
"""Those that have a colour of their own."""

_SHOWN_OF_A_HASH: Final = 12
_SIZES: Final = ("kB", "MB", "GB", "TB")


def size(count: float) -> str:
    """Bytes as a person says them, in powers of ten."""
    if round(count) < 1000:
        return f"{round(count)} bytes"
    value = count / 1000
    units = list(_SIZES)
    while value >= 999.5 and len(units) > 1:
        value /= 1000
        del units[0]
    return f"{value:.1f} {units[0]}" if value < 9.95 else f"{value:,.0f} {units[0]}"


def seconds(value: float) -> str:
    """Seconds as a person says them: milliseconds below a tenth, minutes from two on."""
    if value == 0:
        return "0 s"
    if value < 0.0995:
        return f"{value * 1000:.1f} ms" if value < 0.00995 else f"{value * 1000:.0f} ms"
    if value < 9.95:
        return f"{value:.2f} s" if value < 0.995 else f"{value:.1f} s"
    if value < 120:
        return f"{value:.0f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes:,} min {rest} s" if minutes < 60 else f"{minutes // 60:,} h {minutes % 60} min"


def count(number: int, noun: str, plural: str | None = None) -> str:
    """`1 image`, `1,200 images`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def share(part: int, whole: int) -> str:
    """`9 of 54 (17 %)`."""
    return f"{part:,} of {whole:,} ({part / whole:.0%})".replace("%", " %") if whole else f"{part:,} of {whole:,}"


def percent(value: float) -> str:
    """A share of one, with one decimal."""
    return f"{value * 100:.1f} %"


def span(values: Sequence[int]) -> str:
    """`9`, or `0 to 2` where they differ."""
    lowest, highest = min(values), max(values)
    return f"{lowest:,}" if lowest == highest else f"{lowest:,} to {highest:,}"


def mean(values: Sequence[float]) -> float:
    """Their mean; nothing at all is 0."""
    return sum(values) / len(values) if values else 0.0


def rate(value: float) -> str:
    """Images a second."""
    return f"{value:.1f}" if value < 99.95 else f"{value:,.0f}"


def short_hash(digest: str) -> str:
    """Enough of it to be compared by eye."""
    return digest[:_SHOWN_OF_A_HASH]


def listed(items: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"


def colour_of(mode: str) -> str:
    """The class that gives a mode its colour."""
    return f"m-{mode}" if mode in MODES else "m-other"
